/* The metrics of section 11: every name with its type and labels, and no other; and that what they
 * count moves. */
#include "recorder_world_out.h"
#include "rf_metric.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RATE 16000
#define P "reflection_recorder_"
#define TEXT_MAX ((size_t)1 << 20)

static const struct {
    const char *name;
    const char *type;
    const char *labels; /* in order, separated by commas */
} wanted[] = {
    {"sessions", "gauge", "state,source"},
    {"memory_bytes", "gauge", ""},
    {"sessions_ended_total", "counter", "reason"},
    {"frames_total", "counter", "source"},
    {"range_errors_total", "counter", ""},
    {"sync_seconds", "histogram", ""},
    {"durable_lag_seconds", "histogram", ""},
    {"ack_seconds", "histogram", ""},
    {"disk_free_bytes", "gauge", ""},
    {"durability_degraded", "gauge", ""},
    {"bytes_written_total", "counter", ""},
    {"gaps_total", "counter", "cause"},
    {"gap_seconds_total", "counter", "cause"},
    {"xruns_total", "counter", ""},
    {"device_lost_total", "counter", ""},
    {"clock_steps_total", "counter", ""},
    {"drift_ppm", "histogram", ""},
    {"consumers", "gauge", "format"},
    {"ws_connections", "gauge", "role"},
    {"consumer_lag_seconds", "histogram", ""},
    {"consumer_dropped_frames_total", "counter", ""},
    {"ws_messages_total", "counter", "type"},
    {"ws_resumes_total", "counter", ""},
    {"encode_seconds_total", "counter", "format"},
    {"resample_seconds_total", "counter", ""},
    {"extract_seconds", "histogram", "format"},
    {"publish_seconds", "histogram", "store"},
    {"recovery_seconds", "histogram", ""},
    {"publish_failures_total", "counter", "store"},
    {"recovered_sessions_total", "counter", ""},
    {"torn_records_total", "counter", ""},
    {"pending_sessions", "gauge", ""},
    {"pending_bytes", "gauge", ""},
    {"events_total", "counter", "type"},
    {"webhook_attempts_total", "counter", "result"},
    {"event_outbox", "gauge", ""},
};

static char *scrape(void)
{
    rf_buf out;
    rf_buf_init(&out, TEXT_MAX);
    rf_metric_write(&out);
    (void)rf_buf_str(&out);
    return rf_buf_steal(&out);
}

static size_t find(const char *name, const char *type)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(wanted); i++) {
        if (strcmp(wanted[i].name, name) == 0) {
            cr_expect_str_eq(wanted[i].type, type, "%s", name);
            return i;
        }
    }
    cr_assert_fail("%s is no metric of section 11", name);
    return 0;
}

/* The names of the labels of a series, without those of a histogram's buckets. */
static void labels_of(const char *line, char ret[128])
{
    char text[512] = "";
    char *rest;
    ret[0] = '\0';
    (void)sscanf(line, "%*[^{ ]{%511[^}]}", text);
    for (char *label = strtok_r(text, ",", &rest); label != NULL;
         label = strtok_r(NULL, ",", &rest)) {
        *strchr(label, '=') = '\0';
        if (strcmp(label, "le") != 0) {
            const size_t len = strlen(ret);
            (void)snprintf(ret + len, 128 - len, "%s%s", len == 0 ? "" : ",", label);
        }
    }
}

static void look(const char *line, size_t *at, int seen[])
{
    char name[128];
    char type[16];
    char labels[128];
    if (sscanf(line, "# TYPE " P "%127s %15s", name, type) == 2) {
        *at = find(name, type);
        return;
    }
    if (strncmp(line, P, strlen(P)) == 0) {
        labels_of(line, labels);
        cr_expect_str_eq(labels, wanted[*at].labels, "%s", line);
        seen[*at]++;
    }
}

Test(recorder_metrics, section_11_every_name_is_there_with_its_labels_and_no_other)
{
    recorder_world w;
    int seen[RF_ARRAY_LEN(wanted)] = {0};
    size_t at = 0;
    char *rest;
    world_init(&w);
    world_open(&w, NULL);
    RF_CLEANUP(rf_cleanup_free) char *text = scrape();
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        look(line, &at, seen);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(wanted); i++) {
        cr_expect_gt(seen[i], 0, "%s is missing", wanted[i].name);
    }
    world_close(&w);
    world_done(&w);
}

/* The value of a series as it is written. */
static double value(const char *series)
{
    RF_CLEANUP(rf_cleanup_free) char *text = scrape();
    RF_CLEANUP(rf_cleanup_free) char *line = rf_asprintf("\n" P "%s ", series);
    const char *found = strstr(text, line);
    cr_assert_not_null(found, "%s", series);
    return atof(found + strlen(line));
}

static void port_ack(void *port, int64_t received, int64_t durable)
{
    int64_t *told = port;
    (void)received;
    *told = durable;
}

static void port_nothing(void *port)
{
    (void)port;
}

static int64_t told;

static void publish(recorder_world *w, void *user)
{
    static const recorder_port port = {port_ack, port_nothing, port_nothing};
    (void)w;
    recorder_session_publish(user, &port, &told);
}

Test(recorder_metrics, section_11_what_happens_is_counted)
{
    recorder_world w;
    recorder_session *s;
    world_bytes bytes;
    world_init(&w);
    world_open(&w, NULL);
    cr_assert_eq(world_start(&w, "t", "{\"store_format\":\"mp3\"}", &s), RECORDER_OK);
    world_do(&w, publish, s);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    cr_assert_eq(world_audio(&w, s, RATE + RATE / 4, RATE), 0);
    const recorder_slice_ask ask = {
        .from = "", .to = "", .output = {.format = RECORDER_OPUS, .rate_hz = 48000}};
    world_slice(&w, s, &ask, &bytes);
    world_bytes_done(&bytes);
    world_segment(&w, s, 0, 1000000, RECORDER_PCM, &bytes);
    cr_expect_eq(bytes.error.code, RECORDER_RANGE_OUTSIDE);
    world_bytes_done(&bytes);
    cr_assert_eq(world_stop(&w, s), RECORDER_OK);
    world_stream(&w, s, 0, &bytes);
    world_bytes_done(&bytes);
    cr_expect_eq(told, 2 * RATE + RATE / 4);
    cr_expect_float_eq(value("frames_total{source=\"network\"}"), 2 * RATE, 0.5);
    cr_expect_float_eq(value("gaps_total{cause=\"network\"}"), 1, 0.1);
    cr_expect_float_eq(value("gap_seconds_total{cause=\"network\"}"), 0.25, 1e-9);
    cr_expect_float_eq(value("sessions_ended_total{reason=\"stop\"}"), 1, 0.1);
    cr_expect_float_eq(value("range_errors_total"), 1, 0.1);
    cr_expect_geq(value("durable_lag_seconds_count"), 1);
    cr_expect_geq(value("ack_seconds_count"), 1);
    cr_expect_geq(value("sync_seconds_count"), 1);
    cr_expect_gt(value("bytes_written_total"), 4 * RATE);
    cr_expect_gt(value("encode_seconds_total{format=\"mp3\"}"), 0);
    cr_expect_gt(value("encode_seconds_total{format=\"opus\"}"), 0);
    cr_expect_gt(value("resample_seconds_total"), 0);
    cr_expect_float_eq(value("extract_seconds_count{format=\"opus\"}"), 1, 0.1);
    cr_expect_float_eq(value("publish_seconds_count{store=\"dir\"}"), 1, 0.1);
    cr_expect_float_eq(value("events_total{type=\"SEGMENT_FINISHED\"}"), 1, 0.1);
    cr_expect_float_eq(value("events_total{type=\"SESSION_ENDED\"}"), 1, 0.1);
    cr_expect_geq(value("consumer_lag_seconds_count"), 1);
    cr_expect_float_eq(value("consumers{format=\"pcm\"}"), 0, 0.1, "it has ended");
    world_close(&w);
    world_done(&w);
}
