/* Audio out of the recorder's client: streams and files, from servers that behave or do not. */
#include "reflection_recorder.h"

#include "server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5000
#define SESSION "0123456789abcdef0123456789abcdef"

/* A recorder that looks at an old session; the script serves its init first. */
static reflection_recorder *opened(const server *s)
{
    const reflection_recorder_options o = {
        .url = server_url(s), .source = REFLECTION_RECORDER_DEVICE, .timeout_ms = WAIT_MS};
    reflection_recorder *r = NULL;
    cr_assert_eq(reflection_recorder_new(&o, &r, NULL), 0);
    cr_assert_eq(reflection_recorder_init(r), 0, "%s", reflection_recorder_last_fault(r)->message);
    cr_assert_eq(reflection_recorder_select(r, SESSION), 0);
    return r;
}

static void serve_init(server *s)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    if (server_accept(s) && server_read_head(s) != NULL) {
        server_raw(s, text, sizeof(text) - 1);
    }
}

/* ---- streams ---- */

static void piece(server *s, uint8_t flags, uint32_t n_frames, uint64_t first, const char *text)
{
    uint8_t m[64] = {2, flags, 3, 0};
    memcpy(m + 4, &n_frames, 4);
    memcpy(m + 8, &first, 8);
    memcpy(m + 16, text, strlen(text));
    server_binary(s, m, 16 + strlen(text));
}

static char asked[1024];

static void subscribed(server *s)
{
    serve_init(s);
    server_upgrade(s);
    const char *text = server_read(s);
    snprintf(asked, sizeof(asked), "%s", text != NULL ? text : "");
    server_text(s, "{\"type\":\"subscribed\",\"req\":1,\"stream_id\":3,\"first_frame\":0}");
}

static void stream_of_pieces(server *s)
{
    subscribed(s);
    piece(s, 0, 0, 0, "aa"); /* coded in two, told with the second */
    piece(s, 0, 16, 0, "bb");
    piece(s, 0, 10, 16, "cc");
    piece(s, 0, 6, 16, "dd");
    server_text(s, "{\"type\":\"lag\",\"stream_id\":3,\"first_frame\":32,\"count\":100}");
    piece(s, 0, 16, 132, "ee");
    piece(s, 0, 5, 148, "ff");
    piece(s, 2, 0, 148, "");
    server_text(s, "{\"type\":\"end\",\"stream_id\":3,\"last_frame\":153,\"state\":\"STORED\"}");
    server_read(s);
}

/* L4, L5, L3 */
Test(recorder_out, pieces_become_chunks_with_their_frames_and_what_was_dropped)
{
    static const struct {
        const char *data;
        int64_t first;
        uint32_t n;
        int64_t dropped_first, n_dropped;
    } wanted[] = {{"aabb", 0, 16, 0, 0},
                  {"ccdd", 16, 16, 0, 0},
                  {"ee", 132, 16, 32, 100},
                  {"ff", 148, 5, 0, 0}};
    server *s = server_start(stream_of_pieces, NULL);
    reflection_recorder *r = opened(s);
    const reflection_recorder_listen listen = {.from_start = true, .chunk_frames = 16};
    reflection_recorder_stream *stream = NULL;
    reflection_recorder_chunk chunk;
    cr_assert_eq(reflection_recorder_stream_open(r, &listen, &stream), 0, "%s",
                 reflection_recorder_last_fault(r)->message);
    reflection_recorder_free(r); /* a stream outlives it */
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(reflection_recorder_stream_read(stream, WAIT_MS, &chunk), 1, "%zu: %s", i,
                     reflection_recorder_stream_fault(stream)->message);
        cr_expect_eq(chunk.len, strlen(wanted[i].data));
        cr_expect_eq(memcmp(chunk.data, wanted[i].data, chunk.len), 0);
        cr_expect_eq(chunk.first_frame, wanted[i].first);
        cr_expect_eq(chunk.n_frames, wanted[i].n);
        cr_expect_eq(chunk.dropped_first, wanted[i].dropped_first);
        cr_expect_eq(chunk.n_dropped, wanted[i].n_dropped);
    }
    cr_expect_eq(reflection_recorder_stream_read(stream, WAIT_MS, &chunk), -EPIPE);
    cr_expect_eq(reflection_recorder_stream_read(stream, WAIT_MS, &chunk), -EPIPE);
    reflection_recorder_stream_close(stream);
    server_stop(s);
    cr_expect_not_null(strstr(asked, "\"from\":\"start\""));
    cr_expect_not_null(strstr(asked, "\"lag_policy\":\"wait\""), "%s", asked);
    cr_expect_not_null(strstr(asked, "\"chunk_size\":16"));
}

static void too_slow(server *s)
{
    subscribed(s);
    server_text(s,
                "{\"type\":\"error\",\"req\":1,\"code\":\"CONSUMER_TOO_SLOW\",\"message\":\"x\"}");
    server_read(s);
}

static void another_stream(server *s)
{
    subscribed(s);
    piece(s, 0, 16, 0, "aa");
    server_binary(s, "\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    server_read(s);
}

static void short_piece(server *s)
{
    subscribed(s);
    server_binary(s, "\2\0\3", 3);
    server_read(s);
}

static void no_json(server *s)
{
    subscribed(s);
    server_text(s, "[1]");
    server_read(s);
}

static void cut_stream(server *s)
{
    subscribed(s);
    piece(s, 0, 3, 0, "aa");
}

Test(recorder_out, streams_that_fail_say_how)
{
    static const struct {
        server_script script;
        int err;
        int n_chunks;
    } cases[] = {{too_slow, -EOVERFLOW, 0},
                 {another_stream, -EPROTO, 1},
                 {short_piece, -EPROTO, 0},
                 {no_json, -EPROTO, 0},
                 {cut_stream, -ECONNRESET, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server *s = server_start(cases[i].script, NULL);
        reflection_recorder *r = opened(s);
        const reflection_recorder_listen listen = {.chunk_frames = 16};
        reflection_recorder_stream *stream = NULL;
        reflection_recorder_chunk chunk;
        cr_assert_eq(reflection_recorder_stream_open(r, &listen, &stream), 0, "%zu", i);
        int n = 0;
        int n_chunks = 0;
        while ((n = reflection_recorder_stream_read(stream, WAIT_MS, &chunk)) > 0) {
            n_chunks++;
        }
        cr_expect_eq(n, cases[i].err, "%zu: %d", i, n);
        cr_expect_eq(n_chunks, cases[i].n_chunks, "%zu", i);
        cr_expect_eq(reflection_recorder_stream_fault(stream)->err, cases[i].err);
        reflection_recorder_stream_close(stream);
        reflection_recorder_free(r);
        server_stop(s);
    }
}

static void refuse_stream(server *s)
{
    serve_init(s);
    server_upgrade(s);
    server_read(s);
    server_text(
        s, "{\"type\":\"error\",\"req\":1,\"code\":\"TOO_MANY_CONSUMERS\",\"message\":\"64\"}");
    server_read(s);
}

Test(recorder_out, a_refused_stream_says_code_and_message)
{
    server *s = server_start(refuse_stream, NULL);
    reflection_recorder *r = opened(s);
    reflection_recorder_stream *stream = NULL;
    cr_expect_eq(reflection_recorder_stream_open(r, NULL, &stream), -EBUSY);
    cr_expect_eq(reflection_recorder_last_fault(r)->code, REFLECTION_RECORDER_TOO_MANY_CONSUMERS);
    cr_expect_null(stream);
    const reflection_recorder_listen large = {.chunk_frames = UINT32_MAX};
    cr_expect_eq(reflection_recorder_stream_open(r, &large, &stream), -EMSGSIZE);
    const reflection_recorder_listen timed = {.from = {REFLECTION_RECORDER_UTC, 1}};
    cr_expect_eq(reflection_recorder_stream_open(r, &timed, &stream), -EINVAL);
    reflection_recorder_free(r);
    server_stop(s);
}

/* ---- files ---- */

typedef struct sink {
    char data[256];
    size_t len;
    size_t max;
} sink;

static int into(void *user, const void *data, size_t len)
{
    sink *k = user;
    if (len > k->max - k->len) {
        return 1;
    }
    memcpy(k->data + k->len, data, len);
    k->len += len;
    return 0;
}

static char head[2048];

static void serve_raw(server *s)
{
    serve_init(s);
    if (server_accept(s)) {
        const char *text = server_read_head(s);
        snprintf(head, sizeof(head), "%s", text != NULL ? text : "");
        server_raw(s, server_user(s), strlen(server_user(s)));
    }
}

static int get(const char *answer, size_t max, sink *ret, reflection_recorder_extract *extract,
               reflection_recorder_fault *ret_fault)
{
    server *s = server_start(serve_raw, (void *)(uintptr_t)answer);
    reflection_recorder *r = opened(s);
    const reflection_recorder_cut cut = {.from = {REFLECTION_RECORDER_FRAME, 100},
                                         .to = {REFLECTION_RECORDER_UTC, 1767323045000000001},
                                         .output = {REFLECTION_RECORDER_WAV, 2, 8000},
                                         .clip = true,
                                         .wait_ms = 20};
    *ret = (sink){.max = max};
    int err = reflection_recorder_segment_write(r, &cut, into, ret, extract);
    *ret_fault = *reflection_recorder_last_fault(r);
    reflection_recorder_free(r);
    server_stop(s);
    return err;
}

Test(recorder_out, a_cut_asks_for_its_range_and_gives_the_file_piece_by_piece)
{
    sink got;
    reflection_recorder_extract extract;
    reflection_recorder_fault fault;
    const char *answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: audio/wav\r\n"
        "Recording-First-Frame: 100\r\nRecording-Frame-Count: 9\r\n"
        "Recording-Exact: true\r\n\r\n3\r\nabc\r\nA;x=y\r\ndefghijklm\r\n0\r\n\r\n";
    cr_assert_eq(get(answer, 100, &got, &extract, &fault), 0, "%s", fault.message);
    cr_expect_eq(got.len, 13);
    cr_expect_eq(memcmp(got.data, "abcdefghijklm", 13), 0);
    cr_expect_eq(extract.first_frame, 100);
    cr_expect_eq(extract.n_frames, 9);
    cr_expect(extract.exact);
    cr_expect_eq(extract.bytes, 13);
    cr_expect_str_eq(extract.content_type, "audio/wav");
    cr_expect_not_null(
        strstr(head, "GET /v1/recordings/" SESSION "/segment?from=f:100&"
                     "to=2026-01-02T03:04:05.000000001Z&format=wav&rate=8000&channels=2&clip=true&"
                     "wait_ms=20 HTTP/1.1\r\n"),
        "%s", head);
}

/* T5 */
Test(recorder_out, a_range_outside_says_what_there_is)
{
    sink got;
    reflection_recorder_fault fault;
    const char *answer =
        "HTTP/1.1 416 X\r\n\r\n{\"code\":\"RANGE_OUTSIDE\",\"message\":"
        "\"range: not within the audio\",\"retryable\":false,\"available\":{\"from\":"
        "\"2026-01-02T03:04:05.000000001Z\",\"to\":\"2026-01-02T04:04:06.5+01:00\",\"from_frame\":"
        "10,"
        "\"to_frame\":24010}}";
    cr_expect_eq(get(answer, 100, &got, NULL, &fault), -ERANGE, "%s", fault.message);
    cr_expect_eq(fault.code, REFLECTION_RECORDER_RANGE_OUTSIDE);
    cr_expect_eq(fault.http_status, 416);
    cr_assert(fault.has_available);
    cr_expect_eq(fault.available.from_ns, 1767323045000000001);
    cr_expect_eq(fault.available.to_ns - fault.available.from_ns, 1499999999);
    cr_expect_eq(fault.available.from_frame, 10);
    cr_expect_eq(fault.available.to_frame, 24010);
    cr_expect_eq(got.len, 0, "a refusal is no audio");
}

Test(recorder_out, answers_that_are_cut_or_wrong_are_errors)
{
    static const struct {
        const char *answer;
        int err;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", -ECONNRESET},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", -ECONNRESET},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", -ECONNRESET},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9x\r\n\r\nabc", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", -EPROTO},
        {"HTTP/1.1 200 OK\r\n", -ECONNRESET},
        {"nonsense\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nabcabcabcabc", -ECANCELED},
        {"HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nxyz", -EPROTO},
        {"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", -ENOENT},
        {"HTTP/1.1 410 X\r\nContent-Length: 15\r\n\r\n{\"code\":\"GONE\"}", -ENOENT},
        {"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", -EACCES},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sink got;
        reflection_recorder_fault fault;
        int err = get(cases[i].answer, 10, &got, NULL, &fault);
        cr_expect_eq(err, cases[i].err, "%zu: %d, %s", i, err, fault.message);
        cr_expect_eq(fault.err, err);
        cr_expect_neq(fault.message[0], '\0');
    }
}

Test(recorder_out, a_body_without_a_length_ends_with_the_connection)
{
    sink got;
    reflection_recorder_fault fault;
    cr_expect_eq(get("HTTP/1.1 200 OK\r\n\r\nabc", 10, &got, NULL, &fault), 0);
    cr_expect_eq(got.len, 3);
}

static void serve_devices(server *s)
{
    serve_init(s);
    if (server_accept(s) && server_read_head(s) != NULL) {
        server_raw(s, server_user(s), strlen(server_user(s)));
    }
}

Test(recorder_out, devices_are_listed)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\n\r\n{\"devices\":[{\"index\":3,\"name\":\"vmic\",\"channels\":2,"
        "\"default_rate\":48000,\"api\":\"ALSA\",\"is_default\":true},{\"index\":4,\"name\":\"b\","
        "\"channels\":1,\"default_rate\":44100}]}";
    server *s = server_start(serve_devices, (void *)(uintptr_t)answer);
    reflection_recorder *r = opened(s);
    reflection_recorder_device *devices = NULL;
    size_t n = 0;
    cr_assert_eq(reflection_recorder_list_devices(r, &devices, &n), 0, "%s",
                 reflection_recorder_last_fault(r)->message);
    cr_assert_eq(n, 2);
    cr_expect_eq(devices[0].index, 3);
    cr_expect_str_eq(devices[0].name, "vmic");
    cr_expect_str_eq(devices[0].api, "ALSA");
    cr_expect(devices[0].is_default);
    cr_expect_eq(devices[1].default_rate_hz, 44100);
    cr_expect_not(devices[1].is_default);
    reflection_recorder_free_devices(devices);
    reflection_recorder_free(r);
    server_stop(s);
}
