/* Scales, chords, the grammar of chords and how voices are led. */
#include <criterion/criterion.h>
#include <string.h>

#include "band_harmony.h"
#include "band_voicing.h"

static int index_of(int root, band_quality quality)
{
    return root * BAND_N_QUALITIES + (int)quality;
}

static int likeliest(band_harmony_name harmony, const band_harmony_place *place)
{
    double weights[BAND_CHORDS];
    int best = 0;
    band_harmony_weigh(harmony, place, weights);
    for (int i = 0; i < BAND_CHORDS; i++) {
        best = weights[i] > weights[best] ? i : best;
    }
    return best;
}

Test(theory, chords_of_the_scale_fit_and_others_do_not)
{
    cr_expect(band_theory_fits(JAM_SCALE_MAJOR, 7, BAND_DOM7));
    cr_expect(band_theory_fits(JAM_SCALE_MAJOR, 2, BAND_MIN7));
    cr_expect(!band_theory_fits(JAM_SCALE_MAJOR, 2, BAND_DOM7));
    cr_expect(!band_theory_fits(JAM_SCALE_MAJOR, 10, BAND_MAJ));
    cr_expect(band_theory_fits(JAM_SCALE_MIXOLYDIAN, 10, BAND_MAJ));
    cr_expect(band_theory_fits(JAM_SCALE_MINOR, 8, BAND_MAJ7));
    cr_expect(!band_theory_fits(JAM_SCALE_MINOR, 7, BAND_MAJ));
    cr_expect(band_theory_fits(JAM_SCALE_LOCRIAN, 0, BAND_DIM));
}

Test(theory, tones_of_a_chord_are_its_own_and_the_scale_between)
{
    band_chord chord;
    band_theory_chord(JAM_SCALE_MAJOR, 9, BAND_DOM7, &chord); /* A7 in C: c sharp */
    cr_expect_eq(chord.degree, 5);
    cr_expect_eq(band_theory_tone(&chord, 5).semis, 9);
    cr_expect_eq(band_theory_tone(&chord, 7).semis, 13);
    cr_expect_eq(band_theory_tone(&chord, 9).semis, 16);
    cr_expect_eq(band_theory_tone(&chord, 11).semis, 19);
    cr_expect_eq(band_theory_tone(&chord, 8).semis, 14);
    cr_expect_eq(band_theory_tone(&chord, -2).semis, -3);
}

Test(theory, borrowed_roots_sound_as_written_or_as_the_scale)
{
    band_chord chord;
    band_theory_chord(JAM_SCALE_MAJOR, 10, BAND_MAJ, &chord); /* b flat in C */
    band_tone root = band_theory_tone(&chord, chord.degree);
    cr_expect_eq(band_theory_pitch(root, 0, JAM_SCALE_MAJOR, false), 70);
    cr_expect_eq(band_theory_pitch(root, 0, JAM_SCALE_MAJOR, true), 71);
    cr_expect_eq(band_theory_pitch(root, 9, JAM_SCALE_MINOR, true), 67);
    band_theory_within(JAM_SCALE_MAJOR, &chord);
    cr_expect_eq(band_theory_tone(&chord, chord.degree).semis, 11);
}

Test(theory, every_chord_has_its_tones_in_every_scale)
{
    static const int THIRDS[BAND_N_QUALITIES] = {4, 3, 3, 4, 4, 3};
    static const int FIFTHS[BAND_N_QUALITIES] = {7, 7, 6, 7, 7, 7};
    for (int scale = JAM_SCALE_MAJOR; scale < JAM_N_SCALES; scale++) {
        for (int i = 0; i < BAND_CHORDS; i++) {
            band_chord chord;
            int root = i / BAND_N_QUALITIES;
            int quality = i % BAND_N_QUALITIES;
            band_theory_chord((jam_scale)scale, root, (band_quality)quality, &chord);
            int ground = band_theory_tone(&chord, chord.degree).semis;
            int third = band_theory_tone(&chord, chord.degree + 2).semis;
            int fifth = band_theory_tone(&chord, chord.degree + 4).semis;
            cr_assert_eq(band_mod(ground - root, 12), 0);
            cr_assert_eq(third - ground, THIRDS[quality], "scale %d chord %d", scale, i);
            cr_assert_eq(fifth - ground, FIFTHS[quality], "scale %d chord %d", scale, i);
        }
    }
}

Test(harmony, all_chords_of_all_families_have_a_weight)
{
    for (int h = 0; h < BAND_N_HARMONIES; h++) {
        for (int scale = JAM_SCALE_MAJOR; scale < JAM_N_SCALES; scale++) {
            for (int role = 0; role < BAND_N_ROLES; role++) {
                double weights[BAND_CHORDS];
                band_harmony_place place = {.scale = (jam_scale)scale,
                                            .strict = role % 2 == 0,
                                            .before = role,
                                            .role = (band_role)role,
                                            .target = BAND_NO_TARGET};
                band_harmony_weigh((band_harmony_name)h, &place, weights);
                for (int i = 0; i < BAND_CHORDS; i++) {
                    cr_assert_gt(weights[i], 0.0, "family %d chord %d", h, i);
                }
            }
        }
    }
}

Test(harmony, functions_lead_where_a_style_expects_them)
{
    static const struct {
        band_harmony_name harmony;
        jam_scale scale;
        int before;
        band_role role;
        int target;
        int root;
        band_quality quality;
    } CASES[] = {
        {HARMONY_JAZZ, JAM_SCALE_MAJOR, 2, ROLE_INNER, BAND_NO_TARGET, 7, BAND_DOM7},
        {HARMONY_JAZZ, JAM_SCALE_MAJOR, 7, ROLE_FULL, BAND_NO_TARGET, 0, BAND_MAJ7},
        {HARMONY_JAZZ, JAM_SCALE_MINOR, 7, ROLE_FULL, BAND_NO_TARGET, 0, BAND_MIN7},
        {HARMONY_BLUES, JAM_SCALE_MIXOLYDIAN, 0, ROLE_INNER, 5, 5, BAND_DOM7},
        {HARMONY_CLASSICAL, JAM_SCALE_MAJOR, 2, ROLE_INNER, BAND_NO_TARGET, 7, BAND_MAJ},
        {HARMONY_CLASSICAL, JAM_SCALE_MINOR, 5, ROLE_HALF, BAND_NO_TARGET, 7, BAND_MAJ},
        {HARMONY_POP, JAM_SCALE_MAJOR, 9, ROLE_INNER, BAND_NO_TARGET, 5, BAND_MAJ},
        {HARMONY_EPIC, JAM_SCALE_MINOR, 8, ROLE_TURN, BAND_NO_TARGET, 10, BAND_MAJ},
        {HARMONY_DARK, JAM_SCALE_PHRYGIAN, 1, ROLE_INNER, BAND_NO_TARGET, 0, BAND_MIN},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(CASES); i++) {
        band_harmony_place place = {.scale = CASES[i].scale,
                                    .before = CASES[i].before,
                                    .role = CASES[i].role,
                                    .target = CASES[i].target};
        cr_expect_eq(likeliest(CASES[i].harmony, &place), index_of(CASES[i].root, CASES[i].quality),
                     "case %zu: %d", i, likeliest(CASES[i].harmony, &place));
    }
}

/* Weight of all chords on a root in the middle of a phrase, after none. */
static double weight_of(band_harmony_name harmony, jam_scale scale, int root)
{
    const band_harmony_place place = {.scale = scale,
                                      .strict = true,
                                      .before = BAND_NO_TARGET,
                                      .role = ROLE_INNER,
                                      .target = BAND_NO_TARGET};
    double weights[BAND_CHORDS], sum = 0;
    band_harmony_weigh(harmony, &place, weights);
    for (int q = 0; q < BAND_N_QUALITIES; q++) {
        sum += weights[index_of(root, (band_quality)q)];
    }
    return sum;
}

Test(harmony, home_outweighs_the_home_of_the_relative_key_in_every_family)
{
    for (int h = 0; h < BAND_N_HARMONIES; h++) {
        const band_harmony_name name = (band_harmony_name)h;
        cr_expect_gt(weight_of(name, JAM_SCALE_MINOR, 0), 2 * weight_of(name, JAM_SCALE_MINOR, 3),
                     "family %d", h);
        cr_expect_gt(weight_of(name, JAM_SCALE_MAJOR, 0), 2 * weight_of(name, JAM_SCALE_MAJOR, 9),
                     "family %d", h);
    }
}

Test(harmony, a_set_scale_keeps_borrowed_chords_away)
{
    double free_weights[BAND_CHORDS];
    double strict_weights[BAND_CHORDS];
    band_harmony_place place = {
        .scale = JAM_SCALE_MAJOR, .before = 0, .role = ROLE_INNER, .target = BAND_NO_TARGET};
    band_harmony_weigh(HARMONY_ROCK, &place, free_weights);
    place.strict = true;
    band_harmony_weigh(HARMONY_ROCK, &place, strict_weights);
    int seventh = index_of(10, BAND_MAJ);
    cr_expect_lt(strict_weights[seventh] * 10.0, free_weights[seventh]);
    cr_expect_eq(strict_weights[index_of(5, BAND_MAJ)], free_weights[index_of(5, BAND_MAJ)]);
}

static int moved(const band_voicing *a, const band_voicing *b)
{
    int sum = 0;
    for (size_t i = 0; i < a->n; i++) {
        int d = a->voices[i].semis - b->voices[i].semis;
        sum += d > 0 ? d : -d;
    }
    return sum;
}

Test(voicing, keeps_common_tones_and_moves_little)
{
    static const int PROGRESSION[][2] = {{0, BAND_MAJ}, {9, BAND_MIN}, {5, BAND_MAJ},
                                         {2, BAND_MIN}, {7, BAND_MAJ}, {0, BAND_MAJ}};
    band_voicing voicing = {.n = 0};
    band_voicing before;
    for (size_t i = 0; i < RF_ARRAY_LEN(PROGRESSION); i++) {
        band_chord chord;
        band_theory_chord(JAM_SCALE_MAJOR, PROGRESSION[i][0], (band_quality)PROGRESSION[i][1],
                          &chord);
        before = voicing;
        band_voicing_lead(&chord, VOICING_TRIAD, 2, &voicing);
        cr_assert_eq(voicing.n, 3);
        cr_expect(i == 0 || moved(&before, &voicing) <= 7, "step %zu: %d", i,
                  moved(&before, &voicing));
    }
}

Test(voicing, rises_and_stays_near_its_centre_over_any_chords)
{
    for (int kind = 0; kind < BAND_N_VOICINGS; kind++) {
        band_voicing voicing = {.n = 0};
        for (int i = 0; i < 400; i++) {
            band_chord chord;
            band_theory_chord((jam_scale)(1 + i % 7), i * 5 % 12,
                              (band_quality)(i * 7 % BAND_N_QUALITIES), &chord);
            band_voicing_lead(&chord, (band_voicing_kind)kind, 2, &voicing);
            cr_assert(voicing.n >= 3 && voicing.n <= BAND_VOICES_MAX);
            int sum = 0;
            for (size_t v = 0; v < voicing.n; v++) {
                cr_assert(v == 0 || voicing.voices[v].degree > voicing.voices[v - 1].degree);
                sum += voicing.voices[v].semis;
            }
            int mean = sum / (int)voicing.n;
            cr_assert(mean > -12 && mean < 16, "kind %d: %d", kind, mean);
        }
    }
}

Test(voicing, of_triads_avoids_parallel_fifths_and_octaves)
{
    band_voicing voicing = {.n = 0};
    int parallels = 0;
    for (int i = 0; i < 500; i++) {
        static const int ROOTS[7] = {0, 5, 7, 9, 2, 4, 5};
        static const band_quality QUALITIES[7] = {BAND_MAJ, BAND_MAJ, BAND_MAJ, BAND_MIN,
                                                  BAND_MIN, BAND_MIN, BAND_MAJ};
        band_chord chord;
        int k = (i * i + 3 * i) % 7;
        band_theory_chord(JAM_SCALE_MAJOR, ROOTS[k], QUALITIES[k], &chord);
        band_voicing before = voicing;
        band_voicing_lead(&chord, VOICING_TRIAD, 2, &voicing);
        parallels += i > 0 ? band_voicing_parallels(&before, &voicing) : 0;
    }
    cr_expect_eq(parallels, 0);
}

Test(voicing, of_power_chords_is_root_fifth_octave)
{
    band_chord chord;
    band_voicing voicing = {.n = 0};
    band_theory_chord(JAM_SCALE_MINOR, 8, BAND_MAJ, &chord);
    band_voicing_lead(&chord, VOICING_POWER, 0, &voicing);
    cr_expect_eq(voicing.voices[1].semis - voicing.voices[0].semis, 7);
    cr_expect_eq(voicing.voices[2].semis - voicing.voices[0].semis, 12);
    cr_expect_eq(band_mod(voicing.voices[0].semis, 12), 8);
}
