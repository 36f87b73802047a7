/*
 * bench_ours server URL
 * bench_ours client URL FIGURE SECONDS: prints one number.
 * FIGURE: async64 (calls/s, 64 in flight from one thread), threads64 (calls/s and CPU seconds a
 * million calls), latency (median us, one in flight), stream (MiB/s, 1 MiB messages).
 */
#include "rf_rpc.h"
#include "rf_time.h"

#include <bench.rpc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define BODY 256
#define IN_FLIGHT 64
#define MIB ((size_t)1 << 20)
#define MAX_SAMPLES 2000000

static uint8_t body[MIB];

/* ---- server ---- */

static void on_echo(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)user;
    rf_rpc_reply(call, request, NULL);
}

/* Sends ordered messages as attachments of one shared buffer, as media is sent. */
typedef struct download {
    uint32_t left, size;
} download;

static void keep(void *user)
{
    (void)user; /* the buffer is shared and stays */
}

static void send_more(rf_rpc_call *call, void *user)
{
    download *d = (download *)user;
    Rpc__Bench__Payload p = RPC__BENCH__PAYLOAD__INIT;
    rf_rpc_attachment a = {body, d->size, keep, NULL};
    while (d->left > 0) {
        if (rf_rpc_send(call, &p.base, &a) != 0) {
            return;
        }
        d->left--;
    }
    rf_rpc_end(call, NULL);
    free(d);
}

static void on_order(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    download *d = (download *)user;
    ProtobufCMessage *m = NULL;
    if (rf_rpc_unpack(&rpc__bench__order__descriptor, msg->data, msg->len, &m) == 0) {
        d->left = ((Rpc__Bench__Order *)m)->count;
        d->size = ((Rpc__Bench__Order *)m)->size;
        (void)rf_rpc_message_free(m);
    }
    send_more(call, d);
}

static void on_lost(rf_rpc_call *call, const rf_status *status, void *user)
{
    rf_rpc_end(call, status);
    free(user);
}

static void on_download(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {
        .message = on_order, .writable = send_more, .done = on_lost};
    (void)user;
    rf_rpc_call_listen(call, &events, RF_NEW(download));
}

static int serve(const char *url)
{
    rf_rpc_server *s = NULL;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (rf_rpc_server_new(&(rf_rpc_server_config){.listen = url, .max_queue = 4 * MIB}, &s) != 0) {
        return 1;
    }
    rf_rpc_server_handle_unary(s, &rpc_bench_bench, RPC_BENCH_BENCH_ECHO, on_echo, NULL);
    rf_rpc_server_handle_stream(s, &rpc_bench_bench, RPC_BENCH_BENCH_DOWNLOAD, on_download, NULL);
    if (rf_rpc_server_start(s) != 0) {
        return 1;
    }
    for (;;) {
        (void)pause();
    }
}

/* ---- client ---- */

static rf_rpc_channel *channel;
static int64_t until_ns;
static Rpc__Bench__Payload request = RPC__BENCH__PAYLOAD__INIT;

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

typedef struct pipeline {
    size_t n_done, in_flight;
    sem_t idle;
} pipeline;

static void start_one(pipeline *p);

static void on_reply(rf_rpc_result *result, void *user)
{
    pipeline *p = (pipeline *)user;
    if (result->status->code != RF_OK) {
        (void)fprintf(stderr, "%s\n", result->status->message);
        exit(1);
    }
    (void)__atomic_add_fetch(&p->n_done, 1, __ATOMIC_RELAXED);
    if (rf_time_ns() < until_ns) {
        start_one(p);
    } else if (__atomic_sub_fetch(&p->in_flight, 1, __ATOMIC_ACQ_REL) == 0) {
        (void)sem_post(&p->idle);
    }
}

static void start_one(pipeline *p)
{
    rf_rpc_unary(channel, RPC_BENCH_BENCH_ECHO, NULL, &request.base, NULL, on_reply, p, NULL);
}

static void run_async(double seconds)
{
    pipeline p = {.in_flight = IN_FLIGHT};
    (void)sem_init(&p.idle, 0, 0);
    int64_t start_ns = rf_time_ns();
    until_ns = start_ns + (int64_t)(seconds * 1e9);
    for (int i = 0; i < IN_FLIGHT; i++) {
        start_one(&p);
    }
    (void)sem_wait(&p.idle);
    printf("%.1f\n", (double)p.n_done * 1e9 / (double)(rf_time_ns() - start_ns));
}

static void echo_once(void)
{
    ProtobufCMessage *reply = NULL;
    rf_status st;
    if (rf_rpc_invoke(channel, RPC_BENCH_BENCH_ECHO, NULL, &request.base, &reply, &st) != 0) {
        (void)fprintf(stderr, "%s\n", st.message);
        exit(1);
    }
    (void)rf_rpc_message_free(reply);
}

static void *thread_main(void *arg)
{
    size_t *n = (size_t *)arg;
    while (rf_time_ns() < until_ns) {
        echo_once();
        (*n)++;
    }
    return NULL;
}

static void run_threads(double seconds)
{
    pthread_t threads[IN_FLIGHT];
    static size_t counts[IN_FLIGHT][8]; /* a cache line each */
    int64_t start_ns = rf_time_ns();
    double cpu = cpu_s();
    until_ns = start_ns + (int64_t)(seconds * 1e9);
    size_t n = 0;
    for (int i = 0; i < IN_FLIGHT; i++) {
        (void)pthread_create(&threads[i], NULL, thread_main, counts[i]);
    }
    for (int i = 0; i < IN_FLIGHT; i++) {
        (void)pthread_join(threads[i], NULL);
        n += counts[i][0];
    }
    printf("%.1f %.3f %zu\n", (double)n * 1e9 / (double)(rf_time_ns() - start_ns), (cpu_s() - cpu),
           n);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

static void run_latency(double seconds)
{
    int64_t *samples = RF_NEW_ARRAY(int64_t, MAX_SAMPLES);
    size_t n = 0;
    until_ns = rf_time_ns() + (int64_t)(seconds * 1e9);
    while (rf_time_ns() < until_ns && n < MAX_SAMPLES) {
        int64_t start_ns = rf_time_ns();
        echo_once();
        samples[n++] = rf_time_ns() - start_ns;
    }
    qsort(samples, n, sizeof(*samples), compare);
    printf("%.2f\n", (double)samples[n / 2] / 1e3);
    free(samples);
}

static void run_stream(double seconds)
{
    static const rf_rpc_method raw = {"rpc.bench.Bench/Download", RF_RPC_SERVER_STREAM, false,
                                      &rpc__bench__order__descriptor,
                                      &rpc__bench__payload__descriptor};
    Rpc__Bench__Order o = RPC__BENCH__ORDER__INIT;
    o.count = 1000000;
    o.size = MIB;
    rf_rpc_stream *s = rf_rpc_stream_open(channel, &raw, NULL);
    (void)rf_rpc_stream_send(s, &o.base, NULL);
    int64_t start_ns = rf_time_ns();
    until_ns = start_ns + (int64_t)(seconds * 1e9);
    size_t n = 0;
    rf_rpc_item *item = NULL;
    while (rf_time_ns() < until_ns && rf_rpc_stream_recv(s, &item) == 1) {
        n++;
        item = rf_rpc_item_free(item);
    }
    printf("%.1f\n", (double)n * 1e9 / (double)(rf_time_ns() - start_ns));
    (void)rf_rpc_stream_free(s);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "server") == 0) {
        return serve(argv[2]);
    }
    double seconds;
    if (argc != 5 || rf_parse_f64(argv[4], &seconds) != 0 ||
        rf_rpc_channel_open(&(rf_rpc_channel_config){.target = argv[2]}, &channel) != 0) {
        return 2;
    }
    request.body = (ProtobufCBinaryData){BODY, body};
    echo_once();
    if (strcmp(argv[3], "async64") == 0) {
        run_async(seconds);
    } else if (strcmp(argv[3], "threads64") == 0) {
        run_threads(seconds);
    } else if (strcmp(argv[3], "latency") == 0) {
        run_latency(seconds);
    } else {
        run_stream(seconds);
    }
    (void)rf_rpc_channel_close(channel);
    return 0;
}
