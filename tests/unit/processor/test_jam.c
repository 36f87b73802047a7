/* Module "jam": the file it makes, and the steps it runs by a jam service of known music. */
#include "world.h"

#include "processor_host.h"
#include "processor_jam.h"
#include "processor_jam_rpc.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <reflection/jam/v1/jam.rpc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE 48000
#define HEADER 58
#define PIECE (256u << 10)

/* ---- the music ---- */

/* In all of +-1, also beyond, where 24 bit must clip. */
static float sample(size_t i)
{
    return (float)(1.01 * sin((double)i * 0.013));
}

static uint8_t *make_file(size_t n_frames, size_t *ret_len)
{
    uint32_t bytes = (uint32_t)n_frames * 8;
    const uint32_t words[] = {HEADER - 8 + bytes, 18, 0x00020003, RATE, RATE * 8, 0x00200008};
    uint8_t *file = rf_alloc(HEADER + bytes);
    memcpy(file, "RIFF", 4);
    memcpy(file + 4, &words[0], 4);
    memcpy(file + 8, "WAVEfmt ", 8);
    memcpy(file + 16, &words[1], 20);
    memcpy(file + 38, "fact\4\0\0\0", 8);
    memcpy(file + 46, &(uint32_t){(uint32_t)n_frames}, 4);
    memcpy(file + 50, "data", 4);
    memcpy(file + 54, &bytes, 4);
    for (size_t i = 0; i < 2 * n_frames; i++) {
        float x = sample(i);
        memcpy(file + HEADER + 4 * i, &x, 4);
    }
    *ret_len = HEADER + bytes;
    return file;
}

/* A 24-bit WAV of the music, to the last sample. */
static void expect_wav(const uint8_t *file, size_t len, size_t n_frames)
{
    cr_assert_eq(len, 44 + 6 * n_frames);
    cr_assert_eq(memcmp(file, "RIFF", 4), 0);
    cr_assert_eq(memcmp(file + 36, "data", 4), 0);
    for (size_t i = 0; i < 2 * n_frames; i++) {
        const uint8_t *b = file + 44 + 3 * i;
        int32_t got =
            (int32_t)((uint32_t)b[0] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 24) / 256;
        double wanted =
            RF_MIN(RF_MAX(nearbyint((double)sample(i) * 8388608), -8388608.0), 8388607.0);
        cr_assert_eq(got, (int32_t)wanted, "sample %zu: %d, not %.0f", i, got, wanted);
    }
}

/* ---- the file ---- */

static processor_jam_file *new_file(int64_t n_frames)
{
    processor_jam_file *f = NULL;
    cr_assert_eq(processor_jam_file_new("/tmp", n_frames, &f), 0);
    return f;
}

Test(jam_file, pieces_of_any_size_make_the_same_file)
{
    enum { FRAMES = 9001 };
    size_t len;
    RF_CLEANUP(rf_cleanup_free) uint8_t *file = make_file(FRAMES, &len);
    static const size_t sizes[] = {1, 7, 58, 4096, 1000000};
    for (size_t k = 0; k < RF_ARRAY_LEN(sizes); k++) {
        processor_jam_file *f = new_file(FRAMES);
        for (size_t at = 0; at < len; at += sizes[k]) {
            cr_assert_eq(processor_jam_file_write(f, file + at, RF_MIN(sizes[k], len - at)), 0);
        }
        cr_expect_float_eq(processor_jam_file_percent(f), 100, 1e-9);
        processor_value v = PROCESSOR_VALUE_NONE;
        cr_assert_eq(processor_jam_file_end(f, &v), 0);
        processor_jam_file_free(f);
        cr_expect_eq(v.type, PROCESSOR_WAV);
        processor_map map;
        cr_assert_eq(processor_map_open(&v, &map), 0);
        expect_wav(map.data, map.len, FRAMES);
        processor_map_close(&map);
        processor_value_done(&v);
    }
}

Test(jam_file, another_file_is_refused)
{
    size_t len;
    RF_CLEANUP(rf_cleanup_free) uint8_t *file = make_file(100, &len);
    static const size_t bytes[] = {0, 4, 9, 20, 22, 24, 28, 32, 34, 38, 50, 54, 57};
    for (size_t i = 0; i < RF_ARRAY_LEN(bytes); i++) {
        processor_jam_file *f = new_file(100);
        file[bytes[i]] ^= 1;
        cr_expect_eq(processor_jam_file_write(f, file, len), -EPROTO, "byte %zu", bytes[i]);
        file[bytes[i]] ^= 1;
        processor_jam_file_free(f);
    }
}

Test(jam_file, a_file_cut_short_or_too_long_is_refused)
{
    size_t len;
    RF_CLEANUP(rf_cleanup_free) uint8_t *file = make_file(100, &len);
    processor_value v = PROCESSOR_VALUE_NONE;
    processor_jam_file *f = new_file(100);
    cr_expect_eq(processor_jam_file_write(f, file, len - 1), 0);
    cr_expect_eq(processor_jam_file_end(f, &v), -EPROTO);
    cr_expect_eq(v.fd, -1);
    cr_expect_eq(processor_jam_file_write(f, file, 2), -EPROTO);
    processor_jam_file_free(f);
    cr_expect_eq(processor_jam_file_new("/nonexistent", 1, &f), -ENOENT);
}

/* ---- the request ---- */

static void expect_request(const char *const texts[5], int err, const char *wanted)
{
    processor_value in[5];
    for (size_t i = 0; i < 5; i++) {
        in[i] = texts[i] == NULL ? PROCESSOR_VALUE_NONE
                                 : processor_value_text(PROCESSOR_STRING, texts[i]);
    }
    processor_jam_request r = {0};
    char message[PROCESSOR_MESSAGE_MAX] = "";
    cr_expect_eq(processor_jam_request_init(in, &r, message), err);
    cr_expect_str_eq(err == 0 ? r.json : message, wanted);
    processor_jam_request_done(&r);
    for (size_t i = 0; i < 5; i++) {
        processor_value_done(&in[i]);
    }
}

Test(jam_request, parameters_become_params)
{
    expect_request((const char *[5]){"jazz", NULL, NULL, NULL, NULL}, 0,
                   "{\"params\":{\"styles\":\"jazz\",\"format\":\"wav-f32\"},\"seconds\":30}");
    expect_request((const char *[5]){"jazz, techno", "1,0.5", "12.5", "40", "7"}, 0,
                   "{\"params\":{\"styles\":\"jazz, techno\",\"format\":\"wav-f32\","
                   "\"style_weights\":\"1,0.5\",\"bpm\":40,\"seed\":7},\"seconds\":12.5}");
}

Test(jam_request, numbers_out_of_range_are_named)
{
    static const struct {
        size_t port;
        const char *text;
        const char *message;
    } cases[] = {{2, "0.5", "seconds must be 1 to 600."},
                 {2, "601", "seconds must be 1 to 600."},
                 {2, "nan", "seconds must be 1 to 600."},
                 {2, "x", "seconds must be 1 to 600."},
                 {3, "39.9", "bpm must be 40 to 240."},
                 {3, "241", "bpm must be 40 to 240."},
                 {4, "-1", "seed must be 0 to 2147483647."},
                 {4, "1.5", "seed must be 0 to 2147483647."},
                 {4, "2147483648", "seed must be 0 to 2147483647."}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        const char *texts[5] = {"jazz", NULL, NULL, NULL, NULL};
        texts[cases[i].port] = cases[i].text;
        expect_request(texts, -EBADMSG, cases[i].message);
    }
}

/* ---- the step ---- */

/* What the fake service does with a call. */
typedef enum answer { PLAY, REFUSE, BUSY, STALL, SHORT, VANISH } answer;

typedef struct service {
    rf_rpc_server *server;
    answer answer;
    size_t n_frames;
    char json[1024]; /* of the last request */
    bool wide_tempo;
    atomic_bool was_cancelled;
    pthread_t threads[8];
    size_t n_threads;
} service;

static service s;
static world w;
static processor_jam_rpc *rpc;

static int play(rf_rpc_stream *stream, size_t n_frames, bool all)
{
    size_t len;
    RF_CLEANUP(rf_cleanup_free) uint8_t *file = make_file(n_frames, &len);
    int err = 0;
    for (size_t at = 0; at < (all ? len : len / 2) && err == 0; at += PIECE) {
        Jam__V1__RenderPart part = JAM__V1__RENDER_PART__INIT;
        const rf_rpc_attachment data = {.data = file + at, .len = RF_MIN(PIECE, len - at)};
        part.content_type = at == 0 ? (char *)(uintptr_t) "audio/wav" : part.content_type;
        part.size = at == 0 ? len : 0;
        err = rf_rpc_stream_send(stream, &part.base, &data);
    }
    return err;
}

static void *serve(void *user)
{
    rf_rpc_stream *stream = user;
    rf_rpc_item *item = NULL;
    rf_status st = RF_STATUS_OK;
    if (rf_rpc_stream_recv(stream, &item) == 1) {
        const Jam__V1__RenderRequest *request = (const Jam__V1__RenderRequest *)item->message;
        rf_copy_str(s.json, sizeof(s.json), request->json);
        s.wide_tempo = request->wide_tempo;
        rf_rpc_item_free(item);
    }
    switch (s.answer) {
    case PLAY:
    case SHORT:
        play(stream, s.n_frames, s.answer == PLAY);
        break;
    case REFUSE:
        rf_status_set(&st, RF_INVALID_ARGUMENT,
                      "{\"code\":\"BAD_VALUE\",\"message\":\"styles: too many\","
                      "\"field\":\"styles\",\"limit\":null}");
        break;
    case BUSY:
        rf_status_set(&st, RF_RESOURCE_EXHAUSTED, "busy");
        break;
    case STALL:
        play(stream, s.n_frames, false);
        while (rf_rpc_stream_recv(stream, &item) == 1) {
        }
        while (!rf_rpc_call_is_over(rf_rpc_stream_call(stream))) {
            usleep(1000);
        }
        atomic_store(&s.was_cancelled, true);
        break;
    case VANISH:
        rf_status_set(&st, RF_UNAVAILABLE, "going");
        break;
    }
    rf_rpc_stream_end(stream, &st);
    return NULL;
}

static void on_render(rf_rpc_call *call, void *user)
{
    (void)user;
    pthread_create(&s.threads[s.n_threads++], NULL, serve, rf_rpc_stream_accept(call));
}

static void setup(void)
{
    world_open(&w);
    RF_CLEANUP(rf_cleanup_free) char *target = rf_asprintf("ipc://%s/jam.sock", w.dir);
    const rf_rpc_server_config config = {.listen = target};
    s = (service){.n_frames = 30 * RATE};
    cr_assert_eq(rf_rpc_server_new(&config, &s.server), 0);
    rf_rpc_server_handle_stream(s.server, &jam_v1_jam_service, JAM_V1_JAM_SERVICE_RENDER_IN_TURN,
                                on_render, NULL);
    cr_assert_eq(rf_rpc_server_start(s.server), 0);
    cr_assert_eq(processor_jam_rpc_open(target, w.dir, &rpc), 0);
    const processor_remote remotes[] = {processor_jam_rpc_remote(rpc)};
    const processor_host_config host = {
        .n_ready = 0, .max_children = 1, .remotes = remotes, .n_remotes = 1};
    processor_host_free(w.env.host);
    cr_assert_eq(processor_host_new(&host, &w.env.host), 0);
}

static void teardown(void)
{
    for (size_t i = 0; i < s.n_threads; i++) {
        pthread_join(s.threads[i], NULL);
    }
    rf_rpc_server_free(s.server);
    processor_host_free(w.env.host);
    w.env.host = NULL;
    processor_jam_rpc_close(rpc);
    world_close(&w);
}

TestSuite(jam_step, .init = setup, .fini = teardown, .timeout = 120);

static processor_claim *claim(const char *params)
{
    return world_claim("reflection/jam", params);
}

static void expect_failure(processor_finish *f, processor_code code, const char *message)
{
    cr_assert_not_null(f);
    cr_expect_eq(f->outcome, PROCESSOR_FAILED);
    cr_expect_str_eq(processor_code_name(f->failure.code), processor_code_name(code));
    cr_expect_str_eq(f->failure.message, message);
    processor_finish_free(f);
}

Test(jam_step, a_job_gets_a_file_of_exactly_its_length)
{
    s.n_frames = (size_t)llround(2.5 * RATE);
    processor_finish *f =
        world_run(&w, claim("{\"styles\":\"jazz\",\"seconds\":2.5,\"bpm\":\"230\",\"seed\":5}"));
    const processor_result *r = world_result(f, "audio");
    cr_expect_str_eq(r->extension, "wav");
    cr_expect_str_eq(r->content_type, "audio/wav");
    size_t len;
    RF_CLEANUP(rf_cleanup_free) char *bytes = world_read(&w, r->object_key, &len);
    expect_wav((const uint8_t *)bytes, len, s.n_frames);
    cr_expect_str_eq(s.json, "{\"params\":{\"styles\":\"jazz\",\"format\":\"wav-f32\",\"bpm\":230,"
                             "\"seed\":5},\"seconds\":2.5}");
    cr_expect(s.wide_tempo);
    processor_finish_free(f);
}

Test(jam_step, music_longer_than_any_window_of_flow_control_comes_through)
{
    s.n_frames = 120 * RATE; /* 46 MB */
    processor_finish *f = world_run(&w, claim("{\"styles\":\"jazz\",\"seconds\":120}"));
    cr_expect_eq(world_result(f, "audio")->size, 44 + 6 * s.n_frames);
    processor_finish_free(f);
}

Test(jam_step, a_refused_value_is_the_clients_fault_in_the_services_words)
{
    s.answer = REFUSE;
    expect_failure(world_run(&w, claim("{\"styles\":\"a\"}")), PROCESSOR_BAD_INPUT,
                   "styles: too many");
}

Test(jam_step, all_else_is_tried_again_by_the_rules_of_jobs)
{
    static const answer answers[] = {BUSY, SHORT, VANISH};
    for (size_t i = 0; i < RF_ARRAY_LEN(answers); i++) {
        s.answer = answers[i];
        expect_failure(world_run(&w, claim("{\"styles\":\"a\"}")), PROCESSOR_INTERNAL_ERROR,
                       "Step 'jam' failed.");
    }
    s.answer = PLAY;
    s.n_frames = 29 * RATE;
    expect_failure(world_run(&w, claim("{\"styles\":\"a\"}")), PROCESSOR_INTERNAL_ERROR,
                   "Step 'jam' failed.");
}

Test(jam_step, without_a_service_the_step_fails)
{
    rf_rpc_server_free(s.server);
    s.server = NULL;
    expect_failure(world_run(&w, claim("{\"styles\":\"a\"}")), PROCESSOR_INTERNAL_ERROR,
                   "Step 'jam' failed.");
}

/* The thread that stops an attempt once half of the music has come. */
static void *stop_at_half(void *user)
{
    processor_attempt *a = user;
    processor_lease_state state = {0};
    while (state.percent < 40) {
        processor_attempt_state(a, &state);
        usleep(1000);
    }
    processor_attempt_stop(a, PROCESSOR_STOP_RELEASED);
    return NULL;
}

Test(jam_step, cancelled_it_ends_the_call_and_tells_its_progress_before)
{
    pthread_t thread;
    processor_attempt *a = NULL;
    s.answer = STALL;
    cr_assert_eq(processor_attempt_new(&w.env, claim("{\"styles\":\"a\"}"), &a), 0);
    pthread_create(&thread, NULL, stop_at_half, a);
    processor_finish *f = processor_run(a);
    int64_t ended_ns = rf_time_ns();
    pthread_join(thread, NULL);
    cr_expect_eq(f->outcome, PROCESSOR_RELEASED);
    pthread_join(s.threads[0], NULL);
    s.n_threads = 0;
    cr_expect(atomic_load(&s.was_cancelled));
    cr_expect_lt(rf_time_ns() - ended_ns, RF_NS_PER_S);
    processor_finish_free(f);
    processor_attempt_free(a);
}

Test(jam_step, the_limit_of_the_job_is_the_calls_deadline)
{
    s.answer = STALL;
    processor_claim *c = claim("{\"styles\":\"a\"}");
    c->limit_seconds = 1;
    expect_failure(world_run(&w, c), PROCESSOR_TIMEOUT, "The job ran longer than 1 seconds.");
}
