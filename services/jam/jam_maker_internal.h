/*
 * jam_maker_internal.h - what the files of a maker share:
 *
 *   jam_maker.c           life: opening, resetting, ending with or without those that hang
 *   jam_maker_make.c      chunks and borders, on the threads of the pool
 *   jam_maker_changes.c   what steers the music, under the lock
 */
#ifndef JAM_MAKER_INTERNAL_H
#define JAM_MAKER_INTERNAL_H

#include "jam_maker.h"

#include <pthread.h>

#define JAM_MAKER_WHY_SIZE 256
#define JAM_MAKER_HEARD_MAX (JAM_PENDING_MAX + 1)

struct jam_maker {
    jam_pool *pool;
    const jam_engine *engine;
    const jam_maker_events *events; /* NULL once the owner has given it up */
    void *user;
    jam_format format;
    uint32_t bitrate_kbps;
    _Atomic(uint32_t) refs; /* of the owner, and of each task in hand */
    _Atomic(bool) cancelled;

    jam_task make;
    jam_catching catching; /* for the next make */
    jam_made made;         /* of the last */

    jam_task open; /* also of a reset, and in the end of the close */
    uint64_t open_seed;
    jam_controls open_controls;
    jam_change *start;  /* until opened */
    jam_border *border; /* until opened: where to go on from; at the end: where it ends */
    uint64_t encoder_seed;
    void *instance; /* opened, not yet the stream's */
    int open_err;
    char why[JAM_MAKER_WHY_SIZE];
    bool is_resetting;
    bool is_opened; /* of a reset: the new instance waits for the stream; the loop's, as
                       is_resetting */

    jam_stream *stream;
    jam_encoder *encoder;
    jam_blocks *blocks;
    jam_blocks *pcm_blocks;

    pthread_mutex_t lock; /* the stream's plan and timeline, and all below */
    jam_settings settings;
    uint64_t seed;
    size_t first_heard, n_heard;
    jam_heard heard[JAM_MAKER_HEARD_MAX];
    jam_change *changes; /* beside `heard`; NULL until a recording is asked for */
};

/* ---- jam_maker.c ---- */

/* jam_maker_put hands a task of the maker to the pool. */
int jam_maker_put(jam_maker *m, jam_task *task);
/* jam_maker_is_owned: whether the owner is still there, after a task of his has ended; the maker
 * may be gone if not. */
bool jam_maker_is_owned(jam_maker *m);
/* jam_maker_take_over gives an opened instance to the stream, unless an earlier one is still being
 * faded in: then after the next chunk. */
void jam_maker_take_over(jam_maker *m);

/* ---- jam_maker_make.c ---- */

void jam_maker_make_run(jam_task *task);
void jam_maker_make_done(jam_task *task);

/* ---- jam_maker_changes.c ---- */

/* jam_maker_keep_changes: from here on changes and samples are kept, if the change wants a
 * recording. Under the lock. */
void jam_maker_keep_changes(jam_maker *m, const jam_change *change);

/* jam_maker_applied is called by the timeline, under the lock. */
void jam_maker_applied(void *user, const jam_applied *applied);

#endif
