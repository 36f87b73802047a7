/* What tunes are made of: chord tones near home, modes, blue notes. */
#include <criterion/criterion.h>

#include "band_case.h"
#include "band_styles.h"
#include "band_tune.h"

static band_chord chord_on(jam_scale scale, int root, band_quality quality)
{
    band_chord chord;
    band_theory_chord(scale, root, quality, &chord);
    return chord;
}

Test(tune, strong_notes_are_chord_tones_and_lean_towards_home)
{
    static const struct {
        int root;
        band_quality quality;
        int degree, expected;
    } CASES[] = {
        {0, BAND_MAJ, 7, 7}, {0, BAND_MAJ, 8, 7},  {0, BAND_MAJ, 3, 4},  {5, BAND_MAJ, 5, 7},
        {5, BAND_MAJ, 8, 7}, {5, BAND_MAJ, 3, 3},  {7, BAND_MAJ, 6, 4},  {7, BAND_MAJ, 8, 8},
        {9, BAND_MIN, 9, 7}, {2, BAND_MIN7, 5, 5}, {2, BAND_MIN7, 2, 1}, {0, BAND_MAJ, -1, 0},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(CASES); i++) {
        const band_chord chord = chord_on(JAM_SCALE_MAJOR, CASES[i].root, CASES[i].quality);
        const int degree = band_tune_strong(&chord, CASES[i].degree);
        cr_expect(band_theory_has(&chord, degree), "case %zu", i);
        cr_expect_eq(degree, CASES[i].expected, "case %zu: %d", i, degree);
    }
}

Test(tune, pentatonic_ones_leave_out_two_degrees_of_each_scale)
{
    static const int MAJOR[BAND_DEGREES] = {0, 1, 2, 2, 4, 5, 5};
    static const int MINOR[BAND_DEGREES] = {0, 0, 2, 3, 4, 4, 6};
    for (int d = 0; d < BAND_DEGREES; d++) {
        cr_expect_eq(band_tune_weak(MODE_PENTATONIC, JAM_SCALE_MAJOR, d), MAJOR[d], "%d", d);
        cr_expect_eq(band_tune_weak(MODE_PENTATONIC, JAM_SCALE_MIXOLYDIAN, d), MAJOR[d], "%d", d);
        cr_expect_eq(band_tune_weak(MODE_BLUES, JAM_SCALE_MINOR, d), MINOR[d], "%d", d);
        cr_expect_eq(band_tune_weak(MODE_SCALE, JAM_SCALE_MINOR, d), d);
        cr_expect_eq(band_tune_weak(MODE_PENTATONIC, JAM_SCALE_DORIAN, d - BAND_DEGREES),
                     MINOR[d] - BAND_DEGREES);
    }
}

Test(tune, blue_notes_are_the_third_in_major_and_the_fifth_in_minor)
{
    for (int d = -BAND_DEGREES; d < 2 * BAND_DEGREES; d++) {
        const int above = band_mod(d, BAND_DEGREES);
        cr_expect_eq(band_tune_bend(MODE_BLUES, JAM_SCALE_MAJOR, d), above == 2 ? -1 : 0);
        cr_expect_eq(band_tune_bend(MODE_BLUES, JAM_SCALE_MINOR, d), above == 4 ? -1 : 0);
        cr_expect_eq(band_tune_bend(MODE_PENTATONIC, JAM_SCALE_MAJOR, d), 0);
    }
}

/* Notes of the lead so many semitones above the tonic. */
static size_t lead_notes(const char *style, uint64_t seed, jam_scale scale, int above)
{
    jam_controls c = band_case_controls(style);
    c.scale = scale;
    band_composer *composer = band_composer_new(seed, &c, NULL);
    const int key = band_composer_key(composer);
    band_note notes[256];
    size_t found = 0;
    for (int beat = 1; beat < 256; beat++) {
        const size_t n = band_composer_take(composer, beat, notes, 256);
        for (size_t i = 0; i < n; i++) {
            const bool major = band_theory_is_major(band_composer_scale(composer));
            found +=
                major && notes[i].part == BAND_LEAD && (notes[i].pitch + 12 - key) % 12 == above;
        }
    }
    band_composer_free(composer);
    return found;
}

Test(tune, the_blues_has_its_blue_third_unless_a_scale_is_set)
{
    size_t blue = 0, set = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        blue += lead_notes("blues", seed, JAM_SCALE_AUTO, 3);
        set += lead_notes("blues", seed, JAM_SCALE_MAJOR, 3);
    }
    cr_expect_gt(blue, 20);
    cr_expect_eq(set, 0);
}
