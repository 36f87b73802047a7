/* corpus_score - compares estimates with the truth and prints the metrics as JSON; see README.md.
 */
#include "corpus_metrics.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void set(json_t *scores, const char *name, double value)
{
    json_object_set_new(scores, name, json_real(round(value * 1e9) / 1e9));
}

static void score_tempo(json_t *scores, const corpus_truth *truth, const corpus_truth *estimate)
{
    set(scores, "acc1", corpus_tempo_acc1(truth->bpm, estimate->bpm));
    set(scores, "acc2", corpus_tempo_acc2(truth->bpm, estimate->bpm));
}

static int score_chords(json_t *scores, const corpus_truth *truth, const corpus_truth *estimate)
{
    double majmin = 0, sevenths = 0;
    int rc = corpus_chord_recall(truth, estimate, CORPUS_MAJMIN, &majmin);
    rc = rc == 0 ? corpus_chord_recall(truth, estimate, CORPUS_SEVENTHS, &sevenths) : rc;
    set(scores, "majmin", majmin);
    set(scores, "sevenths", sevenths);
    return rc;
}

static void score_key(json_t *scores, const corpus_truth *truth, const corpus_truth *estimate)
{
    double score = corpus_key_score(truth->key, estimate->key);
    set(scores, "key_exact", score == 1.0 ? 1 : 0);
    set(scores, "key_weighted", score);
}

/* Only what the estimate holds is scored. */
static int score(const corpus_truth *truth, const corpus_truth *estimate, json_t *scores)
{
    int rc = 0;
    if (estimate->n_chords > 0) {
        rc = score_chords(scores, truth, estimate);
    }
    if (estimate->n_beats > 0) {
        set(scores, "beat_f", corpus_beat_f(truth, estimate));
        set(scores, "downbeat_f", corpus_downbeat_f(truth, estimate));
    }
    if (estimate->bpm > 0) {
        score_tempo(scores, truth, estimate);
    }
    if (estimate->key[0] != '\0') {
        score_key(scores, truth, estimate);
    }
    if (estimate->n_sections > 0) {
        set(scores, "section_f3", corpus_section_f(truth, estimate, 3.0));
        set(scores, "section_f05", corpus_section_f(truth, estimate, 0.5));
    }
    return rc;
}

static int score_files(const char *truth_path, const char *estimate_path)
{
    corpus_truth truth = {.n_chords = 0}, estimate = {.n_chords = 0};
    int rc = corpus_truth_load(truth_path, &truth);
    rc = rc == 0 ? corpus_truth_load(estimate_path, &estimate) : rc;
    json_t *scores = json_object();
    rc = rc == 0 ? score(&truth, &estimate, scores) : rc;
    if (rc == 0) {
        (void)json_dumpf(scores, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
        (void)puts("");
    } else {
        (void)fprintf(stderr, "corpus_score: %s: %s\n", estimate_path, strerror(-rc));
    }
    json_decref(scores);
    corpus_truth_done(&truth);
    corpus_truth_done(&estimate);
    return rc;
}

/* Any number of pairs; one line each. */
int main(int argc, char **argv)
{
    if (argc < 3 || argc % 2 == 0) {
        (void)fputs("usage: corpus_score TRUTH.json ESTIMATE.json [TRUTH ESTIMATE]...\n"
                    "Prints one line of JSON a pair: the metrics of what the estimate holds.\n",
                    stderr);
        return 2;
    }
    int rc = 0;
    for (int i = 1; i < argc && rc == 0; i += 2) {
        rc = score_files(argv[i], argv[i + 1]);
    }
    return rc == 0 ? 0 : 1;
}
