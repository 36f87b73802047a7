#include <criterion/criterion.h>
#include <math.h>

#include "analysis_key.h"
#include "analysis_key_chords.h"
#include "analysis_synth.h"
#include "figures.h"

static const int MAJOR[3] = {0, 4, 7};
static const int MINOR[3] = {0, 3, 7};

static void find(const analysis_synth *synth, analysis_key *ret)
{
    analysis_frontend *frontend = NULL;
    cr_assert_eq(analysis_frontend_new(&synth->audio, NULL, &frontend), 0);
    cr_assert_eq(analysis_key_find(frontend, NULL, ret), 0);
    analysis_frontend_free(frontend);
}

/* I IV V I, or i iv V i, twice. */
static void play(analysis_synth *synth, int tonic, bool minor, double cents)
{
    static const int STEPS[4] = {0, 5, 7, 0};
    for (int i = 0; i < 8; i++) {
        const int *triad = minor && i % 4 != 2 ? MINOR : MAJOR;
        analysis_synth_chord(synth, i, i + 1, (tonic + STEPS[i % 4]) % 12, triad, 3, cents);
    }
}

Test(key, cadences_in_all_keys)
{
    for (int k = 0; k < 24; k += FIGURES_EVERY(9)) {
        analysis_synth synth;
        analysis_key key;
        analysis_synth_init(&synth, 8.0, 22050);
        play(&synth, k % 12, k >= 12, 0.0);
        find(&synth, &key);
        cr_expect(key.tonic == k % 12 && key.minor == (k >= 12), "key %d: found %d %d", k,
                  key.tonic, key.minor);
        analysis_synth_done(&synth);
    }
}

/* The same notes, but another home. */
Test(key, relatives_are_told_apart_by_their_cadences)
{
    static const struct {
        int root[8];
        bool minor[8];
        int key;
    } CASES[] = {
        {{0, 9, 5, 7, 0, 2, 7, 0}, {0, 1, 0, 0, 0, 1, 0, 0}, 0},
        {{9, 5, 2, 4, 9, 2, 4, 9}, {1, 0, 1, 0, 1, 1, 0, 1}, 12 + 9},
        {{9, 7, 5, 7, 9, 0, 7, 9}, {1, 0, 0, 0, 1, 0, 0, 1}, 12 + 9},
        {{0, 5, 0, 7, 9, 5, 7, 0}, {0, 0, 0, 0, 1, 0, 0, 0}, 0},
    };
    for (size_t c = 0; c < RF_ARRAY_LEN(CASES); c += FIGURES_EVERY(2)) {
        analysis_synth synth;
        analysis_key key;
        analysis_synth_init(&synth, 32.0, 22050);
        for (int i = 0; i < 16; i++) {
            const int *triad = CASES[c].minor[i % 8] ? MINOR : MAJOR;
            analysis_synth_chord(&synth, 2 * i, 2 * i + 2, CASES[c].root[i % 8], triad, 3, 0);
        }
        find(&synth, &key);
        cr_expect_eq(key.tonic + 12 * key.minor, CASES[c].key, "case %zu: found %d %d", c,
                     key.tonic, key.minor);
        analysis_synth_done(&synth);
    }
}

static analysis_chord chord_at(double start_s, int root, analysis_quality quality)
{
    return (analysis_chord){start_s, start_s + 2.0, root, quality, root, 1.0f};
}

Test(key, chords_are_described_from_the_tonic)
{
    enum { ENDS = 48, CHANGES = 54 };
    analysis_chord rows[] = {chord_at(0, ANALYSIS_NO_CHORD, ANALYSIS_MAJ),
                             chord_at(2, 2, ANALYSIS_MAJ), chord_at(4, 7, ANALYSIS_MAJ7),
                             chord_at(6, 9, ANALYSIS_DOM7), chord_at(8, 2, ANALYSIS_MAJ)};
    analysis_chords chords = {rows, RF_ARRAY_LEN(rows)};
    float d[ANALYSIS_N_KEY_CHORDS], b[ANALYSIS_N_KEY_CHORDS], minor[ANALYSIS_N_KEY_CHORDS];
    analysis_key_chords_describe(&chords, 2, d);
    analysis_key_chords_describe(&chords, 2 + 12, minor);
    analysis_key_chords_describe(&chords, 7, b);
    cr_expect_float_eq(d[0], 1.5f, 1e-4f, "half of the time on the major tonic");
    cr_expect_float_eq(d[4 * 7 + 2], 0.75f, 1e-4f, "a quarter on its dominant seventh");
    cr_expect(d[ENDS] == 1.0f && d[ENDS + 2] == 1.0f && d[ENDS + 4] == 0.0f);
    cr_expect_float_eq(d[CHANGES], 4.0f / 3.0f, 1e-4f, "one of three changes is a cadence");
    cr_expect(minor[ENDS] == 0.0f && minor[ENDS + 1] == 1.0f, "the tonic's chord is major");
    cr_expect(b[ENDS + 4] == 1.0f && b[ENDS + 1] == 0.0f, "ends on the dominant of G");
    chords.n_rows = 1;
    analysis_key_chords_describe(&chords, 2, d);
    for (int i = 0; i < ANALYSIS_N_KEY_CHORDS; i++) {
        cr_expect_eq(d[i], 0.0f, "no chord, no evidence");
    }
}

Test(key, tuning_is_found)
{
    static const double CENTS[] = {-45, -30, -10, 0, 20, 40};
    for (size_t i = 0; i < RF_ARRAY_LEN(CENTS); i += FIGURES_EVERY(3)) {
        analysis_synth synth;
        analysis_key key;
        analysis_synth_init(&synth, 8.0, 44100);
        play(&synth, 7, false, CENTS[i]);
        find(&synth, &key);
        double cents = 1200.0 * log2(key.tuning_hz / 440.0);
        cr_expect(fabs(cents - CENTS[i]) < 4.0, "%g cents: found %g", CENTS[i], cents);
        cr_expect_eq(key.tonic, 7);
        analysis_synth_done(&synth);
    }
}

Test(key, scores_are_probabilities)
{
    analysis_synth synth;
    analysis_key key;
    double sum = 0;
    analysis_synth_init(&synth, 4.0, 22050);
    analysis_synth_noise(&synth, 0.0, 4.0, 0.3);
    find(&synth, &key);
    for (int k = 0; k < 24; k++) {
        cr_expect(key.scores[k] >= 0.0f);
        sum += (double)key.scores[k];
    }
    cr_expect(fabs(sum - 1.0) < 1e-4);
    analysis_synth_done(&synth);
}

Test(key, silence_is_c_major_without_confidence)
{
    analysis_synth synth;
    analysis_key key;
    char name[16];
    analysis_synth_init(&synth, 3.0, 22050);
    find(&synth, &key);
    analysis_key_name(&key, name);
    cr_expect_str_eq(name, "C Major");
    cr_expect_eq(key.confidence, 0.0);
    analysis_synth_done(&synth);
}

Test(key, names)
{
    char name[16];
    analysis_key_name(&(analysis_key){.tonic = 6, .minor = true}, name);
    cr_expect_str_eq(name, "F# Minor");
}
