#include "gateway_metrics.h"

#include "gateway_loop.h"
#include "rf_metric.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUTES_MAX 96
#define CLASSES 6 /* status / 100 */
#define CLOSE_FIRST 1000
#define CLOSE_CODES 16 /* the last one stands for all others */

static rf_metric *answers[ROUTES_MAX + 1][CLASSES];
static rf_metric *refused;
static rf_metric *bytes[2];
static rf_metric *connections;
static rf_metric *transfers;
static rf_metric *waiters;
static rf_metric *listeners;
static rf_metric *sockets;
static rf_metric *socket_queue;
static rf_metric *socket_messages[2];
static rf_metric *socket_bytes[2];
static rf_metric *socket_closes[CLOSE_CODES];

static void init_route(size_t index, const char *method, const char *path)
{
    for (int class = 2; class < CLASSES; class ++) {
        char labels[160];
        snprintf(labels, sizeof(labels), "method=\"%s\",route=\"%s\",status=\"%dxx\"", method, path,
                 class);
        answers[index][class] =
            rf_metric_counter("reflection_http_requests_total", "Requests answered.", labels);
    }
}

static void init_sockets(void)
{
    static const char *const directions[2] = {"direction=\"out\"", "direction=\"in\""};
    sockets = rf_metric_gauge("reflection_websockets", "WebSockets open.", NULL);
    socket_queue = rf_metric_gauge("reflection_websocket_queue_bytes",
                                   "Bytes that wait for clients of WebSockets.", NULL);
    for (int i = 0; i < 2; i++) {
        socket_messages[i] = rf_metric_counter("reflection_websocket_messages_total",
                                               "Messages of WebSockets.", directions[i]);
        socket_bytes[i] = rf_metric_counter("reflection_websocket_bytes_total",
                                            "Payload bytes of messages.", directions[i]);
    }
    for (int i = 0; i < CLOSE_CODES; i++) {
        char label[32] = "code=\"other\"";
        if (i < CLOSE_CODES - 1) {
            snprintf(label, sizeof(label), "code=\"%d\"", CLOSE_FIRST + i);
        }
        socket_closes[i] = rf_metric_counter("reflection_websocket_closes_total",
                                             "WebSockets that have ended; 1006: lost.", label);
    }
}

/* A scrape may come while the gateway is taken down. */
static pthread_mutex_t source_mutex = PTHREAD_MUTEX_INITIALIZER;
static const gateway *source;

static void read_source(const gateway *gw)
{
    int64_t n = 0;
    for (size_t i = 0; i < gw->n_loops; i++) {
        n += atomic_load_explicit(&gw->loops[i]->n_conns, memory_order_relaxed);
    }
    rf_metric_set(connections, (double)n);
    rf_metric_set(transfers, (double)atomic_load(&gw->transfers));
    rf_metric_set(waiters, (double)atomic_load(&gw->waiters));
    rf_metric_set(listeners, (double)atomic_load(&gw->listeners));
    rf_metric_set(sockets, (double)atomic_load(&gw->n_sockets));
    rf_metric_set(socket_queue, (double)atomic_load(&gw->socket_queue_bytes));
}

static void collect(void *user)
{
    (void)user;
    pthread_mutex_lock(&source_mutex);
    if (source != NULL) {
        read_source(source);
    }
    pthread_mutex_unlock(&source_mutex);
}

void gateway_metrics_watch(const gateway *gw)
{
    pthread_mutex_lock(&source_mutex);
    source = gw;
    pthread_mutex_unlock(&source_mutex);
}

void gateway_metrics_init(void)
{
    for (size_t i = 0; i < gateway_n_routes && i < ROUTES_MAX; i++) {
        init_route(i, gateway_method_name(gateway_routes[i].method), gateway_routes[i].path);
    }
    init_route(ROUTES_MAX, "other", "none");
    refused = rf_metric_counter("reflection_http_connections_refused_total",
                                "Connections turned away on arrival: too many.", NULL);
    bytes[0] = rf_metric_counter("reflection_http_body_bytes_total",
                                 "Bytes of uploads and downloads.", "direction=\"download\"");
    bytes[1] = rf_metric_counter("reflection_http_body_bytes_total",
                                 "Bytes of uploads and downloads.", "direction=\"upload\"");
    connections = rf_metric_gauge("reflection_http_connections", "Connections open.", NULL);
    transfers = rf_metric_gauge("reflection_http_transfers", "Uploads and downloads now.", NULL);
    waiters = rf_metric_gauge("reflection_job_waiters", "Requests that wait for a job.", NULL);
    listeners = rf_metric_gauge("reflection_job_event_streams", "Event streams of jobs.", NULL);
    init_sockets();
    rf_metric_collector(collect, NULL);
}

void gateway_metrics_answer(const gateway_route *route, int status)
{
    size_t index = route != NULL ? (size_t)(route - gateway_routes) : ROUTES_MAX;
    int class = status / 100;
    if (class >= 2 && class < CLASSES && answers[index][class] != NULL) {
        rf_metric_add(answers[index][class], 1);
    }
}

void gateway_metrics_refused(void)
{
    rf_metric_add(refused, 1);
}

void gateway_metrics_bytes(bool upload, uint64_t n)
{
    rf_metric_add(bytes[upload ? 1 : 0], (int64_t)n);
}

void gateway_metrics_socket_message(bool from_client, uint64_t n_bytes)
{
    rf_metric_add(socket_messages[from_client ? 1 : 0], 1);
    rf_metric_add(socket_bytes[from_client ? 1 : 0], (int64_t)n_bytes);
}

void gateway_metrics_socket_closed(unsigned code)
{
    bool named = code >= CLOSE_FIRST && code < CLOSE_FIRST + CLOSE_CODES - 1;
    rf_metric_add(socket_closes[named ? code - CLOSE_FIRST : CLOSE_CODES - 1], 1);
}
