/*
 * recorder_options.h - what a session may be told besides its audio format: every setting with its
 * default and its range, in one table (sections 2, 4, 5, 7). Plain data.
 */
#ifndef RECORDER_OPTIONS_H
#define RECORDER_OPTIONS_H

#include "rf_base.h"

typedef enum recorder_pause_mode {
    RECORDER_PAUSE_CUT = 0, /* the frame counter stops */
    RECORDER_PAUSE_SILENCE, /* silence is recorded */
} recorder_pause_mode;

typedef enum recorder_split_mode {
    RECORDER_SPLIT_NONE = 0,
    RECORDER_SPLIT_SILENCE,
    RECORDER_SPLIT_LENGTH,
} recorder_split_mode;

typedef enum recorder_loudness_mode {
    RECORDER_LOUDNESS_OFF = 0,
    RECORDER_LOUDNESS_FINAL,
    RECORDER_LOUDNESS_LIVE,
} recorder_loudness_mode;

typedef struct recorder_options {
    int32_t pause_mode; /* recorder_pause_mode */
    int32_t preroll_ms;
    int32_t split; /* recorder_split_mode */
    int32_t split_silence_ms;
    int32_t split_pad_before_ms;
    int32_t split_pad_after_ms;
    int32_t split_max_s;
    int32_t peaks; /* 0 or 1 */
    int32_t peaks_spp;
    int32_t peaks_bits;
    int32_t peaks_per_channel; /* 0 or 1 */
    int32_t loudness;          /* recorder_loudness_mode */
    int32_t retention_days;    /* 0 = forever */
    int32_t master_keep_s;
    int32_t attach_window_s;
    int32_t gap_jump_max_s;
    int32_t max_length_s;
    int32_t capture_period_ms;
    int32_t ring_ms;
    int32_t stall_ms;
    int32_t reopen_s;
    int32_t mp3_kbps;
    int32_t opus_kbps;
    int32_t opus_complexity;
    int32_t flac_level;
} recorder_options;

/* A row of the table; at: offset in recorder_options. */
typedef struct recorder_option {
    const char *name;
    size_t at;
    int32_t initial;
    int32_t min;
    int32_t max;
} recorder_option;

/* recorder_options_table gives all rows, in the order they are packed in; *ret_n of them. */
const recorder_option *recorder_options_table(size_t *ret_n);

void recorder_options_default(recorder_options *ret);

/* recorder_options_value reads or writes the value of a row. */
int32_t recorder_options_get(const recorder_options *options, const recorder_option *row);
void recorder_options_set(recorder_options *options, const recorder_option *row, int32_t value);

/* recorder_options_check gives the first row that is out of its range, NULL for none. */
const recorder_option *recorder_options_check(const recorder_options *options);

#endif
