/* Recorders whose source runs before start(): on a clock of their own, with a source in the hands
 * of the test; and a file. */
#include "recorder_begin.h"
#include "recorder_file.h"
#include "recorder_text.h"
#include "recorder_view.h"
#include "recorder_world.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000
#define MS (RATE / 1000) /* frames */

typedef struct scene {
    recorder_world w;
    const recorder_source_events *events; /* NULL: the source is not open */
    void *user;
    unsigned n_opens;
    unsigned n_finishes;
    int64_t next; /* frame of the source, from 0 */
    int last;     /* what frames returned */
    recorder_host *host;
    recorder_session *session;
    bool ready;
    int64_t durable; /* then */
    bool stopped;
    recorder_error error;
    const char *body;
} scene;

static scene sc;

static recorder_code open_source(void *factory, const recorder_start *start, rf_loop *loop,
                                 const recorder_source_events *events, void *user,
                                 void **ret_source, recorder_error *error)
{
    (void)factory;
    (void)start;
    (void)loop;
    (void)error;
    sc.events = events;
    sc.user = user;
    sc.n_opens++;
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
    rf_time_drive();
}

static void teardown(void)
{
    world_close(&sc.w);
    cr_expect_null(sc.events, "the source is closed with the service");
    world_done(&sc.w);
}

TestSuite(recorder_preroll, .init = setup, .fini = teardown, .timeout = 60);

/* ---- on the loop ---- */

static void open_recorder(recorder_world *w, void *user)
{
    recorder_code *code = user;
    const recorder_begin_ask ask = {.caller = {.tenant = "t", .scopes = ""}, .body = sc.body};
    *code = recorder_begin_open(&w->service, &ask, &sc.host, &sc.error);
}

static void close_recorder(recorder_world *w, void *user)
{
    (void)user;
    recorder_registry_close_host(w->service.registry, sc.host);
}

static void on_ready(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    sc.session = s;
    sc.durable = s->durable;
    sc.error = *error;
    sc.ready = true;
}

static void begin(recorder_world *w, void *user)
{
    char id[RECORDER_ID_TEXT];
    recorder_code *code = user;
    recorder_session *session;
    const recorder_begin_ask ask = {.caller = {.tenant = "t", .scopes = ""},
                                    .recorder_id = recorder_text_id(sc.host->id, id),
                                    .body = sc.body};
    sc.ready = false;
    *code = recorder_begin(&w->service, &ask, on_ready, NULL, &session, &sc.error);
}

static void tell_opened(recorder_world *w, void *user)
{
    (void)w;
    cr_expect_eq(sc.events->opened(sc.user, user), 0);
}

/* Frames of the source that spell their number. */
static void tell_frames(recorder_world *w, void *user)
{
    const int64_t *n = user;
    RF_CLEANUP(rf_cleanup_free) int16_t *x = RF_NEW_ARRAY(int16_t, (size_t)*n + 1);
    (void)w;
    for (int64_t i = 0; i < *n; i++) {
        x[i] = (int16_t)(uint16_t)(sc.next + i);
    }
    sc.next += *n;
    sc.last = sc.events->frames(sc.user, x, (uint32_t)*n, rf_time_ns());
}

static void tell_gap(recorder_world *w, void *user)
{
    const int64_t *n = user;
    (void)w;
    sc.next += *n;
    (void)sc.events->gap(sc.user, RECORDER_GAP_XRUN, *n, true);
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

static void on_stopped(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)s;
    cr_expect_eq(error->code, RECORDER_OK);
    sc.stopped = true;
}

static void stop_session(recorder_world *w, void *user)
{
    (void)w;
    sc.stopped = false;
    recorder_session_stop(user, -1, on_stopped, NULL);
}

static void nothing(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
}

/* ---- in time ---- */

static void pass(int64_t ms)
{
    rf_time_advance(ms * RF_NS_PER_MS);
}

/* ms in which the source delivers, 10 ms at a time. */
static void hear(int64_t ms)
{
    int64_t n = 10 * MS;
    for (; ms > 0; ms -= 10) {
        pass(10);
        world_do(&sc.w, tell_frames, &n);
    }
}

typedef struct looking {
    const bool *flag; /* NULL: is the source open? */
    bool is_set;
} looking;

static void look(recorder_world *w, void *user)
{
    looking *l = user;
    (void)w;
    l->is_set = l->flag != NULL ? *l->flag : sc.events != NULL;
}

/* The journal and the pools need their time too. */
static bool await(const bool *flag)
{
    looking l = {.flag = flag};
    world_do(&sc.w, look, &l);
    for (int i = 0; i < 5000 && !l.is_set; i++) {
        pass(1);
        usleep(1000);
        world_do(&sc.w, look, &l);
    }
    return l.is_set;
}

static recorder_take *await_frames(recorder_session *s, int64_t frames)
{
    recorder_take *take = world_take(&sc.w, s);
    for (int i = 0; i < 5000 && take->frames < frames; i++) {
        recorder_take_free(take);
        usleep(1000);
        take = world_take(&sc.w, s);
    }
    cr_assert_eq(take->frames, frames, "%ld", (long)take->frames);
    return take;
}

static recorder_take *await_state(recorder_session *s, recorder_state state)
{
    recorder_take *take = world_take(&sc.w, s);
    for (int i = 0; i < 5000 && take->live.state != state; i++) {
        recorder_take_free(take);
        pass(10);
        usleep(1000);
        take = world_take(&sc.w, s);
    }
    cr_assert_eq(take->live.state, state);
    return take;
}

#define WITH(ms)                                                                                   \
    "{\"source\":\"device\",\"store_format\":\"pcm\",\"options\":{\"preroll_ms\":" #ms "}}"

static void open_with(const char *body)
{
    recorder_code code;
    sc.body = body;
    world_do(&sc.w, open_recorder, &code);
    cr_assert_eq(code, RECORDER_OK, "%s", sc.error.message);
    world_do(&sc.w, tell_opened, "microphone");
}

static recorder_session *start(const char *body)
{
    recorder_code code;
    sc.body = body;
    world_do(&sc.w, begin, &code);
    cr_assert_eq(code, RECORDER_OK, "%s", sc.error.message);
    cr_assert(await(&sc.ready));
    cr_assert_eq(sc.error.code, RECORDER_OK, "%s", sc.error.message);
    return sc.session;
}

/* The master has the source's frames from `first` on; zeros: [gap, gap_end) of them. */
static void expect_master(const recorder_session *s, int64_t first, int64_t n, int64_t gap,
                          int64_t gap_end)
{
    RF_CLEANUP(rf_cleanup_free) int16_t *x = RF_NEW_ARRAY(int16_t, (size_t)n + 1);
    RF_CLEANUP(rf_cleanup_close) int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(pread(fd, x, (size_t)n * 2 + 2, 0), (ssize_t)(n * 2));
    for (int64_t i = 0; i < n; i++) {
        bool lost = first + i >= gap && first + i < gap_end;
        cr_assert_eq(x[i], lost ? 0 : (int16_t)(uint16_t)(first + i), "%ld", (long)i);
    }
}

static recorder_take *stop_at(recorder_session *s)
{
    world_do(&sc.w, stop_session, s);
    world_do(&sc.w, tell_end, NULL);
    cr_assert(await(&sc.stopped));
    return await_state(s, RECORDER_STORED);
}

/* ---- what it does ---- */

Test(recorder_preroll, section_7_the_oldest_frame_of_the_past_is_frame_0)
{
    open_with(WITH(2000));
    hear(5000);
    int64_t first = sc.next - 2000 * MS;
    int64_t called_ns = rf_time_ns();
    recorder_session *s = start("");
    hear(500);
    recorder_take *take = await_frames(s, 2500 * MS);
    cr_expect_geq(sc.durable, 2000 * MS, "D2: the answer says that the past is durable");
    cr_expect_eq(take->start.preroll_frames, 2000 * MS);
    cr_expect_eq(take->start.requested_at_ns, called_ns + take->utc_offset_ns);
    cr_expect_str_eq(take->start.source_name, "microphone");
    int64_t before_ns = take->start.requested_at_ns - recorder_take_started_at(take);
    cr_expect(before_ns > 1995 * RF_NS_PER_MS && before_ns < 2015 * RF_NS_PER_MS,
              "started_at is %ld us before requested_at", (long)(before_ns / 1000));
    recorder_take_free(take);
    take = stop_at(s);
    cr_expect_eq(sc.n_finishes, 1);
    cr_expect_eq(take->gaps.n, 0);
    expect_master(s, first, 2500 * MS, 0, 0);
    recorder_take_free(take);
}

Test(recorder_preroll, section_7_a_past_shorter_than_asked_for_is_all_there_is)
{
    open_with(WITH(120000));
    recorder_session *s = start("");
    hear(100);
    recorder_take *take = await_frames(s, 100 * MS);
    cr_expect_eq(take->start.preroll_frames, 0);
    recorder_take_free(take);
    recorder_take_free(stop_at(s));
}

Test(recorder_preroll, section_7_Get_reports_preroll_frames_and_requested_at)
{
    rf_buf json;
    open_with(WITH(500));
    hear(1000);
    recorder_session *s = start("");
    recorder_take_free(await_frames(s, 500 * MS));
    rf_buf_init(&json, RECORDER_VIEW_MAX);
    cr_assert_eq(recorder_view_session(s, &json), 0);
    cr_expect_not_null(strstr(rf_buf_str(&json), "\"preroll_frames\":8000"));
    cr_expect_not_null(strstr(rf_buf_str(&json), "\"requested_at\":\""));
    rf_buf_done(&json);
    recorder_take_free(stop_at(s));
}

Test(recorder_preroll, T9_a_loss_in_the_past_is_a_gap_in_its_place)
{
    int64_t lost = 200 * MS;
    open_with(WITH(2000));
    hear(1000);
    int64_t gap = sc.next;
    pass(200);
    world_do(&sc.w, tell_gap, &lost);
    hear(1000);
    int64_t first = sc.next - 2000 * MS;
    recorder_session *s = start("");
    recorder_take *take = await_frames(s, 2000 * MS);
    cr_assert_eq(take->gaps.n, 1);
    cr_expect_eq(take->gaps.items[0].start_frame, gap - first);
    cr_expect_eq(take->gaps.items[0].length_frames, lost);
    cr_expect_eq(take->gaps.items[0].cause, RECORDER_GAP_XRUN);
    recorder_take_free(take);
    recorder_take_free(stop_at(s));
    expect_master(s, first, 2000 * MS, gap, gap + lost);
}

Test(recorder_preroll, section_7_the_source_runs_on_for_the_next_session)
{
    open_with(WITH(300));
    hear(1000);
    recorder_take_free(stop_at(start("")));
    cr_assert(await(NULL), "it ended with the stop, and is open again");
    cr_expect_eq(sc.n_opens, 2);
    world_do(&sc.w, tell_opened, "microphone");
    hear(1000);
    int64_t first = sc.next - 300 * MS;
    recorder_session *s = start("");
    recorder_take *take = await_frames(s, 300 * MS);
    cr_expect_eq(take->start.preroll_frames, 300 * MS);
    recorder_take_free(take);
    recorder_take_free(stop_at(s));
    expect_master(s, first, 300 * MS, 0, 0);
}

Test(recorder_preroll, section_7_another_shape_begins_without_a_past)
{
    open_with(WITH(300));
    hear(1000);
    recorder_code code;
    sc.body = "{\"channels\":2}";
    world_do(&sc.w, begin, &code);
    cr_assert_eq(code, RECORDER_OK, "%s", sc.error.message);
    world_do(&sc.w, tell_opened, "microphone");
    cr_assert(await(&sc.ready));
    recorder_take *take = world_take(&sc.w, sc.session);
    cr_expect_eq(take->start.preroll_frames, 0);
    cr_expect_eq(take->start.channels, 2);
    recorder_take_free(take);
    recorder_take_free(stop_at(sc.session));
}

Test(recorder_preroll, S4_a_source_that_is_lost_is_opened_again_and_its_past_is_gone)
{
    open_with(WITH(2000));
    hear(1000);
    world_do(&sc.w, tell_lost, NULL);
    cr_expect_null(sc.events);
    cr_assert(await(NULL));
    world_do(&sc.w, tell_opened, "microphone");
    hear(200);
    recorder_session *s = start("");
    recorder_take *take = await_frames(s, 200 * MS);
    cr_expect_eq(take->start.preroll_frames, 200 * MS);
    recorder_take_free(take);
    recorder_take_free(stop_at(s));
}

Test(recorder_preroll, S4_a_source_lost_while_it_records_ends_the_session_behind_its_past)
{
    open_with(WITH(2000));
    hear(3000);
    recorder_code code;
    sc.body = "";
    world_do(&sc.w, begin, &code);
    cr_assert_eq(code, RECORDER_OK);
    hear(50);
    world_do(&sc.w, tell_lost, NULL);
    cr_assert(await(&sc.ready));
    recorder_take *take = await_state(sc.session, RECORDER_STORED);
    cr_expect_eq(take->frames, 2050 * MS);
    cr_expect_eq(take->reason, RECORDER_REASON_SOURCE_LOST);
    recorder_take_free(take);
}

Test(recorder_preroll, section_3_closing_the_recorder_closes_the_source_and_not_the_session)
{
    open_with(WITH(300));
    hear(500);
    recorder_session *s = start("");
    recorder_take_free(await_frames(s, 300 * MS));
    world_do(&sc.w, close_recorder, NULL);
    hear(100);
    recorder_take_free(await_frames(s, 400 * MS));
    recorder_take_free(stop_at(s));
    cr_expect_null(sc.events);
    open_with(WITH(300));
    hear(500);
    world_do(&sc.w, close_recorder, NULL);
    cr_expect_null(sc.events);
}

Test(recorder_preroll, section_5_a_session_at_its_greatest_length_takes_no_more_of_it)
{
    open_with("{\"source\":\"device\",\"options\":{\"preroll_ms\":2000,\"max_length_s\":1}}");
    hear(3000);
    recorder_session *s = start("");
    recorder_take *take = await_state(s, RECORDER_STORED);
    cr_expect_eq(take->frames, RATE);
    cr_expect_eq(take->reason, RECORDER_REASON_MAX_LENGTH);
    recorder_take_free(take);
    hear(100);
    cr_expect_eq(sc.last, 0, "the source goes on");
    cr_expect_eq(sc.n_opens, 1);
}

/* 10 s of frames that spell their number; the service offers files from that folder. */
static void offer_file(void)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/ramp.pcm", sc.w.dir);
    RF_CLEANUP(rf_cleanup_free) int16_t *x = RF_NEW_ARRAY(int16_t, 10 * RATE);
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    for (int i = 0; i < 10 * RATE; i++) {
        x[i] = (int16_t)(uint16_t)i;
    }
    cr_assert_eq(write(fd, x, 10 * RATE * sizeof(x[0])), (ssize_t)(10 * RATE * sizeof(x[0])));
    sc.w.service.sources[RECORDER_SOURCE_FILE] =
        (recorder_source_entry){&recorder_file_source, sc.w.dir};
}

/* The file plays, 10 ms at a time. */
static void play(int64_t ms)
{
    for (; ms > 0; ms -= 10) {
        pass(10);
        usleep(100);
        world_do(&sc.w, nothing, NULL);
    }
}

Test(recorder_preroll, section_7_a_file_that_plays_since_open_has_a_past)
{
    recorder_code code;
    int16_t first;
    offer_file();
    sc.body = "{\"source\":\"file\",\"source_name\":\"ramp.pcm\",\"store_format\":\"pcm\","
              "\"options\":{\"preroll_ms\":1000}}";
    world_do(&sc.w, open_recorder, &code);
    cr_assert_eq(code, RECORDER_OK, "%s", sc.error.message);
    play(3000);
    recorder_session *s = start("");
    play(300);
    world_do(&sc.w, stop_session, s);
    cr_assert(await(&sc.stopped));
    recorder_take *take = await_state(s, RECORDER_STORED);
    cr_expect_eq(take->start.preroll_frames, 1000 * MS);
    cr_expect_geq(take->frames, 1250 * MS);
    cr_expect_eq(take->reason, RECORDER_REASON_STOP);
    RF_CLEANUP(rf_cleanup_close) int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(pread(fd, &first, sizeof(first), 0), (ssize_t)sizeof(first));
    cr_expect_gt(first, 1500 * MS, "frame %d", first);
    expect_master(s, first, take->frames, 0, 0);
    recorder_take_free(take);
}

Test(recorder_preroll, section_8_recorders_that_keep_a_past_have_a_limit)
{
    recorder_code code = RECORDER_OK;
    int n = 0;
    sc.body = WITH(10);
    while (code == RECORDER_OK && n < 200) {
        world_do(&sc.w, open_recorder, &code);
        n++;
    }
    cr_expect_eq(code, RECORDER_TOO_MANY_SESSIONS);
    cr_expect_eq(n, 101);
    sc.events = NULL; /* there were many */
}
