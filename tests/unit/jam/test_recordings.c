/* Recordings of a session: what the recorder is given is the stream to the bit, and what happens
 * to the recorder does not happen to the stream (jam.md section 9). */
#include "recorder_fake.h"

#include "jam_format.h"
#include "jam_oneshot.h"
#include "jam_recording.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define FRAMES 5
#define HOP ((int64_t)FRAMES * JAM_FRAME_SAMPLES)
#define HOP_MS 200
#define PAIR (JAM_CHANNELS * sizeof(float))

static world w;
static world b; /* another process */
static fake_recorder fake;
static char dir[64];
static char *url;

static jam_recorder *make_recorder(world *of)
{
    return fake_recorder_on(&fake, of);
}

static void change(world *of)
{
    of->recorder = make_recorder;
    of->store_url = url;
}

static void open_world(void)
{
    rf_time_drive();
    rf_copy_str(dir, sizeof(dir), "/tmp/reflection-jam-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    url = rf_asprintf("dir:%s", dir);
    world_open(&w, change);
    world_settle(&w);
}

static void close_world(void)
{
    world_close(&w);
    fake_recorder_done(&fake);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
    free(url);
}

TestSuite(recordings, .init = open_world, .fini = close_world, .timeout = 60);

/* ---- the stream of a client, and the take ---- */

static world_client *play(const char *more)
{
    RF_CLEANUP(rf_cleanup_free)
    char *params =
        rf_asprintf("{\"pace\":\"realtime\",\"seed\":7,\"max_decode_frames\":%d%s}", FRAMES, more);
    return world_start(&w, params);
}

/* The samples of all wav-f32 chunks without their overlaps; the caller frees. */
static float *stream_of(const world_client *c, int64_t *ret_n)
{
    size_t n = world_n_chunks(c);
    int64_t total = 0;
    float *pcm =
        RF_NEW_ARRAY(float, (n + 1) * (size_t)JAM_CHUNK_FRAMES_MAX * JAM_FRAME_SAMPLES * 2);
    for (size_t i = 0; i < n; i++) {
        int64_t hop = world_meta_i64(c, i, "chunk_frames") * JAM_FRAME_SAMPLES;
        const world_note *chunk = world_chunk(c, i);
        memcpy(pcm + total * JAM_CHANNELS, chunk->file + JAM_WAV_F32_HEADER, (size_t)hop * PAIR);
        total += hop;
    }
    *ret_n = total;
    return pcm;
}

/* Samples [from, to) of the stream are frames [at, at + to - from) of the take. */
static void expect_equal(const world_client *c, const fake_take *t, int64_t from, int64_t to,
                         int64_t at)
{
    int64_t n;
    RF_CLEANUP(rf_cleanup_free) float *stream = stream_of(c, &n);
    cr_assert_leq(to, n);
    cr_assert_leq(at + to - from, t->n_frames);
    cr_assert_gt(to, from);
    cr_expect_eq(memcmp(stream + from * JAM_CHANNELS, t->pcm + at * JAM_CHANNELS,
                        (size_t)(to - from) * PAIR),
                 0, "samples %ld to %ld", from, to);
    cr_expect(!t->out_of_order);
}

static json_t *last_recording(const world_client *c)
{
    json_t *found = NULL;
    for (size_t i = 0; i < world_count(c, "status"); i++) {
        json_t *r = json_object_get(world_nth(c, "status", i), "recording");
        found = r != NULL ? r : found;
    }
    cr_assert_not_null(found);
    return found;
}

static int64_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void expect_state(const world_client *c, const char *state, const char *code)
{
    const json_t *r = last_recording(c);
    cr_expect_str_eq(world_str(r, "state"), state);
    cr_expect_str_eq(world_str(r, "code"), code);
}

static json_t *notes_of(const fake_take *t)
{
    cr_assert_not_null(t->notes);
    json_t *json = json_loads(t->notes, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json, "%s", t->notes);
    return json;
}

static double metric_gap(void)
{
    rf_buf text;
    rf_buf_init(&text, 1 << 20);
    rf_metric_write(&text);
    const char *at = strstr(rf_buf_str(&text), "\nreflection_jam_recording_gap_samples_total ");
    double value = at != NULL ? strtod(strchr(at, ' '), NULL) : -1;
    rf_buf_done(&text);
    return value;
}

/* ---- what is recorded ---- */

static void stop_with_a_whole_take(world_client *c)
{
    world_say(c, "{\"type\":\"stop\"}");
    world_settle(&w);
    cr_expect_eq(fake.takes[0].n_gaps, 0);
    expect_equal(c, &fake.takes[0], 0, fake.takes[0].n_frames, 0);
}

Test(recordings, a_take_from_the_start_is_the_stream_to_the_bit)
{
    world_client *c = play(",\"record\":{\"name\":\"My take\"}");
    world_pass(&w, 3000);
    expect_state(c, "recording", "");
    size_t n = world_n_chunks(c);
    world_say(c, "{\"type\":\"stop\"}");
    world_settle(&w);
    const fake_take *t = &fake.takes[0];
    cr_assert_eq(fake.n_takes, 1);
    cr_expect_eq(t->n_frames, (int64_t)n * HOP);
    cr_expect_eq(t->stopped_at, t->n_frames);
    expect_equal(c, t, 0, t->n_frames, 0);
    cr_expect_eq(t->n_gaps, 0);
    cr_expect_str_eq(t->tenant, "tenant");
    cr_expect_not_null(strstr(t->body, "\"prefixes\":[\"jam\",\"My-take\"]"), "%s", t->body);
    cr_expect_not_null(strstr(t->body, "\"sample_format\":\"float32\""), "%s", t->body);
    expect_state(c, "stopping", "");
    cr_expect_null(w.service.recordings, "nothing is left of it");
}

Test(recordings, it_begins_and_ends_on_the_frame_that_the_status_names)
{
    world_client *c = play("");
    world_pass(&w, 1110);
    world_say(c, "{\"type\":\"update\",\"record\":true}");
    int64_t begin = number(world_last(c, "status"), "applied_at_sample");
    world_pass(&w, 1530);
    world_say(c, "{\"type\":\"update\",\"record\":false}");
    int64_t end = number(world_last(c, "status"), "applied_at_sample");
    world_pass(&w, 2000);
    const fake_take *t = &fake.takes[0];
    cr_expect_eq(begin % JAM_FRAME_SAMPLES, 0);
    cr_expect_neq(begin % HOP, 0, "in the middle of a chunk");
    cr_expect_eq(t->n_frames, end - begin);
    expect_equal(c, t, begin, end, 0);
    expect_state(c, "stored", "");
    cr_expect_eq(number(last_recording(c), "start_sample"), begin);
    cr_expect_eq(number(last_recording(c), "samples"), end - begin);
    cr_expect_str_eq(world_str(last_recording(c), "id"), t->id);
    cr_expect_str_eq(world_str(last_recording(c), "key"), t->key);
}

Test(recordings, at_sample_is_rounded_up_to_a_frame)
{
    world_client *c = play("");
    world_say(c, "{\"type\":\"update\",\"record\":true,\"at_sample\":48001}");
    world_say(c, "{\"type\":\"update\",\"record\":false,\"at_sample\":96000}");
    world_pass(&w, 3000);
    const fake_take *t = &fake.takes[0];
    cr_assert_eq(fake.n_takes, 1);
    cr_expect_eq(t->n_frames, 96000 - 49920);
    expect_equal(c, t, 49920, 96000, 0);
}

Test(recordings, the_take_is_the_engines_own_whatever_the_clients_format)
{
    static const char *const formats[] = {"opus", "flac", "wav-s16"};
    world_client *plain = play("");
    world_pass(&w, 1500);
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        char more[64];
        snprintf(more, sizeof(more), ",\"record\":true,\"format\":\"%s\"", formats[i]);
        world_client *c = play(more);
        world_pass(&w, 1100);
        world_say(c, "{\"type\":\"stop\"}");
        world_settle(&w);
        expect_equal(plain, &fake.takes[i], 0, 5 * HOP, 0);
    }
}

Test(recordings, a_second_take_follows_the_first_without_a_hole)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 700);
    world_say(c, "{\"type\":\"update\",\"record\":false}");
    world_say(c, "{\"type\":\"update\",\"record\":{\"name\":\"two\"}}");
    world_pass(&w, 1500);
    cr_assert_eq(fake.n_takes, 2);
    const fake_take *first = &fake.takes[0];
    cr_expect(first->is_over);
    cr_expect(!fake.takes[1].is_over);
    expect_equal(c, first, 0, first->n_frames, 0);
    expect_equal(c, &fake.takes[1], first->n_frames, first->n_frames + HOP, 0);
    cr_expect_not_null(strstr(fake.takes[1].body, "\"two\""));
}

Test(recordings, pause_and_an_absent_client_do_not_end_it)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"pause\"}");
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"resume\"}");
    world_pass(&w, 1000);
    char resume[128];
    snprintf(resume, sizeof(resume),
             "{\"type\":\"start\",\"binary_audio\":true,\"resume_token\":\"%s\"}",
             world_str(world_nth(c, "started", 0), "resume_token"));
    world_leave(c);
    int64_t n;
    free(stream_of(c, &n));
    world_pass(&w, 2000);
    world_client *d = world_connect(&w, "tenant", "10.0.0.1");
    world_say(d, resume);
    world_pass(&w, 1000);
    world_say(d, "{\"type\":\"stop\"}");
    world_settle(&w);
    cr_assert_eq(fake.n_takes, 1);
    expect_equal(c, &fake.takes[0], 0, n, 0);
    cr_expect_gt(fake.takes[0].n_frames, n);
    cr_expect_eq(fake.takes[0].n_gaps, 0);
}

/* ---- who may ---- */

Test(recordings, without_the_scope_it_is_forbidden_and_the_jam_goes_on)
{
    static const char *const scopes[] = {"none", "recorder.device"};
    for (size_t i = 0; i < RF_ARRAY_LEN(scopes); i++) {
        world_client *c = world_connect_scoped(&w, "tenant", scopes[i]);
        world_say(c, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"record\":true}}");
        const json_t *e = world_last(c, "error");
        cr_expect_str_eq(world_str(e, "code"), "FORBIDDEN");
        cr_expect_str_eq(world_str(e, "field"), "record");
        cr_expect_not_null(strstr(world_str(e, "error"), "jam.record"));
        world_say(c, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"record\":false}}");
        world_wait(c, "started", 0);
        world_say(c, "{\"type\":\"update\",\"record\":true,\"bpm\":100}");
        cr_expect_eq(world_count(c, "error"), 2);
        world_say(c, "{\"type\":\"update\",\"bpm\":100}");
        world_settle(&w);
        cr_expect_eq(world_count(c, "error"), 2);
        cr_expect_eq(c->closed, 0);
    }
    cr_expect_eq(fake.n_takes, 0);
}

Test(recordings, a_client_without_a_key_may_not)
{
    world_client *c = world_connect(&w, "", "10.0.0.1");
    world_say(c, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"record\":true}}");
    cr_expect_str_eq(world_str(world_last(c, "error"), "code"), "FORBIDDEN");
}

Test(recordings, with_the_scope_it_is_allowed)
{
    world_client *c = world_connect_scoped(&w, "tenant", "jam.record recorder.device");
    world_say(c, "{\"type\":\"start\",\"params\":{\"pace\":\"realtime\",\"record\":true}}");
    world_wait(c, "started", 0);
    world_settle(&w);
    cr_expect_eq(world_count(c, "error"), 0);
    cr_expect_eq(fake.n_takes, 1);
}

/* ---- the recorder's faults ---- */

Test(recordings, ten_seconds_wait_for_a_recorder_that_is_away_at_first)
{
    fake.is_away = true;
    world_client *c = play(",\"record\":true");
    world_pass(&w, 8000);
    expect_state(c, "interrupted", "UNAVAILABLE");
    cr_expect(json_is_null(json_object_get(last_recording(c), "id")));
    fake_recorder_return(&fake);
    world_pass(&w, 2500);
    expect_state(c, "recording", "");
    stop_with_a_whole_take(c);
}

Test(recordings, what_was_not_durable_is_sent_again)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 2000);
    fake.is_mute = true;
    world_pass(&w, 3000);
    fake_recorder_kill(&fake);
    world_pass(&w, 3000);
    expect_state(c, "interrupted", "UNAVAILABLE");
    fake.is_mute = false;
    fake_recorder_return(&fake);
    world_pass(&w, 2500);
    expect_state(c, "recording", "");
    world_say(c, "{\"type\":\"stop\"}");
    world_settle(&w);
    cr_assert_eq(fake.n_takes, 1);
    cr_expect_eq(fake.takes[0].n_gaps, 0);
    expect_equal(c, &fake.takes[0], 0, fake.takes[0].n_frames, 0);
    cr_expect_eq(fake.takes[0].stopped_at, fake.takes[0].n_frames);
}

Test(recordings, beyond_ten_seconds_the_take_has_a_gap_that_is_named_and_the_stream_has_none)
{
    world_client *c = play(",\"record\":true");
    double before = metric_gap();
    world_pass(&w, 2000);
    fake_recorder_kill(&fake);
    int64_t durable = fake.takes[0].durable;
    world_pass(&w, 15000);
    fake_recorder_return(&fake);
    world_pass(&w, 3000);
    world_say(c, "{\"type\":\"update\",\"record\":false}");
    world_pass(&w, 1000);
    const fake_take *t = &fake.takes[0];
    cr_assert_eq(fake.n_takes, 1);
    cr_assert_eq(t->n_gaps, 1);
    int64_t n_gap = t->gaps[0].n;
    cr_expect_eq(t->gaps[0].first, durable);
    cr_expect_gt(n_gap, 4 * JAM_RATE_HZ);
    cr_expect_lt(n_gap, 8 * JAM_RATE_HZ);
    expect_equal(c, t, 0, durable, 0);
    expect_equal(c, t, durable + n_gap, t->n_frames, durable + n_gap);
    expect_state(c, "incomplete", "GAPS");
    const json_t *told = last_recording(c);
    cr_expect_eq(number(told, "missing_samples"), n_gap);
    const json_t *range = json_array_get(json_object_get(told, "missing"), 0);
    cr_expect_eq(json_integer_value(json_array_get(range, 0)), durable);
    cr_expect_eq(json_integer_value(json_array_get(range, 1)), durable + n_gap);
    cr_expect_float_eq(metric_gap() - before, (double)n_gap, 0.5);
    json_t *notes = notes_of(t);
    cr_expect(json_equal(json_object_get(notes, "missing"), json_object_get(told, "missing")));
    json_decref(notes);
    for (size_t i = 0; i < world_n_chunks(c); i++) { /* the jam did not feel it */
        cr_expect_eq(world_meta_i64(c, i, "start_sample"), (int64_t)i * HOP);
        double lead = json_number_value(json_object_get(world_meta(c, i), "lead_ms"));
        cr_expect(lead >= 0.0, "chunk %zu was %f ms late", i, -lead);
    }
}

Test(recordings, a_recorder_that_takes_nothing_costs_the_stream_nothing)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    fake.is_full = true;
    world_pass(&w, 5000);
    fake_recorder_room(&fake);
    world_pass(&w, 500);
    stop_with_a_whole_take(c);
}

Test(recordings, a_recorder_that_never_comes_back_leaves_what_it_had)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 2000);
    fake_recorder_kill(&fake);
    int64_t durable = fake.takes[0].durable;
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"update\",\"record\":false}");
    world_pass(&w, 29000);
    expect_state(c, "stopping", "");
    world_pass(&w, 3000);
    expect_state(c, "incomplete", "UNAVAILABLE");
    const json_t *range = json_array_get(json_object_get(last_recording(c), "missing"), 0);
    cr_expect_eq(json_integer_value(json_array_get(range, 0)), durable);
    cr_expect_eq(json_integer_value(json_array_get(range, 1)),
                 number(last_recording(c), "samples"));
}

Test(recordings, a_refused_start_fails_with_the_recorders_word)
{
    fake.refuse = "NO_SPACE";
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    expect_state(c, "failed", "NO_SPACE");
    cr_expect_eq(fake.n_takes, 0);
    fake.refuse = NULL;
    world_say(c, "{\"type\":\"update\",\"record\":true}");
    world_pass(&w, 1000);
    expect_state(c, "recording", "");
}

Test(recordings, a_take_that_the_recorder_gave_up_is_incomplete)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 2000);
    fake_recorder_kill(&fake);
    fake.refuse = "NOT_RECORDING";
    fake_recorder_return(&fake);
    world_pass(&w, 3000);
    expect_state(c, "incomplete", "NOT_RECORDING");
    json_decref(notes_of(&fake.takes[0]));
}

Test(recordings, a_recorder_that_has_just_started_is_asked_again)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 2000);
    fake_recorder_kill(&fake);
    fake.refuse = "NOT_INITIALISED";
    fake_recorder_return(&fake);
    world_pass(&w, 3000);
    expect_state(c, "interrupted", "UNAVAILABLE");
    fake.refuse = NULL;
    world_pass(&w, 2500);
    expect_state(c, "recording", "");
    stop_with_a_whole_take(c);
}

Test(recordings, a_take_begins_late_when_the_recorder_has_just_started)
{
    fake.refuse = "NOT_INITIALISED";
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    expect_state(c, "interrupted", "UNAVAILABLE");
    fake.refuse = NULL;
    world_pass(&w, 2500);
    expect_state(c, "recording", "");
    stop_with_a_whole_take(c);
}

Test(recordings, a_store_that_fails_leaves_the_take_with_the_recorder)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    fake.refuse = "STORE_FAILED";
    world_say(c, "{\"type\":\"update\",\"record\":false}");
    world_pass(&w, 1000);
    expect_state(c, "pending", "STORE_FAILED");
}

Test(recordings, no_recorder_at_all_is_told)
{
    w.service.recorder = NULL;
    world_client *c = play(",\"record\":true");
    world_pass(&w, 100);
    expect_state(c, "failed", "UNAVAILABLE");
}

/* ---- the control log ---- */

typedef struct listing {
    uint8_t *data;
    size_t len;
} listing;

static int add_bytes(void *user, const void *data, size_t len)
{
    listing *l = user;
    l->data = rf_grow(l->data, l->len + len, 1);
    memcpy(l->data + l->len, data, len);
    l->len += len;
    return 0;
}

static void no_beat(void *user)
{
    (void)user;
}

Test(recordings, the_control_log_makes_the_same_samples_again)
{
    world_client *c =
        play(",\"record\":true,\"styles\":\"jazz,techno\",\"bpm\":97,\"density\":0.2");
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"update\",\"bpm\":140,\"ramp_ms\":700,\"styles\":[\"hiphop\"]}");
    world_pass(&w, 500);
    world_say(c, "{\"type\":\"update\",\"stems\":{\"bass\":{\"mute\":true}},\"at_bar\":2}");
    world_say(c, "{\"type\":\"update\",\"temperature\":0.0}");
    world_pass(&w, 3000);
    world_say(c, "{\"type\":\"stop\"}");
    world_settle(&w);
    const fake_take *t = &fake.takes[0];
    json_t *notes = notes_of(t);
    cr_expect_eq(json_array_size(json_object_get(notes, "controls")), 3);
    cr_expect_eq(number(notes, "samples"), t->n_frames);
    cr_expect_eq(number(notes, "seed"), 7);
    cr_expect_eq(number(notes, "start_sample"), 0);
    cr_expect(json_is_false(json_object_get(notes, "truncated")));
    json_object_set(json_object_get(notes, "params"), "seed", json_object_get(notes, "seed"));
    RF_CLEANUP(rf_cleanup_free) char *order_text = json_dumps(notes, 0);
    jam_oneshot *order;
    jam_error error;
    char why[128];
    listing file = {NULL, 0};
    cr_assert_eq(
        jam_oneshot_parse(w.service.engines, order_text, strlen(order_text), false, &order, &error),
        0, "%s", error.text);
    cr_assert_eq(jam_oneshot_run(order, (rf_sink){.write = add_bytes, .user = &file}, no_beat, NULL,
                                 why, sizeof(why)),
                 0, "%s", why);
    cr_assert_eq(file.len, JAM_WAV_F32_HEADER + (size_t)t->n_frames * PAIR);
    cr_expect_eq(memcmp(file.data + JAM_WAV_F32_HEADER, t->pcm, (size_t)t->n_frames * PAIR), 0);
    free(file.data);
    jam_oneshot_free(order);
    json_decref(notes);
}

Test(recordings, the_control_log_is_tried_again)
{
    fake.notes_fail = 2;
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"update\",\"record\":false}");
    world_pass(&w, 1000);
    expect_state(c, "stopping", "");
    world_pass(&w, 5000);
    expect_state(c, "stored", "");
    json_decref(notes_of(&fake.takes[0]));
}

Test(recordings, resets_stand_in_the_control_log)
{
    world_client *c = play(",\"record\":true");
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"reset_context\",\"seed\":99}");
    world_pass(&w, 1000);
    world_say(c, "{\"type\":\"stop\"}");
    world_settle(&w);
    json_t *notes = notes_of(&fake.takes[0]);
    const json_t *reset = json_array_get(json_object_get(notes, "resets"), 0);
    cr_expect_eq(number(reset, "seed"), 99);
    cr_expect_gt(number(reset, "at_sample"), 0);
    json_decref(notes);
}

/* ---- another process ---- */

Test(recordings, a_drained_session_takes_its_recording_along_and_loses_no_sample)
{
    static const char *const formats[] = {"wav-f32", "opus"};
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        char more[64];
        world_open(&b, change);
        world_settle(&b);
        snprintf(more, sizeof(more), ",\"record\":true,\"format\":\"%s\"", formats[i]);
        world_client *c = play(more);
        world_pass(&w, 3010);
        char resume[160];
        snprintf(
            resume, sizeof(resume),
            "{\"type\":\"start\",\"binary_audio\":true,\"resume_token\":\"%s\",\"last_index\":%zu}",
            world_str(world_nth(c, "started", 0), "resume_token"), world_n_chunks(c) - 1);
        jam_service_drain(&w.service, 100);
        world_pass(&w, 110);
        world_settle(&w);
        cr_assert_eq(c->closed, 1012);
        size_t n_old = world_n_chunks(c);
        world_client *d = world_connect(&b, "tenant", "10.0.0.1");
        world_say(d, resume);
        world_settle(&b);
        world_pass(&b, 2000);
        expect_state(d, "recording", "");
        world_say(d, "{\"type\":\"stop\"}");
        world_settle(&b);
        const fake_take *t = &fake.takes[i];
        cr_assert_eq(fake.n_takes, i + 1);
        cr_expect_eq(t->n_gaps, 0);
        cr_expect(!t->out_of_order);
        size_t n_all = (size_t)world_meta_i64(d, world_n_chunks(d) - 1, "index") + 1;
        cr_expect_gt(n_all, n_old + 5);
        cr_expect_eq(t->n_frames, (int64_t)n_all * HOP);
        cr_expect_eq(t->stopped_at, t->n_frames);
        json_t *notes = notes_of(t);
        cr_expect_eq(number(notes, "samples"), t->n_frames);
        cr_expect_eq(number(notes, "start_sample"), 0);
        json_decref(notes);
        if (i == 0) {
            expect_equal(c, t, 0, (int64_t)n_old * HOP, 0);
            for (size_t k = 0; k < world_n_chunks(d); k++) {
                int64_t at = world_meta_i64(d, k, "start_sample");
                cr_expect_eq(memcmp(world_chunk(d, k)->file + JAM_WAV_F32_HEADER,
                                    t->pcm + at * JAM_CHANNELS, (size_t)HOP * PAIR),
                             0, "chunk %zu", k);
            }
        }
        world_close(&b);
        world_close(&w);
        world_open(&w, change);
        world_settle(&w);
    }
}
