#include "load_feed.h"
#include "load_run.h"

#include "rf_time.h"

#include <sys/resource.h>

#define MESSAGE_FRAMES 320
#define MESSAGE_MS 20
#define BODY "{\"store_format\":\"wav\"}"

typedef struct play {
    load_feed *feeds;
    int n;
    long pid;
    int64_t begin_ns;
    load_times acks;
    load_times late; /* of the load generator itself */
} play;

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void start_all(play *p, rf_rpc_channel **channels, int n_channels)
{
    for (int i = 0; i < p->n; i++) {
        load_feed *f = &p->feeds[i];
        f->each = MESSAGE_FRAMES;
        f->acks = &p->acks;
        load_feed_start(f, channels[i % n_channels], BODY);
    }
    for (int i = 0; i < p->n; i++) {
        load_feed_begun(&p->feeds[i]);
    }
}

/* What is due of one session, whose messages begin with its share of the 20 ms. */
static void send_due(play *p, int i, int64_t ms)
{
    load_feed *f = &p->feeds[i];
    const int64_t offset_ms = (int64_t)i * MESSAGE_MS / p->n;
    const int64_t due = ms < offset_ms ? 0 : (ms - offset_ms) / MESSAGE_MS + 1;
    while (f->n_sent < due * MESSAGE_FRAMES) {
        const int64_t due_ms = offset_ms + f->n_sent / MESSAGE_FRAMES * MESSAGE_MS;
        if (!load_feed_send(f, MESSAGE_FRAMES)) {
            return; /* its turn comes again */
        }
        load_times_add(&p->late, rf_time_ns() - p->begin_ns - due_ms * RF_NS_PER_MS);
    }
}

static void play_for(play *p, int64_t from_ms, int64_t to_ms)
{
    for (int64_t ms = from_ms; ms < to_ms; ms++) {
        const int64_t at_ns = p->begin_ns + ms * RF_NS_PER_MS;
        const struct timespec at = {.tv_sec = at_ns / RF_NS_PER_S, .tv_nsec = at_ns % RF_NS_PER_S};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        const int slot = (int)(ms % MESSAGE_MS);
        const int first = (slot * p->n + MESSAGE_MS - 1) / MESSAGE_MS;
        const int end = ((slot + 1) * p->n + MESSAGE_MS - 1) / MESSAGE_MS;
        for (int i = first; i < end; i++) {
            send_due(p, i, ms);
        }
    }
}

/* How many frames are missing in the stored segments, and how many are too many. */
static void stop_all(play *p, int64_t *ret_lost, int64_t *ret_doubled)
{
    *ret_lost = 0;
    *ret_doubled = 0;
    for (int i = 0; i < p->n; i++) {
        load_feed_stop(&p->feeds[i]);
    }
    for (int i = 0; i < p->n; i++) {
        const int64_t missing = p->feeds[i].n_sent - load_feed_stopped(&p->feeds[i]);
        *ret_lost += RF_MAX(missing, (int64_t)0);
        *ret_doubled += RF_MAX(-missing, (int64_t)0);
    }
}

static void measure(play *p, int seconds)
{
    p->begin_ns = rf_time_ns();
    const int64_t theirs_ns = load_cpu_ns(p->pid);
    const double own_s = own_cpu_s();
    play_for(p, 0, seconds * INT64_C(1000));
    const double took_s = (double)(rf_time_ns() - p->begin_ns) / (double)RF_NS_PER_S;
    const double cores = (double)(load_cpu_ns(p->pid) - theirs_ns) / (double)RF_NS_PER_S / took_s;
    const double own = (own_cpu_s() - own_s) / took_s;
    const long rss_kib = load_rss_kib(p->pid, "VmHWM");
    int64_t lost, doubled;
    const int64_t stop_ns = rf_time_ns();
    stop_all(p, &lost, &doubled);
    printf("{\"sessions\": %d, \"seconds\": %d, \"messages\": %llu, \"ack_p50_ms\": %.1f, "
           "\"ack_p99_ms\": %.1f, \"ack_max_ms\": %.1f, \"sent_late_p99_ms\": %.1f, "
           "\"sent_late_max_ms\": %.1f, \"cores\": %.3f, \"own_cores\": %.3f, \"rss_mib\": %.1f, "
           "\"lost\": %lld, \"doubled\": %lld, \"stop_s\": %.2f}\n",
           p->n, seconds, (unsigned long long)load_times_count(&p->acks),
           load_times_ms(&p->acks, 0.5), load_times_ms(&p->acks, 0.99), load_times_ms(&p->acks, 1),
           load_times_ms(&p->late, 0.99), load_times_ms(&p->late, 1), cores, own,
           (double)rss_kib / 1024, (long long)lost, (long long)doubled,
           (double)(rf_time_ns() - stop_ns) / (double)RF_NS_PER_S);
}

void load_play(const char *url, int sessions, int seconds, int connections, long pid)
{
    play *p = RF_NEW(play);
    rf_rpc_channel **channels = RF_NEW_ARRAY(rf_rpc_channel *, (size_t)connections);
    p->n = sessions;
    p->pid = pid;
    p->feeds = RF_NEW_ARRAY(load_feed, (size_t)sessions);
    for (int i = 0; i < connections; i++) {
        channels[i] = load_channel(url);
    }
    start_all(p, channels, connections);
    measure(p, seconds);
    for (int i = 0; i < sessions; i++) {
        load_feed_leave(&p->feeds[i]);
    }
    for (int i = 0; i < connections; i++) {
        rf_rpc_channel_close(channels[i]);
    }
    free(channels);
    free(p->feeds);
    free(p);
}
