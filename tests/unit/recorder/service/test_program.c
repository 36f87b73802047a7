/* The real program over RPC: publish, acknowledgements, streams, extracts, the stored object, and
 * what is left of it all when the process is killed. */
#include "hook_receiver.h"
#include "recorder_program.h"

#include "rf_crypto.h"
#include "rf_file.h"
#include "rf_id.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RATE 16000
#define SECONDS 10
#define FRAMES ((uint64_t)SECONDS * RATE)
#define MESSAGE 320 /* 20 ms */
#define WAV_HEAD_MAX 4096

static const char *text(const json_t *json, const char *name)
{
    const char *s = json_string_value(json_object_get(json, name));
    return s != NULL ? s : "";
}

static int64_t number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void expect_samples(const program_bytes *b, int64_t first, uint64_t n)
{
    int16_t *want = RF_NEW_ARRAY(int16_t, n + 1);
    program_samples(first, (uint32_t)n, 1, want);
    cr_expect_eq(b->len, n * sizeof(int16_t), "%zu bytes for %lu frames (%s)", b->len, n, b->code);
    if (b->len == n * sizeof(int16_t)) {
        cr_expect_eq(memcmp(b->data, want, b->len), 0, "samples from %ld", first);
    }
    free(want);
}

static void segment(recorder_program *p, const char *session, const char *from, const char *to,
                    program_bytes *ret)
{
    Recorder__V1__SegmentRequest m = RECORDER__V1__SEGMENT_REQUEST__INIT;
    m.session = (char *)(uintptr_t)session;
    m.from = (char *)(uintptr_t)from;
    m.to = (char *)(uintptr_t)to;
    program_segment(p, &m, ret);
}

static void expect_segment(recorder_program *p, const char *session, int64_t from, int64_t to)
{
    char a[32];
    char b[32];
    program_bytes got;
    (void)snprintf(a, sizeof(a), "f:%ld", from);
    (void)snprintf(b, sizeof(b), "f:%ld", to);
    segment(p, session, a, b, &got);
    expect_samples(&got, from, (uint64_t)(to - from));
    cr_expect_eq(got.first_frame, (uint64_t)from);
    cr_expect_eq(got.n_frames, (uint64_t)(to - from));
    program_bytes_done(&got);
}

static void expect_code(recorder_program *p, const char *session, const char *from, const char *to,
                        const char *code)
{
    program_bytes got;
    segment(p, session, from, to, &got);
    cr_expect_str_eq(got.code, code, "%s to %s: %s", from, to, got.code);
    program_bytes_done(&got);
}

/* What is stored is the object that the answer describes, and holds these frames. */
static void expect_object(recorder_program *p, const json_t *stopped, uint64_t n)
{
    program_bytes object;
    json_t *meta;
    uint8_t hash[RF_SHA256_LEN];
    char hex[2 * RF_SHA256_LEN + 1];
    program_object(p, text(stopped, "key"), &object, &meta);
    rf_sha256_of(object.data, object.len, hash);
    rf_hex(hash, sizeof(hash), hex);
    cr_expect_str_eq(text(stopped, "sha256"), hex);
    cr_expect_str_eq(text(meta, "sha256"), hex);
    cr_expect_eq(number(stopped, "bytes"), (int64_t)object.len);
    cr_expect_eq(number(meta, "frame_count"), (int64_t)n);
    cr_expect_eq(number(meta, "duration_ms"), (int64_t)(n * 1000 / RATE));
    cr_expect_eq(number(meta, "sample_rate"), RATE);
    cr_expect_eq(number(meta, "channels"), 1);
    cr_expect_str_eq(text(meta, "content_type"), "audio/wav");
    cr_expect_str_eq(text(meta, "end_reason"), text(stopped, "end_reason"));
    cr_assert_gt(object.len, n * 2);
    program_bytes samples = {.data = object.data + object.len - n * 2, .len = n * 2};
    expect_samples(&samples, 0, n);
    json_decref(meta);
    program_bytes_done(&object);
}

Test(recorder_program, S6_S7_L1_L3_T4_D12_D13_a_published_session_is_acknowledged_served_and_stored)
{
    recorder_program p;
    program_publisher pub;
    program_bytes live;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "{\"prefixes\":[\"a/b\"]}");
    cr_assert_str_empty(pub.code);
    cr_expect_eq(strncmp(pub.key, "recordings/a/b/", 15), 0, "%s", pub.key);
    rf_rpc_stream *stream = program_listen(&p, pub.session, "start", "pcm", 1600);
    publisher_samples(&pub, 0, FRAMES, MESSAGE);
    publisher_durable(&pub, FRAMES);
    cr_expect_eq(pub.received, FRAMES);
    expect_segment(&p, pub.session, 0, FRAMES);
    expect_segment(&p, pub.session, 12345, 12345 + 16000);
    json_t *info = program_get(&p, pub.session);
    cr_expect_str_eq(text(info, "state"), "RECORDING");
    cr_expect_eq(number(info, "durable_frames"), (int64_t)FRAMES);
    json_decref(info);
    json_t *stopped = publisher_stop(&pub);
    cr_expect_str_eq(text(stopped, "state"), "STORED");
    cr_expect_str_eq(text(stopped, "end_reason"), "stop");
    cr_expect_str_eq(text(stopped, "key"), pub.key);
    cr_expect_eq(number(stopped, "duration_ms"), SECONDS * 1000);
    program_drain(stream, &live);
    expect_samples(&live, 0, FRAMES);
    cr_expect_eq(live.n_frames, FRAMES);
    cr_expect_str_eq(live.content_type, "application/octet-stream");
    expect_object(&p, stopped, FRAMES);
    json_t *again = program_stop_session(&p, pub.session);
    cr_expect(json_equal(again, stopped), "O2: stop gives the same result each time");
    json_decref(again);
    json_decref(stopped);
    program_bytes_done(&live);
    program_done(&p);
}

Test(recorder_program, T4_T5_T6_T7_an_extract_by_times_is_exact_and_errors_name_what_there_is)
{
    recorder_program p;
    program_publisher pub;
    program_bytes got;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, 2 * RATE, MESSAGE);
    publisher_durable(&pub, 2 * RATE);
    json_t *stopped = publisher_stop(&pub);
    segment(&p, pub.session, text(stopped, "started_at"), text(stopped, "ended_at"), &got);
    expect_samples(&got, 0, 2 * RATE);
    program_bytes_done(&got);
    expect_segment(&p, pub.session, 1, 2);
    expect_code(&p, pub.session, "f:0", "f:32001", "RANGE_OUTSIDE");
    expect_code(&p, pub.session, "f:100", "f:100", "INVALID_ARGUMENT");
    expect_code(&p, pub.session, "f:200", "f:100", "INVALID_ARGUMENT");
    expect_code(&p, pub.session, "2026-01-02T03:04:05", "f:100", "INVALID_ARGUMENT");
    expect_code(&p, "00000000000000000000000000000000", "f:0", "f:1", "NOT_FOUND");
    Recorder__V1__ClearFramesRequest clear = RECORDER__V1__CLEAR_FRAMES_REQUEST__INIT;
    clear.session = pub.session;
    json_decref(program_call(&p, RECORDER_V1_RECORDER_CLEAR_FRAMES, &clear.base, NULL));
    expect_code(&p, pub.session, "f:0", "f:1", "NO_AUDIO");
    expect_object(&p, stopped, 2 * RATE);
    json_decref(stopped);
    program_done(&p);
}

Test(recorder_program, D2_D3_D5_S8_kill_9_loses_nothing_acknowledged_and_attach_goes_on)
{
    recorder_program p;
    program_publisher pub;
    char session[33];
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, FRAMES / 2, MESSAGE);
    publisher_durable(&pub, FRAMES / 4);
    uint64_t acknowledged = pub.durable;
    memcpy(session, pub.session, sizeof(session));
    program_kill(&p);
    publisher_leave(&pub);
    program_start(&p, NULL, NULL);
    json_t *info = program_get(&p, session);
    cr_expect_str_eq(text(info, "state"), "INTERRUPTED");
    cr_expect_geq(number(info, "durable_frames"), (int64_t)acknowledged);
    json_decref(info);
    cr_assert(publisher_attach(&pub, &p, session), "%s", pub.code);
    cr_expect_geq(pub.next_frame, acknowledged, "0 acknowledged frames lost");
    cr_expect_leq(pub.next_frame, FRAMES / 2);
    expect_segment(&p, session, 0, (int64_t)pub.next_frame);
    publisher_samples(&pub, pub.next_frame, FRAMES, MESSAGE);
    publisher_durable(&pub, FRAMES);
    json_t *stopped = publisher_stop(&pub);
    cr_expect_str_eq(text(stopped, "state"), "STORED");
    expect_object(&p, stopped, FRAMES);
    json_decref(stopped);
    program_done(&p);
}

Test(recorder_program, D6_what_nobody_attaches_to_is_finished_as_recovered)
{
    recorder_program p;
    program_publisher pub;
    char session[33];
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "{\"options\":{\"attach_window_s\":1}}");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    memcpy(session, pub.session, sizeof(session));
    program_kill(&p);
    publisher_leave(&pub);
    program_start(&p, NULL, NULL);
    json_t *info = NULL;
    for (int i = 0; i < 100; i++) {
        json_decref(info);
        info = program_get(&p, session);
        if (strcmp(text(info, "state"), "RECOVERED") == 0) {
            break;
        }
        usleep(50000);
    }
    cr_expect_str_eq(text(info, "state"), "RECOVERED");
    cr_expect_str_eq(text(info, "end_reason"), "recovered");
    const json_t *stopped = json_array_get(json_object_get(info, "segments"), 0);
    expect_object(&p, stopped, RATE);
    json_decref(info);
    program_stop(&p);
    program_start(&p, NULL, NULL);
    info = program_get(&p, session);
    cr_expect_str_eq(text(info, "state"), "RECOVERED", "a finished session is known for good");
    json_decref(info);
    program_done(&p);
}

Test(recorder_program, S6_resent_frames_are_cut_gaps_are_filled_and_long_jumps_refused)
{
    recorder_program p;
    program_publisher pub;
    program_bytes got;
    int16_t zeros[1600] = {0};
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, 1600, 800);
    publisher_samples(&pub, 800, 3200, 800);        /* half of it known */
    publisher_samples(&pub, 4800, 6400, 800);       /* 1,600 lost */
    publisher_samples(&pub, 2000000, 2000320, 320); /* above 60 s */
    publisher_durable(&pub, 6400);
    while (pub.code[0] == '\0') {
        cr_assert(publisher_read(&pub));
    }
    cr_expect_str_eq(pub.code, "GAP_TOO_LONG");
    pub.code[0] = '\0';
    expect_segment(&p, pub.session, 0, 3200);
    expect_segment(&p, pub.session, 4800, 6400);
    segment(&p, pub.session, "f:3200", "f:4800", &got);
    cr_expect_eq(got.len, sizeof(zeros));
    cr_expect_eq(memcmp(got.data, zeros, sizeof(zeros)), 0, "T9: silence");
    program_bytes_done(&got);
    json_t *info = program_get(&p, pub.session);
    const json_t *gap = json_array_get(json_object_get(info, "gaps"), 0);
    cr_expect_eq(json_array_size(json_object_get(info, "gaps")), 1);
    cr_expect_eq(number(gap, "start_frame"), 3200);
    cr_expect_eq(number(gap, "length_frames"), 1600);
    cr_expect_str_eq(text(gap, "cause"), "network");
    json_decref(info);
    json_decref(publisher_stop(&pub));
    program_done(&p);
}

Test(recorder_program, O2_a_session_without_audio_is_a_valid_empty_segment_in_every_format)
{
    static const char *const formats[] = {"wav", "pcm", "flac", "mp3", "opus"};
    recorder_program p;
    program_publisher pub;
    program_init(&p);
    program_start(&p, NULL, NULL);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        char body[64];
        (void)snprintf(body, sizeof(body), "{\"store_format\":\"%s\"}", formats[i]);
        publisher_start(&pub, &p, body);
        json_t *stopped = publisher_stop(&pub);
        cr_expect_eq(number(stopped, "frame_count"), 0, "%s", formats[i]);
        cr_expect_eq(number(stopped, "duration_ms"), 0, "%s", formats[i]);
        cr_expect_str_eq(text(stopped, "state"), "STORED", "%s", formats[i]);
        json_decref(stopped);
    }
    program_done(&p);
}

Test(recorder_program, S8_a_second_publisher_is_refused_and_a_lost_one_may_come_back)
{
    recorder_program p;
    program_publisher pub;
    program_publisher other;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    cr_expect_not(publisher_attach(&other, &p, pub.session));
    cr_expect_str_eq(other.code, "ALREADY_RECORDING");
    publisher_leave(&other);
    publisher_leave(&pub);
    for (int i = 0; i < 100 && !publisher_attach(&other, &p, pub.session); i++) {
        publisher_leave(&other);
        usleep(20000);
    }
    cr_expect_eq(other.next_frame, RATE);
    publisher_samples(&other, RATE, 2 * RATE, MESSAGE);
    publisher_durable(&other, 2 * RATE);
    json_t *stopped = publisher_stop(&other);
    expect_object(&p, stopped, 2 * RATE);
    json_decref(stopped);
    program_done(&p);
}

Test(recorder_program, S8_a_server_that_is_stopped_lets_its_publishers_attach_again)
{
    recorder_program p;
    program_publisher pub;
    char session[33];
    program_init(&p);
    program_start(&p, "--drain.seconds=1", NULL);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    memcpy(session, pub.session, sizeof(session));
    program_stop(&p);
    publisher_leave(&pub);
    program_start(&p, NULL, NULL);
    cr_assert(publisher_attach(&pub, &p, session), "%s", pub.code);
    cr_expect_eq(pub.next_frame, RATE);
    json_t *stopped = publisher_stop(&pub);
    expect_object(&p, stopped, RATE);
    json_decref(stopped);
    program_done(&p);
}

static uint32_t le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* What a pixel of 8 bits has: the least and the greatest sample / 256, toward zero. */
static void expect_pixel(const uint8_t *at, int64_t first, uint32_t n)
{
    int16_t samples[1024];
    int low = INT16_MAX;
    int high = INT16_MIN;
    program_samples(first, n, 1, samples);
    for (uint32_t i = 0; i < n; i++) {
        low = RF_MIN(low, (int)samples[i]);
        high = RF_MAX(high, (int)samples[i]);
    }
    cr_expect_eq((int8_t)at[0], low / 256, "pixel at %ld", first);
    cr_expect_eq((int8_t)at[1], high / 256, "pixel at %ld", first);
}

Test(recorder_program, section_7_peaks_grow_live_and_the_last_pixel_comes_at_the_end)
{
    recorder_program p;
    program_publisher pub;
    program_bytes got;
    Recorder__V1__PeaksRequest m = RECORDER__V1__PEAKS_REQUEST__INIT;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    m.session = pub.session;
    publisher_samples(&pub, 0, 1000, 200);
    publisher_durable(&pub, 1000);
    program_peaks(&p, &m, &got);
    cr_assert_eq(got.len, 24 + 2 * 3, "%zu bytes, %s", got.len, got.code);
    cr_expect_eq(le32(got.data), 2);
    cr_expect_eq(le32(got.data + 4), 1);
    cr_expect_eq(le32(got.data + 8), RATE);
    cr_expect_eq(le32(got.data + 12), 256);
    cr_expect_eq(le32(got.data + 16), 3);
    cr_expect_eq(le32(got.data + 20), 1);
    program_bytes_done(&got);
    json_decref(publisher_stop(&pub));
    program_peaks(&p, &m, &got);
    cr_assert_eq(got.len, 24 + 2 * 4, "the partial pixel too");
    for (uint32_t i = 0; i < 4; i++) {
        expect_pixel(got.data + 24 + (size_t)2 * i, 256 * i, RF_MIN(256U, 1000 - 256 * i));
    }
    program_bytes_done(&got);
    m.format = "json";
    m.spp = 500;
    m.bits = 16;
    program_peaks(&p, &m, &got);
    json_t *json = json_loadb((const char *)got.data, got.len, 0, NULL);
    cr_assert_not_null(json);
    cr_expect_eq(number(json, "length"), 2);
    cr_expect_eq(number(json, "bits"), 16);
    cr_expect_eq(json_array_size(json_object_get(json, "data")), 4);
    json_decref(json);
    program_bytes_done(&got);
    m.spp = 1;
    program_peaks(&p, &m, &got);
    cr_expect_str_eq(got.code, "INVALID_ARGUMENT");
    program_bytes_done(&got);
    program_done(&p);
}

static void expect_delete(recorder_program *p, const char *session, const char *code)
{
    char got[64] = "OK";
    Recorder__V1__DeleteRequest m = RECORDER__V1__DELETE_REQUEST__INIT;
    m.session = (char *)(uintptr_t)session;
    json_decref(program_call(p, RECORDER_V1_RECORDER_DELETE, &m.base, got));
    cr_expect_str_eq(got, code);
}

Test(recorder_program, section_8_a_deleted_session_is_gone_with_its_object_and_stays_so)
{
    recorder_program p;
    program_publisher pub;
    rf_store *store;
    rf_store_info info;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    expect_delete(&p, pub.session, "ALREADY_RECORDING");
    json_decref(publisher_stop(&pub));
    expect_delete(&p, pub.session, "OK");
    expect_delete(&p, pub.session, "GONE");
    expect_code(&p, pub.session, "f:0", "f:1", "GONE");
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("dir:%s/objects", p.dir);
    RF_CLEANUP(rf_cleanup_free)
    char *object = rf_asprintf("recorder/" PROGRAM_TENANT "/%s", pub.key);
    cr_assert_eq(rf_store_open(url, &store), 0);
    cr_expect_eq(rf_store_stat(store, object, &info), -ENOENT);
    rf_store_close(store);
    program_stop(&p);
    program_start(&p, NULL, NULL);
    expect_code(&p, pub.session, "f:0", "f:1", "GONE");
    program_done(&p);
}

static const char *put_notes(recorder_program *p, const char *session, const char *text)
{
    static char code[64];
    Recorder__V1__PutNotesRequest m = RECORDER__V1__PUT_NOTES_REQUEST__INIT;
    Rpc__V1__Json json = RPC__V1__JSON__INIT;
    json.text = (char *)(uintptr_t)text;
    m.session = (char *)(uintptr_t)session;
    m.json = &json;
    json_t *done = program_call(p, RECORDER_V1_RECORDER_PUT_NOTES, &m.base, code);
    const char *ret = done != NULL ? "OK" : code;
    json_decref(done);
    return ret;
}

Test(recorder_program, notes_are_one_json_text_that_is_replaced_and_kept)
{
    recorder_program p;
    program_publisher pub;
    char code[64];
    Recorder__V1__GetNotesRequest get = RECORDER__V1__GET_NOTES_REQUEST__INIT;
    program_init(&p);
    program_start(&p, NULL, NULL);
    publisher_start(&pub, &p, "");
    get.session = pub.session;
    cr_expect_null(program_call(&p, RECORDER_V1_RECORDER_GET_NOTES, &get.base, code));
    cr_expect_str_eq(code, "NOT_FOUND", "none yet");
    cr_expect_str_eq(put_notes(&p, pub.session, "{\"a\":1}"), "OK", "also while it records");
    cr_expect_str_eq(put_notes(&p, pub.session, "{\"a\":"), "INVALID_ARGUMENT");
    cr_expect_str_eq(put_notes(&p, pub.session, ""), "INVALID_ARGUMENT");
    cr_expect_str_eq(put_notes(&p, "00000000000000000000000000000000", "{}"), "NOT_FOUND");
    RF_CLEANUP(rf_cleanup_free) char *longest = rf_alloc((2 << 20) + 1);
    memset(longest, ' ', 2 << 20);
    memcpy(longest, "{}", 2);
    longest[2 << 20] = '\0';
    cr_expect_str_eq(put_notes(&p, pub.session, longest), "OK", "2 MiB");
    RF_CLEANUP(rf_cleanup_free) char *longer = rf_asprintf("%s ", longest);
    cr_expect_str_eq(put_notes(&p, pub.session, longer), "INVALID_ARGUMENT", "a byte more");
    json_decref(publisher_stop(&pub));
    cr_expect_str_eq(put_notes(&p, pub.session, "{\"b\":[2]}"), "OK");
    program_stop(&p);
    program_start(&p, NULL, NULL);
    json_t *notes = program_call(&p, RECORDER_V1_RECORDER_GET_NOTES, &get.base, NULL);
    cr_expect_eq(json_integer_value(json_array_get(json_object_get(notes, "b"), 0)), 2);
    json_decref(notes);
    p.tenant = "another";
    cr_expect_null(program_call(&p, RECORDER_V1_RECORDER_GET_NOTES, &get.base, code));
    cr_expect_str_eq(code, "NOT_FOUND", "of another tenant");
    p.tenant = PROGRAM_TENANT;
    program_done(&p);
}

Test(recorder_program, section_3_an_open_recorder_has_one_session_that_records)
{
    recorder_program p;
    char code[64];
    Recorder__V1__OpenRequest open = RECORDER__V1__OPEN_REQUEST__INIT;
    Recorder__V1__StartRequest start = RECORDER__V1__START_REQUEST__INIT;
    Recorder__V1__CloseRequest close = RECORDER__V1__CLOSE_REQUEST__INIT;
    program_init(&p);
    program_start(&p, NULL, NULL);
    open.body = "{\"channels\":2}";
    json_t *recorder = program_call(&p, RECORDER_V1_RECORDER_OPEN, &open.base, NULL);
    start.recorder_id = (char *)(uintptr_t)text(recorder, "id");
    json_t *started = program_call(&p, RECORDER_V1_RECORDER_START, &start.base, NULL);
    cr_expect_eq(number(started, "channels"), 2, "its settings are the recorder's");
    cr_expect_null(program_call(&p, RECORDER_V1_RECORDER_START, &start.base, code));
    cr_expect_str_eq(code, "ALREADY_RECORDING");
    close.recorder_id = start.recorder_id;
    json_t *closed = program_call(&p, RECORDER_V1_RECORDER_CLOSE, &close.base, NULL);
    cr_expect_str_eq(text(closed, "state"), "STORED", "close stops first");
    cr_expect_null(program_call(&p, RECORDER_V1_RECORDER_START, &start.base, code));
    cr_expect_str_eq(code, "NOT_INITIALISED");
    json_decref(closed);
    json_decref(started);
    json_decref(recorder);
    program_done(&p);
}

Test(recorder_program, O4_a_close_whose_store_fails_releases_the_recorder_and_says_so)
{
    recorder_program p;
    char code[64];
    Recorder__V1__OpenRequest open = RECORDER__V1__OPEN_REQUEST__INIT;
    Recorder__V1__StartRequest start = RECORDER__V1__START_REQUEST__INIT;
    Recorder__V1__CloseRequest close = RECORDER__V1__CLOSE_REQUEST__INIT;
    program_init(&p);
    program_start(&p, "--recorder.stop_wait_s=1", NULL);
    RF_CLEANUP(rf_cleanup_free) char *temp = rf_asprintf("%s/objects/.tmp", p.dir);
    json_t *recorder = program_call(&p, RECORDER_V1_RECORDER_OPEN, &open.base, NULL);
    start.recorder_id = (char *)(uintptr_t)text(recorder, "id");
    close.recorder_id = start.recorder_id;
    json_t *started = program_call(&p, RECORDER_V1_RECORDER_START, &start.base, NULL);
    cr_assert_eq(rmdir(temp), 0, "nothing can be stored any more");
    cr_expect_null(program_call(&p, RECORDER_V1_RECORDER_CLOSE, &close.base, code));
    cr_expect_str_eq(code, "STORE_FAILED");
    cr_expect_null(program_call(&p, RECORDER_V1_RECORDER_START, &start.base, code));
    cr_expect_str_eq(code, "NOT_INITIALISED", "the recorder is closed all the same");
    json_t *info = program_get(&p, text(started, "id"));
    cr_expect_str_eq(text(info, "state"), "PENDING");
    json_decref(info);
    program_stop(&p);
    program_start(&p, NULL, NULL);
    json_t *stopped = program_stop_session(&p, text(started, "id"));
    cr_expect_str_eq(text(stopped, "key"), text(started, "key"));
    cr_expect_str_eq(text(stopped, "state"), "STORED");
    json_decref(stopped);
    json_decref(started);
    json_decref(recorder);
    program_done(&p);
}

/* Killed before a master goes: it is still there, and stored; the next process drops it or serves
 * it. */
Test(recorder_program, D8_section_7_killed_while_a_master_goes_its_frames_are_served)
{
    recorder_program p;
    program_publisher pub;
    char session[33];
    program_init(&p);
    program_start(&p, NULL, "drop:1");
    publisher_start(&pub, &p, "{\"store_format\":\"flac\",\"options\":{\"master_keep_s\":0}}");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    memcpy(session, pub.session, sizeof(session));
    Recorder__V1__StopRequest m = RECORDER__V1__STOP_REQUEST__INIT;
    char code[64];
    m.session = session;
    json_decref(program_call(&p, RECORDER_V1_RECORDER_STOP, &m.base, code));
    program_await_death(&p);
    publisher_leave(&pub);
    program_start(&p, NULL, NULL);
    expect_segment(&p, session, 0, RATE);
    RF_CLEANUP(rf_cleanup_free)
    char *master = rf_asprintf("%s/recorder/masters/%s.pcm", p.dir, session);
    cr_expect_eq(access(master, F_OK), 0);
    program_stop(&p);
    cr_assert_eq(unlink(master), 0, "as the drop would have");
    program_start(&p, NULL, NULL);
    expect_segment(&p, session, 0, RATE);
    expect_segment(&p, session, 777, 7777);
    program_done(&p);
}

Test(recorder_program, section_8_killed_while_it_deletes_it_deletes_again)
{
    recorder_program p;
    program_publisher pub;
    char session[33];
    char code[64];
    Recorder__V1__DeleteRequest m = RECORDER__V1__DELETE_REQUEST__INIT;
    program_init(&p);
    program_start(&p, NULL, "delete:1");
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    memcpy(session, pub.session, sizeof(session));
    json_decref(publisher_stop(&pub));
    m.session = session;
    json_decref(program_call(&p, RECORDER_V1_RECORDER_DELETE, &m.base, code));
    program_await_death(&p);
    program_start(&p, NULL, NULL);
    expect_delete(&p, session, "OK");
    expect_delete(&p, session, "GONE");
    program_done(&p);
}

/* The segment and the end are told to the webhook, wherever the process dies. */
static void hook_after_kill(const char *point)
{
    recorder_program p;
    program_publisher pub;
    hook_receiver receiver;
    char session[33];
    char code[64];
    Recorder__V1__StopRequest m = RECORDER__V1__STOP_REQUEST__INIT;
    program_init(&p);
    hook_receiver_start(&receiver);
    RF_CLEANUP(rf_cleanup_free) char *secret = rf_asprintf("%s/secret", p.dir);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("http://127.0.0.1:%d/", receiver.port);
    cr_assert_eq(rf_file_write_atomic(secret, HOOK_SECRET, strlen(HOOK_SECRET), 0600), 0);
    setenv("REFLECTION_RECORDER_RECORDER_WEBHOOK_URL", url, 1);
    setenv("REFLECTION_RECORDER_RECORDER_WEBHOOK_SECRET_FILE", secret, 1);
    program_start(&p, "--fetch.allow_loopback=true", point);
    publisher_start(&pub, &p, "");
    publisher_samples(&pub, 0, RATE, MESSAGE);
    publisher_durable(&pub, RATE);
    memcpy(session, pub.session, sizeof(session));
    m.session = session;
    json_decref(program_call(&p, RECORDER_V1_RECORDER_STOP, &m.base, code));
    program_await_death(&p);
    publisher_leave(&pub);
    program_start(&p, "--fetch.allow_loopback=true", NULL);
    json_decref(program_stop_session(&p, session));
    cr_expect(hook_receiver_await(&receiver, 2), "%s", point);
    for (int i = 0;
         i < 500 && (hook_receiver_find(&receiver, "SEGMENT_FINISHED", session) == NULL ||
                     hook_receiver_find(&receiver, "SESSION_ENDED", session) == NULL);
         i++) {
        usleep(10000);
    }
    cr_expect_not_null(hook_receiver_find(&receiver, "SEGMENT_FINISHED", session), "%s", point);
    cr_expect_not_null(hook_receiver_find(&receiver, "SESSION_ENDED", session), "%s", point);
    hook_receiver_stop(&receiver);
    program_done(&p);
}

Test(recorder_program, section_7_killed_around_the_outbox_every_event_is_posted)
{
    hook_after_kill("publish:1");
    hook_after_kill("outbox:1");
}
