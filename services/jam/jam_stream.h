/*
 * jam_stream.h - one engine instance, pulled frame by frame under its timeline into a window of
 * samples that chunks are cut from (jam.md sections 5 and 6). Knows no clock, socket or thread.
 *
 * How a chunk is made (L: under the session's lock; the rest without):
 *
 *     L  jam_stream_start_chunk(stream, settings.chunk_frames);
 *        while (jam_stream_frames_left(stream) > 0) {
 *     L      jam_stream_plan(stream);       settles the controls of one frame
 *            rc = jam_stream_render(stream) the engine's work; may be slow
 *        }
 *        jam_stream_cut(stream, &cut);      then encode cut.pcm
 *
 * A change that arrives between two frames is added to jam_stream_timeline (under the lock) and
 * heard from the next frame on. One thread at a time for everything without the lock (it may be
 * another one each time); plan, reset and the timeline's functions are covered by the lock. No heap
 * call but in new, free, reset and at the end of a reset's fade (the old instance is closed).
 */
#ifndef JAM_STREAM_H
#define JAM_STREAM_H

#include "jam_timeline.h"

#define JAM_HISTORY_SAMPLES 3840 /* real earlier audio before each cut, for Opus */

#define JAM_BORDER_PAIRS(overlap) (JAM_HISTORY_SAMPLES + (overlap) + JAM_FRAME_SAMPLES)
#define JAM_BORDER_PAIRS_MAX JAM_BORDER_PAIRS(JAM_OVERLAP_MAX)

typedef struct jam_stream jam_stream;

/* jam_stream_new takes over an instance that was opened with jam_controls_of_start(start) and has
 * rendered nothing; it is closed with the stream. engine lives longer than the stream. applied and
 * user: see jam_timeline.h. */
jam_stream *jam_stream_new(const jam_engine *engine, void *instance, const jam_change *start,
                           uint32_t overlap, jam_applied_fn applied, void *user);

/* jam_stream_free closes the instance and frees all. After a render that does not return there is
 * nothing to free safely: the caller then lets go of the stream. */
jam_stream *jam_stream_free(jam_stream *stream);

/* L */
jam_timeline *jam_stream_timeline(jam_stream *stream);

/* jam_stream_start_chunk begins the next chunk of n_frames (1-50, V <= H). L, because settings are
 * read for it; between two cuts only. */
void jam_stream_start_chunk(jam_stream *stream, uint32_t n_frames);

/* jam_stream_frames_left: frames to plan and render before the chunk can be cut; 0 after a
 * failure, when the rest is silence. */
uint32_t jam_stream_frames_left(const jam_stream *stream);

/* L: at most once before each render. */
void jam_stream_plan(jam_stream *stream);

/* jam_stream_render renders the planned frame. Returns 0; the engine's negative errno, or -EBADMSG
 * for NaN or infinity: the sound then fades out within 480 samples, the chunk is filled with
 * silence and can be cut, and no further chunk can be started (ENGINE_FAILED). */
int jam_stream_render(jam_stream *stream);

/* What holds at the first sample of a chunk. */
typedef struct jam_mark {
    double bpm;
    uint32_t bar;
    double beat;
    uint32_t rev;
    size_t n_styles;
    jam_style_weight styles[JAM_STYLES_MAX];
} jam_mark;

typedef struct jam_cut {
    int64_t index; /* from 0 */
    int64_t start_sample;
    uint32_t n_frames;  /* H / 1920 */
    uint32_t n_samples; /* H + V */
    const float *pcm;   /* n_samples pairs, interleaved; JAM_HISTORY_SAMPLES pairs stand before it
                           (silence before sample 0) */
    const jam_mark *mark;
    bool last; /* the ending is over, or the engine has failed: nothing comes after */
} jam_cut;

/* jam_stream_cut gives the finished chunk, lent until the next jam_stream_start_chunk. */
void jam_stream_cut(jam_stream *stream, jam_cut *ret);

/* jam_stream_reset makes a new instance (opened by the caller with `seed` and jam_timeline_controls
 * as they were then) take over at the next planned frame: 40 ms from old to new, bar 1. The
 * instance is the stream's from here on; -EBUSY when a reset is still under way, then it is not.
 * *ret_sample is where it begins. L. */
int jam_stream_reset(jam_stream *stream, void *instance, int64_t *ret_sample);

/* jam_stream_skip makes the next chunk start n_frames later: what lies between is rendered with the
 * next chunk and not heard. Between two chunks. */
void jam_stream_skip(jam_stream *stream, uint32_t n_frames);

/* Where a stream ends so that another one, perhaps in another process, goes on: how far it has come
 * and the sound around the border. Plain data. */
typedef struct jam_border {
    int64_t index; /* of the next chunk */
    int64_t start; /* its first sample, on a frame */
    uint32_t rev;
    uint32_t overlap;
    float pcm[JAM_BORDER_PAIRS_MAX * JAM_CHANNELS]; /* JAM_BORDER_PAIRS(overlap) of them, from start
                                                       - JAM_HISTORY_SAMPLES on */
} jam_border;

/* jam_stream_end begins a border behind the last cut. While jam_stream_border_left is not 0, plan
 * and render as for a chunk; jam_stream_border then gives it. A stream that has failed or ended has
 * none: -EPIPE. L. */
int jam_stream_end(jam_stream *stream);
uint32_t jam_stream_border_left(const jam_stream *stream);
void jam_stream_border(const jam_stream *stream, jam_border *ret);

/* jam_stream_begin_at makes a stream that has rendered nothing go on from a border of the same
 * overlap: the first samples of its first chunk are copies of the old sound, over 40 ms from there
 * the new instance takes over. Its bars count from 1. */
void jam_stream_begin_at(jam_stream *stream, const jam_border *border);

/* jam_stream_stretch lengthens what is rendered from now on by factor (1.0 to 1.1) at equal pitch;
 * 1.0 ends it. Between two chunks. Positions of the timeline then lag behind start_sample by
 * jam_stream_shift samples (as of the last plan, L): add it to applied_at_sample, take it from
 * at_sample. */
void jam_stream_stretch(jam_stream *stream, double factor);
int64_t jam_stream_shift(const jam_stream *stream);

/* jam_stream_place: where the music stands at the next sample to be rendered. Not while a render
 * runs. */
void jam_stream_place(const jam_stream *stream, jam_place *ret);

/* jam_stream_next_start: start_sample of the chunk after the last cut. */
int64_t jam_stream_next_start(const jam_stream *stream);

#endif
