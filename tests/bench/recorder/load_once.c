/* Runs with one session: live chunks, extracts, its stop. */
#include "load_feed.h"
#include "load_run.h"

#include "rf_id.h"
#include "rf_time.h"

#include <jansson.h>
#include <pthread.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>
#include <unistd.h>

#define MINUTE ((int64_t)60 * LOAD_RATE)
#define HOUR (60 * MINUTE)
#define TURNS 10 /* of extracts */
#define CONSUMERS_MAX 64
#define WAIT_MS 60000
#define STEP_S 4  /* that all sessions have in flight at once */
#define MIXED_S 8 /* at the end, of which message stands by message: more than a log holds */
#define MESSAGE (LOAD_RATE / 50)

/* ---- live chunks ---- */

typedef struct listener {
    pthread_t thread;
    rf_rpc_stream *stream;
    _Atomic(int64_t) n_chunks;
    _Atomic(int64_t) n_bytes;
} listener;

static void *listen_on(void *user)
{
    listener *l = user;
    rf_rpc_item *item;
    while (rf_rpc_stream_recv(l->stream, &item) == 1) {
        const Recorder__V1__StreamPart *part = (const Recorder__V1__StreamPart *)item->message;
        l->n_bytes += (int64_t)item->msg.attachment_len;
        l->n_chunks += part->chunk_end ? 1 : 0;
        rf_rpc_item_free(item);
    }
    return NULL;
}

static void open_listener(listener *l, rf_rpc_channel *channel, char *session)
{
    const rf_rpc_options options = load_options();
    Recorder__V1__StreamRequest m = RECORDER__V1__STREAM_REQUEST__INIT;
    Recorder__V1__Output output = RECORDER__V1__OUTPUT__INIT;
    output.format = "mp3";
    m.session = session;
    m.from = "start";
    m.output = &output;
    m.chunk_size = LOAD_RATE;
    m.lag_policy = "wait";
    l->stream = rf_rpc_stream_open(channel, RECORDER_V1_RECORDER_STREAM, &options);
    if (rf_rpc_stream_send(l->stream, &m.base, NULL) < 0 ||
        pthread_create(&l->thread, NULL, listen_on, l) != 0) {
        load_die("no stream");
    }
    rf_rpc_stream_half_close(l->stream);
}

static void await_chunks(const listener *l, int n, int64_t chunks)
{
    const struct timespec pause = {.tv_nsec = RF_NS_PER_MS};
    int left_ms = WAIT_MS;
    for (int i = 0; i < n; i++) {
        while (l[i].n_chunks < chunks) {
            if (left_ms-- == 0) {
                load_die("consumer %d has %lld chunks of %lld", i, (long long)l[i].n_chunks,
                         (long long)chunks);
            }
            nanosleep(&pause, NULL);
        }
    }
}

/* Processor time of the recorder a chunk, while a minute is taken in and given out. */
static double minute_ms(load_feed *f, const listener *l, int n, int minute, long pid)
{
    const int64_t before_ns = load_cpu_ns(pid);
    load_feed_fill(f, (minute + 1) * MINUTE);
    await_chunks(l, n, (minute + 1) * INT64_C(60) - 1); /* a codec frame may still wait */
    return (double)(load_cpu_ns(pid) - before_ns) / (double)RF_NS_PER_MS / (60.0 * n);
}

void load_chunks(const char *url, int consumers, int minutes, long pid)
{
    listener listeners[CONSUMERS_MAX] = {0};
    load_feed *f = RF_NEW(load_feed);
    rf_rpc_channel *channel = load_channel(url);
    const int n = RF_MIN(consumers, CONSUMERS_MAX);
    double first_ms = 0;
    double last_ms = 0;
    load_feed_start(f, channel, "");
    load_feed_begun(f);
    for (int i = 0; i < n; i++) {
        open_listener(&listeners[i], channel, f->session);
    }
    for (int minute = 0; minute < minutes; minute++) {
        last_ms = minute_ms(f, listeners, n, minute, pid);
        first_ms = minute == 0 ? last_ms : first_ms;
    }
    load_feed_stop(f);
    const int64_t stored = load_feed_stopped(f);
    int64_t n_bytes = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(listeners[i].thread, NULL);
        rf_rpc_stream_free(listeners[i].stream);
        n_bytes += listeners[i].n_bytes;
    }
    printf("{\"first_ms\": %.4f, \"last_ms\": %.4f, \"frames\": %lld, \"bytes\": %lld}\n", first_ms,
           last_ms, (long long)stored, (long long)n_bytes / n);
    load_feed_leave(f);
    rf_rpc_channel_close(channel);
    free(f);
}

static json_t *document(rf_rpc_channel *channel, const rf_rpc_method *method,
                        const ProtobufCMessage *request)
{
    const rf_rpc_options options = load_options();
    ProtobufCMessage *reply = NULL;
    if (rf_rpc_invoke(channel, method, &options, request, &reply, NULL) < 0) {
        return NULL;
    }
    json_t *json = json_loads(((Recorder__V1__Document *)reply)->json->text, 0, NULL);
    rf_rpc_message_free(reply);
    return json;
}

/* ---- extracts ---- */

static const char *const formats[] = {"pcm", "wav", "flac", "mp3", "opus"};

/* Asks for one second from a random place behind begin; how long it took until the last byte. */
static int64_t extract_ns(rf_rpc_channel *channel, load_feed *f, int64_t begin, int64_t end,
                          const char *format)
{
    const rf_rpc_options options = load_options();
    const uint64_t first = (uint64_t)begin + rf_random_u64((uint64_t)(end - begin - LOAD_RATE));
    char from[32];
    char to[32];
    rf_rpc_item *item;
    Recorder__V1__SegmentRequest m = RECORDER__V1__SEGMENT_REQUEST__INIT;
    Recorder__V1__Output output = RECORDER__V1__OUTPUT__INIT;
    (void)snprintf(from, sizeof(from), "f:%llu", (unsigned long long)first);
    (void)snprintf(to, sizeof(to), "f:%llu", (unsigned long long)first + LOAD_RATE);
    output.format = (char *)(uintptr_t)format;
    m.session = f->session;
    m.from = from;
    m.to = to;
    m.output = &output;
    const int64_t begin_ns = rf_time_ns();
    rf_rpc_stream *s = rf_rpc_stream_open(channel, RECORDER_V1_RECORDER_SEGMENT, &options);
    int n = rf_rpc_stream_send(s, &m.base, NULL);
    size_t n_bytes = 0;
    rf_rpc_stream_half_close(s);
    while (n >= 0 && (n = rf_rpc_stream_recv(s, &item)) == 1) {
        n_bytes += item->msg.attachment_len;
        rf_rpc_item_free(item);
    }
    if (n < 0 || n_bytes == 0) {
        load_die("no extract of %s: %s", format, rf_rpc_stream_status(s)->message);
    }
    rf_rpc_stream_free(s);
    return rf_time_ns() - begin_ns;
}

static void print_times(const char *name, const load_times *t)
{
    printf("\"%s\": {\"p50_ms\": %.3f, \"p99_ms\": %.3f}, ", name, load_times_ms(t, 0.5),
           load_times_ms(t, 0.99));
}

static void print_extracts(rf_rpc_channel *channel, load_feed *f, int n)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        load_times *t = RF_NEW(load_times);
        (void)extract_ns(channel, f, 0, f->n_sent, formats[i]);
        for (int k = 0; k < n; k++) {
            load_times_add(t, extract_ns(channel, f, 0, f->n_sent, formats[i]));
        }
        print_times(formats[i], t);
        free(t);
    }
}

void load_extract(const char *url, int minutes, int extracts, long pid)
{
    load_feed *f = RF_NEW(load_feed);
    rf_rpc_channel *channel = load_channel(url);
    load_feed_start(f, channel, "");
    load_feed_begun(f);
    load_feed_fill(f, minutes * MINUTE);
    printf("{");
    print_extracts(channel, f, extracts);
    const bool reset = load_rss_reset(pid);
    const long before_kib = load_rss_kib(pid, "VmRSS");
    const int64_t begin_ns = rf_time_ns();
    load_feed_stop(f);
    const int64_t stored = load_feed_stopped(f);
    const int64_t stop_ns = rf_time_ns() - begin_ns;
    printf("\"stop_ms\": %.1f, \"grown_kib\": %ld, \"lost\": %lld}\n",
           (double)stop_ns / (double)RF_NS_PER_MS,
           reset ? load_rss_kib(pid, "VmHWM") - before_kib : -1, (long long)(f->n_sent - stored));
    load_feed_leave(f);
    rf_rpc_channel_close(channel);
    free(f);
}

/* Waits until the file has been recorded to its end and stored; its frames. */
static int64_t await_stored(rf_rpc_channel *channel, char *session)
{
    const struct timespec pause = {.tv_nsec = 100 * RF_NS_PER_MS};
    Recorder__V1__GetRequest get = RECORDER__V1__GET_REQUEST__INIT;
    bool stored = false;
    int64_t frames = 0;
    get.session = session;
    while (!stored) {
        nanosleep(&pause, NULL);
        json_t *info = document(channel, RECORDER_V1_RECORDER_GET, &get.base);
        const char *state = json_string_value(json_object_get(info, "state"));
        stored = state != NULL && strcmp(state, "STORED") == 0;
        frames = json_integer_value(json_object_get(info, "frames"));
        json_decref(info);
    }
    return frames;
}

/* Fills a session from a file, to its end. */
static void record_file(rf_rpc_channel *channel, const char *name, load_feed *f)
{
    Recorder__V1__StartRequest start = RECORDER__V1__START_REQUEST__INIT;
    RF_CLEANUP(rf_cleanup_free)
    char *body = rf_asprintf("{\"source\":\"file\",\"source_name\":\"%s@0\"}", name);
    start.body = body;
    json_t *session = document(channel, RECORDER_V1_RECORDER_START, &start.base);
    if (session == NULL) {
        load_die("%s is not recorded", name);
    }
    (void)rf_copy_str(f->session, sizeof(f->session),
                      json_string_value(json_object_get(session, "id")));
    json_decref(session);
    f->n_sent = await_stored(channel, f->session);
}

static void time_turn(rf_rpc_channel *channel, load_feed *f, const char *format, int n,
                      load_times *t)
{
    const bool longer = f->n_sent > 2 * HOUR;
    const int64_t begin = longer ? f->n_sent - 2 * HOUR : 0;
    const int64_t end = longer ? f->n_sent - HOUR : f->n_sent;
    (void)extract_ns(channel, f, begin, end, format);
    for (int k = 0; k < n; k++) {
        load_times_add(t, extract_ns(channel, f, begin, end, format));
    }
}

void load_files(const char *url, int extracts, char *const names[], int n)
{
    const size_t n_files = (size_t)n;
    load_feed *feeds = RF_NEW_ARRAY(load_feed, n_files);
    load_times *times = RF_NEW_ARRAY(load_times, n_files * RF_ARRAY_LEN(formats));
    rf_rpc_channel *channel = load_channel(url);
    for (size_t i = 0; i < n_files; i++) {
        record_file(channel, names[i], &feeds[i]);
    }
    for (size_t k = 0; k < (size_t)TURNS * n_files * RF_ARRAY_LEN(formats); k++) {
        const size_t at =
            k % (n_files * RF_ARRAY_LEN(formats)); /* files of a format side by side */
        time_turn(channel, &feeds[at % n_files], formats[at / n_files], extracts / TURNS,
                  &times[at]);
    }
    printf("{");
    for (size_t i = 0; i < n_files; i++) {
        printf("\"%s\": {", names[i]);
        for (size_t k = 0; k < RF_ARRAY_LEN(formats); k++) {
            print_times(formats[k], &times[k * n_files + i]);
        }
        printf("\"frames\": %lld}%s", (long long)feeds[i].n_sent, i + 1 < n_files ? ", " : "}\n");
    }
    rf_rpc_channel_close(channel);
    free(times);
    free(feeds);
}

/* ---- sessions left behind ---- */

/* All sessions send up to end: one after the other, or in turn, a message each. */
static void push_all(load_feed *feeds, int sessions, int64_t from, int64_t end, int64_t each)
{
    for (int64_t at = from; at < end; at += each) {
        for (int i = 0; i < sessions; i++) {
            load_feed_push(&feeds[i], RF_MIN(at + each, end));
        }
    }
    for (int i = 0; i < sessions; i++) {
        load_feed_fill(&feeds[i], end);
    }
}

void load_interrupt(const char *url, int sessions, int seconds, int window_s)
{
    load_feed *feeds = RF_NEW_ARRAY(load_feed, (size_t)sessions);
    rf_rpc_channel *channel = load_channel(url);
    char body[64];
    (void)snprintf(body, sizeof(body), "{\"options\":{\"attach_window_s\":%d}}", window_s);
    for (int i = 0; i < sessions; i++) {
        load_feed_start(&feeds[i], channel, body);
    }
    for (int i = 0; i < sessions; i++) {
        load_feed_begun(&feeds[i]);
    }
    for (int64_t at = 0; at < seconds; at += STEP_S) {
        const int64_t end = RF_MIN(at + STEP_S, (int64_t)seconds);
        const bool mixed = end > seconds - MIXED_S;
        push_all(feeds, sessions, at * LOAD_RATE, end * LOAD_RATE,
                 mixed ? MESSAGE : STEP_S * LOAD_RATE);
    }
    for (int i = 0; i < sessions; i++) {
        feeds[i].n_stored = 0; /* its stream may end now */
    }
    printf("{\"sessions\": %d}\n", sessions);
    (void)fflush(stdout);
    (void)pause(); /* until it is killed, behind the recorder */
    rf_rpc_channel_close(channel);
    free(feeds);
}

void load_probe(const char *url)
{
    const int64_t begin_ns = rf_time_ns();
    const struct timespec pause = {.tv_nsec = 10 * RF_NS_PER_MS};
    rf_rpc_channel *channel = load_channel(url);
    Recorder__V1__StartRequest start = RECORDER__V1__START_REQUEST__INIT;
    Recorder__V1__StopRequest stop = RECORDER__V1__STOP_REQUEST__INIT;
    json_t *session;
    while ((session = document(channel, RECORDER_V1_RECORDER_START, &start.base)) == NULL) {
        nanosleep(&pause, NULL);
    }
    printf("{\"accepted_s\": %.3f}\n", (double)(rf_time_ns() - begin_ns) / (double)RF_NS_PER_S);
    stop.session = (char *)(uintptr_t)json_string_value(json_object_get(session, "id"));
    json_decref(document(channel, RECORDER_V1_RECORDER_STOP, &stop.base));
    json_decref(session);
    rf_rpc_channel_close(channel);
}

void load_count(const char *url, const char *state)
{
    RF_CLEANUP(rf_cleanup_free) char *cursor = rf_strdup("");
    rf_rpc_channel *channel = load_channel(url);
    size_t n = 0;
    int64_t n_frames = 0;
    do {
        size_t i;
        const json_t *one;
        Recorder__V1__ListRequest list = RECORDER__V1__LIST_REQUEST__INIT;
        list.state = (char *)(uintptr_t)state;
        list.page_size = 500;
        list.cursor = cursor;
        json_t *page = document(channel, RECORDER_V1_RECORDER_LIST, &list.base);
        const json_t *all = json_object_get(page, "items");
        json_array_foreach(all, i, one)
        {
            n_frames += json_integer_value(json_object_get(one, "frames"));
        }
        n += json_array_size(all);
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        free(cursor);
        cursor = rf_strdup(next != NULL ? next : "");
        json_decref(page);
    } while (cursor[0] != '\0');
    printf("{\"sessions\": %zu, \"frames\": %lld}\n", n, (long long)n_frames);
    rf_rpc_channel_close(channel);
}
