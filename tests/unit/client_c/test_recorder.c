/* The recorder's client: options, states, start. */
#include "recorder_script.h"

#include <criterion/criterion.h>
#include <errno.h>

static reflection_recorder_fault fault;

/* ---- without a server ---- */

Test(recorder, options_out_of_range_are_refused_with_field_and_limit)
{
    static const struct {
        reflection_recorder_options o;
        const char *field;
        const char *message;
    } cases[] = {
        {{.url = "h"}, "url", "url: must begin with ws://, wss://, http:// or https://"},
        {{.url = "ws://h?x=1"}, "url", "url: must have no query"},
        {{.url = "ws://h", .channels = 9}, "channels", "channels: 1 to 8, not 9"},
        {{.url = "ws://h", .rate_hz = 7999}, "rate_hz", "rate_hz: 8000 to 192000, not 7999"},
        {{.url = "ws://h", .chunk_frames = 63},
         "chunk_frames",
         "chunk_frames: 64 to 65536, not 63"},
        {{.url = "ws://h", .timeout_ms = -1}, "timeout_ms", "timeout_ms: 1 to 600000, not -1"},
        {{.url = "ws://h", .attach_ms = -2}, "attach_ms", "attach_ms: -1 to 3600000, not -2"},
        {{.url = "ws://h", .settings = "[]"},
         "settings",
         "settings: no JSON object: another value"},
        {{.url = "ws://h", .source = (reflection_recorder_source)9},
         "source",
         "source: network, device or file"},
        {{.url = "ws://h", .sample_format = (reflection_recorder_sample)-1},
         "sample_format",
         "sample_format: int16, int24, int32, float32, int8 or uint8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reflection_recorder *r = NULL;
        cr_expect_eq(reflection_recorder_new(&cases[i].o, &r, &fault), -EINVAL, "%s",
                     cases[i].field);
        cr_expect_null(r);
        cr_expect_eq(fault.code, REFLECTION_RECORDER_INVALID_ARGUMENT);
        cr_expect_str_eq(fault.field, cases[i].field);
        cr_expect_str_eq(fault.message, cases[i].message);
    }
}

/* O1 and the table of section 3, columns NEW and CLOSED. */
Test(recorder, calls_before_init_and_after_close_give_the_errors_of_the_table)
{
    reflection_recorder *r = script_recorder("ws://127.0.0.1:1", 0);
    reflection_recorder_info info;
    reflection_recorder_segment segment;
    reflection_recorder_stream *stream;
    reflection_recorder_device *devices;
    size_t n;
    for (int closed = 0; closed < 2; closed++) {
        cr_expect_eq(reflection_recorder_start(r, NULL, 0), -ENOTCONN);
        cr_expect_eq(script_code(r), REFLECTION_RECORDER_NOT_INITIALISED);
        cr_expect_eq(reflection_recorder_stop(r, &segment), -EPIPE);
        cr_expect_eq(script_code(r), REFLECTION_RECORDER_NOT_RECORDING);
        cr_expect_eq(reflection_recorder_pause(r), -ENOTCONN);
        cr_expect_eq(reflection_recorder_resume(r), -ENOTCONN);
        cr_expect_eq(reflection_recorder_publish(r, script_ramp(0, 1), 1, 0), -EPIPE);
        cr_expect_eq(reflection_recorder_stream_open(r, NULL, &stream), -EPIPE);
        cr_expect_eq(reflection_recorder_list_devices(r, &devices, &n), -ENOTCONN);
        cr_expect_eq(reflection_recorder_clear_frames(r), 0);
        cr_expect_null(reflection_recorder_current_key(r));
        cr_expect_eq(reflection_recorder_close(r), 0);
        cr_expect_eq(reflection_recorder_state(r, &info), 0);
        cr_expect_eq(info.state, REFLECTION_RECORDER_NEW);
    }
    cr_expect_eq(reflection_recorder_init(r), -ECONNREFUSED);
    reflection_recorder_free(r);
}

Test(recorder, names_are_those_of_the_server_and_read_back)
{
    for (int i = 0; i <= REFLECTION_RECORDER_DELETED; i++) {
        const char *name = reflection_recorder_state_name((reflection_recorder_state_kind)i);
        cr_expect_eq(reflection_recorder_state_parse(name), i, "%s", name);
    }
    for (int i = 0; i <= REFLECTION_RECORDER_UINT8; i++) {
        const char *name = reflection_recorder_sample_name((reflection_recorder_sample)i);
        cr_expect_eq(reflection_recorder_sample_parse(name), i, "%s", name);
    }
    for (int i = 1; i <= REFLECTION_RECORDER_FLAC; i++) {
        const char *name = reflection_recorder_format_name((reflection_recorder_format)i);
        cr_expect_eq(reflection_recorder_format_parse(name), i, "%s", name);
    }
    cr_expect_eq(reflection_recorder_format_parse("aac"), -1);
    cr_expect_str_eq(reflection_recorder_code_name(REFLECTION_RECORDER_NO_SPACE), "NO_SPACE");
    cr_expect_eq(reflection_recorder_sample_size(REFLECTION_RECORDER_INT24), 3);
}

/* ---- start ---- */

static void begin_only(server *s)
{
    server_upgrade(s);
    script_begin(s, "start", "started", 0, 16000);
    server_read(s);
}

Test(recorder, start_sends_what_was_asked_and_takes_the_key)
{
    server *s = server_start(begin_only, NULL);
    const char *prefixes[] = {"session-123", "segment"};
    const reflection_recorder_options o = {.url = server_url(s),
                                           .rate_hz = 48000,
                                           .channels = 2,
                                           .sample_format = REFLECTION_RECORDER_INT24,
                                           .store_format = REFLECTION_RECORDER_FLAC,
                                           .settings = "{\"split\":\"silence\"}"};
    reflection_recorder *r = NULL;
    cr_assert_eq(reflection_recorder_new(&o, &r, &fault), 0);
    cr_assert_eq(reflection_recorder_init(r), 0);
    cr_assert_eq(reflection_recorder_start(r, prefixes, 2), 0);
    cr_expect_str_eq(reflection_recorder_current_key(r), KEY);
    cr_expect_str_eq(reflection_recorder_session(r), SESSION);
    cr_expect_eq(reflection_recorder_start(r, NULL, 0), -EALREADY);
    cr_expect_eq(script_code(r), REFLECTION_RECORDER_ALREADY_RECORDING);
    reflection_recorder_free(r);
    server_join(s);
    json_t *wanted = json_loads(
        "{\"type\":\"start\",\"req\":1,\"source\":\"network\",\"sample_format\":\"int24\","
        "\"channels\":2,\"rate\":48000,\"chunk\":1024,\"store_format\":\"flac\","
        "\"prefixes\":[\"session-123\",\"segment\"],\"options\":{\"split\":\"silence\"}}",
        0, NULL);
    cr_expect(json_equal(script_noted, wanted), "%s", json_dumps(script_noted, 0));
    json_decref(wanted);
    server_stop(s);
}

static void refuse_start(server *s)
{
    server_upgrade(s);
    int64_t req = script_request(s, "start");
    script_answer(s, req,
                  "\"type\":\"error\",\"code\":\"NO_SPACE\",\"message\":\"disk: too full\","
                  "\"retryable\":true");
    server_read(s);
}

Test(recorder, a_refused_start_says_code_and_message)
{
    server *s = server_start(refuse_start, NULL);
    reflection_recorder *r = script_recorder(server_url(s), 0);
    cr_assert_eq(reflection_recorder_init(r), 0);
    cr_expect_eq(reflection_recorder_start(r, NULL, 0), -ENOSPC);
    cr_expect_eq(script_code(r), REFLECTION_RECORDER_NO_SPACE);
    cr_expect(reflection_recorder_last_fault(r)->retryable);
    cr_expect_str_eq(reflection_recorder_last_fault(r)->message, "disk: too full");
    cr_expect_null(reflection_recorder_current_key(r));
    reflection_recorder_free(r);
    server_stop(s);
}
