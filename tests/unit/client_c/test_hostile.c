/* Servers that lie, cut, flood or refuse: each is told apart, none does harm. */
#include "reflection_jam.h"

#include "server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOP 1920
#define WAIT_MS 5000

/* ---- answers to the upgrade ---- */

static void answer_script(server *s)
{
    if (server_accept(s) && server_read_head(s) != NULL) {
        const char *answer = server_user(s);
        server_raw(s, answer, strlen(answer));
    }
}

static int open_at(const server *s, reflection_jam **ret, reflection_jam_fault *fault)
{
    const reflection_jam_options o = {.url = server_url(s), .timeout_ms = WAIT_MS};
    return reflection_jam_open(&o, ret, fault);
}

Test(hostile, refusals_before_the_upgrade_are_told_apart)
{
    static const struct {
        const char *answer;
        int err;
        int status;
        int64_t retry_ms;
        const char *words;
    } cases[] = {
        {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 49\r\n\r\n"
         "{\"code\":\"UNAUTHORIZED\",\"message\":\"No valid key.\"}",
         -EACCES, 401, 0, "No valid key."},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", -EACCES, 403, 0, "HTTP 403"},
        {"HTTP/1.1 404 Not Found\r\n\r\n", -ENOENT, 404, 0, "HTTP 404"},
        {"HTTP/1.1 429 Too Many\r\nretry-after:  5 \r\n\r\n", -EBUSY, 429, 5000, "HTTP 429"},
        {"HTTP/1.1 503 Draining\r\nRetry-After: 1\r\n\r\n", -EBUSY, 503, 1000, "HTTP 503"},
        {"HTTP/1.1 503 Draining\r\nRetry-After: 99999999999999999999\r\n\r\n", -EBUSY, 503,
         86400000, "HTTP 503"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nno", -EPROTO, 200, 0, "HTTP 200"},
        {"HTTP/1.1 301 Moved\r\nLocation: ws://evil/\r\n\r\n", -EPROTO, 301, 0, "HTTP 301"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: c29tZSBvdGhlciBrZXkgb2YgMjBi\r\n\r\n",
         -EPROTO, 0, 0, "no WebSocket"},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", -EPROTO, 0, 0, "no WebSocket"},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", -EPROTO, 0, 0, "does not speak HTTP"},
        {"HTTP/1.1 101 Switching", -ECONNRESET, 0, 0, "no answer"},
        {"", -ECONNRESET, 0, 0, "no answer"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server *s = server_start(answer_script, (void *)(uintptr_t)cases[i].answer);
        reflection_jam *jam = NULL;
        reflection_jam_fault fault;
        cr_expect_eq(open_at(s, &jam, &fault), cases[i].err, "%zu: %s", i, fault.message);
        cr_expect_null(jam);
        cr_expect_eq(fault.err, cases[i].err);
        cr_expect_eq(fault.http_status, cases[i].status, "%zu", i);
        cr_expect_eq(fault.retry_after_ms, cases[i].retry_ms, "%zu", i);
        cr_expect_not_null(strstr(fault.message, cases[i].words), "%zu: %s", i, fault.message);
        server_stop(s);
    }
}

Test(hostile, a_head_without_end_is_refused)
{
    size_t len = 40000;
    char *answer = malloc(len + 1);
    memset(answer, 'x', len);
    memcpy(answer, "HTTP/1.1 101 S\r\nX: ", 19);
    answer[len] = '\0';
    server *s = server_start(answer_script, answer);
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(open_at(s, &jam, &fault), -EMSGSIZE, "%s", fault.message);
    server_stop(s);
    free(answer);
}

static void silent_script(server *s)
{
    server_accept(s);
    server_read_head(s);
    server_read(s);
}

Test(hostile, a_silent_server_is_left_at_the_deadline)
{
    server *s = server_start(silent_script, NULL);
    const reflection_jam_options o = {.url = server_url(s), .timeout_ms = 100};
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(reflection_jam_open(&o, &jam, &fault), -ETIMEDOUT, "%s", fault.message);
    server_stop(s);
}

Test(hostile, nobody_listening_is_said)
{
    const reflection_jam_options o = {.url = "ws://127.0.0.1:1"};
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_expect_eq(reflection_jam_open(&o, &jam, &fault), -ECONNREFUSED);
    cr_expect_not_null(strstr(fault.message, "127.0.0.1:1"));
}

/* ---- answers to start ---- */

static void start_answer_script(server *s)
{
    server_upgrade(s);
    server_read(s);
    server_text(s, server_user(s));
    server_read(s);
}

Test(hostile, answers_to_start_that_are_no_session)
{
    static const struct {
        const char *text;
        int err;
        const char *words;
    } cases[] = {
        {"{\"type\":\"error\",\"code\":\"OUT_OF_RANGE\",\"error\":\"bpm: 60 to 200\","
         "\"field\":\"bpm\"}",
         -EINVAL, "bpm: 60 to 200"},
        {"{\"type\":\"error\",\"code\":\"FORBIDDEN\",\"error\":\"no\"}", -EACCES, "no"},
        {"{\"type\":\"error\",\"code\":\"DRAINING\",\"error\":\"bye\"}", -EBUSY, "bye"},
        {"{\"type\":\"error\",\"code\":\"ENGINE_UNAVAILABLE\",\"error\":\"no font\"}", -EOPNOTSUPP,
         "no font"},
        {"{\"type\":\"error\",\"code\":\"RESUME_UNKNOWN\",\"error\":\"?\"}", -ENOENT, "?"},
        {"{\"type\":\"error\"}", -EINVAL, "without words"},
        {"{\"type\":\"stopped\",\"reason\":\"engine\"}", -EPIPE, "as it began"},
        {"{\"type\":\"started\"}", -EPROTO, "session_id"},
        {"{\"type\":\"started\",\"session_id\":7}", -EPROTO, "session_id"},
        {"not json", -EPROTO, "no JSON object"},
        {"[]", -EPROTO, "no JSON object"},
        {"{\"type\":\"error\",\"type\":\"started\"}", -EPROTO, "no JSON object"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        server *s = server_start(start_answer_script, (void *)(uintptr_t)cases[i].text);
        reflection_jam *jam = NULL;
        reflection_jam_fault fault;
        cr_expect_eq(open_at(s, &jam, &fault), cases[i].err, "%zu: %s", i, fault.message);
        cr_expect_not_null(strstr(fault.message, cases[i].words), "%zu: %s", i, fault.message);
        cr_expect_null(jam);
        server_stop(s);
    }
}

Test(hostile, numbers_of_started_out_of_range)
{
    static const char *const bad[] = {
        "\"seed\":-1,\"overlap\":0,\"chunk_frames\":1,\"next_index\":0",
        "\"seed\":2147483648,\"overlap\":0,\"chunk_frames\":1,\"next_index\":0",
        "\"seed\":1,\"overlap\":4801,\"chunk_frames\":1,\"next_index\":0",
        "\"seed\":1,\"overlap\":0.5,\"chunk_frames\":1,\"next_index\":0",
        "\"seed\":1,\"overlap\":0,\"chunk_frames\":0,\"next_index\":0",
        "\"seed\":1,\"overlap\":0,\"chunk_frames\":51,\"next_index\":0",
        "\"seed\":1,\"overlap\":0,\"chunk_frames\":1,\"next_index\":1e300",
        "\"seed\":1,\"overlap\":0,\"chunk_frames\":1",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "{\"type\":\"started\",\"session_id\":\"a\",\"engine\":\"band\","
                 "\"format\":\"wav-f32\",\"pace\":\"asap\",\"role\":\"controller\",%s}",
                 bad[i]);
        server *s = server_start(start_answer_script, text);
        reflection_jam *jam = NULL;
        reflection_jam_fault fault;
        cr_expect_eq(open_at(s, &jam, &fault), -EPROTO, "%s: %s", bad[i], fault.message);
        server_stop(s);
    }
}

/* ---- the stream ---- */

/* Opens, and expects the first event to fail with err and words. */
static void expect_failure(server_script script, const void *user, int err, const char *words)
{
    server *s = server_start(script, (void *)(uintptr_t)user);
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    reflection_jam_event e;
    cr_assert_eq(open_at(s, &jam, &fault), 0, "%s", fault.message);
    int n;
    while ((n = reflection_jam_next(jam, WAIT_MS, &e)) > 0) {
    }
    const char *message = reflection_jam_last_fault(jam)->message;
    cr_expect_eq(n, err, "%d: %s (%s)", n, message, words);
    cr_expect_not_null(strstr(message, words), "%s", message);
    cr_expect_eq(reflection_jam_fd(jam), -1);
    reflection_jam_close(jam);
    server_stop(s);
}

typedef struct damage {
    size_t cut; /* bytes taken off the end */
    size_t at;  /* byte that is changed */
    uint8_t to;
} damage;

static void damaged_chunk(server *s)
{
    const damage *d = server_user(s);
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP, &len);
    if (d->at < len) {
        file[d->at] = d->to;
    }
    server_binary(s, file, len - d->cut);
    server_meta(s, 0, HOP, 0);
    free(file);
    server_read(s);
}

Test(hostile, damaged_wav_files)
{
    static const struct {
        damage damage;
        const char *words;
    } cases[] = {
        {{.cut = 1, .at = SIZE_MAX}, "shorter or longer"},
        {{.cut = 8, .at = SIZE_MAX}, "shorter or longer"},
        {{.cut = 58 + 8 * HOP, .at = SIZE_MAX}, "no WAV"},
        {{.cut = 8 * HOP + 50, .at = SIZE_MAX}, "no WAV"},
        {{.cut = 0, .at = 0, .to = 'X'}, "no WAV"},
        {{.cut = 0, .at = 4, .to = 0xff}, "shorter or longer"},
        {{.cut = 0, .at = 16, .to = 0xff}, "cut short"},  /* size of fmt */
        {{.cut = 0, .at = 19, .to = 0xff}, "cut short"},  /* the same, 4 GiB */
        {{.cut = 0, .at = 12, .to = 'F'}, "no format"},   /* fmt renamed */
        {{.cut = 0, .at = 50, .to = 'D'}, "no format"},   /* data renamed */
        {{.cut = 0, .at = 54, .to = 0x07}, "cut short"},  /* size of data not to the end */
        {{.cut = 0, .at = 57, .to = 0x80}, "cut short"},  /* size of data 2 GiB */
        {{.cut = 0, .at = 20, .to = 6}, "neither"},       /* a-law */
        {{.cut = 0, .at = 22, .to = 1}, "not stereo"},    /* mono */
        {{.cut = 0, .at = 24, .to = 0x44}, "not stereo"}, /* rate */
        {{.cut = 0, .at = 34, .to = 64}, "neither"},      /* bits */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_failure(damaged_chunk, &cases[i].damage, -EPROTO, cases[i].words);
    }
}

static void nan_chunk(server *s)
{
    const uint8_t *bits = server_user(s);
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP, &len);
    memcpy(file + 58 + 400, bits, 4);
    server_binary(s, file, len);
    server_meta(s, 0, HOP, 0);
    free(file);
    server_read(s);
}

Test(hostile, samples_that_are_no_number)
{
    expect_failure(nan_chunk, "\x00\x00\xc0\x7f", -EPROTO, "no number");
    expect_failure(nan_chunk, "\x00\x00\x80\xff", -EPROTO, "no number");
}

static void other_length(server *s)
{
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP + 1, &len);
    server_binary(s, file, len);
    server_meta(s, 0, HOP, 0);
    free(file);
    server_read(s);
}

static void meta_alone(server *s)
{
    server_begin(s, 0);
    server_meta(s, 0, HOP, 0);
    server_read(s);
}

static void audio_twice(server *s)
{
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP, &len);
    server_binary(s, file, len);
    server_binary(s, file, len);
    free(file);
    server_read(s);
}

static void audio_then_status(server *s)
{
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP, &len);
    server_binary(s, file, len);
    server_text(s, "{\"type\":\"status\"}");
    free(file);
    server_read(s);
}

Test(hostile, audio_and_metadata_that_do_not_fit)
{
    expect_failure(other_length, NULL, -EPROTO, "samples: 1921 in the file, 1920");
    expect_failure(meta_alone, NULL, -EPROTO, "without audio");
    expect_failure(audio_twice, NULL, -EPROTO, "without its chunk_meta");
    expect_failure(audio_then_status, NULL, -EPROTO, "without its chunk_meta");
}

static void meta_script(server *s)
{
    size_t len;
    server_begin(s, 0);
    uint8_t *file = server_wav(0, HOP, &len);
    server_binary(s, file, len);
    server_text(s, server_user(s));
    free(file);
    server_read(s);
}

/* Every field of the metadata, missing and wrong. */
Test(hostile, metadata_out_of_range)
{
    static const struct {
        const char *field;
        const char *wrong;
    } cases[] = {
        {"sample_rate", "44100"},
        {"channels", "1"},
        {"crossfade_seconds", "-1"},
        {"crossfade_seconds", "0.2"},
        {"samples", "110401"},
        {"samples", "\"1920\""},
        {"index", "-1"},
        {"start_sample", "1e17"},
        {"rev", "0.5"},
        {"bpm", "0"},
        {"bar", "0"},
        {"beat", "5.5"},
        {"generation_ms", "-1"},
        {"lead_ms", "null"},
        {"styles", "{}"},
        {"styles", "[{\"name\":1,\"weight\":1}]"},
        {"styles", "[{\"name\":\"a\",\"weight\":2}]"},
    };
    static const struct {
        const char *field;
        const char *good;
    } fields[] = {
        {"sample_rate", "48000"},
        {"channels", "2"},
        {"crossfade_seconds", "0.04"},
        {"samples", "1920"},
        {"index", "0"},
        {"start_sample", "0"},
        {"rev", "0"},
        {"bpm", "120"},
        {"bar", "1"},
        {"beat", "1"},
        {"lead_ms", "0"},
        {"generation_ms", "0"},
        {"styles", "[]"},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024] = "{\"type\":\"chunk_meta\",\"metadata\":{";
        const char *field = cases[i / 2].field;
        for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
            bool is_it = strcmp(field, fields[k].field) == 0;
            if (!is_it || i % 2 == 0) {
                sprintf(text + strlen(text), "\"%s\":%s,", fields[k].field,
                        is_it ? cases[i / 2].wrong : fields[k].good);
            }
        }
        strcat(text, "\"more\":1}}");
        expect_failure(meta_script, text, -EPROTO, field);
    }
}

static void text_script(server *s)
{
    server_begin(s, 0);
    server_text(s, server_user(s));
    server_read(s);
}

Test(hostile, text_that_is_no_message)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "nothing",
                                      "[1,2]",
                                      "\"text\"",
                                      "{\"type\":\"status\",\"rev\":-1}",
                                      "{\"type\":\"status\",\"applied_at_sample\":\"1\"}",
                                      "{\"type\":\"stopped\"}",
                                      "{\"type\":\"stopped\",\"reason\":\"client\"}",
                                      "{\"a\":\"\\u0000\"}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_failure(text_script, bad[i], -EPROTO, "");
    }
    static char nested[20000];
    memset(nested, '[', sizeof(nested) - 1);
    expect_failure(text_script, nested, -EPROTO, "no JSON object");
    static char large[70000];
    memset(large, ' ', sizeof(large) - 1);
    expect_failure(text_script, large, -EMSGSIZE, "65536");
}

/* ---- frames ---- */

static void giant_frame(server *s)
{
    server_begin(s, 0);
    server_raw(s, server_user(s), 11);
    server_read(s);
    server_read(s);
}

Test(hostile, giant_frames_are_refused_by_their_length_alone)
{
    expect_failure(giant_frame, "\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01x", -EMSGSIZE, "1048576");
    expect_failure(giant_frame, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff_", -EMSGSIZE, "1048576");
    expect_failure(giant_frame, "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff_", -EPROTO, "");
}

static void endless_fragments(server *s)
{
    static char zeros[65536];
    server_begin(s, 0);
    server_frame(s, 0x02, zeros, sizeof(zeros));
    for (int i = 0; i < 32; i++) {
        server_frame(s, 0x00, zeros, sizeof(zeros));
    }
    server_read(s);
}

static void empty_fragments(server *s)
{
    static char frames[65536]; /* each two bytes: an empty continuation */
    server_begin(s, 0);
    server_frame(s, 0x02, "", 0);
    for (int i = 0; i < 100; i++) {
        server_raw(s, frames, sizeof(frames));
    }
    server_read(s);
}

static void endless_pings(server *s)
{
    static char pings[65536];
    for (size_t i = 0; i < sizeof(pings); i += 2) {
        pings[i] = (char)0x89;
    }
    server_begin(s, 0);
    for (int i = 0; i < 100; i++) {
        server_raw(s, pings, sizeof(pings));
    }
}

Test(hostile, endless_messages_and_floods_end)
{
    expect_failure(endless_fragments, NULL, -EMSGSIZE, "1048576");
    expect_failure(empty_fragments, NULL, -EPROTO, "");
    expect_failure(endless_pings, NULL, -EPROTO, "");
}

static void raw_script(server *s)
{
    const char *bytes = server_user(s);
    server_begin(s, 0);
    server_raw(s, bytes + 1, (size_t)bytes[0]);
    server_read(s);
}

Test(hostile, broken_frames)
{
    static const char *const frames[] = {
        "\x04\xc1\x02{}",                 /* a reserved bit */
        "\x02\x83\x00",                   /* an unknown opcode */
        "\x08\x81\x82\x00\x00\x00\x00{}", /* a mask of the server */
        "\x02\x80\x00",                   /* a continuation of nothing */
        "\x02\x09\x00",                   /* a ping in fragments */
        "\x04\x81\x02\xff\xfe",           /* no UTF-8 */
        "\x03\x88\x01\x03",               /* half a close code */
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        expect_failure(raw_script, frames[i], -EPROTO, "");
    }
}

static void vanish(server *s)
{
    server_begin(s, 0);
}

static void close_script(server *s)
{
    server_begin(s, 0);
    server_close_frame(s, *(const unsigned *)server_user(s));
    server_read(s);
}

Test(hostile, ways_to_end_without_stopped)
{
    expect_failure(vanish, NULL, -ECONNRESET, "lost");
    static const struct {
        unsigned code;
        int err;
    } cases[] = {{1000, -ECONNRESET}, {1001, -ECONNRESET}, {1007, -EPIPE},     {1008, -EPIPE},
                 {1009, -EPIPE},      {1011, -ECONNRESET}, {1012, -ECONNRESET}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char words[32];
        snprintf(words, sizeof(words), "code %u", cases[i].code);
        expect_failure(close_script, &cases[i].code, cases[i].err, words);
    }
}

/* A server that does not read: what may wait to be sent is bounded. */
static void deaf(server *s)
{
    server_begin(s, 0);
    server_idle(s);
}

Test(hostile, a_deaf_server_fills_no_memory)
{
    server *s = server_start(deaf, NULL);
    reflection_jam *jam = NULL;
    reflection_jam_fault fault;
    cr_assert_eq(open_at(s, &jam, &fault), 0, "%s", fault.message);
    static char fields[60000];
    memset(fields, ' ', sizeof(fields) - 1);
    snprintf(fields, sizeof(fields), "{\"id2\":\"%0*d\"}", 50000, 0);
    int err = 0;
    for (int i = 0; i < 100000 && err == 0; i++) {
        err = reflection_jam_update(jam, fields, NULL);
    }
    cr_expect_eq(err, -EAGAIN);
    reflection_jam_close(jam);
    server_stop(s);
}
