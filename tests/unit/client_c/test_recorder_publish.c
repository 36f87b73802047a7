/* Publishing to a recorder that behaves, is lost, or fails: nothing lost, nothing doubled. */
#include "recorder_script.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static script_audio heard[8];

static void take_two_and_stop(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    script_read(s, &heard[0]);
    script_read(s, &heard[1]);
    script_ack(s, 300);
    script_stop(s);
    server_read(s);
}

/* S7, T1 */
Test(recorder_publish, frames_are_numbered_and_sent_as_messages_and_stop_gives_the_segment)
{
    server *s = server_start(take_two_and_stop, NULL);
    reflection_recorder *r = script_started(s);
    reflection_recorder_segment segment;
    int64_t published = 0;
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 100), 100, -1), 100);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(100, 200), 200, -1), 200);
    cr_expect_eq(reflection_recorder_wait(r, 300, WAIT_MS, &published), 300);
    cr_expect_eq(published, 300);
    cr_assert_eq(reflection_recorder_stop(r, &segment), 0, "%s",
                 reflection_recorder_last_fault(r)->message);
    cr_expect_str_eq(segment.key, KEY);
    cr_expect_eq(segment.frames, 300);
    cr_expect_eq(segment.state, REFLECTION_RECORDER_STORED);
    cr_expect_eq(segment.started_at_ns, 1767323045000000001);
    cr_expect_eq(segment.ended_at_ns - segment.started_at_ns, 18750000);
    cr_expect(segment.has_loudness);
    cr_expect_float_eq(segment.integrated_lufs, -23.5, 1e-9);
    cr_expect_null(reflection_recorder_current_key(r));
    cr_expect_eq(reflection_recorder_stop(r, &segment), -EPIPE);
    cr_expect_eq(script_code(r), REFLECTION_RECORDER_NOT_RECORDING);
    reflection_recorder_free(r);
    server_stop(s);
    cr_expect_eq(json_integer_value(json_object_get(script_noted, "last_frame")), 300);
    cr_expect_eq(heard[0].type, 1);
    cr_expect_eq(heard[0].stream_id, 7);
    cr_expect_eq(heard[0].n_frames, 100);
    cr_expect_eq(heard[0].first_frame, 0);
    cr_expect_eq(heard[0].n_bytes, 200);
    cr_expect_eq(heard[1].first_frame, 100);
    cr_expect_eq(heard[1].n_frames, 200);
    cr_expect_eq(heard[1].first_sample, 100);
}

static void small_window(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 250);
    script_read(s, &heard[0]);
    if (server_read(s) != NULL) { /* the anchor: the window was full */
        script_ack(s, 200);
        script_read(s, &heard[1]);
        server_read(s);
    }
}

/* S7: at most the window is in flight. */
Test(recorder_publish, a_full_window_takes_no_more_until_frames_are_durable)
{
    server *s = server_start(small_window, NULL);
    reflection_recorder *r = script_started(s);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 400), 400, 0), 250);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(250, 150), 150, 0), 0);
    cr_expect_eq(reflection_recorder_anchor(r, 0, 1), 0);
    cr_expect_eq(reflection_recorder_wait(r, 200, WAIT_MS, NULL), 200);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(250, 150), 150, 0), 0,
                 "a message is given up as a whole");
    reflection_recorder_free(r);
    server_stop(s);
    cr_expect_eq(heard[0].n_frames, 250);
}

static void lose_once(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    script_read(s, &heard[0]);
    script_read(s, &heard[1]);
    script_ack(s, 100);
    script_read(s, &heard[2]);
    if (*(const bool *)server_user(s)) {
        server_close_frame(s, 1012);
    }
    server_upgrade(s); /* the connection before is dropped */
    script_begin(s, "attach", "attached", 200, 16000);
    script_read(s, &heard[3]);
    script_ack(s, 300);
    script_stop(s);
    server_read(s);
}

static void attach_again(bool says_goodbye)
{
    server *s = server_start(lose_once, &says_goodbye);
    reflection_recorder *r = script_started(s);
    reflection_recorder_segment segment;
    for (int64_t at = 0; at < 300; at += 100) {
        cr_expect_eq(reflection_recorder_publish(r, script_ramp(at, 100), 100, -1), 100);
    }
    cr_expect_eq(reflection_recorder_wait(r, 300, WAIT_MS, NULL), 300);
    cr_expect_eq(reflection_recorder_stop(r, &segment), 0, "%s",
                 reflection_recorder_last_fault(r)->message);
    reflection_recorder_free(r);
    server_stop(s);
    cr_expect_eq(heard[2].first_frame, 200);
    cr_expect_eq(heard[3].first_frame, 200, "what was durable is not sent again");
    cr_expect_eq(heard[3].n_frames, 100);
    cr_expect_eq(heard[3].first_sample, 200);
}

/* S8 */
Test(recorder_publish, a_lost_connection_attaches_again_and_sends_what_is_not_durable)
{
    attach_again(false);
}

/* S8 */
Test(recorder_publish, a_server_that_restarts_is_attached_to_again)
{
    attach_again(true);
}

static void refuse_attach(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    script_read(s, &heard[0]);
    server_upgrade(s);
    int64_t req = script_request(s, "attach");
    script_answer(s, req,
                  "\"type\":\"error\",\"code\":\"ALREADY_RECORDING\",\"message\":\"another\"");
    server_upgrade(s);
    req = script_request(s, "attach");
    script_answer(s, req,
                  "\"type\":\"error\",\"code\":\"NOT_RECORDING\",\"message\":\"it has ended\"");
    if (server_accept(s) && strstr(server_read_head(s), "POST /v1/recordings/" SESSION ":stop ")) {
        script_http(s, 200, "", SEGMENT);
    }
}

/* S8: a publisher that the server has not missed yet tries again; a session that has ended
 * meanwhile gives its segment. */
Test(recorder_publish, a_session_that_ended_meanwhile_takes_no_frames_and_gives_its_segment)
{
    server *s = server_start(refuse_attach, NULL);
    reflection_recorder *r = script_started(s);
    reflection_recorder_segment segment;
    int64_t n = reflection_recorder_publish(r, script_ramp(0, 100), 100, -1);
    cr_expect_eq(n, 100);
    n = reflection_recorder_wait(r, 100, WAIT_MS, NULL);
    cr_expect_eq(n, -EPIPE, "%lld", (long long)n);
    cr_expect_eq(script_code(r), REFLECTION_RECORDER_NOT_RECORDING);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 100), 100, -1), -EPIPE);
    cr_expect_eq(reflection_recorder_stop(r, &segment), 0, "%s",
                 reflection_recorder_last_fault(r)->message);
    cr_expect_eq(segment.frames, 300);
    reflection_recorder_free(r);
    server_stop(s);
}

static void lose_for_ever(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    server_close_frame(s, 1001);
}

Test(recorder_publish, attaching_ends_when_its_time_is_over)
{
    server *s = server_start(lose_for_ever, NULL);
    reflection_recorder *r = script_recorder(server_url(s), -1);
    cr_assert_eq(reflection_recorder_init(r), 0);
    cr_assert_eq(reflection_recorder_start(r, NULL, 0), 0);
    server_join(s);
    int64_t n = 1;
    for (int i = 0; n > 0 && i < 10; i++) {
        n = reflection_recorder_publish(r, script_ramp(0, 100), 100, 10);
    }
    cr_expect_eq(n, -ECONNRESET);
    reflection_recorder_free(r);
    server_stop(s);
}

static void stop_that_fails(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    int64_t req = script_request(s, "stop");
    script_answer(s, req,
                  "\"type\":\"error\",\"code\":\"STORE_FAILED\",\"message\":\"the store is away\","
                  "\"retryable\":true");
    if (server_accept(s) && server_read_head(s) != NULL) {
        script_http(s, 202, "Retry-After: 7\r\n",
                    "{\"code\":\"STORE_FAILED\",\"message\":\"still\",\"retryable\":true}");
    }
    if (server_accept(s) && server_read_head(s) != NULL) {
        script_http(s, 200, "", SEGMENT);
    }
}

/* D11, O4 */
Test(recorder_publish,
     a_store_that_fails_leaves_the_session_pending_and_a_later_stop_gives_the_same_key)
{
    server *s = server_start(stop_that_fails, NULL);
    reflection_recorder *r = script_started(s);
    reflection_recorder_segment segment;
    cr_expect_eq(reflection_recorder_stop(r, &segment), -EIO);
    cr_expect_eq(script_code(r), REFLECTION_RECORDER_STORE_FAILED);
    cr_expect_str_eq(reflection_recorder_current_key(r), KEY);
    cr_expect_eq(reflection_recorder_stop(r, &segment), -EIO);
    cr_expect_eq(reflection_recorder_last_fault(r)->retry_after_ms, 7000);
    cr_expect_eq(reflection_recorder_last_fault(r)->http_status, 202);
    cr_expect_eq(reflection_recorder_stop(r, &segment), 0);
    cr_expect_str_eq(segment.key, KEY);
    reflection_recorder_free(r);
    server_stop(s);
}

static void stops_by_itself(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    server_text(s, "{\"type\":\"stopped\",\"stream_id\":7,\"segment\":" SEGMENT "}");
    server_read(s);
}

Test(recorder_publish, a_session_that_ends_by_itself_gives_its_segment_without_asking)
{
    server *s = server_start(stops_by_itself, NULL);
    reflection_recorder *r = script_started(s);
    reflection_recorder_segment segment;
    cr_expect_eq(reflection_recorder_wait(r, 1, WAIT_MS, NULL), 0);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 100), 100, -1), -EPIPE);
    cr_expect_str_eq(reflection_recorder_current_key(r), KEY);
    cr_expect_eq(reflection_recorder_stop(r, &segment), 0);
    cr_expect_eq(segment.frames, 300);
    reflection_recorder_free(r);
    server_stop(s);
}

static void ends_without_a_store(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    script_read(s, &heard[0]);
    script_answer(s, 1, "\"type\":\"error\",\"code\":\"STORE_FAILED\",\"message\":\"away\"");
    if (server_accept(s) && server_read_head(s) != NULL) {
        script_http(s, 200, "", SEGMENT);
    }
}

/* D11 */
Test(recorder_publish, a_session_that_ends_by_itself_without_a_store_is_pending)
{
    server *s = server_start(ends_without_a_store, NULL);
    reflection_recorder *r = script_started(s);
    reflection_recorder_segment segment;
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 100), 100, -1), 100);
    (void)reflection_recorder_wait(r, 100, WAIT_MS, NULL); /* until the session ends */
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 100), 100, -1), -EPIPE);
    cr_expect_str_eq(reflection_recorder_current_key(r), KEY);
    cr_expect_eq(reflection_recorder_stop(r, &segment), 0);
    reflection_recorder_free(r);
    server_stop(s);
}

static char marked[16]; /* where */

static void pauses(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    script_read(s, &heard[0]);
    script_answer(s, script_request(s, "pause"), "\"type\":\"done\",\"frame\":100");
    script_ack(s, 100);
    script_answer(s, script_request(s, "resume"), "\"type\":\"done\",\"frame\":150");
    script_answer(s, script_request(s, "marker"), "\"type\":\"done\",\"frame\":150");
    snprintf(marked, sizeof(marked), "%s", json_string_value(json_object_get(script_noted, "at")));
    script_request(s, "gap");
    script_read(s, &heard[1]);
    server_read(s);
}

Test(recorder_publish, a_pause_leaves_frames_out_and_what_follows_goes_on_where_the_server_is)
{
    server *s = server_start(pauses, NULL);
    reflection_recorder *r = script_started(s);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 100), 100, -1), 100);
    cr_expect_eq(reflection_recorder_pause(r), 100);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 50), 50, -1), 50);
    cr_expect_eq(reflection_recorder_resume(r), 150);
    const reflection_recorder_bound at = {REFLECTION_RECORDER_FRAME, 40};
    cr_expect_eq(reflection_recorder_marker(r, at, "here"), 150);
    cr_expect_eq(reflection_recorder_gap(r, 50), 0);
    cr_expect_eq(reflection_recorder_gap(r, 0), -EINVAL);
    cr_expect_eq(script_code(r), REFLECTION_RECORDER_GAP_TOO_LONG);
    cr_expect_eq(reflection_recorder_gap(r, INT64_C(86401) * 16000), -EINVAL);
    cr_expect_eq(reflection_recorder_publish(r, script_ramp(200, 10), 10, -1), 10);
    reflection_recorder_free(r);
    server_stop(s);
    cr_expect_str_eq(marked, "f:40");
    cr_expect_eq(json_integer_value(json_object_get(script_noted, "first_frame")), 150);
    cr_expect_eq(json_integer_value(json_object_get(script_noted, "length")), 50);
    cr_expect_eq(heard[1].first_frame, 200);
}
