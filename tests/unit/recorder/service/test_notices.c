/* What happens to a session is told at once to those who publish and hear it; clocks that step,
 * sources that lose frames unnoticed, and rates that are off, in the running service. */
#include "recorder_notice.h"
#include "recorder_world_out.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define RATE 16000
#define EVENTS_MAX 4096

/* A watcher that keeps what it is told; the loop's. */
/* A slow disk tells nothing unasked. */
static const char *const patient[] = {"--recorder.slow_sync_ms=10000", NULL};

typedef struct listener {
    recorder_watcher watcher;
    recorder_session *session;
    json_t *events[EVENTS_MAX];
    size_t n;
} listener;

static void keep(void *user, const json_t *event)
{
    listener *l = user;
    cr_assert_lt(l->n, (size_t)EVENTS_MAX);
    l->events[l->n++] = json_deep_copy(event);
}

static void watch(recorder_world *w, void *user)
{
    listener *l = user;
    (void)w;
    recorder_notice_watch(l->session, &l->watcher);
}

static void unwatch(recorder_world *w, void *user)
{
    listener *l = user;
    (void)w;
    recorder_notice_unwatch(l->session, &l->watcher);
}

static void listen(recorder_world *w, recorder_session *s, listener *l, bool levels)
{
    memset(l, 0, sizeof(*l));
    l->watcher = (recorder_watcher){.tell = keep, .user = l, .levels = levels};
    l->session = s;
    world_do(w, watch, l);
}

static void hang_up(recorder_world *w, listener *l)
{
    world_do(w, unwatch, l);
    for (size_t i = 0; i < l->n; i++) {
        json_decref(l->events[i]);
    }
}

static const char *text(const json_t *event, const char *name)
{
    const char *s = json_string_value(json_object_get(event, name));
    return s != NULL ? s : "";
}

static size_t count(const listener *l, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        n += strcmp(text(l->events[i], "event"), name) == 0;
    }
    return n;
}

/* The index-th of this name. */
static const json_t *event_of(const listener *l, const char *name, size_t index)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(text(l->events[i], "event"), name) == 0 && index-- == 0) {
            return l->events[i];
        }
    }
    cr_assert_fail("no event %s", name);
    return NULL;
}

static int64_t number(const json_t *event, const char *name)
{
    return json_integer_value(json_object_get(event, name));
}

static void pause_session(recorder_world *w, void *user)
{
    (void)w;
    cr_assert_eq(recorder_session_pause(user, NULL), RECORDER_OK);
}

static void resume_session(recorder_world *w, void *user)
{
    (void)w;
    cr_assert_eq(recorder_session_resume(user, NULL), RECORDER_OK);
}

Test(recorder_notices, T10_section_8_gaps_pauses_and_states_are_told_to_all_who_watch)
{
    recorder_world w;
    recorder_session *s;
    recorder_session *other;
    listener owner;
    listener consumer;
    listener stranger;
    world_init(&w);
    world_open(&w, patient);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    cr_assert_eq(world_start(&w, "t", "", &other), RECORDER_OK);
    listen(&w, s, &owner, false);
    listen(&w, s, &consumer, false);
    listen(&w, other, &stranger, false);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    cr_assert_eq(world_audio(&w, s, RATE + 800, RATE), 0);
    cr_assert_eq(count(&owner, "gap"), 1);
    cr_assert_eq(count(&consumer, "gap"), 1, "before the call is over");
    const json_t *gap = json_object_get(event_of(&consumer, "gap", 0), "gap");
    cr_expect_eq(number(gap, "start_frame"), RATE);
    cr_expect_eq(number(gap, "length_frames"), 800);
    cr_expect_str_eq(text(gap, "cause"), "network");
    cr_expect(json_is_true(json_object_get(gap, "filled")));
    world_do(&w, pause_session, s);
    world_do(&w, resume_session, s);
    cr_expect_eq(count(&owner, "pause"), 2);
    cr_expect(json_is_true(json_object_get(event_of(&owner, "pause", 0), "paused")));
    cr_expect(json_is_false(json_object_get(event_of(&owner, "pause", 1), "paused")));
    cr_expect_eq(number(event_of(&owner, "pause", 0), "frame"), 2 * RATE + 800);
    cr_assert_eq(world_stop(&w, s), RECORDER_OK);
    static const char *const states[] = {"PAUSED", "RECORDING", "FINALIZING", "STORED"};
    cr_assert_eq(count(&owner, "state"), RF_ARRAY_LEN(states));
    for (size_t i = 0; i < RF_ARRAY_LEN(states); i++) {
        cr_expect_str_eq(text(event_of(&owner, "state", i), "state"), states[i]);
    }
    cr_expect_str_eq(text(event_of(&owner, "state", 3), "end_reason"), "stop");
    cr_expect_eq(stranger.n, (size_t)0, "another session is no matter of theirs");
    hang_up(&w, &owner);
    hang_up(&w, &consumer);
    hang_up(&w, &stranger);
    world_close(&w);
    world_done(&w);
}

Test(recorder_notices, section_8_levels_come_ten_times_a_second_to_those_who_ask)
{
    recorder_world w;
    recorder_session *s;
    listener asks;
    listener does_not;
    world_init(&w);
    world_open(&w, patient);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    listen(&w, s, &does_not, false);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    listen(&w, s, &asks, true);
    for (uint64_t at = RATE; at < 3 * RATE; at += 320) { /* a ramp over all values in 4 s */
        cr_assert_eq(world_audio(&w, s, at, 320), 0);
    }
    cr_expect_eq(count(&asks, "levels"), 20);
    cr_expect_eq(does_not.n, (size_t)0);
    const json_t *first = event_of(&asks, "levels", 0);
    cr_expect_eq(number(first, "frame"), RATE + 1600);
    const json_t *peak = json_object_get(first, "peak_dbfs");
    cr_assert_eq(json_array_size(peak), 1);
    const double want = 20 * log10((RATE + 1599) / 32768.0);
    cr_expect_lt(fabs(json_real_value(json_array_get(peak, 0)) - want), 0.01);
    const json_t *rms = json_object_get(first, "rms_dbfs");
    const double mean = 20 * log10((RATE + 800) / 32768.0);
    cr_expect_lt(fabs(json_real_value(json_array_get(rms, 0)) - mean), 0.02);
    hang_up(&w, &asks);
    hang_up(&w, &does_not);
    world_close(&w);
    world_done(&w);
}

static void step_clock(recorder_world *w, void *user)
{
    const int64_t *step_ns = user;
    recorder_service_clock(&w->service, w->service.utc_offset_ns + *step_ns);
}

static void be_low(recorder_world *w, void *user)
{
    (void)user;
    recorder_notice_service(&w->service, "disk_low", true, "free_bytes", 123);
    recorder_notice_service(&w->service, "durability_degraded", true, "sync_ms", 45);
}

Test(recorder_notices, T3_D4_D9_clock_steps_slow_syncs_and_a_low_disk_are_told_while_it_records)
{
    recorder_world w;
    recorder_session *s;
    recorder_session *ended;
    listener l;
    listener late;
    int64_t step_ns = INT64_C(-5) * RF_NS_PER_S;
    world_init(&w);
    world_open(&w, patient);
    cr_assert_eq(world_start(&w, "t", "", &ended), RECORDER_OK);
    cr_assert_eq(world_stop(&w, ended), RECORDER_OK);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    cr_assert_eq(world_audio(&w, s, 0, RATE), 0);
    listen(&w, s, &l, false);
    listen(&w, ended, &late, false);
    world_do(&w, step_clock, &step_ns);
    world_do(&w, be_low, NULL);
    cr_expect_eq(number(event_of(&l, "clock_step", 0), "step_ms"), -5000);
    cr_expect_eq(number(event_of(&l, "clock_step", 0), "frame"), RATE);
    cr_expect_eq(number(event_of(&l, "disk_low", 0), "free_bytes"), 123);
    cr_expect(json_is_true(json_object_get(event_of(&l, "disk_low", 0), "on")));
    cr_expect_eq(number(event_of(&l, "durability_degraded", 0), "sync_ms"), 45);
    cr_expect_eq(late.n, (size_t)0);
    hang_up(&w, &l);
    hang_up(&w, &late);
    world_close(&w);
    world_done(&w);
}

static void be_in_trouble(recorder_world *w, void *user)
{
    (void)user;
    w->service.low = true;
    w->service.degraded = true;
    w->service.sync_ms = 77;
}

Test(recorder_notices, D4_D9_who_comes_later_is_told_what_is_wrong_at_once)
{
    recorder_world w;
    recorder_session *s;
    listener l;
    world_init(&w);
    world_open(&w, patient);
    cr_assert_eq(world_start(&w, "t", "", &s), RECORDER_OK);
    world_do(&w, be_in_trouble, NULL);
    listen(&w, s, &l, false);
    cr_assert_eq(l.n, (size_t)2);
    cr_expect_gt(number(event_of(&l, "disk_low", 0), "free_bytes"), 0);
    cr_expect_eq(number(event_of(&l, "durability_degraded", 0), "sync_ms"), 77);
    hang_up(&w, &l);
    world_close(&w);
    world_done(&w);
}

/* ---- a device whose clock and losses the test decides ---- */

typedef struct fake_device {
    const recorder_source_events *events;
    void *user;
    int64_t mono_ns; /* of the next delivery */
    double rate_hz;  /* the real one */
} fake_device;

static void tell_opened(void *user)
{
    fake_device *d = user;
    (void)d->events->opened(d->user, "");
}

static recorder_code open_device(void *factory, const recorder_start *start, rf_loop *loop,
                                 const recorder_source_events *events, void *user,
                                 void **ret_source, recorder_error *error)
{
    fake_device *d = factory;
    (void)start;
    (void)error;
    d->events = events;
    d->user = user;
    rf_loop_post(loop, tell_opened, d);
    *ret_source = d;
    return RECORDER_OK;
}

static void ignore(void *source)
{
    (void)source;
}

static const recorder_source_ops device_ops = {open_device, ignore, NULL, ignore};

static void offer_device(recorder_world *w, void *user)
{
    w->service.sources[RECORDER_SOURCE_DEVICE] = (recorder_source_entry){&device_ops, user};
}

typedef struct delivery {
    fake_device *device;
    int seconds;
} delivery;

/* Deliveries of 100 ms, as they would come by the device's own clock. */
static void deliver(recorder_world *w, void *user)
{
    const delivery *x = user;
    static const int16_t frames[RATE / 10];
    fake_device *d = x->device;
    (void)w;
    for (int i = 0; i < x->seconds * 10; i++) {
        d->mono_ns += llrint(1e8 * RATE / d->rate_hz);
        cr_assert_eq(d->events->frames(d->user, frames, RATE / 10, d->mono_ns), 0);
    }
}

static void lose(recorder_world *w, void *user)
{
    fake_device *d = user;
    (void)w;
    d->mono_ns += 200 * RF_NS_PER_MS;
}

Test(recorder_notices, T10_T11_drift_and_frames_lost_unnoticed_are_found_and_told_in_the_service)
{
    recorder_world w;
    recorder_session *s;
    listener l;
    fake_device device = {.mono_ns = rf_time_ns(), .rate_hz = RATE * (1 + 120e-6)};
    delivery minute = {&device, 60};
    world_init(&w);
    world_open(&w, patient);
    world_do(&w, offer_device, &device);
    cr_assert_eq(world_start(&w, "t", "{\"source\":\"device\"}", &s), RECORDER_OK);
    listen(&w, s, &l, false);
    world_do(&w, deliver, &minute);
    recorder_take *before = world_take(&w, s);
    cr_assert(before->drift_known);
    cr_expect_lt(fabs(before->drift_ppm - 120), 5, "%g ppm", before->drift_ppm);
    cr_assert_geq(count(&l, "drift"), (size_t)1);
    const json_t *drift = event_of(&l, "drift", count(&l, "drift") - 1);
    cr_expect_lt(fabs(json_real_value(json_object_get(drift, "drift_ppm")) - 120), 5);
    cr_expect_gt(json_real_value(json_object_get(drift, "drift_error_ppm")), 0);
    cr_expect_eq(count(&l, "gap"), (size_t)0);
    world_do(&w, lose, &device);
    delivery few = {&device, 3};
    world_do(&w, deliver, &few);
    cr_assert_eq(count(&l, "gap"), (size_t)1, "within 3 s of audio");
    const json_t *gap = json_object_get(event_of(&l, "gap", 0), "gap");
    cr_expect(json_is_false(json_object_get(gap, "filled")));
    cr_expect_str_eq(text(gap, "cause"), "unknown");
    cr_expect_lt(llabs(number(gap, "length_frames") - RATE / 5), (long long)RATE / 50);
    recorder_take *after = world_take(&w, s);
    cr_expect_eq(after->frames, 63 * RATE, "frame numbers given out do not change");
    cr_expect_eq(after->map.n, before->map.n + 1, "a new piece");
    cr_assert_eq(after->gaps.n, 1);
    cr_expect_not(after->gaps.items[0].filled);
    cr_expect_lt(llabs(number(gap, "start_frame") - 60 * RATE), (long long)RATE / 5);
    recorder_take_free(before);
    recorder_take_free(after);
    hang_up(&w, &l);
    cr_expect_eq(world_stop(&w, s), RECORDER_OK);
    world_close(&w);
    world_done(&w);
}
