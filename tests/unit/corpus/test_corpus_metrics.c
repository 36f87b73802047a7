/* The metrics agree with mir_eval and museval, whose scores the fixtures hold. */
#include "corpus_chord_label.h"
#include "corpus_metrics.h"
#include "corpus_synth.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define TOLERANCE 1e-6

static json_t *fixtures(void)
{
    const char *path = getenv("CORPUS_FIXTURES");
    cr_assert_not_null(path, "CORPUS_FIXTURES names the fixture file");
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert_not_null(root);
    return root;
}

static void read_truth(const json_t *value, corpus_truth *ret)
{
    char *text = json_dumps(value, 0);
    cr_assert_eq(corpus_truth_parse(text, strlen(text), ret), 0);
    free(text);
}

static void expect(const json_t *scores, const char *name, double ours, size_t index)
{
    double theirs = json_number_value(json_object_get(scores, name));
    cr_expect(fabs(ours - theirs) < TOLERANCE, "case %zu: %s is %.9f, mir_eval says %.9f", index,
              name, ours, theirs);
}

static void compare_music(const json_t *one, size_t index)
{
    const json_t *scores = json_object_get(one, "scores");
    corpus_truth truth, estimate;
    read_truth(json_object_get(one, "truth"), &truth);
    read_truth(json_object_get(one, "estimate"), &estimate);
    double majmin = -1, sevenths = -1;
    cr_assert_eq(corpus_chord_recall(&truth, &estimate, CORPUS_MAJMIN, &majmin), 0);
    cr_assert_eq(corpus_chord_recall(&truth, &estimate, CORPUS_SEVENTHS, &sevenths), 0);
    expect(scores, "majmin", majmin, index);
    expect(scores, "sevenths", sevenths, index);
    expect(scores, "beat_f", corpus_beat_f(&truth, &estimate), index);
    expect(scores, "downbeat_f", corpus_downbeat_f(&truth, &estimate), index);
    expect(scores, "key_weighted", corpus_key_score(truth.key, estimate.key), index);
    expect(scores, "section_f3", corpus_section_f(&truth, &estimate, 3.0), index);
    expect(scores, "section_f05", corpus_section_f(&truth, &estimate, 0.5), index);
    expect(scores, "onset_f",
           corpus_f_measure(truth.kicks_s, truth.n_kicks, estimate.kicks_s, estimate.n_kicks, 0.05),
           index);
    corpus_truth_done(&truth);
    corpus_truth_done(&estimate);
}

Test(metrics, music_scores_equal_mir_eval)
{
    json_t *root = fixtures();
    const json_t *cases = json_object_get(root, "music");
    cr_assert_geq(json_array_size(cases), 40);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        compare_music(json_array_get(cases, i), i);
    }
    json_decref(root);
}

/* The generator of make_fixtures.py. */
static void fill_noise(uint32_t seed, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        out[i] = (float)((int)(seed >> 16) - 32768) / 32768.0f;
    }
}

static void make_separation(corpus_sounding *references, corpus_sounding *estimates, size_t rate,
                            double leak, size_t silent)
{
    size_t n = rate * 11 / 2;
    for (uint32_t s = 0; s < 2; s++) {
        corpus_sounding_init(&references[s], n);
        corpus_sounding_init(&estimates[s], n);
        fill_noise(11 + 2 * s, references[s].left, n);
        fill_noise(12 + 2 * s, references[s].right, n);
    }
    for (size_t i = 0; i < n; i++) {
        references[1].right[i] *= 0.25f;
        if (i / rate == silent) {
            references[0].left[i] = references[0].right[i] = 0;
        }
    }
    float in = (float)leak;
    for (size_t i = 0; i < n; i++) {
        estimates[0].left[i] = 0.75f * references[0].left[i] + in * references[1].left[i];
        estimates[0].right[i] = 0.75f * references[0].right[i] + in * references[1].right[i];
        estimates[1].left[i] = (1 - in) * references[1].left[i] + 0.25f * references[0].left[i];
        estimates[1].right[i] = (1 - in) * references[1].right[i] + 0.25f * references[0].right[i];
    }
}

Test(metrics, separation_scores_equal_museval)
{
    json_t *root = fixtures();
    const json_t *cases = json_object_get(root, "separation");
    size_t rate = (size_t)json_integer_value(json_object_get(root, "rate"));
    cr_assert_geq(json_array_size(cases), 3);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        corpus_sounding references[2], estimates[2];
        make_separation(references, estimates, rate,
                        json_number_value(json_object_get(one, "leak")),
                        (size_t)json_integer_value(json_object_get(one, "silent")));
        double sdr_db[2];
        corpus_sdr_median(references, estimates, 2, (int)rate, sdr_db);
        for (size_t s = 0; s < 2; s++) {
            double theirs = json_number_value(json_array_get(json_object_get(one, "sdr"), s));
            cr_expect(fabs(sdr_db[s] - theirs) < TOLERANCE, "case %zu, source %zu: %.9f, not %.9f",
                      i, s, sdr_db[s], theirs);
            corpus_sounding_done(&references[s]);
            corpus_sounding_done(&estimates[s]);
        }
    }
    json_decref(root);
}

Test(metrics, tempo_allows_four_percent_and_octaves)
{
    cr_expect(corpus_tempo_acc1(100, 103.9));
    cr_expect(!corpus_tempo_acc1(100, 104.1));
    cr_expect(!corpus_tempo_acc1(100, 200));
    const double octaves[] = {100, 200, 300, 50, 100.0 / 3};
    for (size_t i = 0; i < RF_ARRAY_LEN(octaves); i++) {
        cr_expect(corpus_tempo_acc2(100, octaves[i]), "%f", octaves[i]);
    }
    cr_expect(!corpus_tempo_acc2(100, 150));
    cr_expect(!corpus_tempo_acc2(100, 0));
}

Test(metrics, malformed_chord_labels_are_refused)
{
    static const char *const labels[] = {
        "",      "H",       "C:", "C:majj",  "C:maj(", "C:maj(3", "C/",       "C/14",
        "c:maj", "C:maj/x", "N ", "C:maj7)", "C:()",   "C:min/0", "C:maj(*)", " C"};
    for (size_t i = 0; i < RF_ARRAY_LEN(labels); i++) {
        corpus_chord_label label;
        cr_expect_eq(corpus_chord_label_parse(labels[i], &label), -22, "\"%s\"", labels[i]);
    }
}
