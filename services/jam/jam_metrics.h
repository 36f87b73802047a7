/*
 * jam_metrics.h - the metrics of jam.md section 12 (prefix reflection_jam_). Series are made once,
 * so that counting costs an atomic addition. Engines are told apart by their number in jam_engines.
 * Any thread.
 */
#ifndef JAM_METRICS_H
#define JAM_METRICS_H

#include "jam_answer.h"
#include "rf_metric.h"

#define JAM_METRICS_ENGINES 16

typedef enum jam_gauge_state {
    JAM_GAUGE_NEW,
    JAM_GAUGE_RUNNING,
    JAM_GAUGE_PAUSED,
    JAM_GAUGE_PARKED,
    JAM_GAUGE_ENDING,
    JAM_N_GAUGE_STATES,
} jam_gauge_state;

typedef enum jam_start_result {
    JAM_START_OPENED,
    JAM_START_JOINED,
    JAM_START_RESUMED,
    JAM_START_REFUSED,
    JAM_N_START_RESULTS,
} jam_start_result;

typedef enum jam_resume_result {
    JAM_RESUME_DONE,
    JAM_RESUME_LOST,
    JAM_RESUME_NONE,
    JAM_N_RESUME_RESULTS,
} jam_resume_result;

/* What belongs to one engine. */
typedef struct jam_engine_metrics {
    rf_metric *sessions[JAM_N_GAUGE_STATES];
    rf_metric *starts[JAM_N_START_RESULTS];
    rf_metric *render_ratio;
    rf_metric *queue_length;
    rf_metric *first_chunk_seconds;
    rf_metric *generation_seconds;
    rf_metric *busy;
    rf_metric *bad_frames;
    rf_metric *heap_calls;
} jam_engine_metrics;

typedef struct jam_metrics {
    jam_engine_metrics engines[JAM_METRICS_ENGINES];
    rf_metric *sockets[2]; /* by jam_role */
    rf_metric *listeners;
    rf_metric *parked_sessions;
    rf_metric *render_window_seconds;
    rf_metric *send_queue_bytes;
    rf_metric *lateness_seconds[2]; /* by jam_pace */
    rf_metric *update_seconds;
    rf_metric *pong_seconds;
    rf_metric *stops[JAM_N_REASONS];
    rf_metric *updates[2]; /* accepted, refused */
    rf_metric *errors[JAM_N_CODES];
    rf_metric *chunks_sent[JAM_N_FORMATS][2][2]; /* binary, pace */
    rf_metric *bytes_sent[JAM_N_FORMATS];
    rf_metric *catch_up[3]; /* by jam_catch_up */
    rf_metric *slip_samples;
    rf_metric *skipped_samples;
    rf_metric *listener_drops;
    rf_metric *resumes[JAM_N_RESUME_RESULTS];
    rf_metric *replayed_chunks;
    rf_metric *recordings[4]; /* stored, incomplete, pending, failed */
    rf_metric *recording_gap_samples;
} jam_metrics;

jam_metrics *jam_metrics_new(void);
jam_metrics *jam_metrics_free(jam_metrics *m);

/* jam_metrics_engine makes the series of an engine. */
void jam_metrics_engine(jam_metrics *m, size_t number, const char *name);

/* jam_metrics_close counts a close code. */
void jam_metrics_close(jam_metrics *m, uint32_t code);

#endif
