/*
 * jam_recording_info.h - what is told of a recording. Plain data, texts are lent.
 */
#ifndef JAM_RECORDING_INFO_H
#define JAM_RECORDING_INFO_H

#include "rf_base.h"

#define JAM_RANGES_MAX 64

/* Frames [from, to) of a take. */
typedef struct jam_range {
    int64_t from, to;
} jam_range;

typedef struct jam_recording_info {
    const char *id;    /* "" before it has begun */
    const char *key;   /* likewise */
    const char *state; /* jam_recording_state_name */
    const char *code;  /* "" for none: why it is interrupted, incomplete, pending or failed */
    int64_t start_sample;
    int64_t n_samples;
    int64_t n_missing; /* of them */
    const jam_range *missing;
    size_t n_ranges;
} jam_recording_info;

#endif
