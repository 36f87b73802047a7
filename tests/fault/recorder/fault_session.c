#include "fault_session.h"

#include "rf_bus.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <reflection/recorder/v1/event.pb-c.h>
#include <string.h>

#define BEYOND_HEADS 65536 /* of an object, beside its samples */
#define EVENTS_WAIT_NS (20 * RF_NS_PER_S)

fault_answer fault_begin(fault_session *s, recorder_program *p, const char *format)
{
    char body[128];
    (void)snprintf(body, sizeof(body),
                   "{\"store_format\":\"%s\",\"options\":{\"attach_window_s\":600}}", format);
    memset(s, 0, sizeof(*s));
    if (!publisher_try(&s->pub, p, NULL, body)) {
        fault_leave(s);
        return FAULT_DEAD;
    }
    cr_assert_str_empty(s->pub.code);
    memcpy(s->session, s->pub.session, sizeof(s->session));
    memcpy(s->key, s->pub.key, sizeof(s->key));
    return FAULT_ALIVE;
}

fault_answer fault_attach(fault_session *s, recorder_program *p)
{
    if (!publisher_try(&s->pub, p, s->session, NULL)) {
        fault_leave(s);
        return FAULT_DEAD;
    }
    if (s->pub.code[0] != '\0') {
        cr_assert(s->stopping, "%s: %s", s->session, s->pub.code);
        cr_assert_str_eq(s->pub.code, "NOT_RECORDING");
        s->over = true;
        fault_leave(s);
        return FAULT_ALIVE;
    }
    cr_assert_geq(s->pub.next_frame, s->acked, "acknowledged frames are lost");
    cr_assert_leq(s->pub.next_frame, s->sent, "frames that nobody sent");
    s->stopping = false; /* nobody will answer what was asked */
    s->sent = s->pub.next_frame;
    s->pub.durable = s->pub.next_frame;
    return FAULT_ALIVE;
}

void fault_send(fault_session *s, int n)
{
    const uint64_t end = s->sent + (uint64_t)n * FAULT_MESSAGE;
    publisher_samples(&s->pub, s->sent, end, FAULT_MESSAGE);
    s->sent = end;
}

void fault_stop(fault_session *s)
{
    publisher_ask_stop(&s->pub, s->sent);
    s->stopping = true;
}

fault_answer fault_read(fault_session *s)
{
    if (s->pub.stream == NULL || (s->pub.durable == s->sent && !s->stopping)) {
        return FAULT_ALIVE;
    }
    if (!publisher_read(&s->pub)) {
        return FAULT_DEAD;
    }
    cr_assert_str_empty(s->pub.code);
    cr_assert_leq(s->pub.durable, s->sent);
    s->acked = s->pub.durable;
    if (s->pub.stopped != NULL) {
        s->over = true;
        fault_leave(s);
    }
    return FAULT_ALIVE;
}

void fault_leave(fault_session *s)
{
    if (s->pub.stream != NULL) {
        publisher_leave(&s->pub);
    }
}

/* ---- in the end ---- */

static int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void expect_master(recorder_program *p, const char *session, uint32_t n)
{
    program_bytes got;
    Recorder__V1__SegmentRequest m = RECORDER__V1__SEGMENT_REQUEST__INIT;
    int16_t *want = RF_NEW_ARRAY(int16_t, (size_t)n + 1);
    m.session = (char *)(uintptr_t)session;
    program_samples(0, n, 1, want);
    program_segment(p, &m, &got);
    cr_assert_str_empty(got.code, "%s: %s", session, got.code);
    cr_assert_eq(got.len, n * sizeof(int16_t), "%s: %zu bytes for %u frames", session, got.len, n);
    cr_assert_eq(memcmp(got.data, want, got.len), 0, "%s: other samples", session);
    program_bytes_done(&got);
    free(want);
}

static void expect_object(recorder_program *p, const char *key, uint64_t n)
{
    program_bytes object;
    json_t *meta;
    const char *dot = strrchr(key, '.');
    program_object(p, key, &object, &meta);
    cr_assert_eq(number(meta, "frame_count"), (int64_t)n, "%s", key);
    if (strcmp(dot, ".pcm") == 0) {
        cr_assert_eq(object.len, n * sizeof(int16_t), "%s", key);
    } else if (strcmp(dot, ".wav") == 0) {
        cr_assert_geq(object.len, n * sizeof(int16_t), "%s", key);
        cr_assert_leq(object.len, n * sizeof(int16_t) + BEYOND_HEADS, "%s", key);
    } else {
        cr_assert_gt(object.len, 0, "%s", key);
    }
    json_decref(meta);
    program_bytes_done(&object);
}

void fault_finish(fault_session *s, recorder_program *p)
{
    json_t *stopped = program_stop_session(p, s->session);
    const uint64_t frames = (uint64_t)number(stopped, "frame_count");
    cr_assert_str_eq(json_string_value(json_object_get(stopped, "key")), s->key);
    cr_assert_geq(frames, s->acked, "%s: acknowledged frames are lost", s->session);
    cr_assert_leq(frames, s->sent, "%s: frames that nobody sent", s->session);
    if (frames > 0) {
        expect_master(p, s->session, (uint32_t)frames);
    }
    expect_object(p, s->key, frames);
    json_decref(stopped);
}

/* What a command prints, in bytes. */
static size_t count_output(const char *command)
{
    char block[4096];
    size_t n = 0;
    size_t total = 0;
    FILE *pipe = popen(command, "re");
    cr_assert_not_null(pipe);
    while ((n = fread(block, 1, sizeof(block), pipe)) > 0) {
        total += n;
    }
    cr_assert_eq(pclose(pipe), 0, "%s", command);
    return total;
}

void fault_expect_decodable(const fault_session *s, recorder_program *p)
{
    program_bytes object;
    json_t *meta;
    const char *form = strrchr(s->key, '.') + 1;
    const size_t rates = strcmp(form, "opus") == 0 ? 3 : 1; /* it is decoded at 48 kHz */
    program_object(p, s->key, &object, &meta);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/decoded.%s", p->dir, form);
    RF_CLEANUP(rf_cleanup_free)
    char *command = rf_asprintf("ffmpeg -v error %s -i '%s' -f s16le - 2>&1",
                                strcmp(form, "pcm") == 0 ? "-f s16le -ar 16000 -ac 1" : "", path);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(object.data, 1, object.len, file), object.len);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(count_output(command),
                 rates * sizeof(int16_t) * (size_t)number(meta, "frame_count"), "%s", command);
    json_decref(meta);
    program_bytes_done(&object);
}

static int count_object(const char *key, const rf_store_info *info, void *user)
{
    size_t *n = user;
    (void)key;
    (void)info;
    (*n)++;
    return 0;
}

static json_t *list_page(recorder_program *p, const char *cursor)
{
    Recorder__V1__ListRequest m = RECORDER__V1__LIST_REQUEST__INIT;
    m.page_size = 500;
    m.cursor = (char *)(uintptr_t)cursor;
    return program_call(p, RECORDER_V1_RECORDER_LIST, &m.base, NULL);
}

/* Sessions that began unheard of are finished too, and counted. */
static size_t finish_all(recorder_program *p)
{
    RF_CLEANUP(rf_cleanup_free) char *cursor = rf_strdup("");
    size_t n = 0;
    do {
        size_t i;
        const json_t *one;
        json_t *page = list_page(p, cursor);
        json_array_foreach(json_object_get(page, "items"), i, one)
        {
            json_decref(program_stop_session(p, json_string_value(json_object_get(one, "id"))));
            n++;
        }
        const char *next = json_string_value(json_object_get(page, "next_cursor"));
        free(cursor);
        cursor = rf_strdup(next != NULL ? next : "");
        json_decref(page);
    } while (cursor[0] != '\0');
    return n;
}

void fault_expect_objects(recorder_program *p)
{
    rf_store *store;
    size_t n_objects = 0;
    const size_t n_sessions = finish_all(p);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("dir:%s/objects", p->dir);
    cr_assert_eq(rf_store_open(url, &store), 0);
    cr_assert_eq(rf_store_list(store, "", count_object, &n_objects), 0);
    cr_assert_eq(n_objects, n_sessions, "%zu objects of %zu sessions", n_objects, n_sessions);
    rf_store_close(store);
}

/* ---- events ---- */

typedef struct told {
    char id[2][64]; /* of the events of the two types, "" before the first */
} told;

static const fault_session *find(const fault_session *sessions, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sessions[i].session, id) == 0) {
            return &sessions[i];
        }
    }
    return NULL; /* one that began unheard of */
}

/* Returns 1 for the first event of its kind. */
static size_t note(const fault_session *sessions, size_t n, told *all, const rf_bus_message *m)
{
    Recorder__V1__RecordingEvent *e =
        recorder__v1__recording_event__unpack(NULL, m->value_len, m->value);
    cr_assert_not_null(e);
    const fault_session *s = find(sessions, n, e->session_id);
    const int kind = (int)e->type - RECORDER__V1__RECORDING_EVENT_TYPE__SEGMENT_FINISHED;
    size_t fresh = 0;
    if (s != NULL && (kind == 0 || kind == 1)) {
        char *id = all[s - sessions].id[kind];
        fresh = id[0] == '\0' ? 1 : 0;
        cr_assert(fresh == 1 || strcmp(id, e->event_id) == 0, "%s: told under two ids",
                  e->session_id);
        (void)rf_copy_str(id, 64, e->event_id);
    }
    recorder__v1__recording_event__free_unpacked(e, NULL);
    return fresh;
}

void fault_expect_events(const recorder_program *p, const fault_session *sessions, size_t n)
{
    static const char *const topics[] = {"reflection.recordings"};
    const rf_bus_sub_config sub_config = {
        .group = "tests", .topics = topics, .n_topics = 1, .start = RF_BUS_EARLIEST};
    rf_bus *bus;
    rf_bus_sub *sub;
    rf_bus_message *message;
    told *all = RF_NEW_ARRAY(told, n);
    size_t n_told = 0;
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("local:%s/bus", p->dir);
    const rf_bus_config config = {.url = url};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    cr_assert_eq(rf_bus_subscribe(bus, &sub_config, &sub), 0);
    const int64_t end_ns = rf_time_ns() + EVENTS_WAIT_NS;
    while (n_told < 2 * n && rf_bus_next(sub, &message, end_ns) == 0) {
        n_told += note(sessions, n, all, message);
        rf_bus_message_free(message);
    }
    cr_assert_eq(n_told, 2 * n, "%zu events of %zu sessions", n_told, n);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
    free(all);
}
