/*
 * recorder_intake.h - where a message of a network publisher belongs (S6): the next audio, what was
 * sent before, or audio behind a gap. Pure, any thread. Costs nothing in proportion to a gap.
 */
#ifndef RECORDER_INTAKE_H
#define RECORDER_INTAKE_H

#include "recorder_code.h"

#define RECORDER_GAP_DECLARED_MAX_S 86400 /* of a gap message */
#define RECORDER_GAP_JUMP_MAX_S 3600      /* highest setting of the jump limit, default 60 s */

typedef struct recorder_intake {
    int64_t expected;     /* the first frame the session does not have */
    int64_t limit_frames; /* the session's greatest length (D14) */
    uint32_t rate_hz;
    uint32_t jump_max_s; /* 60 (0..3,600) */
} recorder_intake;

/* What to do with a message: fill [expected, expected + gap_frames) with silence, then append
 * n_frames from frame `skip` of the payload. */
typedef struct recorder_intake_step {
    int64_t gap_frames;
    uint32_t skip;
    uint32_t n_frames;
    bool at_limit; /* the session ends here with reason max_length; the rest is dropped */
} recorder_intake_step;

/* recorder_intake_audio places a message of n_frames that begins with frame `first`. Returns 0 or
 * RECORDER_GAP_TOO_LONG, where the message is refused and the session goes on. */
recorder_code recorder_intake_audio(const recorder_intake *in, uint64_t first, uint32_t n_frames,
                                    recorder_intake_step *ret);

/* recorder_intake_gap places a gap message: frames [first, first + length) are lost. Frames between
 * `expected` and first that never came are a jump of their own (network), then the declared part
 * follows. gap_frames is the jump and the declared gap is *ret_declared frames after it. What is
 * known already is ignored. Returns 0; RECORDER_GAP_TOO_LONG above 24 h, or for too long a jump
 * before it. */
recorder_code recorder_intake_gap(const recorder_intake *in, uint64_t first, uint64_t length,
                                  recorder_intake_step *ret, int64_t *ret_declared);

#endif
