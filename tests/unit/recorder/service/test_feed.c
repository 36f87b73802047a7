/* Sessions and their local sources: how they begin, what pauses, stalls and a full disk do to their
 * frames, how they end. */
#include "feed_scene.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(recorder_feed, .init = feed_setup, .fini = feed_teardown, .timeout = 60);

/* ---- openings ---- */

Test(recorder_feed, section_3_a_session_begins_once_its_source_is_open)
{
    cr_assert_eq(feed_try_start(FEED_PLAIN), RECORDER_OK);
    recorder_session *s = feed.user;
    cr_expect_null(recorder_registry_first(feed.w.service.registry));
    world_do(&feed.w, feed_tell_opened, "microphone");
    cr_expect_eq(recorder_registry_first(feed.w.service.registry), s);
    feed_await(feed_is_ready);
    recorder_take *take = world_take(&feed.w, s);
    cr_expect_str_eq(take->start.source_name, "microphone");
    recorder_take_free(take);
}

Test(recorder_feed, section_3_a_source_that_fails_leaves_nothing)
{
    recorder_error why;
    (void)recorder_fail(&why, RECORDER_DEVICE_UNAVAILABLE, "device 7: is not there");
    cr_assert_eq(feed_try_start(FEED_PLAIN), RECORDER_OK);
    world_do(&feed.w, feed_tell_failed, &why);
    cr_expect(feed.ready);
    cr_expect_eq(feed.error.code, RECORDER_DEVICE_UNAVAILABLE);
    cr_expect_str_eq(feed.error.message, "device 7: is not there");
    cr_expect_null(feed.events, "it is closed");
    cr_expect_null(recorder_registry_first(feed.w.service.registry));
}

Test(recorder_feed, section_3_a_source_that_does_not_answer_fails_after_10_s)
{
    cr_assert_eq(feed_try_start(FEED_PLAIN), RECORDER_OK);
    feed_pass(9900);
    usleep(20000);
    cr_expect_not(feed_ask(feed_is_ready));
    feed_pass(200);
    feed_await(feed_is_ready);
    cr_expect_eq(feed.error.code, RECORDER_DEVICE_UNAVAILABLE);
    cr_expect_null(feed.events);
}

static void open_host(recorder_world *w, void *user)
{
    (void)user;
    feed.host = recorder_registry_open_host(w->service.registry, "t", FEED_PLAIN);
}

static void cancel(recorder_world *w, void *user)
{
    (void)user;
    recorder_feed_cancel(&w->service, feed.host->session);
}

Test(recorder_feed, section_3_a_recorder_whose_source_is_being_opened_is_recording)
{
    world_do(&feed.w, open_host, NULL);
    recorder_session *first = feed_start("");
    world_do(&feed.w, feed_tell_end, NULL);
    recorder_take_free(feed_await_stored(first));
    cr_assert_eq(feed_try_start(""), RECORDER_OK);
    cr_expect_eq(feed_try_start(""), RECORDER_ALREADY_RECORDING);
    cr_expect_eq(recorder_begin_session(&feed.w.service, feed.host), first, "until it is open");
    world_do(&feed.w, cancel, NULL);
    cr_expect_eq(feed.error.code, RECORDER_NOT_INITIALISED);
    cr_expect_null(feed.events);
    cr_expect_eq(feed_try_start(""), RECORDER_OK, "and then it may start again");
}

Test(recorder_feed, section_8_a_limit_that_others_have_reached_meanwhile_counts)
{
    feed.w.config.sessions_max = 1;
    cr_assert_eq(feed_try_start(FEED_PLAIN), RECORDER_OK);
    cr_assert_eq(feed_try_start("{}"), RECORDER_OK);
    feed_await(feed_is_ready);
    world_do(&feed.w, feed_tell_opened, "");
    cr_expect_eq(feed.error.code, RECORDER_TOO_MANY_SESSIONS);
    cr_expect_null(feed.events);
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
        feed.caller.scopes = table[i].scopes;
        cr_expect_eq(feed_try_start(FEED_PLAIN), table[i].code, "%s", table[i].scopes);
        cr_expect_eq(feed_try_start("{}"), RECORDER_OK, "publishers need none");
    }
}

Test(recorder_feed, S5_a_publisher_has_no_other_source_than_itself)
{
    feed.publisher = true;
    cr_expect_eq(feed_try_start(FEED_PLAIN), RECORDER_INVALID_ARGUMENT);
    cr_expect_eq(feed_try_start("{}"), RECORDER_OK);
}

/* ---- frames ---- */

Test(recorder_feed, T8_T9_a_gap_is_silence_of_its_length)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    feed_pass(700);
    feed_lose(700);
    feed_hear(100);
    feed_expect_frames(s, 900);
    recorder_take *take = world_take(&feed.w, s);
    cr_assert_eq(take->gaps.n, 1u);
    cr_expect_eq(take->gaps.items[0].start_frame, 100 * FEED_MS);
    cr_expect_eq(take->gaps.items[0].length_frames, 700 * FEED_MS);
    cr_expect_eq(take->gaps.items[0].cause, RECORDER_GAP_DEVICE_LOST);
    cr_expect(take->gaps.items[0].filled);
    recorder_take_free(take);
}

Test(recorder_feed, T9_the_time_of_a_pause_is_no_part_of_a_gap)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    feed_pass(600);
    world_do(&feed.w, feed_tell_stalled, NULL);
    world_do(&feed.w, feed_pause, s);
    feed_expect_frames(s, 700); /* what has not come before it */
    feed_pass(5000);
    world_do(&feed.w, feed_resume, s);
    feed_pass(400);
    feed_lose(6000); /* the source counts from its last frames on */
    world_do(&feed.w, feed_tell_back, NULL);
    feed_hear(100);
    feed_expect_frames(s, 1200);
    recorder_take *take = world_take(&feed.w, s);
    cr_expect_eq(take->gaps.n, 1u, "contiguous entries of one cause are one");
    cr_expect_eq(take->gaps.items[0].length_frames, 1000 * FEED_MS);
    recorder_take_free(take);
}

Test(recorder_feed, T9_a_gap_within_a_pause_is_none)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    world_do(&feed.w, feed_pause, s);
    feed_hear(100);
    feed_pass(700);
    feed_lose(700);
    feed_hear(100);
    world_do(&feed.w, feed_resume, s);
    feed_hear(100);
    feed_expect_frames(s, 200);
    recorder_take *take = world_take(&feed.w, s);
    cr_expect_eq(take->gaps.n, 0u);
    recorder_take_free(take);
}

Test(recorder_feed, section_7_a_pause_in_mode_silence_counts_its_time_once)
{
    recorder_session *s = feed_start(
        "{\"source\":\"device\",\"rate\":48000,\"options\":{\"pause_mode\":\"silence\"}}");
    feed_hear(100);
    world_do(&feed.w, feed_pause, s);
    feed_hear(1000);
    world_do(&feed.w, feed_resume, s);
    feed_pass(500);
    feed_lose(500);
    feed_hear(100);
    feed_expect_frames(s, 1700);
}

/* ---- the end ---- */

Test(recorder_feed, Q7_a_stop_takes_what_was_captured_before_it)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    world_do(&feed.w, feed_stop, s);
    world_do(&feed.w, feed_stop, s);
    cr_expect_eq(feed.n_finishes, 1u, "a second stop joins the first");
    feed_hear(10);
    world_do(&feed.w, feed_tell_end, NULL);
    recorder_take *take = feed_await_stored(s);
    cr_expect_eq(take->frames, 110 * FEED_MS);
    cr_expect_eq(take->reason, RECORDER_REASON_STOP);
    recorder_take_free(take);
}

Test(recorder_feed, Q7_a_stop_of_a_device_that_delivers_nothing_reaches_to_its_call)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    feed_pass(900);
    world_do(&feed.w, feed_tell_stalled, NULL);
    world_do(&feed.w, feed_stop, s);
    recorder_take *take = feed_await_stored(s);
    cr_expect_eq(take->frames, 1000 * FEED_MS);
    cr_assert_eq(take->gaps.n, 1u);
    cr_expect_eq(take->gaps.items[0].length_frames, 900 * FEED_MS);
    recorder_take_free(take);
}

Test(recorder_feed, O2_a_stop_in_a_pause_and_one_before_any_audio_end_at_once)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    world_do(&feed.w, feed_pause, s);
    world_do(&feed.w, feed_stop, s);
    recorder_take *take = feed_await_stored(s);
    cr_expect_eq(take->frames, 100 * FEED_MS);
    recorder_take_free(take);
    s = feed_start(FEED_PLAIN);
    world_do(&feed.w, feed_stop, s);
    world_do(&feed.w, feed_tell_end, NULL);
    take = feed_await_stored(s);
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
    cr_assert_eq(feed_try_start(body), RECORDER_OK, "%s", feed.error.message);
    world_do(&feed.w, feed_tell_opened, "microphone");
    recorder_session *s = feed.user;
    int64_t length_ms = i * 7 % 50; /* 0 too */
    for (int64_t at = BLOCK_MS; at <= length_ms; at += BLOCK_MS) {
        feed_hear(BLOCK_MS);
    }
    feed_pass(length_ms % BLOCK_MS);
    world_do(&feed.w, feed_stop, s);
    world_do(&feed.w, feed_tell_frames, &(int64_t){length_ms % BLOCK_MS});
    world_do(&feed.w, feed_tell_end, NULL);
    return s;
}

Test(recorder_feed, Q7_O2_of_1000_starts_and_stops_in_every_format_each_frame_is_kept)
{
    recorder_session *s[PAIRS];
    feed.w.config.sessions_per_tenant = PAIRS;
    feed.w.config.stop_wait_s = 600; /* of a clock that runs faster than the disk */
    for (int i = 0; i < PAIRS; i++) {
        s[i] = pair(i);
    }
    for (int i = 0; i < PAIRS; i++) {
        recorder_take *take = feed_await_stored(s[i]);
        cr_expect_eq(take->frames, i * 7 % 50 * FEED_MS, "%d", i);
        cr_expect_eq(take->segments.items[0].n_frames, take->frames);
        recorder_take_free(take);
    }
}

Test(recorder_feed, S4_a_device_that_does_not_come_back_ends_the_session)
{
    recorder_session *s = feed_start(FEED_PLAIN);
    feed_hear(100);
    feed_pass(31000);
    world_do(&feed.w, feed_tell_stalled, NULL);
    cr_expect(s->stalled);
    world_do(&feed.w, feed_tell_lost, NULL);
    recorder_take *take = feed_await_stored(s);
    cr_expect_eq(take->reason, RECORDER_REASON_SOURCE_LOST);
    cr_expect_eq(take->frames, 100 * FEED_MS);
    cr_expect_null(feed.events);
    recorder_take_free(take);
}

Test(recorder_feed, section_5_a_session_ends_at_its_greatest_length_within_a_gap)
{
    recorder_session *s =
        feed_start("{\"source\":\"device\",\"rate\":48000,\"options\":{\"max_length_s\":1}}");
    feed_hear(100);
    feed_pass(2000);
    feed_lose(2000);
    recorder_take *take = feed_await_stored(s);
    cr_expect_eq(take->frames, FEED_RATE);
    cr_expect_eq(take->reason, RECORDER_REASON_MAX_LENGTH);
    cr_expect_null(feed.events);
    recorder_take_free(take);
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
        recorder_take *take = world_take(&feed.w, s[i]);
        ret[i] = take->live.state;
        recorder_take_free(take);
    }
}

/* A session of a device and one of a publisher. */
static void start_two(recorder_session **ret)
{
    ret[0] = feed_start(FEED_PLAIN);
    feed_hear(100);
    cr_assert_eq(feed_try_start("{\"rate\":48000}"), RECORDER_OK);
    feed_await(feed_is_ready);
    ret[1] = feed.session;
    cr_assert_eq(world_audio(&feed.w, ret[1], 0, 100 * FEED_MS), 0);
}

Test(recorder_feed, D10_space_that_comes_back_within_10_minutes_lets_sessions_go_on)
{
    recorder_session *s[2];
    recorder_state state[2];
    start_two(s);
    world_do(&feed.w, fill_disk, &(bool){true});
    feed_pass(599 * 1000);
    usleep(20000);
    world_do(&feed.w, fill_disk, &(bool){false});
    feed_pass(60 * 1000);
    usleep(20000);
    end_state(s, state);
    cr_expect_eq(state[0], RECORDER_RECORDING);
    cr_expect_eq(state[1], RECORDER_RECORDING);
}

Test(recorder_feed, D10_a_disk_that_stays_full_for_10_minutes_ends_sessions_and_keeps_their_audio)
{
    recorder_session *s[2];
    start_two(s);
    world_do(&feed.w, fill_disk, &(bool){true});
    feed_pass(601 * 1000);
    for (int i = 0; i < 2; i++) {
        recorder_take *take = feed_await_stored(s[i]);
        cr_expect_eq(take->reason, RECORDER_REASON_DISK_FULL);
        cr_expect_eq(take->frames, 100 * FEED_MS);
        cr_expect_eq(take->segments.items[0].n_frames, 100 * FEED_MS);
        recorder_take_free(take);
    }
    cr_expect_null(feed.events);
    cr_expect_eq(feed_try_start("{}"), RECORDER_NO_SPACE);
}
