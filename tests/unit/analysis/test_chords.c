#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis_chords.h"
#include "analysis_synth.h"
#include "figures.h"

static const int MAJOR[3] = {0, 4, 7};
static const int MINOR[3] = {0, 3, 7};
static const int DOMINANT[4] = {0, 4, 7, 10};

static void find(const analysis_synth *synth, analysis_chords *ret)
{
    analysis_frontend *frontend = NULL;
    cr_assert_eq(analysis_frontend_new(&synth->audio, NULL, &frontend), 0);
    cr_assert_eq(analysis_chords_find(frontend, NULL, NULL, ret), 0);
    analysis_frontend_free(frontend);
}

static const analysis_chord *chord_at(const analysis_chords *chords, double at_s)
{
    for (size_t i = 0; i < chords->n_rows; i++) {
        if (at_s >= chords->rows[i].start_s && at_s < chords->rows[i].end_s) {
            return &chords->rows[i];
        }
    }
    return NULL;
}

static void expect_span(const analysis_chords *chords, double duration_s)
{
    double at = 0;
    for (size_t i = 0; i < chords->n_rows; i++) {
        cr_expect(chords->rows[i].start_s == at, "row %zu leaves a gap", i);
        cr_expect(chords->rows[i].end_s > chords->rows[i].start_s);
        cr_expect(chords->rows[i].confidence >= 0.0f && chords->rows[i].confidence <= 1.0f);
        at = chords->rows[i].end_s;
    }
    cr_expect(fabs(at - duration_s) < 1e-9);
}

/* I - vi - IV - V7 in every key, two strokes a second. */
static void play_cadence(analysis_synth *synth, int key, double cents)
{
    for (int i = 0; i < 16; i++) {
        double at = i * 0.5;
        int place = i / 4;
        if (place == 0) {
            analysis_synth_chord(synth, at, at + 0.5, key, MAJOR, 3, cents);
        } else if (place == 1) {
            analysis_synth_chord(synth, at, at + 0.5, (key + 9) % 12, MINOR, 3, cents);
        } else if (place == 2) {
            analysis_synth_chord(synth, at, at + 0.5, (key + 5) % 12, MAJOR, 3, cents);
        } else {
            analysis_synth_chord(synth, at, at + 0.5, (key + 7) % 12, DOMINANT, 4, cents);
        }
    }
}

static void expect_majmin(const analysis_chords *chords, double at_s, int root, const char *third)
{
    char label[ANALYSIS_LABEL_SIZE];
    char want[ANALYSIS_LABEL_SIZE];
    const analysis_chord *chord = chord_at(chords, at_s);
    cr_assert(chord != NULL);
    analysis_chord_majmin(chord, label);
    snprintf(want, sizeof(want), "%s:%s", analysis_pitch_name(root), third);
    cr_expect(strcmp(label, want) == 0, "at %g s: %s, wanted %s", at_s, label, want);
}

static void check_cadence(int key, double cents)
{
    analysis_synth synth;
    analysis_chords chords;
    analysis_synth_init(&synth, 8.0, 44100);
    play_cadence(&synth, key, cents);
    find(&synth, &chords);
    expect_span(&chords, 8.0);
    expect_majmin(&chords, 1.0, key, "maj");
    expect_majmin(&chords, 3.0, (key + 9) % 12, "min");
    expect_majmin(&chords, 5.0, (key + 5) % 12, "maj");
    expect_majmin(&chords, 7.0, (key + 7) % 12, "maj");
    analysis_chords_done(&chords);
    analysis_synth_done(&synth);
}

Test(chords, cadence_in_all_keys)
{
    for (int key = 0; key < 12; key += FIGURES_EVERY(5)) {
        check_cadence(key, 0.0);
    }
}

Test(chords, cadence_detuned)
{
    static const double CENTS[] = {-40, -25, 15, 40};
    for (size_t i = 0; i < RF_ARRAY_LEN(CENTS); i += FIGURES_EVERY(3)) {
        check_cadence(2, CENTS[i]);
    }
}

Test(chords, silence_is_no_chord)
{
    analysis_synth synth;
    analysis_chords chords;
    analysis_synth_init(&synth, 5.0, 44100);
    find(&synth, &chords);
    expect_span(&chords, 5.0);
    cr_assert_eq(chords.n_rows, 1);
    cr_expect_eq(chords.rows[0].root, ANALYSIS_NO_CHORD);
    analysis_chords_done(&chords);
    analysis_synth_done(&synth);
}

Test(chords, silent_ends_are_no_chord)
{
    analysis_synth synth;
    analysis_chords chords;
    analysis_synth_init(&synth, 12.0, 44100);
    for (int i = 8; i < 16; i++) {
        analysis_synth_chord(&synth, 0.5 * i, 0.5 * i + 0.5, 0, MAJOR, 3, 0);
    }
    find(&synth, &chords);
    cr_expect_eq(chord_at(&chords, 1.0)->root, ANALYSIS_NO_CHORD);
    cr_expect_eq(chord_at(&chords, 6.0)->root, 0);
    cr_expect_eq(chord_at(&chords, 11.0)->root, ANALYSIS_NO_CHORD);
    analysis_chords_done(&chords);
    analysis_synth_done(&synth);
}

typedef struct label_case {
    analysis_chord chord;
    const char *harte, *majmin, *simple, *plain, *bass;
} label_case;

static const label_case LABELS[] = {
    {{.root = 0, .quality = ANALYSIS_MAJ, .bass = 0}, "C:maj", "C:maj", "C", "Cmaj", "C"},
    {{.root = 0, .quality = ANALYSIS_MAJ, .bass = 4}, "C:maj/3", "C:maj", "C", "Cmaj", "E"},
    {{.root = 9, .quality = ANALYSIS_MIN7, .bass = 9}, "A:min7", "A:min", "Am", "Amin7", "A"},
    {{.root = 9, .quality = ANALYSIS_MIN, .bass = 0}, "A:min/b3", "A:min", "Am", "Amin", "C"},
    {{.root = 6, .quality = ANALYSIS_HDIM7, .bass = 6},
     "F#:hdim7",
     "F#:min",
     "F#m",
     "F#hdim7",
     "F#"},
    {{.root = 11, .quality = ANALYSIS_DIM, .bass = 11}, "B:dim", "B:min", "Bm", "Bdim", "B"},
    {{.root = 7, .quality = ANALYSIS_DOM7, .bass = 5}, "G:7/b7", "G:maj", "G", "G7", "F"},
    {{.root = 2, .quality = ANALYSIS_SUS4, .bass = 2}, "D:sus4", "D:maj", "D", "Dsus4", "D"},
    {{.root = 8, .quality = ANALYSIS_AUG, .bass = 8}, "G#:aug", "G#:maj", "G#", "G#aug", "G#"},
    {{.root = ANALYSIS_NO_CHORD}, "N", "N", "N", "N", "N"},
};

Test(chords, labels)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(LABELS); i++) {
        char label[ANALYSIS_LABEL_SIZE];
        analysis_chord_harte(&LABELS[i].chord, label);
        cr_expect_str_eq(label, LABELS[i].harte);
        analysis_chord_majmin(&LABELS[i].chord, label);
        cr_expect_str_eq(label, LABELS[i].majmin);
        analysis_chord_simple(&LABELS[i].chord, label);
        cr_expect_str_eq(label, LABELS[i].simple);
        analysis_chord_plain(&LABELS[i].chord, label);
        cr_expect_str_eq(label, LABELS[i].plain);
        analysis_chord_bass(&LABELS[i].chord, label);
        cr_expect_str_eq(label, LABELS[i].bass);
    }
}
