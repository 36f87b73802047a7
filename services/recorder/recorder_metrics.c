#include "recorder_metrics.h"

#include "recorder_cost.h"
#include "rf_time.h"

#include <stdio.h>
#include <string.h>

#define P "reflection_recorder_"

static const double bounds_s[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                  0.2,   0.5,   1.0,   2.0,  5.0,  10.0, 60.0};

static const double bounds_ppm[] = {-200.0, -100.0, -50.0, -20.0, -10.0, -5.0,  -1.0,
                                    1.0,    5.0,    10.0,  20.0,  50.0,  100.0, 200.0};

/* Of messages on a socket, both ways; "other" is the last. */
static const char *const ws_types[] = {
    "start", "started", "ack",    "gap",   "anchor", "time",        "attach",    "attached",
    "pause", "resume",  "marker", "done",  "stop",   "stopped",     "subscribe", "subscribed",
    "lag",   "end",     "event",  "error", "audio",  "unsubscribe", "other"};
_Static_assert(RF_ARRAY_LEN(ws_types) <= RECORDER_WS_TYPES_MAX, "one metric each");

static rf_metric *histogram(const char *name, const char *help, const char *labels)
{
    return rf_metric_histogram(name, help, labels, bounds_s, RF_ARRAY_LEN(bounds_s));
}

static const char *label(char out[96], const char *name, const char *value)
{
    (void)snprintf(out, 96, "%s=\"%s\"", name, value);
    return out;
}

static void make_sessions(recorder_metrics *m)
{
    char text[96];
    for (int state = 0; state < RECORDER_N_STATES; state++) {
        for (int source = 0; source < RECORDER_N_SOURCES; source++) {
            (void)snprintf(text, sizeof(text), "state=\"%s\",source=\"%s\"",
                           recorder_state_name((recorder_state)state),
                           recorder_source_name((recorder_source)source));
            m->sessions[state][source] = rf_metric_gauge(P "sessions", "Sessions known.", text);
        }
    }
    for (int reason = 0; reason < RECORDER_N_REASONS; reason++) {
        m->ended[reason] =
            rf_metric_counter(P "sessions_ended_total", "Sessions that ended.",
                              label(text, "reason", recorder_reason_name((recorder_reason)reason)));
    }
    for (int source = 0; source < RECORDER_N_SOURCES; source++) {
        m->frames[source] =
            rf_metric_counter(P "frames_total", "Frames taken.",
                              label(text, "source", recorder_source_name((recorder_source)source)));
    }
}

static void make_gaps(recorder_metrics *m)
{
    char text[96];
    for (int cause = 0; cause < RECORDER_N_GAP_CAUSES; cause++) {
        (void)label(text, "cause", recorder_gap_cause_name((recorder_gap_cause)cause));
        m->gaps[cause] = rf_metric_counter(P "gaps_total", "Gaps.", text);
        m->gap_seconds[cause] =
            rf_metric_seconds_counter(P "gap_seconds_total", "Length of gaps.", text);
    }
}

static void make_time(recorder_metrics *m)
{
    m->xruns = rf_metric_counter(P "xruns_total", "Gaps of devices by overflow.", NULL);
    m->device_lost =
        rf_metric_counter(P "device_lost_total", "Devices that delivered nothing any more.", NULL);
    m->drift_ppm = rf_metric_histogram(P "drift_ppm", "Rates of sources against the nominal.", NULL,
                                       bounds_ppm, RF_ARRAY_LEN(bounds_ppm));
    m->durable_lag_seconds =
        histogram(P "durable_lag_seconds", "From frames that came to their being durable.", NULL);
    m->ack_seconds =
        histogram(P "ack_seconds", "From frames that came to their acknowledgement.", NULL);
}

static void make_formats(recorder_metrics *m)
{
    char text[96];
    for (int f = 0; f < RECORDER_N_FORMATS; f++) {
        (void)label(text, "format", recorder_format_name((recorder_format)f));
        m->extract_seconds[f] = histogram(P "extract_seconds", "Extracts.", text);
        m->consumers[f] = rf_metric_gauge(P "consumers", "Live streams.", text);
    }
}

static void make_sockets(recorder_metrics *m)
{
    char text[96];
    m->ws_publishers = rf_metric_gauge(P "ws_connections", "Streams on sockets.",
                                       label(text, "role", "publisher"));
    m->ws_subscribers = rf_metric_gauge(P "ws_connections", "Streams on sockets.",
                                        label(text, "role", "subscriber"));
    for (size_t i = 0; i < RF_ARRAY_LEN(ws_types); i++) {
        m->ws_messages[i] = rf_metric_counter(P "ws_messages_total", "Messages on sockets.",
                                              label(text, "type", ws_types[i]));
    }
    m->ws_resumes =
        rf_metric_counter(P "ws_resumes_total", "Publishers that attached again.", NULL);
}

/* "dir" of "dir:/path": no more than letters and digits of it. */
static void store_label(const char *store_url, char out[96])
{
    char kind[16] = "";
    (void)sscanf(store_url, "%15[a-z0-9]", kind);
    (void)label(out, "store", kind);
}

recorder_metrics *recorder_metrics_new(const char *store_url)
{
    recorder_metrics *m = RF_NEW(recorder_metrics);
    char store[96];
    store_label(store_url, store);
    recorder_cost_init();
    make_sessions(m);
    make_gaps(m);
    make_time(m);
    make_formats(m);
    make_sockets(m);
    m->memory_bytes = rf_metric_gauge(P "memory_bytes", "Memory of all takes.", NULL);
    m->clock_steps = rf_metric_counter(P "clock_steps_total", "Steps of the wall clock.", NULL);
    m->range_errors =
        rf_metric_counter(P "range_errors_total", "Extracts asked outside the audio.", NULL);
    m->consumer_lag_seconds =
        histogram(P "consumer_lag_seconds", "How far live streams are behind.", NULL);
    m->dropped_frames = rf_metric_counter(P "consumer_dropped_frames_total",
                                          "Frames that slow consumers were not given.", NULL);
    m->publish_seconds = histogram(P "publish_seconds", "Storing of a segment.", store);
    m->publish_failures =
        rf_metric_counter(P "publish_failures_total", "Segments that were not stored.", store);
    m->recovery_seconds = histogram(P "recovery_seconds", "Recovery at start.", NULL);
    m->recovered_sessions =
        rf_metric_counter(P "recovered_sessions_total", "Sessions found unfinished.", NULL);
    m->pending_sessions =
        rf_metric_gauge(P "pending_sessions", "Sessions whose store failed.", NULL);
    m->pending_bytes =
        rf_metric_gauge(P "pending_bytes", "Audio that the store has not taken.", NULL);
    return m;
}

recorder_metrics *recorder_metrics_free(recorder_metrics *m)
{
    free(m);
    return NULL;
}

void recorder_metrics_frames(recorder_metrics *m, recorder_source source, int64_t n)
{
    rf_metric_add(m->frames[source], n);
}

void recorder_metrics_gap(recorder_metrics *m, recorder_gap_cause cause, int64_t n,
                          uint32_t rate_hz)
{
    const int64_t rest = n % rate_hz;
    rf_metric_add(m->gaps[cause], 1);
    rf_metric_add(m->gap_seconds[cause], n / rate_hz * RF_NS_PER_S + rest * RF_NS_PER_S / rate_hz);
}

void recorder_metrics_ended(recorder_metrics *m, recorder_reason reason)
{
    rf_metric_add(m->ended[reason], 1);
}

void recorder_metrics_sessions(recorder_metrics *m,
                               int64_t counts[RECORDER_N_STATES][RECORDER_N_SOURCES], size_t bytes,
                               int64_t pending_bytes)
{
    int64_t pending = 0;
    for (int state = 0; state < RECORDER_N_STATES; state++) {
        for (int source = 0; source < RECORDER_N_SOURCES; source++) {
            rf_metric_set(m->sessions[state][source], (double)counts[state][source]);
            pending += state == RECORDER_PENDING ? counts[state][source] : 0;
        }
    }
    rf_metric_set(m->pending_sessions, (double)pending);
    rf_metric_set(m->pending_bytes, (double)pending_bytes);
    rf_metric_set(m->memory_bytes, (double)bytes);
}

void recorder_metrics_message(recorder_metrics *m, const char *type)
{
    size_t i = 0;
    while (i + 1 < RF_ARRAY_LEN(ws_types) && strcmp(ws_types[i], type) != 0) {
        i++;
    }
    rf_metric_add(m->ws_messages[i], 1);
}
