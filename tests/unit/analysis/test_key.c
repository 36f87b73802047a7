#include <criterion/criterion.h>
#include <math.h>

#include "analysis_key.h"
#include "analysis_synth.h"

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
    for (int k = 0; k < 24; k++) {
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

Test(key, tuning_is_found)
{
    static const double CENTS[] = {-45, -30, -10, 0, 20, 40};
    for (size_t i = 0; i < RF_ARRAY_LEN(CENTS); i++) {
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
