/*
 * recorder_fit.h - fits the time map to arrival times (T2, T10, T11, T12).
 *
 * Audio arrives late by a delay that is never negative, so the truth lies along the lower edge of
 * the arrivals: the line that is nowhere above one of them and nearest to all (Moon, Skelly,
 * Towsley, "Estimation and removal of clock skew from network delay measurements", 1999). A late
 * burst lies above the line and does not bend it.
 *
 * The newest piece moves while it is fitted; those before it stand. A piece ends when
 *   - all arrivals of the last 2 s came more than 30 ms late and equally so: audio was lost
 *     unnoticed, and a gap entry says how much;
 *   - the line no longer fits the last minute to 1 ms, or the piece is an hour old: clocks wander.
 * Memory is fixed (3 KiB); an arrival costs O(1), once a second 128 steps more. One owner.
 */
#ifndef RECORDER_FIT_H
#define RECORDER_FIT_H

#include "recorder_gaps.h"
#include "recorder_map.h"

typedef struct recorder_fit recorder_fit;

typedef struct recorder_fit_config {
    uint32_t rate_hz;
    int64_t utc_offset_ns;  /* UTC minus monotonic, read once (T3) */
    int64_t step_ns;        /* of lateness that lasts; 0 = 30 ms; INT64_MAX: a source whose frame
                             * counter tells every loss looks for none */
    int64_t step_window_ns; /* how long it must last; 0 = 2 s */
} recorder_fit_config;

/* recorder_fit_new: a fit whose first piece begins with frame `first`. */
recorder_fit *recorder_fit_new(const recorder_fit_config *config, int64_t first);
recorder_fit *recorder_fit_free(recorder_fit *fit);

/* recorder_fit_begin ends the piece: audio from frame `first` on is on a new line (a resume, an
 * attach, a device opened again). The rate known so far is kept. utc_offset_ns may be another one
 * after the machine has been started again. */
void recorder_fit_begin(recorder_fit *fit, int64_t first, int64_t utc_offset_ns);

/* recorder_fit_prior tells the rate of an earlier piece, before anything has arrived: what is
 * known of the source from before a restart. */
void recorder_fit_prior(recorder_fit *fit, uint64_t ns_q32);

typedef struct recorder_fit_news {
    bool moved;           /* tell: the piece below is to be put into the map */
    bool is_new;          /* as a piece of its own, else in place of the last */
    recorder_piece piece; /* the newest */
    bool lost;            /* the gap below has been found */
    recorder_gap gap;     /* filled = false, cause unknown */
} recorder_fit_news;

/* recorder_fit_add takes one arrival: at monotonic time mono_ns all frames before `end_frame` had
 * come. One that is not behind the frames known is ignored and is no news. A capture time that the
 * publisher tells (anchor) is an arrival without delay. moved is true when the piece is new, or has
 * moved by 0.1 ms somewhere since it was told, 100 ms ago or more. */
void recorder_fit_add(recorder_fit *fit, int64_t end_frame, int64_t mono_ns,
                      recorder_fit_news *ret);

/* recorder_fit_flush tells what has moved and was not yet told: before the map freezes. */
void recorder_fit_flush(recorder_fit *fit, recorder_fit_news *ret);

/* recorder_fit_drift: (fitted rate / nominal rate - 1) x 1,000,000 over all pieces, and its
 * standard error. False in the first 10 s. */
bool recorder_fit_drift(const recorder_fit *fit, double *ret_ppm, double *ret_error_ppm);

#endif
