#include "feed_scene.h"

#include "recorder_text.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

feed_scene feed;

static recorder_code open_source(void *factory, const recorder_start *start, rf_loop *loop,
                                 const recorder_source_events *events, void *user,
                                 void **ret_source, recorder_error *error)
{
    (void)factory;
    (void)loop;
    (void)error;
    feed.events = events;
    feed.user = user;
    feed.start = start;
    *ret_source = &feed;
    return RECORDER_OK;
}

static void resume(void *source)
{
    (void)source;
}

static void finish(void *source)
{
    (void)source;
    feed.n_finishes++;
}

static void stop(void *source)
{
    (void)source;
    feed.events = NULL;
}

static const recorder_source_ops ops = {open_source, resume, finish, stop};

void feed_setup(void)
{
    memset(&feed, 0, sizeof(feed));
    world_init(&feed.w);
    world_open(&feed.w, NULL);
    feed.w.service.sources[RECORDER_SOURCE_DEVICE] = (recorder_source_entry){&ops, NULL};
    feed.caller = (recorder_caller){.tenant = "t", .scopes = ""};
    rf_time_drive();
}

void feed_teardown(void)
{
    world_close(&feed.w);
    world_done(&feed.w);
}

/* ---- on the loop ---- */

static void on_ready(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    feed.session = s;
    feed.ready = true;
    feed.error = *error;
}

static void begin(recorder_world *w, void *user)
{
    char id[RECORDER_ID_TEXT] = "";
    recorder_code *code = user;
    recorder_session *session;
    if (feed.host != NULL) {
        (void)recorder_text_id(feed.host->id, id);
    }
    const recorder_begin_ask ask = {
        .caller = feed.caller, .recorder_id = id, .body = feed.body, .publisher = feed.publisher};
    feed.ready = false;
    *code = recorder_begin(&w->service, &ask, on_ready, NULL, &session, &feed.error);
}

recorder_code feed_try_start(const char *body)
{
    recorder_code code;
    feed.body = body;
    world_do(&feed.w, begin, &code);
    return code;
}

void feed_tell_opened(recorder_world *w, void *user)
{
    (void)w;
    (void)feed.events->opened(feed.user, user);
}

void feed_tell_failed(recorder_world *w, void *user)
{
    (void)w;
    feed.events->failed(feed.user, user);
}

/* ms of audio, which end now. */
void feed_tell_frames(recorder_world *w, void *user)
{
    static const uint8_t zeros[FEED_RATE * sizeof(int32_t)];
    const int64_t *ms = user;
    (void)w;
    (void)feed.events->frames(feed.user, zeros, (uint32_t)(*ms * FEED_MS), rf_time_ns());
}

void feed_tell_gap(recorder_world *w, void *user)
{
    const int64_t *ms = user;
    (void)w;
    (void)feed.events->gap(feed.user, RECORDER_GAP_DEVICE_LOST, *ms * FEED_MS, false);
}

void feed_tell_stalled(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    feed.events->stalled(feed.user, RECORDER_GAP_DEVICE_LOST);
}

void feed_tell_back(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    feed.events->back(feed.user);
}

void feed_tell_end(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    feed.events->end(feed.user);
}

void feed_tell_lost(recorder_world *w, void *user)
{
    (void)w;
    (void)user;
    feed.events->lost(feed.user);
}

void feed_pause(recorder_world *w, void *user)
{
    (void)w;
    cr_expect_eq(recorder_session_pause(user, NULL), RECORDER_OK);
}

void feed_resume(recorder_world *w, void *user)
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

void feed_stop(recorder_world *w, void *user)
{
    (void)w;
    recorder_session_stop(user, -1, on_stopped, NULL);
}

/* ---- in time ---- */

void feed_pass(int64_t ms)
{
    rf_time_advance(ms * RF_NS_PER_MS);
}

/* ms in which the device delivers. */
void feed_hear(int64_t ms)
{
    feed_pass(ms);
    world_do(&feed.w, feed_tell_frames, &ms);
}

void feed_lose(int64_t ms)
{
    world_do(&feed.w, feed_tell_gap, &ms);
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
bool feed_ask(bool (*is)(void))
{
    question q = {.is = is};
    world_do(&feed.w, answer, &q);
    return q.answer;
}

/* The journal needs its time too. */
void feed_await(bool (*is)(void))
{
    bool yes = feed_ask(is);
    for (int i = 0; i < 5000 && !yes; i++) {
        feed_pass(10);
        usleep(1000);
        yes = feed_ask(is);
    }
    cr_assert(yes);
}

bool feed_is_ready(void)
{
    return feed.ready;
}

recorder_session *feed_start(const char *body)
{
    cr_assert_eq(feed_try_start(body), RECORDER_OK, "%s", feed.error.message);
    world_do(&feed.w, feed_tell_opened, "microphone");
    recorder_session *s = feed.user;
    feed_await(feed_is_ready);
    cr_assert_eq(feed.error.code, RECORDER_OK, "%s", feed.error.message);
    cr_assert_eq(feed.session, s);
    feed_hear(0); /* time counts from here */
    return s;
}

recorder_take *feed_await_stored(recorder_session *s)
{
    recorder_take *take = world_take(&feed.w, s);
    for (int i = 0; i < 5000 && take->live.state != RECORDER_STORED; i++) {
        recorder_take_free(take);
        feed_pass(10);
        usleep(1000);
        take = world_take(&feed.w, s);
    }
    cr_assert_eq(take->live.state, RECORDER_STORED);
    return take;
}

void feed_expect_frames(recorder_session *s, int64_t ms)
{
    recorder_take *take = world_take(&feed.w, s);
    cr_expect_eq(take->frames, ms * FEED_MS, "%ld ms for %ld", (long)(take->frames / FEED_MS),
                 (long)ms);
    recorder_take_free(take);
}
