#include "corpus_metrics.h"

#include "corpus_chord_label.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define BEAT_WINDOW_S 0.07
#define BEAT_TRIM_S 5.0
#define TEMPO_TOLERANCE 0.04

/* ---- events ---- */

/* The largest matching of sorted points within a window pairs the earliest that fit. */
double corpus_f_measure(const double *truth_s, size_t n_truth, const double *estimate_s,
                        size_t n_estimate, double window_s)
{
    size_t i = 0, j = 0, hits = 0;
    while (i < n_truth && j < n_estimate) {
        if (truth_s[i] < estimate_s[j] - window_s) {
            i++;
        } else if (truth_s[i] > estimate_s[j] + window_s) {
            j++;
        } else {
            hits++;
            i++;
            j++;
        }
    }
    if (hits == 0) {
        return 0;
    }
    double precision = (double)hits / (double)n_estimate;
    double recall = (double)hits / (double)n_truth;
    return 2.0 * precision * recall / (precision + recall);
}

/* The beats from 5 s on, all of them or the downbeats only, in fresh memory. */
static double *select_beats(const corpus_truth *t, bool downbeats, size_t *ret_n)
{
    double *selected = RF_NEW_ARRAY(double, t->n_beats + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->n_beats; i++) {
        if (t->beats_s[i] >= BEAT_TRIM_S && (!downbeats || t->beat_numbers[i] == 1)) {
            selected[n++] = t->beats_s[i];
        }
    }
    *ret_n = n;
    return selected;
}

static double selected_beat_f(const corpus_truth *truth, const corpus_truth *estimate,
                              bool downbeats)
{
    size_t n_truth = 0, n_estimate = 0;
    RF_CLEANUP(rf_cleanup_free) double *wanted = select_beats(truth, downbeats, &n_truth);
    RF_CLEANUP(rf_cleanup_free) double *found = select_beats(estimate, downbeats, &n_estimate);
    return corpus_f_measure(wanted, n_truth, found, n_estimate, BEAT_WINDOW_S);
}

double corpus_beat_f(const corpus_truth *truth, const corpus_truth *estimate)
{
    return selected_beat_f(truth, estimate, false);
}

double corpus_downbeat_f(const corpus_truth *truth, const corpus_truth *estimate)
{
    return selected_beat_f(truth, estimate, true);
}

static double *inner_boundaries(const corpus_truth *t, size_t *ret_n)
{
    double *boundaries = RF_NEW_ARRAY(double, t->n_sections + 1);
    *ret_n = t->n_sections > 0 ? t->n_sections - 1 : 0;
    for (size_t i = 0; i < *ret_n; i++) {
        boundaries[i] = t->sections[i].end_s;
    }
    return boundaries;
}

double corpus_section_f(const corpus_truth *truth, const corpus_truth *estimate, double window_s)
{
    size_t n_truth = 0, n_estimate = 0;
    RF_CLEANUP(rf_cleanup_free) double *wanted = inner_boundaries(truth, &n_truth);
    RF_CLEANUP(rf_cleanup_free) double *found = inner_boundaries(estimate, &n_estimate);
    return corpus_f_measure(wanted, n_truth, found, n_estimate, window_s);
}

/* ---- tempo and key ---- */

bool corpus_tempo_acc1(double truth_bpm, double estimate_bpm)
{
    return fabs(estimate_bpm - truth_bpm) <= TEMPO_TOLERANCE * truth_bpm;
}

bool corpus_tempo_acc2(double truth_bpm, double estimate_bpm)
{
    static const double factors[5] = {1.0, 2.0, 3.0, 1.0 / 2.0, 1.0 / 3.0};
    for (size_t i = 0; i < RF_ARRAY_LEN(factors); i++) {
        if (corpus_tempo_acc1(truth_bpm * factors[i], estimate_bpm)) {
            return true;
        }
    }
    return false;
}

/* Splits "Eb minor"; -1 when it is not a key. */
static int parse_key(const char *text, bool *minor)
{
    static const int semitones[7] = {9, 11, 0, 2, 4, 5, 7};
    int letter = toupper((unsigned char)text[0]);
    if (letter < 'A' || letter > 'G') {
        return -1;
    }
    int tonic = semitones[letter - 'A'];
    const char *rest = text + 1;
    if (*rest == '#' || *rest == 'b') {
        tonic += *rest++ == '#' ? 1 : -1;
    }
    *minor = strcasecmp(rest, " minor") == 0;
    return *minor || strcasecmp(rest, " major") == 0 ? (tonic + 12) % 12 : -1;
}

double corpus_key_score(const char *truth, const char *estimate)
{
    bool truth_minor = false, estimate_minor = false;
    int wanted = parse_key(truth, &truth_minor), found = parse_key(estimate, &estimate_minor);
    if (wanted < 0 || found < 0) {
        return 0;
    }
    int above = (found - wanted + 12) % 12;
    if (truth_minor == estimate_minor) {
        return above == 0 ? 1.0 : above == 7 ? 0.5 : 0.0;
    }
    return above == (truth_minor ? 3 : 9) ? 0.3 : above == 0 ? 0.2 : 0.0;
}

/* ---- chords ---- */

static uint16_t compared_tones(uint16_t tones, corpus_chord_rule rule)
{
    return rule == CORPUS_MAJMIN ? (uint16_t)(tones & 0xFF) : tones;
}

/* Whether a reference chord counts under a rule. */
static bool counts(const corpus_chord_label *label, corpus_chord_rule rule)
{
    static const uint16_t sevenths[] = {0x091, 0x089, 0x891, 0x491, 0x489};
    if (label->root < 0) {
        return !label->is_unknown;
    }
    uint16_t tones = compared_tones(label->tones, rule);
    for (size_t i = 0; i < (rule == CORPUS_MAJMIN ? 2 : RF_ARRAY_LEN(sevenths)); i++) {
        if (tones == sevenths[i]) {
            return true;
        }
    }
    return false;
}

static bool equal_chords(const corpus_chord_label *a, const corpus_chord_label *b,
                         corpus_chord_rule rule)
{
    return a->root == b->root && a->is_unknown == b->is_unknown &&
           compared_tones(a->tones, rule) == compared_tones(b->tones, rule);
}

static int parse_labels(const corpus_truth *t, corpus_chord_label **ret)
{
    *ret = RF_NEW_ARRAY(corpus_chord_label, t->n_chords + 1);
    for (size_t i = 0; i < t->n_chords; i++) {
        if (corpus_chord_label_parse(t->chords[i].label, &(*ret)[i]) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

/* The time within [start, end) that estimated chords equal `label`; gaps are "N". */
static double equal_time(const corpus_truth *estimate, const corpus_chord_label *labels,
                         const corpus_chord_label *label, double start, double end,
                         corpus_chord_rule rule)
{
    const corpus_chord_label none = {.root = -1};
    double equal = 0, covered = 0;
    for (size_t i = 0; i < estimate->n_chords; i++) {
        double overlap =
            fmin(end, estimate->chords[i].end_s) - fmax(start, estimate->chords[i].start_s);
        if (overlap > 0) {
            covered += overlap;
            equal += equal_chords(label, &labels[i], rule) ? overlap : 0;
        }
    }
    return equal + (equal_chords(label, &none, rule) ? fmax(0, end - start - covered) : 0);
}

int corpus_chord_recall(const corpus_truth *truth, const corpus_truth *estimate,
                        corpus_chord_rule rule, double *ret)
{
    RF_CLEANUP(rf_cleanup_free) corpus_chord_label *wanted = NULL;
    RF_CLEANUP(rf_cleanup_free) corpus_chord_label *found = NULL;
    if (parse_labels(truth, &wanted) != 0 || parse_labels(estimate, &found) != 0) {
        return -EINVAL;
    }
    double equal = 0, total = 0;
    for (size_t i = 0; i < truth->n_chords; i++) {
        const corpus_span *span = &truth->chords[i];
        if (counts(&wanted[i], rule)) {
            total += span->end_s - span->start_s;
            equal += equal_time(estimate, found, &wanted[i], span->start_s, span->end_s, rule);
        }
    }
    *ret = total > 0 ? equal / total : 0;
    return 0;
}
