/* What the process counts of its calls; README.md names the series. */
#include "rf_rpc_internal.h"

#include <stdio.h>

typedef struct side_metrics {
    rf_metric *in_flight, *seconds;
    rf_metric *calls[RF_N_CODES];
} side_metrics;

static side_metrics client, server;
static rf_metric *queue_messages, *queue_bytes;

static void make_side(side_metrics *m, const char *side)
{
    char labels[64];
    (void)snprintf(labels, sizeof(labels), "side=\"%s\"", side);
    m->in_flight =
        rf_metric_gauge("reflection_rpc_calls_in_flight", "Calls that have not ended.", labels);
    m->seconds =
        rf_metric_histogram("reflection_rpc_call_seconds", "From the begin of a call to its end.",
                            labels, rf_metric_seconds, RF_METRIC_N_SECONDS);
    for (int code = 0; code < RF_N_CODES; code++) {
        (void)snprintf(labels, sizeof(labels), "side=\"%s\",code=\"%s\"", side,
                       rf_code_name((rf_code)code));
        m->calls[code] =
            rf_metric_counter("reflection_rpc_calls_total", "Calls that have ended.", labels);
    }
}

static void make_all(void)
{
    make_side(&client, "client");
    make_side(&server, "server");
    queue_messages = rf_metric_gauge("reflection_rpc_queue_messages",
                                     "Messages of calls that wait to be sent.", NULL);
    queue_bytes = rf_metric_gauge("reflection_rpc_queue_bytes",
                                  "Bytes of the messages that wait to be sent.", NULL);
}

void rf_rpc_metric_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_all);
}

void rf_rpc_metric_begin(rf_rpc_call *call, int64_t now_ns)
{
    call->began_ns = now_ns;
    rf_metric_add(call->is_server ? server.in_flight : client.in_flight, 1);
}

void rf_rpc_metric_end(const rf_rpc_call *call)
{
    const side_metrics *m = call->is_server ? &server : &client;
    if (call->began_ns == 0) {
        return; /* made by hand, in a test */
    }
    rf_metric_add(m->in_flight, -1);
    rf_metric_add(m->calls[call->end_code], 1);
    int64_t ended_ns = call->ended_ns != 0 ? call->ended_ns : rf_time_ns();
    rf_metric_observe(m->seconds, (double)(ended_ns - call->began_ns) / RF_NS_PER_S);
}

void rf_rpc_metric_queued(const rf_rpc_out *out, int sign)
{
    rf_metric_add(queue_messages, sign);
    rf_metric_add(queue_bytes, sign * (int64_t)rf_rpc_out_size(out));
}
