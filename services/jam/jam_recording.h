/*
 * jam_recording.h - a take of a session's stream, on its way to the recorder service (jam.md
 * section 9, recording). The session gives it the samples of each chunk that leaves; it keeps at
 * most 10 s that the recorder does not yet hold durably, and sends them when it can. What has to be
 * dropped unsent is a gap: silence in the take, named in the control log and in
 * status.recording. A recorder that is slow, gone or restarted costs the session nothing.
 *
 *                 begun                 lost, refused for now
 *     WAITING ------------> RECORDING <-----------------> INTERRUPTED
 *        |                      |           begun              |
 *        |                      | its end                      | its end
 *        |                      v            lost              |
 *        |                  STOPPING <-----------------> STOPPING (without a link)
 *        | refused,             | stopped, notes stored        | refused, 30 s
 *        v gave up              v                              v
 *     FAILED            STORED | INCOMPLETE              PENDING | INCOMPLETE | FAILED
 *
 * The end of a session does not end its recording: that lives on in the service until it is over.
 * Owner loop.
 */
#ifndef JAM_RECORDING_H
#define JAM_RECORDING_H

#include "jam_recorder.h"
#include "jam_recording_log.h"
#include "jam_service.h"

#define JAM_RECORDING_BUFFER ((int64_t)10 * JAM_RATE_HZ) /* samples */
#define JAM_RECORDING_MAX ((int64_t)14400 * JAM_RATE_HZ) /* samples */

typedef struct jam_recording jam_recording;

typedef enum jam_recording_state {
    JAM_RECORDING_WAITING,
    JAM_RECORDING_RECORDING,
    JAM_RECORDING_INTERRUPTED,
    JAM_RECORDING_STOPPING,
    JAM_RECORDING_STORED,
    JAM_RECORDING_INCOMPLETE, /* stored, with gaps or without its end */
    JAM_RECORDING_PENDING,    /* the recorder has it all and will store it later */
    JAM_RECORDING_FAILED,     /* there is no take */
    JAM_N_RECORDING_STATES,
} jam_recording_state;

const char *jam_recording_state_name(jam_recording_state state);

/* Called when the state has changed; of the functions here only jam_recording_leave calls it. */
typedef void (*jam_recording_fn)(void *user, const jam_recording *r);

/* jam_recording_new begins a take at sample `begin` of the stream, a frame's first. name may be "".
 * changed and user: until jam_recording_leave. */
jam_recording *jam_recording_new(jam_service *service, const char *tenant, const char *name,
                                 int64_t begin, jam_recording_fn changed, void *user);

/* jam_recording_chunk gives a chunk that leaves: its samples from `start` on, n_samples pairs of
 * float32; NULL when they could not be kept: a gap. What lies before the beginning or behind the
 * end of the take is left out. */
void jam_recording_chunk(jam_recording *r, int64_t start, int64_t n_samples, jam_block *pcm);

/* jam_recording_set_end: the take ends before that sample of the stream. */
void jam_recording_set_end(jam_recording *r, int64_t end);
bool jam_recording_is_on(const jam_recording *r); /* it has no end yet */
bool jam_recording_is_over(const jam_recording *r);

/* jam_recording_leave gives it up: it ends with what it was given, and frees itself when it is
 * over. */
void jam_recording_leave(jam_recording *r);

/* jam_recording_log: what is to be written in its control log. */
jam_recording_log *jam_recording_control_log(jam_recording *r);

void jam_recording_inform(const jam_recording *r, jam_recording_info *ret);

/* ---- handing over to another process ---- */

/* What another process needs to go on; plain data but for the texts, which are owned. */
typedef struct jam_recording_rest {
    char id[JAM_RECORDER_ID_SIZE];
    char key[JAM_RECORDER_KEY_SIZE];
    char name[JAM_STYLE_NAME_SIZE];
    int64_t begin;
    int64_t n_frames;
    jam_range missing[JAM_RANGES_MAX];
    size_t n_ranges;
    int64_t n_missing;
    char *log; /* jam_recording_log_save */
} jam_recording_rest;

/* jam_recording_hand_over waits until the recorder holds all it was given, for 2 s at most, and
 * then gives up the link without an end of the take; done(user, rest) with the rest, the callee's,
 * or NULL when it has not begun or is over. The recording is gone then. */
void jam_recording_hand_over(jam_recording *r, void (*done)(void *user, jam_recording_rest *rest),
                             void *user);
/* jam_recording_forget_hand_over: done is not wanted any more. */
void jam_recording_forget_hand_over(jam_recording *r);
jam_recording_rest *jam_recording_rest_free(jam_recording_rest *rest);

/* jam_recording_take_up goes on with it. */
jam_recording *jam_recording_take_up(jam_service *service, const char *tenant,
                                     const jam_recording_rest *rest, jam_recording_fn changed,
                                     void *user);

/* jam_recording_drop_all frees those that are left, as they are. */
void jam_recording_drop_all(jam_service *service);

#endif
