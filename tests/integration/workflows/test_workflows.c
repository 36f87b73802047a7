/* Every shipped workflow through the real job service, bus and worker. */
#include "platform.h"
#include "song.h"

#include "rf_decode.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BARS 16
#define WAIT_S 120

static platform *p;
static rf_buf song;
static char *url;

static void setup(void)
{
    p = platform_start(NULL);
    song_make(&song, BARS);
    url = platform_upload(p, song.data, song.len);
}

static void teardown(void)
{
    platform_stop(p);
    rf_buf_done(&song);
    free(url);
}

TestSuite(workflows, .init = setup, .fini = teardown, .timeout = 300);

static json_t *wait_job(const char *id)
{
    RF_CLEANUP(rf_cleanup_free) char *text = platform_wait(p, id, WAIT_S);
    json_t *j = json_loads(text, 0, NULL);
    cr_assert_not_null(j, "%s", text);
    return j;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text == NULL ? "" : text;
}

static char *create(const char *workflow, const char *more)
{
    RF_CLEANUP(rf_cleanup_free)
    char *params = rf_asprintf("{\"%s\":\"%s\"%s}",
                               strcmp(workflow, "sdk-test") == 0 ? "file" : "inputUrl", url, more);
    char *id = platform_create(p, workflow, params);
    cr_assert_not_null(id);
    return id;
}

/* Runs a workflow on the song; *ret_id is for the caller to free. */
static json_t *run(const char *workflow, const char *more, char **ret_id)
{
    *ret_id = create(workflow, more);
    json_t *j = wait_job(*ret_id);
    cr_assert_str_eq(text_of(j, "status"), "SUCCEEDED", "%s: %s %s", workflow, text_of(j, "code"),
                     text_of(j, "message"));
    return j;
}

static json_t *file_of(const char *id, const char *name)
{
    size_t len;
    RF_CLEANUP(rf_cleanup_free) char *text = platform_file(p, id, name, &len);
    json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(j, "%s is not JSON: %.100s", name, text);
    return j;
}

static double number(const json_t *row, const char *key)
{
    const json_t *n = json_object_get(row, key);
    cr_assert(json_is_number(n), "%s", key);
    return json_number_value(n);
}

static double duration_s(void)
{
    return (double)song_frames(BARS) / SONG_RATE_HZ;
}

/* Sorted, no gap, from 0 to the end. */
static void check_spans(const json_t *rows)
{
    size_t i;
    json_t *row;
    double before = 0;
    cr_assert(json_is_array(rows));
    cr_assert_gt(json_array_size(rows), 0);
    json_array_foreach(rows, i, row)
    {
        cr_expect_float_eq(number(row, "start"), before, 1e-9, "row %zu", i);
        cr_expect_gt(number(row, "end"), number(row, "start"), "row %zu", i);
        before = number(row, "end");
    }
    cr_expect_float_eq(before, round(duration_s() * 1000) / 1000, 1e-9);
}

/* The part of the song in which the chord of the row is the one that was played. */
static double chords_right(const json_t *rows)
{
    static const char *const played[] = {"C:maj", "F:maj", "G:maj", "C:maj"};
    double right = 0;
    for (double t = 0.05; t < duration_s(); t += 0.1) {
        size_t i;
        json_t *row;
        json_array_foreach(rows, i, row)
        {
            if (number(row, "start") <= t && t < number(row, "end")) {
                const char *want = played[(size_t)(t / 2.0) % 4];
                right += strcmp(text_of(row, "chord_majmin"), want) == 0 ? 0.1 : 0;
            }
        }
    }
    return right / duration_s();
}

Test(workflows, sdk_test_gives_the_bytes_back)
{
    char *id;
    size_t len;
    json_t *j = run("sdk-test", "", &id);
    RF_CLEANUP(rf_cleanup_free) char *bytes = platform_file(p, id, "file.wav", &len);
    cr_assert_eq(len, song.len);
    cr_assert_eq(memcmp(bytes, song.data, len), 0);
    json_decref(j);
    free(id);
}

Test(workflows, convert_makes_each_format)
{
    static const char *const formats[] = {"wav", "flac", "mp3", "opus"};
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        char more[64];
        char name[32];
        char *id;
        size_t len;
        snprintf(more, sizeof(more), ",\"format\":\"%s\"", formats[i]);
        snprintf(name, sizeof(name), "output.%s", formats[i]);
        json_t *j = run("reflection/convert", more, &id);
        RF_CLEANUP(rf_cleanup_free) char *bytes = platform_file(p, id, name, &len);
        cr_expect_gt(len, 1000);
        cr_expect_neq(memcmp(bytes, "\0\0\0\0", 4), 0, "every format begins with its mark");
        cr_assert_not_null(strstr(text_of(json_object_get(j, "result"), "output"), name));
        json_decref(j);
        free(id);
    }
}

Test(workflows, convert_refuses_impossible_pairs_at_once)
{
    static const char *const pairs[] = {
        "\"format\":\"mp3\",\"channels\":6",        "\"format\":\"mp3\",\"sampleRate\":96000",
        "\"format\":\"opus\",\"sampleRate\":44100", "\"format\":\"aac\"",
        "\"format\":\"mp3\",\"bitrate\":16",        "\"format\":\"wav\",\"sampleRate\":7999",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(pairs); i++) {
        RF_CLEANUP(rf_cleanup_free)
        char *params = rf_asprintf("{\"inputUrl\":\"%s\",%s}", url, pairs[i]);
        RF_CLEANUP(rf_cleanup_free) char *id = platform_create(p, "reflection/convert", params);
        cr_expect_null(id, "%s", pairs[i]);
    }
}

Test(workflows, generate_chords)
{
    char *id;
    json_t *j = run("music-ai/generate-chords", "", &id);
    json_t *rows = file_of(id, "chords.json");
    check_spans(rows);
    cr_expect_gt(chords_right(rows), 0.7);
    cr_expect_str_not_empty(text_of(json_array_get(rows, 0), "chord_simple_pop"));
    json_decref(rows);
    json_decref(j);
    free(id);
}

static void check_beats(const json_t *rows)
{
    size_t i;
    size_t n_right = 0;
    double before = -1;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        double t = number(row, "time");
        cr_expect_gt(t, before);
        cr_expect_geq(number(row, "beatNum"), 1);
        n_right += fabs(t - round(t * 2) / 2) < 0.07;
        before = t;
    }
    cr_expect_geq(n_right, (size_t)(4 * BARS * 3 / 4), "%zu beats of %d", n_right, 4 * BARS);
}

Test(workflows, beat_map_and_bpm)
{
    char *id;
    json_t *j = run("music-ai/extract-beat-map-and-bpm", "", &id);
    json_t *rows = file_of(id, "beatMap.json");
    double bpm = atof(text_of(json_object_get(j, "result"), "bpm"));
    check_beats(rows);
    cr_expect_float_eq(bpm, SONG_BPM, 2.5, "bpm %f", bpm);
    json_decref(rows);
    json_decref(j);
    free(id);
}

Test(workflows, music_analysis)
{
    char *id;
    json_t *j = run("music-ai/music-analysis", "", &id);
    json_t *result = json_object_get(j, "result");
    json_t *chords = file_of(id, "chordMap.json");
    json_t *sections = file_of(id, "sectionsMap.json");
    json_t *beats = file_of(id, "beatMap.json");
    json_t *loudness = file_of(id, "loudness.json");
    cr_expect_str_eq(text_of(result, "key"), "C Major");
    cr_expect_str_not_empty(text_of(result, "bpm"));
    check_spans(chords);
    check_spans(sections);
    check_beats(beats);
    cr_expect_gt(chords_right(chords), 0.7);
    cr_expect_lt(number(loudness, "integratedLufs"), -5);
    cr_expect_gt(number(loudness, "integratedLufs"), -40);
    json_decref(chords);
    json_decref(sections);
    json_decref(beats);
    json_decref(loudness);
    json_decref(j);
    free(id);
}

/* ---- stems ---- */

static rf_frames *decode(const void *data, size_t len)
{
    rf_frames *frames = NULL;
    rf_decoder *decoder = NULL;
    const rf_decode_options options = {.limits = RF_DECODE_LIMITS, .cancel_fd = -1};
    cr_assert_eq(rf_decoder_new(0, 1, &decoder), 0);
    cr_assert_eq(rf_decode_bytes(decoder, data, len, &options, &frames, NULL, NULL), 0);
    rf_decoder_free(decoder);
    return frames;
}

/* The stems have the song's frames and sum to it within 2 LSB at 24 bit, save one common gain. */
static void check_sum(const char *id, const char *const *names, size_t n)
{
    rf_frames *whole = decode(song.data, song.len);
    size_t n_samples = (size_t)whole->n_frames * whole->n_channels;
    double *sum = RF_NEW_ARRAY(double, n_samples);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        RF_CLEANUP(rf_cleanup_free) char *bytes = platform_file(p, id, names[i], &len);
        rf_frames *stem = decode(bytes, len);
        cr_assert_eq(stem->n_frames, whole->n_frames);
        cr_assert_eq(stem->rate_hz, SONG_RATE_HZ);
        cr_assert_eq(stem->n_channels, SONG_CHANNELS);
        for (size_t k = 0; k < n_samples; k++) {
            sum[k] += (double)stem->data[k];
        }
        rf_frames_free(stem);
    }
    double worst = 0;
    for (size_t k = 0; k < n_samples; k++) {
        worst = fmax(worst, fabs(sum[k] - (double)whole->data[k]));
    }
    cr_expect_leq(worst, 2.0 / (1 << 23), "off by %g LSB", worst * (1 << 23));
    rf_frames_free(whole);
    free(sum);
}

Test(workflows, vocals_and_accompaniments_sum_to_the_song)
{
    static const char *const names[] = {"vocals.wav", "accompaniments.wav"};
    char *id;
    json_t *j = run("music-ai/stems-vocals-accompaniment", "", &id);
    check_sum(id, names, RF_ARRAY_LEN(names));
    json_decref(j);
    free(id);
}

Test(workflows, kick_snare_and_other_sum_to_the_song)
{
    static const char *const names[] = {"Kick drum.wav", "Snare drum.wav", "Other.wav"};
    char *id;
    json_t *j = run("music-ai/isolate-drums", "", &id);
    check_sum(id, names, RF_ARRAY_LEN(names));
    json_decref(j);
    free(id);
}

/* ---- what goes wrong ---- */

/* F4 */
Test(workflows, a_text_is_no_audio)
{
    RF_CLEANUP(rf_cleanup_free) char *text_url = platform_upload(p, "hello", 5);
    RF_CLEANUP(rf_cleanup_free) char *params = rf_asprintf("{\"inputUrl\":\"%s\"}", text_url);
    RF_CLEANUP(rf_cleanup_free) char *id = platform_create(p, "music-ai/generate-chords", params);
    json_t *j = wait_job(id);
    cr_assert_str_eq(text_of(j, "status"), "FAILED");
    cr_assert_str_eq(text_of(j, "code"), "BAD_INPUT");
    cr_assert_str_eq(text_of(j, "message"), "The input is not a supported audio file.");
    json_decref(j);
}

/* F1 */
Test(workflows, an_unreachable_url)
{
    RF_CLEANUP(rf_cleanup_free)
    char *id = platform_create(p, "sdk-test", "{\"file\":\"http://127.0.0.1:9/x\"}");
    json_t *j = wait_job(id);
    cr_assert_str_eq(text_of(j, "code"), "BAD_INPUT");
    cr_assert_str_eq(text_of(j, "message"), "The input could not be downloaded.");
    json_decref(j);
}

/* F8 */
Test(workflows, a_killed_worker_loses_nothing)
{
    char *id = create("music-ai/music-analysis", "");
    usleep(300000);
    platform_kill_worker(p, SIGKILL);
    json_t *j = wait_job(id);
    cr_assert_str_eq(text_of(j, "status"), "SUCCEEDED", "%s", text_of(j, "message"));
    json_decref(j);
    free(id);
}

/* C1 */
Test(workflows, a_cancelled_job_stops)
{
    char *id = create("music-ai/music-analysis", "");
    usleep(200000);
    platform_cancel(p, id);
    json_t *j = wait_job(id);
    cr_assert_str_eq(text_of(j, "code"), "CANCELLED");
    json_decref(j);
    free(id);
}
