/* bench_recorder_journal DIR SESSIONS SECONDS: that many sessions of 16 kHz mono int16 in messages
 * of 20 ms (640 bytes), one sync per commit interval; writes one JSON object: processor time of the
 * whole process in cores, time from append to durable, memory, syncs. */
#include "recorder_journal.h"
#include "rf_file.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define FRAMES 320
#define MESSAGE_MS 20
#define LSNS_MAX (1 << 16)
#define WARM_UP_MS 1000

static int n_sessions;
static int64_t *frames; /* of each session */
static recorder_journal *journal;
static int64_t appended_ns[LSNS_MAX]; /* the first record of each lsn */
static _Atomic(uint64_t) durable_lsn;
static _Atomic(uint64_t) checkpoint_file;
static double waits_ms[LSNS_MAX];
static size_t n_waits;

static void on_durable(void *user, uint64_t lsn)
{
    (void)user;
    atomic_store(&durable_lsn, lsn);
}

static void on_checkpoint(void *user, uint64_t file)
{
    (void)user;
    atomic_store(&checkpoint_file, file);
}

static void set_id(recorder_record *r, int session)
{
    memcpy(r->session, &session, sizeof(session));
}

static void die(const char *what, int err)
{
    fprintf(stderr, "%s: %s\n", what, strerror(-err));
    exit(1);
}

static void append(recorder_record *r)
{
    uint64_t lsn;
    int err = recorder_journal_append(journal, r, &lsn);
    if (err < 0) {
        die("append", err);
    }
    if (appended_ns[lsn % LSNS_MAX] == 0) {
        appended_ns[lsn % LSNS_MAX] = rf_time_ns();
    }
}

static void append_message(int session)
{
    static int16_t samples[FRAMES];
    recorder_record r = {.kind = RECORDER_RECORD_AUDIO,
                         .first_frame = frames[session],
                         .n_frames = FRAMES,
                         .data = samples,
                         .len = sizeof(samples)};
    samples[frames[session] % FRAMES]++;
    set_id(&r, session);
    append(&r);
    frames[session] += FRAMES;
}

static void checkpoint(void)
{
    static const char state[400]; /* about what a take needs */
    uint64_t file = atomic_exchange(&checkpoint_file, 0);
    for (int i = 0; i < n_sessions && file > 0; i++) {
        recorder_record r = {.kind = RECORDER_RECORD_SNAPSHOT, .data = state, .len = sizeof(state)};
        set_id(&r, i);
        append(&r);
    }
    if (file > 0 && recorder_journal_checkpoint(journal, file) < 0) {
        die("checkpoint", -ENOBUFS);
    }
}

static void note_waits(bool counts)
{
    static uint64_t done;
    uint64_t lsn = atomic_load(&durable_lsn);
    int64_t now_ns = rf_time_ns();
    for (; done < lsn; done++) {
        int64_t *at = &appended_ns[(done + 1) % LSNS_MAX];
        if (counts && n_waits < LSNS_MAX) {
            waits_ms[n_waits++] = (double)(now_ns - *at) / RF_NS_PER_MS;
        }
        *at = 0;
    }
}

/* Messages evenly over time, a share of the sessions each millisecond. */
static void record_for(int64_t ms, bool counts)
{
    static int next;
    int64_t begin_ns = rf_time_ns();
    for (int64_t i = 0; i < ms; i++) {
        int share = (int)((i + 1) * n_sessions / MESSAGE_MS - i * n_sessions / MESSAGE_MS);
        for (int k = 0; k < share; k++) {
            append_message(next);
            next = (next + 1) % n_sessions;
        }
        checkpoint();
        note_waits(counts);
        int64_t at_ns = begin_ns + (i + 1) * RF_NS_PER_MS;
        const struct timespec at = {.tv_sec = at_ns / RF_NS_PER_S, .tv_nsec = at_ns % RF_NS_PER_S};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(double cores, const recorder_journal_stats *before,
                   const recorder_journal_stats *after)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    qsort(waits_ms, n_waits, sizeof(waits_ms[0]), by_value);
    uint64_t syncs = after->syncs - before->syncs;
    printf("{\"cores\": %.3f, \"wait_p50_ms\": %.1f, \"wait_p99_ms\": %.1f, \"wait_max_ms\": %.1f, "
           "\"rss_mib\": %.1f, \"syncs\": %llu, \"sync_ms\": %.2f, \"rotations\": %llu, "
           "\"master_mb\": %.0f}\n",
           cores, waits_ms[n_waits / 2], waits_ms[n_waits * 99 / 100], waits_ms[n_waits - 1],
           (double)u.ru_maxrss / 1024, (unsigned long long)syncs,
           (double)(after->sync_ns - before->sync_ns) / 1e6 / (double)RF_MAX(syncs, 1u),
           (unsigned long long)(after->rotations - before->rotations),
           (double)(after->master_bytes - before->master_bytes) / 1e6);
}

static void open_all(const char *dir)
{
    static const recorder_journal_events events = {.durable = on_durable,
                                                   .checkpoint = on_checkpoint};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    recorder_journal_config c = {.dir = dir};
    recorder_journal_defaults(&c);
    int err = rf_mkdirs(dir, 0700);
    err = err == 0 ? recorder_journal_open(&c, &events, NULL, NULL, &journal) : err;
    for (int i = 0; i < n_sessions && err == 0; i++) {
        recorder_record r = {0};
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%d.pcm", dir, i);
        set_id(&r, i);
        err = recorder_journal_session(journal, r.session, 2, path);
    }
    if (err < 0) {
        die(dir, err);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4 || atoi(argv[2]) < 1 || atoi(argv[3]) < 1) {
        fprintf(stderr, "bench_recorder_journal DIR SESSIONS SECONDS\n");
        return 2;
    }
    recorder_journal_stats before;
    recorder_journal_stats after;
    n_sessions = atoi(argv[2]);
    frames = RF_NEW_ARRAY(int64_t, (size_t)n_sessions);
    open_all(argv[1]);
    record_for(WARM_UP_MS, false);
    recorder_journal_read_stats(journal, &before);
    double cpu_before_s = cpu_s();
    int64_t begin_ns = rf_time_ns();
    record_for(1000 * atoi(argv[3]), true);
    double cores =
        (cpu_s() - cpu_before_s) / ((double)(rf_time_ns() - begin_ns) / (double)RF_NS_PER_S);
    recorder_journal_read_stats(journal, &after);
    report(cores, &before, &after);
    int err = recorder_journal_close(journal, 30000);
    free(frames);
    return err == 0 ? 0 : 1;
}
