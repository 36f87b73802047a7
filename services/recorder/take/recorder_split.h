/*
 * recorder_split.h - cuts a session into segments while it grows (section 7, Split).
 *
 * Levels are taken over 10 ms: the mean square of all channels in dB, not below -96. The noise
 * floor is the level that a tenth of the last 10 s lies below; in the first 10 s it is that of the
 * first 10 s, so that the first decisions come 10 s late (or with the end). Silence filled into
 * gaps is silence, and no part of the floor.
 *
 *   QUIET --level >= floor + 12 dB--> RISING --200 ms without <= floor + 6 dB--> SPEECH
 *   SPEECH --level <= floor + 6 dB--> FALLING --silence_ms without >= floor + 12 dB--> QUIET
 *
 * A segment is speech with its pads; the rest is silence. Segments and silences follow each other
 * from frame 0 to the last without hole or overlap. A segment that grows beyond the greatest
 * length is cut in the middle of the quietest 50 ms of its last 2 s (of its last half, where it is
 * shorter than 4 s). Mode length does only that.
 *
 * A session has one segment at least: where nothing was loud, its whole audio is one. Memory is
 * fixed (7 KiB), cost O(1) a level, a silence O(1) whatever its length. One owner.
 */
#ifndef RECORDER_SPLIT_H
#define RECORDER_SPLIT_H

#include "recorder_options.h"
#include "recorder_sample.h"

typedef struct recorder_split recorder_split;

typedef struct recorder_split_config {
    recorder_split_mode mode; /* not NONE */
    recorder_sample_format sample_format;
    uint32_t channels;
    uint32_t rate_hz;
    int32_t silence_ms;    /* 100..10,000 */
    int32_t pad_before_ms; /* 0..2,000 */
    int32_t pad_after_ms;  /* 0..2,000 */
    int32_t max_s;         /* 1..86,400 */
} recorder_split_config;

/* One piece of the session, told in order. */
typedef struct recorder_cut {
    bool is_segment; /* else a silence */
    int64_t first_frame;
    int64_t n_frames;
} recorder_cut;

/* Called from within add, silence and finish; must not call back. */
typedef void (*recorder_cut_fn)(void *user, const recorder_cut *cut);

/* recorder_split_new begins with frame `first`: 0, or where the cuts known after a restart end.
 * has_segment: there is one among those. */
recorder_split *recorder_split_new(const recorder_split_config *config, int64_t first,
                                   bool has_segment, recorder_cut_fn cut, void *user);
recorder_split *recorder_split_free(recorder_split *split);

/* recorder_split_add takes the next frames, interleaved. */
void recorder_split_add(recorder_split *split, const void *data, size_t n_frames);

/* recorder_split_silence takes frames of silence that fill a gap or a pause. */
void recorder_split_silence(recorder_split *split, int64_t n_frames);

/* recorder_split_finish tells what is left; the end of the session. */
void recorder_split_finish(recorder_split *split);

#endif
