#include "jam_metrics.h"

#include <stdio.h>

#define LABELS_MAX 192

static const double bounds_s[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                  0.2,   0.5,   1.0,   2.0,  5.0,  10.0};

static rf_metric *histogram(const char *name, const char *help, const char *labels)
{
    return rf_metric_histogram(name, help, labels, bounds_s, RF_ARRAY_LEN(bounds_s));
}

static rf_metric *counter(const char *name, const char *help, const char *label, const char *value)
{
    char labels[LABELS_MAX];
    snprintf(labels, sizeof(labels), "%s=\"%s\"", label, value);
    return rf_metric_counter(name, help, labels);
}

/* ---- one engine ---- */

static void make_states(jam_engine_metrics *e, const char *name)
{
    static const char *const states[] = {"new", "running", "paused", "parked", "ending"};
    static const char *const results[] = {"opened", "joined", "resumed", "refused"};
    char labels[LABELS_MAX];
    for (size_t i = 0; i < JAM_N_GAUGE_STATES; i++) {
        snprintf(labels, sizeof(labels), "engine=\"%s\",state=\"%s\"", name, states[i]);
        e->sessions[i] = rf_metric_gauge("reflection_jam_sessions", "Sessions.", labels);
    }
    for (size_t i = 0; i < JAM_N_START_RESULTS; i++) {
        snprintf(labels, sizeof(labels), "engine=\"%s\",result=\"%s\"", name, results[i]);
        e->starts[i] =
            rf_metric_counter("reflection_jam_starts_total", "Starts asked for.", labels);
    }
}

void jam_metrics_engine(jam_metrics *m, size_t number, const char *name)
{
    char labels[LABELS_MAX];
    jam_engine_metrics *e = &m->engines[number];
    snprintf(labels, sizeof(labels), "engine=\"%s\"", name);
    make_states(e, name);
    e->render_ratio = rf_metric_gauge("reflection_jam_render_ratio",
                                      "Processor time a second of audio takes.", labels);
    e->queue_length =
        rf_metric_gauge("reflection_jam_queue_length", "Starts that wait for a place.", labels);
    e->first_chunk_seconds =
        histogram("reflection_jam_first_chunk_seconds", "From a start to its first chunk.", labels);
    e->generation_seconds =
        histogram("reflection_jam_generation_seconds", "Making of a chunk.", labels);
    e->busy = rf_metric_counter("reflection_jam_busy_total", "Starts told BUSY.", labels);
    e->bad_frames = rf_metric_counter("reflection_jam_bad_frames_total",
                                      "Frames with NaN or infinity.", labels);
    e->heap_calls = rf_metric_counter("reflection_jam_heap_calls_total",
                                      "Heap calls while chunks were made.", labels);
}

/* ---- all of them ---- */

static void make_gauges(jam_metrics *m)
{
    m->sockets[JAM_ROLE_CONTROLLER] =
        rf_metric_gauge("reflection_jam_sockets", "Sockets in a session.", "role=\"controller\"");
    m->sockets[JAM_ROLE_LISTENER] =
        rf_metric_gauge("reflection_jam_sockets", "Sockets in a session.", "role=\"listener\"");
    m->listeners = rf_metric_gauge("reflection_jam_listeners", "Listeners.", NULL);
    m->parked_sessions = rf_metric_gauge("reflection_jam_parked_sessions",
                                         "Sessions that wait for their client.", NULL);
    m->render_window_seconds = rf_metric_gauge("reflection_jam_render_window_seconds",
                                               "How long before it is due a chunk is begun.", NULL);
    m->send_queue_bytes = rf_metric_gauge("reflection_jam_send_queue_bytes",
                                          "Audio handed over and not yet taken.", NULL);
}

static void make_histograms(jam_metrics *m)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(m->lateness_seconds); i++) {
        char labels[LABELS_MAX];
        snprintf(labels, sizeof(labels), "pace=\"%s\"", jam_pace_name((jam_pace)i));
        m->lateness_seconds[i] =
            histogram("reflection_jam_chunk_lateness_seconds", "How late chunks left.", labels);
    }
    m->update_seconds =
        histogram("reflection_jam_update_seconds", "From an update to its status.", NULL);
    m->pong_seconds = histogram("reflection_jam_pong_seconds", "From a ping to its pong.", NULL);
}

static void make_control_counters(jam_metrics *m)
{
    for (size_t i = 0; i < JAM_N_REASONS; i++) {
        m->stops[i] = counter("reflection_jam_stops_total", "Sessions that ended.", "reason",
                              jam_reason_name((jam_reason)i));
    }
    for (size_t i = 0; i < JAM_N_CODES; i++) {
        m->errors[i] = counter("reflection_jam_errors_total", "Errors told to clients.", "code",
                               jam_code_name((jam_code)i));
    }
    m->updates[0] = counter("reflection_jam_updates_total", "Updates.", "result", "accepted");
    m->updates[1] = counter("reflection_jam_updates_total", "Updates.", "result", "refused");
}

static void make_chunk_counters(jam_metrics *m, jam_format format)
{
    char labels[LABELS_MAX];
    for (size_t i = 0; i < 4; i++) {
        snprintf(labels, sizeof(labels), "format=\"%s\",transport=\"%s\",pace=\"%s\"",
                 jam_format_name(format), i / 2 == 0 ? "text" : "binary",
                 jam_pace_name((jam_pace)(i % 2)));
        m->chunks_sent[format][i / 2][i % 2] =
            rf_metric_counter("reflection_jam_chunks_sent_total", "Chunks handed over.", labels);
    }
    m->bytes_sent[format] = counter("reflection_jam_bytes_sent_total", "Bytes of their files.",
                                    "format", jam_format_name(format));
}

static void make_stream_counters(jam_metrics *m)
{
    static const char *const policies[] = {"skip", "burst", "stretch"};
    static const char *const resumes[] = {"resumed", "replay_lost", "unknown"};
    for (size_t i = 0; i < JAM_N_FORMATS; i++) {
        make_chunk_counters(m, (jam_format)i);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(policies); i++) {
        m->catch_up[i] =
            counter("reflection_jam_catch_up_total", "Stalls caught up.", "policy", policies[i]);
    }
    for (size_t i = 0; i < JAM_N_RESUME_RESULTS; i++) {
        m->resumes[i] =
            counter("reflection_jam_resumes_total", "Resumes asked for.", "result", resumes[i]);
    }
    m->slip_samples = rf_metric_counter("reflection_jam_slip_samples_total",
                                        "Samples by which origins moved.", NULL);
    m->skipped_samples =
        rf_metric_counter("reflection_jam_skipped_samples_total", "Samples skipped.", NULL);
    m->listener_drops = rf_metric_counter("reflection_jam_listener_drops_total",
                                          "Chunks that slow sockets missed.", NULL);
    m->replayed_chunks =
        rf_metric_counter("reflection_jam_replayed_chunks_total", "Chunks sent again.", NULL);
}

static void make_recording_counters(jam_metrics *m)
{
    static const char *const results[] = {"stored", "incomplete", "pending", "failed"};
    for (size_t i = 0; i < RF_ARRAY_LEN(m->recordings); i++) {
        m->recordings[i] = counter("reflection_jam_recordings_total", "Recordings that ended.",
                                   "result", results[i]);
    }
    m->recording_gap_samples =
        rf_metric_counter("reflection_jam_recording_gap_samples_total",
                          "Samples that recordings lack, of recorders that were away.", NULL);
}

jam_metrics *jam_metrics_new(void)
{
    jam_metrics *m = RF_NEW(jam_metrics);
    make_gauges(m);
    make_histograms(m);
    make_control_counters(m);
    make_recording_counters(m);
    make_stream_counters(m);
    return m;
}

jam_metrics *jam_metrics_free(jam_metrics *m)
{
    free(m);
    return NULL;
}

void jam_metrics_close(jam_metrics *m, uint32_t code)
{
    char value[16];
    (void)m;
    snprintf(value, sizeof(value), "%u", code);
    rf_metric_add(counter("reflection_jam_closes_total", "Sockets closed.", "code", value), 1);
}
