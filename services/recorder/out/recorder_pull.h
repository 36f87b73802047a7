/*
 * recorder_pull.h - the frames of a master from one position on, in another shape: a reader and a
 * converter with a cursor. One thread at a time; the descriptor is the caller's.
 *
 * Room for a lead: so that a codec is warm at frame F, the pull begins earlier, by a number of
 * frames that is a whole number of frames on both sides, so that the output frame after the lead
 * lies exactly on F.
 */
#ifndef RECORDER_PULL_H
#define RECORDER_PULL_H

#include "recorder_reader.h"
#include "rf_convert.h"

typedef struct recorder_pull recorder_pull;

typedef struct recorder_pull_params {
    int fd;                        /* of the master */
    const recorder_frames *frames; /* instead of it; NULL: none */
    rf_convert_params convert;
    int64_t first;   /* the frame wanted first */
    int64_t lead_ms; /* wanted before it, 0: none */
    int64_t lowest;  /* frames before it are not read for the lead */
    /* Gets the master's frames from `first` on, each once, as they are taken; NULL: nobody. */
    void (*hear)(void *user, const void *data, int64_t n);
    void *hear_user;
} recorder_pull_params;

/* recorder_pull_new returns 0 or as rf_converter_new. ret_lead is the number of output frames that
 * come before that of the first frame. */
int recorder_pull_new(const recorder_pull_params *params, recorder_pull **ret,
                      int64_t *ret_lead) RF_MUST_USE;
recorder_pull *recorder_pull_free(recorder_pull *pull);

/* recorder_pull_frames puts at most max frames to out, from master frames before `readable`; with
 * ended, nothing comes behind those, and the converter's tail is given too. Returns the count, 0:
 * nothing more before readable grows (ended: at all), or a negative errno. */
int64_t recorder_pull_frames(recorder_pull *pull, int64_t readable, bool ended, void *out,
                             int64_t max) RF_MUST_USE;

/* recorder_pull_left is how many frames would come if the master ended at `readable`. */
int64_t recorder_pull_left(const recorder_pull *pull, int64_t readable);

/* The next frame of the master; recorder_pull_jump goes on at another, later one. */
int64_t recorder_pull_cursor(const recorder_pull *pull);
void recorder_pull_jump(recorder_pull *pull, int64_t to);

/* recorder_pull_position is the frame of the master that output frame `out` (0: the first one
 * given, lead included) lies on, to the nearest. */
int64_t recorder_pull_position(const recorder_pull *pull, int64_t out);

const recorder_reader_work *recorder_pull_work(const recorder_pull *pull);
const rf_sample_state *recorder_pull_samples(const recorder_pull *pull);

#endif
