/* What the process says of its calls at /metrics. Both sides are in this process. */
#include "echo.h"

#include "rf_metric.h"

#include <criterion/criterion.h>
#include <stdio.h>

static double ended(const char *side, const char *code)
{
    char labels[64];
    (void)snprintf(labels, sizeof(labels), "side=\"%s\",code=\"%s\"", side, code);
    return rf_metric_value(rf_metric_counter("reflection_rpc_calls_total", "", labels));
}

static double gauge(const char *name, const char *labels)
{
    return rf_metric_value(rf_metric_gauge(name, "", labels));
}

static double timed(const char *labels)
{
    return rf_metric_value(rf_metric_histogram("reflection_rpc_call_seconds", "", labels,
                                               rf_metric_seconds, RF_METRIC_N_SECONDS));
}

Test(metric, calls_are_counted_by_side_and_code)
{
    echo *e = echo_start(NULL, NULL);
    rf_rpc_channel *c = echo_connect(e, NULL);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(echo_unary(c, "hello", NULL), 0);
    }
    rf_status st;
    ProtobufCMessage *reply = NULL;
    Rpc__Test__Ping request = RPC__TEST__PING__INIT;
    cr_assert_lt(rf_rpc_invoke(c, RPC_TEST_ECHO_MISSING, NULL, &request.base, &reply, &st), 0);
    cr_assert_eq(ended("client", "OK"), 5);
    cr_assert_eq(ended("server", "OK"), 5);
    cr_assert_eq(ended("client", "UNIMPLEMENTED"), 1);
    cr_assert_eq(ended("server", "UNIMPLEMENTED"), 1);
    cr_assert_eq(timed("side=\"client\""), 6);
    cr_assert_eq(timed("side=\"server\""), 6);
    cr_assert_eq(gauge("reflection_rpc_calls_in_flight", "side=\"client\""), 0);
    cr_assert_eq(gauge("reflection_rpc_calls_in_flight", "side=\"server\""), 0);
    (void)echo_stop(e);
}

/* Nobody listens: what a call sends waits in its queue, until the call is over. */
Test(metric, what_waits_to_be_sent_is_told)
{
    enum { LEN = 100000, PREFIX = 8 };
    static const uint8_t media[LEN];
    static const rf_rpc_events events;
    rf_rpc_channel_config config = {.target = "ipc:///nowhere/at/all", .wait_ready_ms = 60000};
    rf_rpc_channel *c = NULL;
    cr_assert_eq(rf_rpc_channel_open(&config, &c), 0);
    rf_rpc_call *call = rf_rpc_open(c, RPC_TEST_ECHO_UPLOAD, NULL, &events, NULL);
    rf_rpc_attachment a = {.data = media, .len = LEN};
    for (int n = 1; n <= 3; n++) {
        cr_assert_eq(rf_rpc_send_raw(call, NULL, 0, &a), 0);
        cr_assert_eq(gauge("reflection_rpc_queue_messages", NULL), n);
        cr_assert_eq(gauge("reflection_rpc_queue_bytes", NULL), n * (LEN + PREFIX));
    }
    cr_assert_eq(gauge("reflection_rpc_calls_in_flight", "side=\"client\""), 1);
    (void)rf_rpc_call_free(call);
    cr_assert_eq(ended("client", "CANCELLED"), 1);
    cr_assert_eq(gauge("reflection_rpc_queue_messages", NULL), 0);
    cr_assert_eq(gauge("reflection_rpc_queue_bytes", NULL), 0);
    cr_assert_eq(gauge("reflection_rpc_calls_in_flight", "side=\"client\""), 0);
    (void)rf_rpc_channel_close(c);
}
