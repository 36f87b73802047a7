/*
 * jam_timeline.h - what holds when: takes accepted changes and gives, frame by frame, the control
 * records that the engine is handed (jam.md sections 3, 6, 7: immediate, at_sample, at_bar, ramps).
 *
 * Time is counted in samples of the stream. `next` is the first sample whose frame has not been
 * planned; a change without at_* holds from there, later ones from their sample rounded up to the
 * engine's grain. Everything follows from the start controls and the sequence of calls, so that a
 * log of (sample, change) played again gives the same records at the same samples.
 *
 * One thread at a time (the session's lock); nothing allocates but jam_timeline_new. An add and a
 * plan cost microseconds: the lock is never held while audio is rendered.
 */
#ifndef JAM_TIMELINE_H
#define JAM_TIMELINE_H

#include "jam_message.h"

#define JAM_PENDING_MAX 64
#define JAM_AT_SAMPLE_AHEAD 28800000
#define JAM_AT_BAR_AHEAD 1000
#define JAM_GLIDE_SAMPLES 960 /* of stem gains without a ramp */

typedef struct jam_timeline jam_timeline;

/* A change has come to hold; lent for the call. Session settings in it (pace, max_decode_frames,
 * buffer_chunks, catch_up) are the session's to apply now. */
typedef struct jam_applied {
    uint32_t rev; /* 1 for the first change; grows by one each */
    int64_t applied_at_sample;
    const char *id;     /* of the message, "" for none */
    uint64_t origin;    /* as given to jam_timeline_add */
    bool was_scheduled; /* it had an at_sample or at_bar, or the engine's grain made it wait */
    const jam_change *change;
} jam_applied;

/* Called from within jam_timeline_add (changes that hold from `next`) and jam_timeline_plan (the
 * scheduled ones); must not call back. */
typedef void (*jam_applied_fn)(void *user, const jam_applied *applied);

/* start: the change of the start message; see jam_controls_of_start. */
jam_timeline *jam_timeline_new(const jam_change *start, uint32_t grain_samples,
                               jam_applied_fn applied, void *user);
/* jam_timeline_begin_at makes `sample` the first to be planned, and rev the revision that holds
 * there; before anything else. */
void jam_timeline_begin_at(jam_timeline *timeline, int64_t sample, uint32_t rev);
jam_timeline *jam_timeline_free(jam_timeline *timeline);

/* When an accepted change holds, as far as it is known now. */
typedef struct jam_when {
    bool scheduled;    /* false: it has been applied, the callback has been called */
    int64_t at_sample; /* of an at_bar: at the present tempo */
    uint32_t at_bar;   /* likewise of an at_sample */
} jam_when;

/* jam_timeline_add takes a change (of an update). Returns 0; -EINVAL with error TOO_LATE,
 * OUT_OF_RANGE or TOO_MANY_PENDING, and nothing has changed. origin is the caller's, to find the
 * socket that asked. */
int jam_timeline_add(jam_timeline *timeline, const jam_change *change, const char *id,
                     uint64_t origin, jam_when *ret_when, jam_error *error);

/* The records of one frame. */
typedef struct jam_point {
    uint32_t offset; /* in the frame, rising; 0-1919 */
    jam_controls controls;
} jam_point;

#define JAM_POINTS_MAX                                                                             \
    31 /* in a frame: one each grain; grains below 64 samples are taken as 64                      \
        */

typedef struct jam_plan {
    int64_t sample; /* of the frame */
    size_t n;
    jam_point points[JAM_POINTS_MAX];
    uint32_t rev;          /* in force at `sample` */
    jam_controls at_start; /* in force at `sample` */
} jam_plan;

/* jam_timeline_plan settles the next frame: `next` moves on by 1,920 samples, and what was pending
 * before that is applied. place is where the music stands at the frame's first sample. */
void jam_timeline_plan(jam_timeline *timeline, const jam_place *place, jam_plan *ret);

/* jam_timeline_next: the first sample that is not planned. */
int64_t jam_timeline_next(const jam_timeline *timeline);

/* jam_timeline_controls: what holds at `next`, as far as it is known now. */
void jam_timeline_controls(const jam_timeline *timeline, jam_controls *ret);

/* jam_timeline_n_styles: of the newest accepted change, for jam_message_context. */
size_t jam_timeline_n_styles(const jam_timeline *timeline);

uint32_t jam_timeline_rev(const jam_timeline *timeline);
size_t jam_timeline_n_pending(const jam_timeline *timeline);

/* jam_timeline_restart: the next frame is given its record again, and the place starts from bar 1:
 * a new instance plays from `next` on. */
void jam_timeline_restart(jam_timeline *timeline);

#endif
