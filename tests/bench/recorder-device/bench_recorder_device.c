/* A device session of the real program on the virtual microphone: how soon its first frame comes,
 * and what a 48 kHz stereo session costs, beside what BENCH_BARE costs. BENCH_STARTS and
 * BENCH_SECONDS say how many and how long; prints JSON to the file BENCH_RESULT. */
#include "recorder_program.h"
#include "rf_time.h"
#include "task_time.h"
#include "vmic.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STARTS_MAX 1000
#define CHUNK 480 /* frames: 10 ms */
#define BODY "{\"source\":\"device\",\"rate\":48000,\"channels\":2}"

static vmic mic;
static recorder_program p;

/* ms from the call, sorted. */
static double captured[STARTS_MAX]; /* until the first frame was captured */
static double heard[STARTS_MAX];    /* until a live stream has given it */

static void setup(void)
{
    vmic_setup(&mic);
    vmic_up(&mic);
    program_init(&p);
    program_start(&p, NULL, NULL);
}

static void teardown(void)
{
    program_done(&p);
    vmic_down(&mic);
}

static int from_environment(const char *name, int initial)
{
    const char *text = getenv(name);
    int64_t value = initial;
    return text != NULL && rf_parse_i64(text, &value) == 0 ? (int)value : initial;
}

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static double time_ms(const json_t *json, const char *name)
{
    struct tm tm = {0};
    const char *text = json_string_value(json_object_get(json, name));
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    return (double)timegm(&tm) * 1e3 + strtod(rest, NULL) * 1e3;
}

static void start(char session[33])
{
    Recorder__V1__StartRequest m = RECORDER__V1__START_REQUEST__INIT;
    m.body = (char *)(uintptr_t)BODY;
    json_t *json = program_call(&p, RECORDER_V1_RECORDER_START, &m.base, NULL);
    (void)rf_copy_str(session, 33, json_string_value(json_object_get(json, "id")));
    json_decref(json);
}

/* Until audio has come on a stream from the session's first frame on. */
static void hear(const char *session)
{
    rf_rpc_stream *stream = program_listen(&p, session, "start", "pcm", CHUNK);
    rf_rpc_item *item;
    size_t len = 0;
    while (len == 0 && rf_rpc_stream_recv(stream, &item) == 1) {
        len = item->msg.attachment_len;
        rf_rpc_item_free(item);
    }
    cr_assert_gt(len, 0u);
    rf_rpc_stream_free(stream);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *sorted, int n, double q)
{
    return sorted[RF_MIN((int)(q * n), n - 1)];
}

static void measure_starts(int n)
{
    for (int i = 0; i < n; i++) {
        char session[33];
        double at_ms = now_ms();
        start(session);
        hear(session);
        heard[i] = now_ms() - at_ms;
        poll(NULL, 0, 200); /* the time map has settled */
        json_t *stopped = program_stop_session(&p, session);
        captured[i] = time_ms(stopped, "started_at") - at_ms;
        json_decref(stopped);
    }
    qsort(captured, (size_t)n, sizeof(captured[0]), by_size);
    qsort(heard, (size_t)n, sizeof(heard[0]), by_size);
}

static task_time times(void)
{
    task_time now;
    cr_assert_eq(task_time_read(p.pid, &now), 0);
    return now;
}

/* The shares of a core that the threads of a session take. */
static task_time measure_cpu(int seconds)
{
    char session[33];
    start(session);
    poll(NULL, 0, 1000);
    task_time from = times();
    poll(NULL, 0, seconds * 1000);
    task_time share = times();
    for (int i = 0; i < TASK_N_KINDS; i++) {
        share.s[i] = (share.s[i] - from.s[i]) / seconds;
    }
    json_decref(program_stop_session(&p, session));
    return share;
}

/* What the libraries, or the disk, take alone. */
static double measure_bare(const char *what, int seconds, const char *dir)
{
    double share = 0;
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("exec '%s' %s %d %s", getenv("BENCH_BARE"), what, seconds, dir);
    FILE *out = popen(command, "r");
    cr_assert_not_null(out);
    cr_assert_eq(fscanf(out, "%lf", &share), 1, "%s fails", command);
    cr_assert_eq(pclose(out), 0);
    return share;
}

TestSuite(bench_recorder_device, .init = setup, .fini = teardown, .timeout = 600);

Test(bench_recorder_device, first_frame_and_cpu)
{
    int n = RF_MIN(from_environment("BENCH_STARTS", 50), STARTS_MAX);
    char session[33];
    start(session); /* the libraries are loaded with it */
    json_decref(program_stop_session(&p, session));
    measure_starts(n);
    int seconds = from_environment("BENCH_SECONDS", 60);
    task_time share = measure_cpu(seconds);
    double bare_sound = measure_bare("sound", seconds, "");
    double bare_disk = measure_bare("disk", seconds, p.dir);
    double bare_wake = measure_bare("wake", seconds, "");
    FILE *out = fopen(getenv("BENCH_RESULT"), "w");
    cr_assert_not_null(out);
    fprintf(out,
            "{\"starts\": %d, \"captured_p50_ms\": %.2f, \"captured_p99_ms\": %.2f, "
            "\"heard_p50_ms\": %.2f, \"heard_p99_ms\": %.2f, \"cpu_share\": %.5f, "
            "\"owner\": %.5f, \"journal\": %.5f, \"sound\": %.5f, \"bare_sound\": %.5f, "
            "\"bare_disk\": %.5f, \"bare_wake\": %.5f}\n",
            n, quantile(captured, n, 0.5), quantile(captured, n, 0.99), quantile(heard, n, 0.5),
            quantile(heard, n, 0.99), task_time_all(&share), share.s[TASK_OWNER],
            share.s[TASK_JOURNAL], share.s[TASK_OTHER], bare_sound, bare_disk, bare_wake);
    fclose(out);
}
