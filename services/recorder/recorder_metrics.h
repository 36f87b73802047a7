/*
 * recorder_metrics.h - what the service counts (section 11). Labels hold no ids, keys or tenants.
 * Metrics live as long as the process; any thread may change them.
 */
#ifndef RECORDER_METRICS_H
#define RECORDER_METRICS_H

#include "recorder_change.h"
#include "recorder_error.h"
#include "recorder_format.h"
#include "rf_metric.h"

#define RECORDER_WS_TYPES_MAX 32

typedef struct recorder_metrics {
    rf_metric *sessions[RECORDER_N_STATES][RECORDER_N_SOURCES];
    rf_metric *memory_bytes;
    rf_metric *ended[RECORDER_N_REASONS];
    rf_metric *frames[RECORDER_N_SOURCES];
    rf_metric *range_errors;
    rf_metric *clock_steps;
    rf_metric *gaps[RECORDER_N_GAP_CAUSES];
    rf_metric *gap_seconds[RECORDER_N_GAP_CAUSES];
    rf_metric *xruns;
    rf_metric *device_lost;
    rf_metric *drift_ppm;
    rf_metric *durable_lag_seconds;
    rf_metric *ack_seconds;
    rf_metric *consumers[RECORDER_N_FORMATS];
    rf_metric *consumer_lag_seconds;
    rf_metric *dropped_frames;
    rf_metric *ws_publishers; /* of ws_connections */
    rf_metric *ws_subscribers;
    rf_metric *ws_messages[RECORDER_WS_TYPES_MAX];
    rf_metric *ws_resumes;
    rf_metric *extract_seconds[RECORDER_N_FORMATS];
    rf_metric *publish_seconds;
    rf_metric *publish_failures;
    rf_metric *recovery_seconds;
    rf_metric *recovered_sessions;
    rf_metric *pending_sessions;
    rf_metric *pending_bytes;
} recorder_metrics;

/* recorder_metrics_new: store_url names the kind of the store by its scheme. */
recorder_metrics *recorder_metrics_new(const char *store_url);
recorder_metrics *recorder_metrics_free(recorder_metrics *m);

void recorder_metrics_frames(recorder_metrics *m, recorder_source source, int64_t n);
void recorder_metrics_gap(recorder_metrics *m, recorder_gap_cause cause, int64_t n,
                          uint32_t rate_hz);
/* recorder_metrics_sessions sets the gauges: sessions by state and source, bytes of their takes,
 * bytes of audio that the store has not taken. */
void recorder_metrics_sessions(recorder_metrics *m,
                               int64_t counts[RECORDER_N_STATES][RECORDER_N_SOURCES], size_t bytes,
                               int64_t pending_bytes);
/* recorder_metrics_message counts a message of a socket, of a control type or "audio"; what is no
 * type of section 8 is "other". */
void recorder_metrics_message(recorder_metrics *m, const char *type);
void recorder_metrics_ended(recorder_metrics *m, recorder_reason reason);

#endif
