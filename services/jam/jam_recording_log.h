/*
 * jam_recording_log.h - the control log of a take, as JSON: what held where it began and every
 * change since, in the form of POST /v1/jam/render, so that the same engine makes the same samples
 * of it. {version, session_id, recording, key, name, engine {name, version, soundfont_sha256},
 * sample_rate, channels, start_sample, samples, seconds, seed, params, controls [{at_sample, ...}],
 * resets [{at_sample, seed}], skips [{frame, from, to}], missing [[from, to]], truncated}. Frames
 * count from the take's first, samples from the stream's. Plain data, no thread of its own.
 */
#ifndef JAM_RECORDING_LOG_H
#define JAM_RECORDING_LOG_H

#include "jam_engine.h"
#include "jam_params.h"
#include "jam_recording_info.h"
#include "rf_buf.h"

#define JAM_RECORDING_LOG_MAX                                                                      \
    ((size_t)1 << 20) /* bytes; further entries are left out, and said so */
typedef struct jam_recording_log {
    rf_buf head;     /* members that hold from the beginning */
    rf_buf controls; /* entries, comma between */
    rf_buf resets;
    rf_buf skips;
    bool truncated;
} jam_recording_log;

void jam_recording_log_init(jam_recording_log *log);
void jam_recording_log_done(jam_recording_log *log);

/* jam_recording_log_begin: what holds at the first sample of the take. */
void jam_recording_log_begin(jam_recording_log *log, const char *session_id,
                             const jam_engine *engine, uint64_t seed, const jam_settings *settings,
                             const jam_controls *controls);
/* What has happened since. */
void jam_recording_log_change(jam_recording_log *log, const jam_change *change, int64_t at_sample);
void jam_recording_log_reset(jam_recording_log *log, uint64_t seed, int64_t at_sample);
void jam_recording_log_skip(jam_recording_log *log, int64_t frame, int64_t from, int64_t to);

/* What is known at the end. */
typedef struct jam_recording_summary {
    const char *id, *key, *name;
    int64_t start_sample, n_samples;
    const jam_range *missing;
    size_t n_ranges;
} jam_recording_summary;

/* jam_recording_log_write appends the whole document: 0, or the error of out. */
int jam_recording_log_write(const jam_recording_log *log, const jam_recording_summary *end,
                            rf_buf *out);

/* jam_recording_log_save gives the log as it is for another process, the caller frees;
 * jam_recording_log_load reads it into a fresh one: 0, or -EBADMSG. */
char *jam_recording_log_save(jam_recording_log *log);
int jam_recording_log_load(jam_recording_log *log, const char *text);

#endif
