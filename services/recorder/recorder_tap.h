/*
 * recorder_tap.h - a session's master as those see it who read it on other threads: where it is,
 * its shape, how far it may be read, and whether more will come. Counted; any thread.
 */
#ifndef RECORDER_TAP_H
#define RECORDER_TAP_H

#include "recorder_shelf.h"
#include "rf_convert.h"

#include <stdatomic.h>

typedef struct recorder_tap {
    _Atomic(int) refs;
    _Atomic(int64_t) readable;       /* frames; grows only */
    _Atomic(bool) ended;             /* nothing comes behind them */
    _Atomic(recorder_shelf *) shelf; /* what stands for a master that is gone; set once */
    rf_pcm pcm;
    uint32_t chunk;
    char path[];
} recorder_tap;

recorder_tap *recorder_tap_new(const char *path, const rf_pcm *pcm, uint32_t chunk);
recorder_tap *recorder_tap_ref(recorder_tap *tap);
recorder_tap *recorder_tap_unref(recorder_tap *tap);

/* recorder_tap_put_shelf gives it the shelf, which it takes over; a second one is dropped. Before
 * the master goes. */
void recorder_tap_put_shelf(recorder_tap *tap, recorder_shelf *shelf);

/* recorder_tap_open opens the master; a session without audio has none: -ENOENT. */
int recorder_tap_open(const recorder_tap *tap);

#endif
