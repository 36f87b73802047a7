/*
 * jam_maker.h - makes the chunks of one session on the threads of the pool: opens the engine, plans
 * and renders frame by frame, encodes. A session holds one and hears from it by events.
 *
 *     jam_maker_open --> OPENING --opened--> IDLE --make--> MAKING --made--> IDLE
 *                          \--failed          \--reset (beside the others)--reset_done
 *
 * A maker stands apart from its session because a render that hangs may outlive it: after `failed`
 * the maker belongs to the thread that hangs. What steers the music lies under a lock that is never
 * held while audio is rendered, so that a change is accepted and answered in the middle of a chunk.
 *
 * Threads: owner loop; events come on it.
 */
#ifndef JAM_MAKER_H
#define JAM_MAKER_H

#include "jam_block.h"
#include "jam_change.h"
#include "jam_pool.h"
#include "jam_schedule.h"
#include "jam_stream.h"
#include "jam_timeline.h"

typedef struct jam_maker jam_maker;

/* A finished chunk. */
typedef struct jam_made {
    jam_block *block; /* the receiver's to unref; NULL when there was no memory */
    jam_block *pcm;   /* likewise: its first n_frames x 1,920 pairs as float32, see jam_maker_heard;
                         NULL when nothing is recorded or there was no memory */
    int64_t next_start;
    bool last; /* nothing comes after */
    int error; /* why: negative errno of the engine, 0 when the music has ended */
    int64_t cpu_ns;
    int64_t heap_calls; /* of rendering and encoding, see jam_heap.h */
} jam_made;

typedef struct jam_maker_events {
    void (*opened)(void *user, int err, const char *why); /* err < 0: only free is left */
    void (*made)(void *user, const jam_made *made);
    /* A reset has happened (err 0: sample is the first of the new instance) or could not. */
    void (*reset)(void *user, int err, const char *why, int64_t sample);
    /* Where the stream may go on elsewhere, lent for the call; NULL: it cannot. */
    void (*border)(void *user, const jam_border *border);
    /* It hangs. The maker is gone: not even free may be called. */
    void (*failed)(void *user);
} jam_maker_events;

typedef struct jam_maker_def {
    jam_pool *pool;
    const jam_engine *engine;
    uint64_t seed;
    uint64_t encoder_seed;    /* of the dither: the first that the session had */
    const jam_change *start;  /* of the start message; copied */
    const jam_border *border; /* where to go on from, copied; NULL: a stream of its own */
    const jam_maker_events *events;
    void *user;
} jam_maker_def;

/* jam_maker_open begins to open the engine; opened follows. */
jam_maker *jam_maker_open(const jam_maker_def *def);

/* jam_maker_free ends it; no event comes any more. What runs is told to end soon, and the engine is
 * closed on a thread of the pool. NULL is fine; returns NULL. */
jam_maker *jam_maker_free(jam_maker *maker);

/* jam_maker_make orders the next chunk; made follows. Only when opened and none is being made. */
void jam_maker_make(jam_maker *maker, jam_lane lane, int64_t due_ns, const jam_catching *catching);

/* jam_maker_reset opens a new instance with seed and lets it take over; reset follows. -EBUSY while
 * one is under way. */
int jam_maker_reset(jam_maker *maker, uint64_t seed) RF_MUST_USE;

/* jam_maker_end asks for the border behind the last chunk; border follows, and only free is left.
 * Only when none is being made. */
void jam_maker_end(jam_maker *maker);

/* jam_maker_add: see jam_timeline_add. at_sample and *ret_when count samples of the stream, also
 * while it is stretched. */
int jam_maker_add(jam_maker *maker, const jam_change *change, const char *id, uint64_t origin,
                  jam_when *ret_when, jam_error *error);

/* A change that holds now. */
typedef struct jam_heard {
    char id[JAM_ID_SIZE];
    uint64_t origin;
    uint32_t rev;
    int64_t sample;
    bool was_scheduled;
    jam_field_set set;
} jam_heard;

/* jam_maker_heard takes the oldest change that has come to hold and was not taken yet; false when
 * there is none. To be asked after jam_maker_add and in made: the maker keeps no more than may be
 * pending. From the first change on that asks for a recording, or if the start did, the changes
 * themselves are kept for *ret_change (else its set is 0), and each chunk comes with its samples.
 */
bool jam_maker_heard(jam_maker *maker, jam_heard *ret, jam_change *ret_change);

/* What holds for the next frame. */
typedef struct jam_present {
    jam_controls controls;
    jam_settings settings;
    uint32_t rev;
    size_t n_styles; /* of the newest accepted change */
} jam_present;

void jam_maker_present(jam_maker *maker, jam_present *ret);

/* jam_maker_rev and jam_maker_settings are the parts of it that are cheap. */
uint32_t jam_maker_rev(jam_maker *maker);
void jam_maker_settings(jam_maker *maker, jam_settings *ret, size_t *ret_n_styles);

#endif
