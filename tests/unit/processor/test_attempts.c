/* What the worker makes of a job: results, failures and their words (spec jobs.md section 7). */
#include "world.h"

#include "processor_host.h"
#include "processor_keeper.h"
#include "rf_decode.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COPY                                                                                       \
    "{\"inputs\":{\"file\":{\"type\":\"url\"}},\"modules\":[{\"id\":\"cp\",\"use\":\"copy\","      \
    "\"in\":{\"url\":\"$file\"}}],\"outputs\":{\"file\":{\"from\":\"cp.file\",\"format\":\"auto\"" \
    "}}}"
#define LOUDNESS                                                                                   \
    "{\"inputs\":{\"u\":{\"type\":\"url\"}},\"modules\":["                                         \
    "{\"id\":\"dec\",\"use\":\"decode\",\"in\":{\"url\":\"$u\"}},"                                 \
    "{\"id\":\"loud\",\"use\":\"loudness\",\"in\":{\"audio\":\"dec.audio\"}}],"                    \
    "\"outputs\":{\"l\":{\"from\":\"loud.loudness\",\"format\":\"json\"}}}"
#define KEY "uploads/11111111-1111-4111-8111-111111111111"

static world w;

static void setup(void)
{
    world_open(&w);
}

static void teardown(void)
{
    world_close(&w);
}

static processor_claim *own(const char *document, const char *param, const char *params)
{
    processor_claim *c = world_claim(document, params);
    world_input(c, param, PROCESSOR_INPUT_OBJECT, KEY);
    return c;
}

static processor_claim *fetched(const char *document, const char *param, const char *url)
{
    processor_claim *c = world_claim(document, "{\"u\":\"x\",\"file\":\"x\"}");
    world_input(c, param, PROCESSOR_INPUT_URL, url);
    return c;
}

static void expect_failure(processor_finish *f, processor_code code, const char *message)
{
    cr_assert_not_null(f);
    cr_expect_eq(f->outcome, PROCESSOR_FAILED);
    cr_expect_str_eq(processor_code_name(f->failure.code), processor_code_name(code));
    cr_expect_str_eq(f->failure.message, message);
    processor_finish_free(f);
}

/* ---- results ---- */

TestSuite(results, .init = setup, .fini = teardown, .timeout = 120);

Test(results, copy_passes_an_own_file_on_without_a_copy)
{
    int16_t *sine = world_sine(8000, 1, 800, 440, -6);
    world_put_wav(&w, KEY, 8000, 1, sine, 800);
    processor_finish *f = world_run(&w, own(COPY, "file", "{\"file\":\"x\"}"));
    const processor_result *r = world_result(f, "file");
    cr_assert_str_eq(r->object_key, KEY);
    cr_assert_str_eq(r->extension, "wav");
    cr_assert_str_eq(r->content_type, "audio/wav");
    cr_assert_eq(r->size, 44 + 1600);
    processor_finish_free(f);
    free(sine);
}

Test(results, copy_of_unknown_bytes_is_bin)
{
    world_put(&w, KEY, "hello", 5);
    processor_finish *f = world_run(&w, own(COPY, "file", "{\"file\":\"x\"}"));
    cr_assert_str_eq(world_result(f, "file")->extension, "bin");
    processor_finish_free(f);
}

/* E4 */
Test(results, a_fetched_file_is_stored_below_job_and_fence)
{
    world_http *h = world_http_start(200, "some bytes");
    processor_claim *c = fetched(COPY, "file", world_http_url(h));
    RF_CLEANUP(rf_cleanup_free) char *prefix = rf_asprintf("jobs/%s/1/", c->job_id);
    processor_finish *f = world_run(&w, c);
    const processor_result *r = world_result(f, "file");
    cr_assert_eq(strncmp(r->object_key, prefix, strlen(prefix)), 0, "%s", r->object_key);
    RF_CLEANUP(rf_cleanup_free) char *bytes = world_read(&w, r->object_key, NULL);
    cr_assert_str_eq(bytes, "some bytes");
    processor_finish_free(f);
    world_http_stop(h);
}

static processor_finish *run_fetched_copy(const char *deterministic, const char *target)
{
    char document[512];
    world_http *h = world_http_start(200, "some bytes");
    snprintf(document, sizeof(document), "{%s%s", deterministic, &COPY[1]);
    processor_claim *c = fetched(document, "file", world_http_url(h));
    if (target != NULL) {
        world_target(c, "file", world_http_url(h));
    }
    processor_finish *f = world_run(&w, c);
    world_http_stop(h);
    return f;
}

/* X10: the bytes decide whether an equal job has the result already. */
Test(results, what_was_fetched_is_told_where_the_result_may_be_had_already)
{
    uint8_t sum[RF_SHA256_LEN];
    processor_finish_free(run_fetched_copy("", NULL));
    cr_assert_eq(w.board.n_fetched, 0, "not deterministic");
    processor_finish_free(run_fetched_copy("\"deterministic\":true,", "out"));
    cr_assert_eq(w.board.n_fetched, 0, "its output goes elsewhere too");
    processor_finish *f = run_fetched_copy("\"deterministic\":true,", NULL);
    cr_assert_not_null(f);
    cr_assert_eq(f->outcome, PROCESSOR_SUCCEEDED);
    processor_finish_free(f);
    rf_sha256_of("some bytes", 10, sum);
    cr_assert_eq(w.board.n_fetched, 1);
    cr_assert_eq(memcmp(w.board.sha256[0], sum, sizeof(sum)), 0);
    atomic_store(&w.board.takes, true);
    cr_assert_null(run_fetched_copy("\"deterministic\":true,", NULL), "nothing is left to tell");
}

static rf_frames *decode(const char *key, rf_decode_info *info)
{
    size_t len;
    rf_frames *frames = NULL;
    rf_decoder *decoder = NULL;
    RF_CLEANUP(rf_cleanup_free) char *bytes = world_read(&w, key, &len);
    const rf_decode_options options = {.limits = RF_DECODE_LIMITS, .cancel_fd = -1};
    cr_assert_eq(rf_decoder_new(0, 1, &decoder), 0);
    cr_assert_eq(rf_decode_bytes(decoder, bytes, len, &options, &frames, info, NULL), 0);
    rf_decoder_free(decoder);
    return frames;
}

/* Lossless formats give back the very samples, at the input's depth. */
static void check_lossless(const char *format, uint32_t bits)
{
    enum { FRAMES = 100000 };
    char params[64];
    rf_decode_info info;
    int16_t *noise = world_noise(2, FRAMES);
    world_put_wav(&w, KEY, 44100, 2, noise, FRAMES);
    snprintf(params, sizeof(params), "{\"inputUrl\":\"x\",\"format\":\"%s\"}", format);
    processor_finish *f = world_run(&w, own("reflection/convert", "inputUrl", params));
    const processor_result *r = world_result(f, "output");
    cr_assert_str_eq(r->extension, format);
    RF_CLEANUP(rf_cleanup_frames) rf_frames *got = decode(r->object_key, &info);
    cr_assert_eq(got->n_frames, FRAMES);
    cr_assert_eq(got->rate_hz, 44100);
    cr_assert_eq(info.bits_per_sample, bits);
    for (size_t i = 0; i < FRAMES * 2; i++) {
        cr_assert_eq(got->data[i], (float)noise[i] / 32768.0f, "sample %zu", i);
    }
    processor_finish_free(f);
    free(noise);
}

Test(results, convert_to_flac_keeps_every_sample)
{
    check_lossless("flac", 16);
}

Test(results, convert_to_wav_keeps_every_sample_at_24_bit)
{
    check_lossless("wav", 24);
}

static const struct {
    const char *params;
    const char *extension;
    rf_media_format format;
    uint32_t rate_hz;
    uint32_t channels;
    int64_t n_frames;
} conversions[] = {
    {"\"format\":\"mp3\"", "mp3", RF_FORMAT_MP3, 44100, 2, 88200},
    {"\"format\":\"mp3\",\"bitrate\":\"128\",\"channels\":1", "mp3", RF_FORMAT_MP3, 44100, 1,
     88200},
    {"\"format\":\"opus\",\"bitrate\":64", "opus", RF_FORMAT_OPUS, 48000, 2, 96000},
    {"\"format\":\"flac\",\"sampleRate\":48000", "flac", RF_FORMAT_FLAC, 48000, 2, 96000},
    {"\"format\":\"wav\",\"sampleRate\":22050,\"channels\":1", "wav", RF_FORMAT_WAV, 22050, 1,
     44100},
};

/* Length is exact after resampling and after the delay of the codec is removed; the tone stays
 * (LAME turns MP3 down by up to 0.45 dB on purpose). */
Test(results, convert_resamples_mixes_and_encodes)
{
    int16_t *sine = world_sine(44100, 2, 88200, 1000, -12);
    world_put_wav(&w, KEY, 44100, 2, sine, 88200);
    for (size_t i = 0; i < RF_ARRAY_LEN(conversions); i++) {
        char params[128];
        rf_decode_info info;
        snprintf(params, sizeof(params), "{\"inputUrl\":\"x\",%s}", conversions[i].params);
        processor_finish *f = world_run(&w, own("reflection/convert", "inputUrl", params));
        const processor_result *r = world_result(f, "output");
        rf_frames *got = decode(r->object_key, &info);
        double power = 0;
        for (int64_t k = 4800; k < got->n_frames - 4800; k++) {
            float s = got->data[k * got->n_channels];
            power += (double)s * (double)s / (double)(got->n_frames - 9600);
        }
        cr_expect_str_eq(r->extension, conversions[i].extension);
        cr_expect_eq(info.format, conversions[i].format);
        cr_expect_eq(got->rate_hz, conversions[i].rate_hz);
        cr_expect_eq(got->n_channels, conversions[i].channels);
        cr_expect_leq(llabs(got->n_frames - conversions[i].n_frames), 1, "%s has %lld frames",
                      params, (long long)got->n_frames);
        cr_expect_float_eq(10 * log10(power), -12 - 3.01, 0.6, "%s: %.2f dB", params,
                           10 * log10(power));
        rf_frames_free(got);
        processor_finish_free(f);
    }
    free(sine);
}

Test(results, convert_refuses_an_impossible_pair)
{
    int16_t *sine = world_sine(44100, 2, 4410, 1000, -12);
    world_put_wav(&w, KEY, 44100, 2, sine, 4410);
    processor_finish *f =
        world_run(&w, own("reflection/convert", "inputUrl",
                          "{\"inputUrl\":\"x\",\"format\":\"opus\",\"sampleRate\":44100}"));
    cr_assert_eq(f->outcome, PROCESSOR_FAILED);
    cr_assert_eq(f->failure.code, PROCESSOR_BAD_INPUT);
    cr_assert_str_not_empty(f->failure.message);
    processor_finish_free(f);
    free(sine);
}

/* EBU Tech 3341, case 1: 1 kHz in both channels at -23 dBFS is -23.0 LUFS. */
Test(results, loudness_of_a_calibrated_sine)
{
    int16_t *sine = world_sine(48000, 2, 48000 * 20, 1000, -23);
    world_put_wav(&w, KEY, 48000, 2, sine, 48000 * 20);
    processor_finish *f = world_run(&w, own(LOUDNESS, "u", "{\"u\":\"x\"}"));
    RF_CLEANUP(rf_cleanup_free) char *text = world_read(&w, world_result(f, "l")->object_key, NULL);
    json_t *l = json_loads(text, 0, NULL);
    cr_assert_not_null(l, "%s", text);
    cr_expect_float_eq(json_number_value(json_object_get(l, "integratedLufs")), -23.0, 0.1);
    cr_expect_float_eq(json_number_value(json_object_get(l, "maxShortTermLufs")), -23.0, 0.1);
    cr_expect_float_eq(json_number_value(json_object_get(l, "truePeakDbtp")), -23.0, 0.3);
    cr_expect_float_eq(json_number_value(json_object_get(l, "rangeLu")), 0.0, 0.1);
    json_decref(l);
    processor_finish_free(f);
    free(sine);
}

Test(results, loudness_of_silence_is_null_not_a_broken_number)
{
    int16_t *silence = RF_NEW_ARRAY(int16_t, 48000);
    world_put_wav(&w, KEY, 48000, 1, silence, 48000);
    processor_finish *f = world_run(&w, own(LOUDNESS, "u", "{\"u\":\"x\"}"));
    RF_CLEANUP(rf_cleanup_free) char *text = world_read(&w, world_result(f, "l")->object_key, NULL);
    json_t *l = json_loads(text, 0, NULL);
    cr_assert_not_null(l, "%s", text);
    cr_assert(json_is_null(json_object_get(l, "integratedLufs")));
    json_decref(l);
    processor_finish_free(f);
    free(silence);
}

/* ---- the words of each failure ---- */

TestSuite(failures, .init = setup, .fini = teardown, .timeout = 120);

/* F3 */
Test(failures, missing_file)
{
    expect_failure(world_run(&w, own(COPY, "file", "{\"file\":\"x\"}")), PROCESSOR_BAD_INPUT,
                   "File not found.");
}

Test(failures, the_job_sides_word_on_an_own_url)
{
    processor_claim *c = world_claim(COPY, "{\"file\":\"x\"}");
    world_input(c, "file", PROCESSOR_INPUT_BAD, "File not found.");
    expect_failure(world_run(&w, c), PROCESSOR_BAD_INPUT, "File not found.");
}

/* F1 */
Test(failures, nobody_answers)
{
    expect_failure(world_run(&w, fetched(COPY, "file", "http://127.0.0.1:1/x")),
                   PROCESSOR_BAD_INPUT, "The input could not be downloaded.");
}

/* F1 */
Test(failures, blocked_addresses_read_the_same_as_silence)
{
    expect_failure(world_run(&w, fetched(COPY, "file", "http://10.0.0.1/x")), PROCESSOR_BAD_INPUT,
                   "The input could not be downloaded.");
}

/* F2 */
Test(failures, the_host_answers_an_error)
{
    world_http *h = world_http_start(403, "");
    expect_failure(world_run(&w, fetched(COPY, "file", world_http_url(h))), PROCESSOR_BAD_INPUT,
                   "The input URL answered HTTP 403.");
    world_http_stop(h);
}

/* F5 */
Test(failures, too_large)
{
    world_http *h = world_http_start(200, "0123456789");
    w.env.max_input_bytes = 5;
    expect_failure(world_run(&w, fetched(COPY, "file", world_http_url(h))), PROCESSOR_BAD_INPUT,
                   "The input is larger than 5 bytes.");
    world_http_stop(h);
}

/* F4 */
Test(failures, not_audio_whatever_it_is_called)
{
    static const char *const files[] = {"", "hello world", "#EXTM3U\nhttp://h/x.mp3\n",
                                        "RIFF....WAVEnothing"};
    for (size_t i = 0; i < RF_ARRAY_LEN(files); i++) {
        world_put(&w, KEY, files[i], strlen(files[i]));
        expect_failure(world_run(&w, own(LOUDNESS, "u", "{\"u\":\"x\"}")), PROCESSOR_BAD_INPUT,
                       i < 3 ? "The input is not a supported audio file."
                             : "The input could not be decoded.");
    }
}

/* F5 */
Test(failures, too_long)
{
    int16_t *sine = world_sine(8000, 1, 24000, 440, -6);
    world_put_wav(&w, KEY, 8000, 1, sine, 24000);
    processor_host_free(w.env.host);
    const processor_host_config config = {.max_children = 2,
                                          .memory_bytes = 1ull << 30,
                                          .max_file_bytes = 1 << 20,
                                          .max_input_bytes = 1 << 20,
                                          .max_duration_s = 2};
    w.env.max_duration_s = 2;
    cr_assert_eq(processor_host_new(&config, &w.env.host), 0);
    expect_failure(world_run(&w, own(LOUDNESS, "u", "{\"u\":\"x\"}")), PROCESSOR_BAD_INPUT,
                   "The input is longer than 2 seconds.");
    free(sine);
}

/* F11 */
Test(failures, storage_is_full)
{
    int16_t *sine = world_sine(8000, 1, 8000, 440, -6);
    world_put_wav(&w, KEY, 8000, 1, sine, 8000);
    w.env.max_files_bytes = 10;
    processor_finish *f = world_run(&w, own(LOUDNESS, "u", "{\"u\":\"x\"}"));
    cr_expect_str_eq(f->failure.step, "loud");
    expect_failure(f, PROCESSOR_INTERNAL_ERROR, "Storage is full.");
    free(sine);
}

Test(failures, a_workflow_of_another_build)
{
    processor_claim *c = world_claim("{\"modules\":[{\"use\":\"future\"}]}", "{}");
    processor_attempt *a = NULL;
    cr_assert_eq(processor_attempt_new(&w.env, c, &a), -EBADMSG);
    expect_failure(processor_run_broken(c), PROCESSOR_INTERNAL_ERROR, "Step 'workflow' failed.");
    processor_claim_free(c);
}

/* E3, F9 */
Test(failures, the_total_time_passes)
{
    int16_t *noise = world_noise(2, 44100 * 300);
    world_put_wav(&w, KEY, 44100, 2, noise, 44100 * 300);
    processor_claim *c = own("music-ai/music-analysis", "inputUrl", "{\"inputUrl\":\"x\"}");
    c->limit_seconds = 1;
    processor_attempt *a = NULL;
    cr_assert_eq(processor_attempt_new(&w.env, c, &a), 0);
    processor_keeper *k = processor_keeper_start(&w.board.calls, RF_NS_PER_S, NULL, NULL);
    processor_keeper_add(k, a);
    processor_finish *f = processor_run(a);
    processor_keeper_stop(k);
    processor_attempt_free(a);
    expect_failure(f, PROCESSOR_TIMEOUT, "The job ran longer than 1 seconds.");
    free(noise);
}

/* ---- custom storage ---- */

TestSuite(custom_storage, .init = setup, .fini = teardown, .timeout = 120);

static processor_finish *run_copy_to(const char *url)
{
    world_put(&w, KEY, "hello", 5);
    processor_claim *c = own(COPY, "file", "{\"file\":\"x\"}");
    world_target(c, "file", url);
    return world_run(&w, c);
}

/* U8 */
Test(custom_storage, gets_the_bytes_and_the_result_says_so)
{
    size_t len;
    world_http *h = world_http_start(204, "");
    processor_finish *f = run_copy_to(world_http_url(h));
    cr_assert(world_result(f, "file")->is_custom_storage);
    const char *body = world_http_body(h, &len);
    cr_assert_eq(len, 5);
    cr_assert_eq(memcmp(body, "hello", 5), 0);
    processor_finish_free(f);
    world_http_stop(h);
}

/* F10 */
Test(custom_storage, a_refusal_is_the_clients_fault)
{
    world_http *h = world_http_start(403, "");
    expect_failure(run_copy_to(world_http_url(h)), PROCESSOR_BAD_INPUT,
                   "Output 'file' could not be stored.");
    world_http_stop(h);
}

/* F10 */
Test(custom_storage, a_server_error_is_tried_again_later)
{
    world_http *h = world_http_start(500, "");
    expect_failure(run_copy_to(world_http_url(h)), PROCESSOR_INTERNAL_ERROR,
                   "Output 'file' could not be stored.");
    world_http_stop(h);
}

/* F10 */
Test(custom_storage, silence_is_tried_again_later)
{
    expect_failure(run_copy_to("http://127.0.0.1:1/x"), PROCESSOR_INTERNAL_ERROR,
                   "Output 'file' could not be stored.");
}

/* E4: nothing leaves the house under an old fence. */
Test(custom_storage, an_old_fence_sends_nothing)
{
    world_http *h = world_http_start(200, "");
    atomic_store(&w.board.refuses_lease, true);
    cr_assert_null(run_copy_to(world_http_url(h)));
    cr_assert_eq(world_http_count(h), 0);
    world_http_stop(h);
}

Test(custom_storage, an_own_upload_url_is_reported_as_a_file)
{
    world_put(&w, KEY, "hello", 5);
    processor_claim *c = own(COPY, "file", "{\"file\":\"x\"}");
    world_target(c, "file", NULL);
    processor_finish *f = world_run(&w, c);
    cr_assert_not(world_result(f, "file")->is_custom_storage);
    cr_assert_str_eq(world_result(f, "file")->object_key, KEY);
    processor_finish_free(f);
}
