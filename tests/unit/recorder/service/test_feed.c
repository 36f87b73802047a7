/* Sessions and their local sources, on a clock of their own and with a source of their own: how
 * they begin, what pauses, stalls and a full disk do to their frames, how they end. */
#include "recorder_begin.h"
#include "recorder_feed.h"
#include "recorder_socket.h"
#include "recorder_text.h"
#include "recorder_world.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define MS (RATE / 1000) /* frames */

/* A source in the hands of the test, of which there is one at a time. */
typedef struct scene {
    recorder_world w;
    const recorder_source_events *events; /* NULL: none is open */
    void *user;
    const recorder_start *start;
    unsigned n_finishes;
    recorder_session *session;
    bool ready;
    recorder_error error;
    recorder_host *host;
    const char *body;
    recorder_caller caller;
    bool publisher;
} scene;

static scene sc;

static recorder_code open_source(void *factory, const recorder_start *start, rf_loop *loop,
                                 const recorder_source_events *events, void *user,
                                 void **ret_source, recorder_error *error)
{
    (void)factory;
    (void)loop;
    (void)error;
    sc.events = events;
    sc.user = user;
    sc.start = start;
    *ret_source = &sc;
    return RECORDER_OK;
}

static void resume(void *source)
{
    (void)source;
}

static void finish(void *source)
{
    (void)source;
    sc.n_finishes++;
}

static void stop(void *source)
{
    (void)source;
    sc.events = NULL;
}

static const recorder_source_ops ops = {open_source, resume, finish, stop};

static void setup(void)
{
    memset(&sc, 0, sizeof(sc));
    world_init(&sc.w);
    world_open(&sc.w, NULL);
    sc.w.service.sources[RECORDER_SOURCE_DEVICE] = (recorder_source_entry){&ops, NULL};
    sc.caller = (recorder_caller){.tenant = "t", .scopes = ""};
    rf_time_drive();
}

static void teardown(void)
{
    world_close(&sc.w);
    world_done(&sc.w);
}

TestSuite(recorder_feed, .init = setup, .fini = teardown, .timeout = 60);

/* ---- on the loop ---- */

static void on_ready(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    sc.session = s;
    sc.ready = true;
    sc.error = *error;
}

static void begin(recorder_world *w, void *user)
{
    char id[RECORDER_ID_TEXT] = "";
    recorder_code *code = user;
    recorder_session *session;
    if (sc.host != NULL) {
        (void)recorder_text_id(sc.host->id, id);
    }
    const recorder_begin_ask ask = {
        .caller = sc.caller, .recorder_id = id, .body = sc.body, .publisher = sc.publisher};
    sc.ready = false;
    *code = recorder_begin(&w->service, &ask, on_ready, NULL, &session, &sc.error);
}

static recorder_code try_start(const char *body)
{
    recorder_code code;
    sc.body = body;
    world_do(&sc.w, begin, &code);
    return code;
}

static void tell_opened(recorder_world *w, void *user)
{
    (void)w;
    (void)sc.events->opened(sc.user, user);
}

static void tell_failed(recorder_world *w, void *user)
{
    (void)w;
    sc.events->failed(sc.user, user);
}

/* ms of audio, which end now. */
static void tell_frames(recorder_world *w, void *user)
{
    static const uint8_t zeros[RATE * sizeof(int32_t)];
    const int64_t *ms = user;
    (void)w;
    (void)sc.events->frames(sc.user, zeros, (uint32_t)(*ms * MS), rf_time_ns());
}

static void tell_gap(recorder_world *w, void *user)
{
    const int64_t *ms = user;
    (void)w;
    (void)sc.events->gap(sc.user, RECORDER_GAP_DEVICE_LOST, *ms * MS, false);
}

static void tell_stalled(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    sc.events->stalled(sc.user, RECORDER_GAP_DEVICE_LOST);
}

static void tell_back(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    sc.events->back(sc.user);
}

static void tell_end(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    sc.events->end(sc.user);
}

static void tell_lost(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    sc.events->lost(sc.user);
}

static void pause_session(recorder_world *w, void *user)
{
    (void)w;
    cr_expect_eq(recorder_session_pause(user, NULL), RECORDER_OK);
}

static void resume_session(recorder_world *w, void *user)
{
    (void)w;
    cr_expect_eq(recorder_session_resume(user, NULL), RECORDER_OK);
}

static void on_stopped(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)s;
    cr_expect(error->code == RECORDER_OK ||
              error->code == RECORDER_STORE_FAILED); /* by this clock */
}

static void stop_session(recorder_world *w, void *user)
{
    (void)w;
    recorder_session_stop(user, -1, on_stopped, NULL);
}

/* ---- in time ---- */

static void pass(int64_t ms)
{
    rf_time_advance(ms * RF_NS_PER_MS);
}

/* ms in which the device delivers. */
static void hear(int64_t ms)
{
    pass(ms);
    world_do(&sc.w, tell_frames, &ms);
}

static void lose(int64_t ms)
{
    world_do(&sc.w, tell_gap, &ms);
}

typedef struct question {
    bool (*is)(void);
    bool answer;
} question;

static void answer(recorder_world *w, void *user)
{
    question *q = user;
    (void)w;
    q->answer = q->is();
}

/* What the loop says. */
static bool ask(bool (*is)(void))
{
    question q = {.is = is};
    world_do(&sc.w, answer, &q);
    return q.answer;
}

/* The journal needs its time too. */
static void await(bool (*is)(void))
{
    bool yes = ask(is);
    for (int i = 0; i < 5000 && !yes; i++) {
        pass(10);
        usleep(1000);
        yes = ask(is);
    }
    cr_assert(yes);
}

static bool is_ready(void)
{
    return sc.ready;
}

static recorder_session *start(const char *body)
{
    cr_assert_eq(try_start(body), RECORDER_OK, "%s", sc.error.message);
    world_do(&sc.w, tell_opened, "microphone");
    recorder_session *s = sc.user;
    await(is_ready);
    cr_assert_eq(sc.error.code, RECORDER_OK, "%s", sc.error.message);
    cr_assert_eq(sc.session, s);
    hear(0); /* time counts from here */
    return s;
}

#define PLAIN "{\"source\":\"device\",\"rate\":48000}"

static recorder_take *await_stored(recorder_session *s)
{
    recorder_take *take = world_take(&sc.w, s);
    for (int i = 0; i < 5000 && take->live.state != RECORDER_STORED; i++) {
        recorder_take_free(take);
        pass(10);
        usleep(1000);
        take = world_take(&sc.w, s);
    }
    cr_assert_eq(take->live.state, RECORDER_STORED);
    return take;
}

static void expect_frames(recorder_session *s, int64_t ms)
{
    recorder_take *take = world_take(&sc.w, s);
    cr_expect_eq(take->frames, ms * MS, "%ld ms for %ld", (long)(take->frames / MS), (long)ms);
    recorder_take_free(take);
}

/* ---- openings ---- */

Test(recorder_feed, section_3_a_session_begins_once_its_source_is_open)
{
    cr_assert_eq(try_start(PLAIN), RECORDER_OK);
    recorder_session *s = sc.user;
    cr_expect_null(recorder_registry_first(sc.w.service.registry));
    world_do(&sc.w, tell_opened, "microphone");
    cr_expect_eq(recorder_registry_first(sc.w.service.registry), s);
    await(is_ready);
    recorder_take *take = world_take(&sc.w, s);
    cr_expect_str_eq(take->start.source_name, "microphone");
    recorder_take_free(take);
}

Test(recorder_feed, section_3_a_source_that_fails_leaves_nothing)
{
    recorder_error why;
    (void)recorder_fail(&why, RECORDER_DEVICE_UNAVAILABLE, "device 7: is not there");
    cr_assert_eq(try_start(PLAIN), RECORDER_OK);
    world_do(&sc.w, tell_failed, &why);
    cr_expect(sc.ready);
    cr_expect_eq(sc.error.code, RECORDER_DEVICE_UNAVAILABLE);
    cr_expect_str_eq(sc.error.message, "device 7: is not there");
    cr_expect_null(sc.events, "it is closed");
    cr_expect_null(recorder_registry_first(sc.w.service.registry));
}

Test(recorder_feed, section_3_a_source_that_does_not_answer_fails_after_10_s)
{
    cr_assert_eq(try_start(PLAIN), RECORDER_OK);
    pass(9900);
    usleep(20000);
    cr_expect_not(ask(is_ready));
    pass(200);
    await(is_ready);
    cr_expect_eq(sc.error.code, RECORDER_DEVICE_UNAVAILABLE);
    cr_expect_null(sc.events);
}

static void open_host(recorder_world *w, void *user)
{
    (void)user;
    sc.host = recorder_registry_open_host(w->service.registry, "t", PLAIN);
}

static void cancel(recorder_world *w, void *user)
{
    (void)user;
    recorder_feed_cancel(&w->service, sc.host->session);
}

Test(recorder_feed, section_3_a_recorder_whose_source_is_being_opened_is_recording)
{
    world_do(&sc.w, open_host, NULL);
    recorder_session *first = start("");
    world_do(&sc.w, tell_end, NULL);
    recorder_take_free(await_stored(first));
    cr_assert_eq(try_start(""), RECORDER_OK);
    cr_expect_eq(try_start(""), RECORDER_ALREADY_RECORDING);
    cr_expect_eq(recorder_begin_session(&sc.w.service, sc.host), first, "until it is open");
    world_do(&sc.w, cancel, NULL);
    cr_expect_eq(sc.error.code, RECORDER_NOT_INITIALISED);
    cr_expect_null(sc.events);
    cr_expect_eq(try_start(""), RECORDER_OK, "and then it may start again");
}

Test(recorder_feed, section_8_a_limit_that_others_have_reached_meanwhile_counts)
{
    sc.w.config.sessions_max = 1;
    cr_assert_eq(try_start(PLAIN), RECORDER_OK);
    cr_assert_eq(try_start("{}"), RECORDER_OK);
    await(is_ready);
    world_do(&sc.w, tell_opened, "");
    cr_expect_eq(sc.error.code, RECORDER_TOO_MANY_SESSIONS);
    cr_expect_null(sc.events);
}

/* ---- who may ---- */

Test(recorder_feed, S5_devices_need_their_scope)
{
    static const struct {
        const char *scopes;
        recorder_code code;
    } table[] = {
        {"", RECORDER_OK}, /* past no gateway */
        {"recorder.device", RECORDER_OK},
        {"jam.record recorder.device", RECORDER_OK},
        {"none", RECORDER_FORBIDDEN},
        {"jam.record", RECORDER_FORBIDDEN},
        {"recorder.devices", RECORDER_FORBIDDEN},
        {"xrecorder.device", RECORDER_FORBIDDEN},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        sc.caller.scopes = table[i].scopes;
        cr_expect_eq(try_start(PLAIN), table[i].code, "%s", table[i].scopes);
        cr_expect_eq(try_start("{}"), RECORDER_OK, "publishers need none");
    }
}

Test(recorder_feed, S5_a_publisher_has_no_other_source_than_itself)
{
    sc.publisher = true;
    cr_expect_eq(try_start(PLAIN), RECORDER_INVALID_ARGUMENT);
    cr_expect_eq(try_start("{}"), RECORDER_OK);
}

/* ---- frames ---- */

Test(recorder_feed, T8_T9_a_gap_is_silence_of_its_length)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    pass(700);
    lose(700);
    hear(100);
    expect_frames(s, 900);
    recorder_take *take = world_take(&sc.w, s);
    cr_assert_eq(take->gaps.n, 1u);
    cr_expect_eq(take->gaps.items[0].start_frame, 100 * MS);
    cr_expect_eq(take->gaps.items[0].length_frames, 700 * MS);
    cr_expect_eq(take->gaps.items[0].cause, RECORDER_GAP_DEVICE_LOST);
    cr_expect(take->gaps.items[0].filled);
    recorder_take_free(take);
}

Test(recorder_feed, T9_the_time_of_a_pause_is_no_part_of_a_gap)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    pass(600);
    world_do(&sc.w, tell_stalled, NULL);
    world_do(&sc.w, pause_session, s);
    expect_frames(s, 700); /* what has not come before it */
    pass(5000);
    world_do(&sc.w, resume_session, s);
    pass(400);
    lose(6000); /* the source counts from its last frames on */
    world_do(&sc.w, tell_back, NULL);
    hear(100);
    expect_frames(s, 1200);
    recorder_take *take = world_take(&sc.w, s);
    cr_expect_eq(take->gaps.n, 1u, "contiguous entries of one cause are one");
    cr_expect_eq(take->gaps.items[0].length_frames, 1000 * MS);
    recorder_take_free(take);
}

Test(recorder_feed, T9_a_gap_within_a_pause_is_none)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    world_do(&sc.w, pause_session, s);
    hear(100);
    pass(700);
    lose(700);
    hear(100);
    world_do(&sc.w, resume_session, s);
    hear(100);
    expect_frames(s, 200);
    recorder_take *take = world_take(&sc.w, s);
    cr_expect_eq(take->gaps.n, 0u);
    recorder_take_free(take);
}

Test(recorder_feed, section_7_a_pause_in_mode_silence_counts_its_time_once)
{
    recorder_session *s =
        start("{\"source\":\"device\",\"rate\":48000,\"options\":{\"pause_mode\":\"silence\"}}");
    hear(100);
    world_do(&sc.w, pause_session, s);
    hear(1000);
    world_do(&sc.w, resume_session, s);
    pass(500);
    lose(500);
    hear(100);
    expect_frames(s, 1700);
}

/* ---- the end ---- */

Test(recorder_feed, Q7_a_stop_takes_what_was_captured_before_it)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    world_do(&sc.w, stop_session, s);
    world_do(&sc.w, stop_session, s);
    cr_expect_eq(sc.n_finishes, 1u, "a second stop joins the first");
    hear(10);
    world_do(&sc.w, tell_end, NULL);
    recorder_take *take = await_stored(s);
    cr_expect_eq(take->frames, 110 * MS);
    cr_expect_eq(take->reason, RECORDER_REASON_STOP);
    recorder_take_free(take);
}

Test(recorder_feed, Q7_a_stop_of_a_device_that_delivers_nothing_reaches_to_its_call)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    pass(900);
    world_do(&sc.w, tell_stalled, NULL);
    world_do(&sc.w, stop_session, s);
    recorder_take *take = await_stored(s);
    cr_expect_eq(take->frames, 1000 * MS);
    cr_assert_eq(take->gaps.n, 1u);
    cr_expect_eq(take->gaps.items[0].length_frames, 900 * MS);
    recorder_take_free(take);
}

Test(recorder_feed, O2_a_stop_in_a_pause_and_one_before_any_audio_end_at_once)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    world_do(&sc.w, pause_session, s);
    world_do(&sc.w, stop_session, s);
    recorder_take *take = await_stored(s);
    cr_expect_eq(take->frames, 100 * MS);
    recorder_take_free(take);
    s = start(PLAIN);
    world_do(&sc.w, stop_session, s);
    world_do(&sc.w, tell_end, NULL);
    take = await_stored(s);
    cr_expect_eq(take->frames, 0);
    cr_expect_eq(take->segments.n, 1u);
    recorder_take_free(take);
}

/* ---- many ---- */

#ifdef __SANITIZE_THREAD__ /* which makes minutes of processor time of them */
#define PAIRS 100
#else
#define PAIRS 1000
#endif
#define BLOCK_MS 10

static const char *const store_formats[] = {"wav", "pcm", "flac", "mp3", "opus"};
static const char *const sample_formats[] = {"int16", "int24", "int32", "float32"};

/* A device delivers what was captured every 10 ms, a stop in between takes the part before it. */
static recorder_session *pair(int i)
{
    char body[160];
    (void)snprintf(body, sizeof(body),
                   "{\"source\":\"device\",\"rate\":48000,\"store_format\":\"%s\","
                   "\"sample_format\":\"%s\"}",
                   store_formats[i % 5], sample_formats[i / 5 % 4]);
    cr_assert_eq(try_start(body), RECORDER_OK, "%s", sc.error.message);
    world_do(&sc.w, tell_opened, "microphone");
    recorder_session *s = sc.user;
    int64_t length_ms = i * 7 % 50; /* 0 too */
    for (int64_t at = BLOCK_MS; at <= length_ms; at += BLOCK_MS) {
        hear(BLOCK_MS);
    }
    pass(length_ms % BLOCK_MS);
    world_do(&sc.w, stop_session, s);
    world_do(&sc.w, tell_frames, &(int64_t){length_ms % BLOCK_MS});
    world_do(&sc.w, tell_end, NULL);
    return s;
}

Test(recorder_feed, Q7_O2_of_1000_starts_and_stops_in_every_format_each_frame_is_kept)
{
    recorder_session *s[PAIRS];
    sc.w.config.sessions_per_tenant = PAIRS;
    sc.w.config.stop_wait_s = 600; /* of a clock that runs faster than the disk */
    for (int i = 0; i < PAIRS; i++) {
        s[i] = pair(i);
    }
    for (int i = 0; i < PAIRS; i++) {
        recorder_take *take = await_stored(s[i]);
        cr_expect_eq(take->frames, i * 7 % 50 * MS, "%d", i);
        cr_expect_eq(take->segments.items[0].n_frames, take->frames);
        recorder_take_free(take);
    }
}

Test(recorder_feed, S4_a_device_that_does_not_come_back_ends_the_session)
{
    recorder_session *s = start(PLAIN);
    hear(100);
    pass(31000);
    world_do(&sc.w, tell_stalled, NULL);
    cr_expect(s->stalled);
    world_do(&sc.w, tell_lost, NULL);
    recorder_take *take = await_stored(s);
    cr_expect_eq(take->reason, RECORDER_REASON_SOURCE_LOST);
    cr_expect_eq(take->frames, 100 * MS);
    cr_expect_null(sc.events);
    recorder_take_free(take);
}

Test(recorder_feed, section_5_a_session_ends_at_its_greatest_length_within_a_gap)
{
    recorder_session *s =
        start("{\"source\":\"device\",\"rate\":48000,\"options\":{\"max_length_s\":1}}");
    hear(100);
    pass(2000);
    lose(2000);
    recorder_take *take = await_stored(s);
    cr_expect_eq(take->frames, RATE);
    cr_expect_eq(take->reason, RECORDER_REASON_MAX_LENGTH);
    cr_expect_null(sc.events);
    recorder_take_free(take);
}

/* ---- sockets ---- */

/* What a socket has said last, acknowledgements and the disk's pace apart. */
typedef struct client {
    recorder_socket *socket;
    json_t *said;
    uint32_t close_code;
    bool released;
} client;

static client cl;

static bool is_named(const json_t *said, const char *member, const char *name)
{
    const char *text = json_string_value(json_object_get(said, member));
    return text != NULL && strcmp(text, name) == 0;
}

static void on_text(void *user, const char *json, size_t len)
{
    json_t *said = json_loadb(json, len, 0, NULL);
    (void)user;
    if (is_named(said, "type", "ack") || is_named(said, "event", "durability_degraded")) {
        json_decref(said);
        return;
    }
    json_decref(cl.said);
    cl.said = said;
}

static int on_binary(void *user, const uint8_t *head, const void *data, size_t len)
{
    (void)user;
    (void)head;
    (void)data;
    (void)len;
    return 0;
}

static void on_close(void *user, uint32_t code, const char *reason)
{
    (void)user;
    (void)reason;
    cl.close_code = code;
}

static void on_resume(void *user)
{
    (void)user;
}

static void on_released(void *user)
{
    (void)user;
    cl.released = true;
}

static void connect_client(recorder_world *w, void *user)
{
    static const recorder_socket_port port = {on_text, on_binary, on_close, on_resume, on_released};
    (void)user;
    memset(&cl, 0, sizeof(cl));
    cl.socket = recorder_socket_open(&w->service, &port, NULL, &sc.caller);
}

static void say(recorder_world *w, void *user)
{
    (void)w;
    recorder_socket_text(cl.socket, user, strlen(user));
}

static void leave(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    recorder_socket_gone(cl.socket);
}

/* A binary message of one frame for the first stream. */
static void send_audio(recorder_world *w, void *user)
{
    static const uint8_t message[18] = {1, 0, 1, 0, 1};
    (void)w;
    (void)user;
    (void)recorder_socket_binary(cl.socket, message, sizeof(message), rf_time_ns());
}

static const char *said(const char *name)
{
    const char *text = json_string_value(json_object_get(cl.said, name));
    return text != NULL ? text : "";
}

static bool has_said_started(void)
{
    return strcmp(said("type"), "started") == 0;
}

static bool was_asked_to_finish(void)
{
    return sc.n_finishes == 1;
}

Test(recorder_feed, section_8_a_socket_records_a_device_and_sends_it_no_audio)
{
    world_do(&sc.w, connect_client, NULL);
    world_do(&sc.w, say, "{\"type\":\"start\",\"req\":1,\"source\":\"device\"}");
    cr_expect_null(cl.said, "not before the device is open");
    world_do(&sc.w, say, "{\"type\":\"pause\",\"stream_id\":1}");
    cr_expect_str_eq(said("code"), "NOT_FOUND");
    world_do(&sc.w, tell_opened, "microphone");
    await(has_said_started);
    cr_expect_eq(json_integer_value(json_object_get(cl.said, "req")), 1);
    world_do(&sc.w, say, "{\"type\":\"gap\",\"stream_id\":1,\"first_frame\":0,\"length\":9}");
    cr_expect_str_eq(said("code"), "BAD_MESSAGE");
    world_do(&sc.w, tell_stalled, NULL);
    cr_expect_str_eq(said("event"), "gap", "S4, Q8: it is told at once");
    const json_t *gap = json_object_get(cl.said, "gap");
    cr_expect_str_eq(json_string_value(json_object_get(gap, "cause")), "device_lost");
    cr_expect(json_is_null(json_object_get(gap, "length_frames")));
    world_do(&sc.w, tell_back, NULL);
    world_do(&sc.w, say, "{\"type\":\"pause\",\"stream_id\":1}");
    cr_expect_str_eq(said("type"), "done");
    world_do(&sc.w, send_audio, NULL);
    cr_expect_eq(cl.close_code, 1007u);
    const recorder_session *s = recorder_registry_first(sc.w.service.registry);
    world_do(&sc.w, leave, NULL);
    cr_expect(cl.released);
    cr_expect_eq(s->take->live.state, RECORDER_PAUSED, "it goes on without the socket");
    cr_expect_not_null(sc.events);
    json_decref(cl.said);
}

Test(recorder_feed, section_8_a_device_that_opens_for_a_socket_that_is_gone_is_stopped)
{
    world_do(&sc.w, connect_client, NULL);
    world_do(&sc.w, say, "{\"type\":\"start\",\"source\":\"device\"}");
    world_do(&sc.w, leave, NULL);
    cr_expect_not(cl.released);
    world_do(&sc.w, tell_opened, "microphone");
    await(was_asked_to_finish);
    cr_expect(cl.released);
    world_do(&sc.w, tell_end, NULL);
}

Test(recorder_feed, section_8_a_socket_is_told_why_a_device_does_not_open)
{
    recorder_error why;
    (void)recorder_fail(&why, RECORDER_DEVICE_UNAVAILABLE, "device 7: is not there");
    world_do(&sc.w, connect_client, NULL);
    world_do(&sc.w, say, "{\"type\":\"start\",\"req\":\"a\",\"source\":\"device\"}");
    world_do(&sc.w, tell_failed, &why);
    cr_expect_str_eq(said("code"), "DEVICE_UNAVAILABLE");
    cr_expect_str_eq(said("req"), "a");
    json_decref(cl.said);
    cl.said = NULL;
    world_do(&sc.w, leave, NULL);
    cr_expect(cl.released);
}

/* ---- a full disk ---- */

static void fill_disk(recorder_world *w, void *user)
{
    const bool *full = user;
    recorder_service_set_full(&w->service, *full);
}

static void end_state(recorder_session *const *s, recorder_state *ret)
{
    for (int i = 0; i < 2; i++) {
        recorder_take *take = world_take(&sc.w, s[i]);
        ret[i] = take->live.state;
        recorder_take_free(take);
    }
}

/* A session of a device and one of a publisher. */
static void start_two(recorder_session **ret)
{
    ret[0] = start(PLAIN);
    hear(100);
    cr_assert_eq(try_start("{\"rate\":48000}"), RECORDER_OK);
    await(is_ready);
    ret[1] = sc.session;
    cr_assert_eq(world_audio(&sc.w, ret[1], 0, 100 * MS), 0);
}

Test(recorder_feed, D10_space_that_comes_back_within_10_minutes_lets_sessions_go_on)
{
    recorder_session *s[2];
    recorder_state state[2];
    start_two(s);
    world_do(&sc.w, fill_disk, &(bool){true});
    pass(599 * 1000);
    usleep(20000);
    world_do(&sc.w, fill_disk, &(bool){false});
    pass(60 * 1000);
    usleep(20000);
    end_state(s, state);
    cr_expect_eq(state[0], RECORDER_RECORDING);
    cr_expect_eq(state[1], RECORDER_RECORDING);
}

Test(recorder_feed, D10_a_disk_that_stays_full_for_10_minutes_ends_sessions_and_keeps_their_audio)
{
    recorder_session *s[2];
    start_two(s);
    world_do(&sc.w, fill_disk, &(bool){true});
    pass(601 * 1000);
    for (int i = 0; i < 2; i++) {
        recorder_take *take = await_stored(s[i]);
        cr_expect_eq(take->reason, RECORDER_REASON_DISK_FULL);
        cr_expect_eq(take->frames, 100 * MS);
        cr_expect_eq(take->segments.items[0].n_frames, 100 * MS);
        recorder_take_free(take);
    }
    cr_expect_null(sc.events);
    cr_expect_eq(try_start("{}"), RECORDER_NO_SPACE);
}
