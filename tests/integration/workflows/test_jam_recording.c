/* A jam recorded by the real recorder: what is stored is what the client was sent, to the bit, and
 * the recorder's death is a gap in the take alone (jam.md section 9). The client speaks over RPC as
 * the gateway does. */
#include "platform.h"
#include "recorder_program.h"
#include "rpc_world_rpc.h"

#include "jam_format.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PAIR (JAM_CHANNELS * sizeof(float))
#define FRAMES 25 /* of a chunk: 1 s */
#define HOP ((size_t)FRAMES * JAM_FRAME_SAMPLES)
#define WAIT_S 60

static platform *p;
static recorder_program recorder;
static rpc_world gateway; /* its channel alone */
static rpc_client client;
static rf_buf stream; /* the samples that the client was sent, without overlaps */
static size_t n_chunks;
static json_t *recording; /* the last status.recording */

static void setup(void)
{
    p = platform_start(NULL);
    program_init_in(&recorder, platform_dir(p), platform_application(p));
    program_start(&recorder, NULL, NULL);
    platform_start_jam(p);
    RF_CLEANUP(rf_cleanup_free)
    char *target = rf_asprintf("ipc://%s/run/jam.sock", platform_dir(p));
    const rf_rpc_channel_config config = {.target = target, .wait_ready_ms = 20000};
    cr_assert_eq(rf_rpc_channel_open(&config, &gateway.channel), 0);
    rf_buf_init(&stream, (size_t)1 << 30);
}

static void teardown(void)
{
    rf_rpc_channel_close(gateway.channel);
    platform_stop_jam(p, SIGTERM);
    program_done(&recorder);
    platform_stop(p);
    rf_buf_done(&stream);
    json_decref(recording);
}

TestSuite(jam_recording, .init = setup, .fini = teardown, .timeout = 120);

/* ---- the client ---- */

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text != NULL ? text : "";
}

static int64_t number_of(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void take_note(const rpc_note *note)
{
    if (note->file != NULL) {
        cr_assert_gt(note->file_len, JAM_WAV_F32_HEADER + HOP * PAIR);
        rf_buf_append(&stream, note->file + JAM_WAV_F32_HEADER, HOP * PAIR);
        n_chunks++;
        return;
    }
    const json_t *metadata = json_object_get(note->json, "metadata");
    json_t *told = json_object_get(note->json, "recording");
    if (metadata != NULL) {
        cr_expect_eq(number_of(metadata, "start_sample"), (int64_t)((n_chunks - 1) * HOP));
    }
    if (told != NULL) {
        json_decref(recording);
        recording = json_incref(told);
    }
    cr_assert_str_neq(text_of(note->json, "type"), "error");
}

static bool next(void)
{
    rpc_note note;
    bool more = rpc_client_next(&client, &note);
    if (more) {
        take_note(&note);
        rpc_note_done(&note);
    }
    return more;
}

static void play(const char *pace)
{
    RF_CLEANUP(rf_cleanup_free)
    char *start =
        rf_asprintf("{\"type\":\"start\",\"binary_audio\":true,\"params\":{\"pace\":\"%s\","
                    "\"seed\":5,\"max_decode_frames\":%d,\"record\":{\"name\":\"wire\"}}}",
                    pace, FRAMES);
    client = rpc_client_open(&gateway, platform_application(p));
    rpc_client_say(&client, start);
    json_decref(rpc_client_find(&client, "started"));
}

static void hear(size_t chunks)
{
    for (size_t until = n_chunks + chunks; n_chunks < until;) {
        cr_assert(next());
    }
}

static void await_state(const char *state)
{
    while (strcmp(text_of(recording, "state"), state) != 0) {
        cr_assert(next(), "no state %s", state);
    }
}

static void stop(void)
{
    rpc_client_say(&client, "{\"type\":\"stop\"}");
    while (next()) {
    }
    cr_expect_eq(client.closed, 1000);
    cr_expect_eq(rpc_client_close(&client), RF_OK);
}

/* ---- what is stored ---- */

static json_t *notes_of(const char *id)
{
    char code[64];
    Recorder__V1__GetNotesRequest m = RECORDER__V1__GET_NOTES_REQUEST__INIT;
    m.session = (char *)(uintptr_t)id;
    for (int64_t until_ns = rf_time_ns() + WAIT_S * RF_NS_PER_S; rf_time_ns() < until_ns;) {
        json_t *notes = program_call(&recorder, RECORDER_V1_RECORDER_GET_NOTES, &m.base, code);
        if (notes != NULL) {
            return notes;
        }
        cr_assert_str_eq(code, "NOT_FOUND");
        usleep(20000);
    }
    cr_assert_fail("no control log of %s", id);
    return NULL;
}

/* The samples of a WAV file in the format of float32; lent from the object. */
static const uint8_t *samples_of(const program_bytes *wav, size_t *ret_n)
{
    cr_assert_eq(memcmp(wav->data, "RIFF", 4), 0);
    for (size_t at = 12; at + 8 <= wav->len;) {
        uint32_t size;
        memcpy(&size, wav->data + at + 4, sizeof(size));
        if (memcmp(wav->data + at, "fmt ", 4) == 0) {
            cr_expect_eq(wav->data[at + 8], 3, "float");
        }
        if (memcmp(wav->data + at, "data", 4) == 0) {
            *ret_n = size / PAIR;
            cr_assert_leq(at + 8 + size, wav->len);
            return wav->data + at + 8;
        }
        at += 8 + size + size % 2;
    }
    cr_assert_fail("no samples");
    return NULL;
}

static void expect_same(const uint8_t *stored, size_t from, size_t to)
{
    cr_expect_eq(memcmp(stored + from * PAIR, stream.data + from * PAIR, (to - from) * PAIR), 0,
                 "samples %zu to %zu", from, to);
}

static void expect_silence(const uint8_t *stored, size_t from, size_t to)
{
    for (size_t i = from * PAIR; i < to * PAIR; i++) {
        cr_assert_eq(stored[i], 0, "byte %zu", i);
    }
}

Test(jam_recording, the_stored_file_is_the_stream_that_the_client_was_sent)
{
    play("asap");
    hear(12);
    await_state("recording");
    RF_CLEANUP(rf_cleanup_free) char *id = rf_strdup(text_of(recording, "id"));
    rpc_client_say(&client, "{\"type\":\"update\",\"bpm\":150,\"styles\":\"techno\"}");
    hear(20);
    stop();
    json_t *notes = notes_of(id);
    program_bytes wav;
    json_t *meta;
    size_t n;
    program_object(&recorder, text_of(notes, "key"), &wav, &meta);
    const uint8_t *stored = samples_of(&wav, &n);
    cr_expect_not_null(strstr(text_of(notes, "key"), "recordings/jam/wire/"));
    cr_assert_eq(n, n_chunks * HOP, "%zu of %zu", n, n_chunks * HOP);
    expect_same(stored, 0, n);
    cr_expect_eq(json_array_size(json_object_get(meta, "gaps")), 0);
    cr_expect_eq(number_of(notes, "samples"), (int64_t)n);
    cr_expect_eq(json_array_size(json_object_get(notes, "missing")), 0);
    cr_expect_eq(json_array_size(json_object_get(notes, "controls")), 1);
    program_bytes_done(&wav);
    json_decref(meta);
    json_decref(notes);
}

Test(jam_recording, the_recorders_death_is_a_gap_in_the_take_and_nothing_to_the_jam)
{
    play("asap");
    hear(5);
    await_state("recording");
    RF_CLEANUP(rf_cleanup_free) char *id = rf_strdup(text_of(recording, "id"));
    hear(5);
    program_kill(&recorder);
    hear(15); /* more than is kept */
    await_state("interrupted");
    rpc_client_say(&client, "{\"type\":\"pause\"}");
    program_start(&recorder, NULL, NULL);
    await_state("recording");
    rpc_client_say(&client, "{\"type\":\"resume\"}");
    hear(5);
    stop();
    json_t *notes = notes_of(id);
    const json_t *missing = json_object_get(notes, "missing");
    cr_assert_eq(json_array_size(missing), 1);
    size_t from = (size_t)json_integer_value(json_array_get(json_array_get(missing, 0), 0));
    size_t to = (size_t)json_integer_value(json_array_get(json_array_get(missing, 0), 1));
    program_bytes wav;
    json_t *meta;
    size_t n;
    program_object(&recorder, text_of(notes, "key"), &wav, &meta);
    const uint8_t *stored = samples_of(&wav, &n);
    cr_assert_eq(n, n_chunks * HOP);
    cr_expect_geq(to - from, 4 * HOP);
    cr_expect_lt(from, to);
    expect_same(stored, 0, from);
    expect_silence(stored, from, to);
    expect_same(stored, to, n);
    cr_expect_eq(json_array_size(json_object_get(meta, "gaps")), 1);
    program_bytes_done(&wav);
    json_decref(meta);
    json_decref(notes);
}

Test(jam_recording, the_notes_go_with_the_recording)
{
    char code[64];
    Recorder__V1__DeleteRequest d = RECORDER__V1__DELETE_REQUEST__INIT;
    Recorder__V1__GetNotesRequest m = RECORDER__V1__GET_NOTES_REQUEST__INIT;
    play("asap");
    hear(2);
    await_state("recording");
    RF_CLEANUP(rf_cleanup_free) char *id = rf_strdup(text_of(recording, "id"));
    stop();
    json_t *notes = notes_of(id);
    const char *key = text_of(notes, "key");
    RF_CLEANUP(rf_cleanup_free)
    char *object = rf_asprintf("%s/objects/recorder/%s/recordings/jam/wire/%s.json",
                               platform_dir(p), platform_application(p), id);
    cr_expect_eq(access(object, F_OK), 0, "%s beside %s", object, key);
    d.session = m.session = id;
    json_decref(program_call(&recorder, RECORDER_V1_RECORDER_DELETE, &d.base, NULL));
    cr_expect_neq(access(object, F_OK), 0);
    cr_expect_null(program_call(&recorder, RECORDER_V1_RECORDER_GET_NOTES, &m.base, code));
    json_decref(notes);
}
