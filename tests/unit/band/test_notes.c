/* What every note has to be, whatever the style. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "band_case.h"
#include "band_styles.h"

#define BARS 64

static void expect_orderly(const band_case_notes *notes, const char *style)
{
    double before = -1.0;
    for (size_t i = 0; i < notes->n; i++) {
        const band_note *note = &notes->notes[i];
        cr_assert_gt(note->beat, before, "%s: note %zu", style, i);
        cr_assert(note->length > 0.0 && note->length <= 8.0, "%s: length %g", style, note->length);
        cr_assert(note->velocity >= 1 && note->velocity <= 127, "%s", style);
        cr_assert_lt(note->part, BAND_N_PARTS);
        before = note->beat;
    }
}

Test(notes, are_in_order_one_at_a_time_and_within_limits)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        jam_controls c = band_case_controls(band_styles_name(i));
        c.density = 1.0;
        band_case_notes *notes = band_case_play(i, &c, BARS);
        cr_assert_gt(notes->n, 300, "%s", band_styles_name(i));
        expect_orderly(notes, band_styles_name(i));
        free(notes);
    }
}

Test(notes, stay_in_the_range_of_their_part)
{
    static const uint8_t LOW[BAND_N_PARTS] = {35, 35, 28, 39, 38, 40, 47, 42};
    static const uint8_t HIGH[BAND_N_PARTS] = {81, 81, 52, 85, 94, 98, 96, 91};
    for (size_t i = 0; i < band_styles_count(); i++) {
        for (int k = 0; k < 12; k += 5) {
            jam_controls c = band_case_controls(band_styles_name(i));
            c.key = k;
            c.brightness = k / 10.0;
            band_case_notes *notes = band_case_play(i, &c, 32);
            for (size_t n = 0; n < notes->n; n++) {
                const band_note *note = &notes->notes[n];
                cr_assert(note->pitch >= LOW[note->part] && note->pitch <= HIGH[note->part],
                          "%s: part %d plays %d", band_styles_name(i), note->part, note->pitch);
            }
            free(notes);
        }
    }
}

Test(notes, repeat_to_the_bit_for_a_seed_however_they_are_taken)
{
    for (size_t i = 0; i < band_styles_count(); i += 5) {
        jam_controls c = band_case_controls(band_styles_name(i));
        band_case_notes *whole = band_case_play(7, &c, 24);
        band_case_notes *bits = RF_NEW(band_case_notes);
        band_composer *composer = band_composer_new(7, &c, NULL);
        for (int k = 1; k <= 24 * 4 * 16; k++) {
            bits->n += band_composer_take(composer, k / 16.0, &bits->notes[bits->n], 1);
            band_case_take(composer, k / 16.0, bits);
        }
        cr_expect(band_case_same(whole, bits), "%s", band_styles_name(i));
        band_composer_free(composer);
        free(bits);
        free(whole);
    }
}

Test(notes, differ_between_two_seeds)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        jam_controls c = band_case_controls(band_styles_name(i));
        band_case_notes *a = band_case_play(1, &c, 8);
        band_case_notes *b = band_case_play(2, &c, 8);
        cr_expect(!band_case_same(a, b), "%s", band_styles_name(i));
        free(a);
        free(b);
    }
}

/* Parts that sustain and drums ring on; the pause between the end of all that sounds and the next
 * start is what a listener hears as a hole. */
Test(notes, leave_no_hole_of_100_ms)
{
    static const double DENSITIES[] = {-1.0, 0.1, 0.3};
    for (size_t i = 0; i < band_styles_count(); i++) {
        for (size_t d = 0; d < RF_ARRAY_LEN(DENSITIES); d++) {
            jam_controls c = band_case_controls(band_styles_name(i));
            c.density = DENSITIES[d];
            c.bpm = 60.0;
            band_case_notes *notes = band_case_play(i, &c, BARS);
            double end = 0.0;
            for (size_t n = 0; n < notes->n; n++) {
                const band_note *note = &notes->notes[n];
                cr_assert_leq(note->beat - end, 0.1, "%s at %g: beat %g", band_styles_name(i),
                              c.density, note->beat);
                end = RF_MAX(end, note->beat + note->length);
            }
            free(notes);
        }
    }
}

Test(notes, sound_together_no_more_than_a_synthesizer_has_voices)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        jam_controls c = band_case_controls(band_styles_name(i));
        c.density = 1.0;
        band_case_notes *notes = band_case_play(i, &c, BARS);
        for (size_t n = 0; n < notes->n; n++) {
            size_t sounding = 0;
            for (size_t k = n; k-- > 0 && notes->notes[k].beat > notes->notes[n].beat - 8.0;) {
                sounding += notes->notes[k].beat + notes->notes[k].length > notes->notes[n].beat;
            }
            cr_assert_leq(sounding, 28, "%s: %zu at beat %g", band_styles_name(i), sounding,
                          notes->notes[n].beat);
        }
        free(notes);
    }
}

static double loudness(const band_case_notes *notes, int beat)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        const double in_bar = notes->notes[i].beat - 4 * floor(notes->notes[i].beat / 4);
        if (notes->notes[i].part == BAND_BASS && in_bar >= beat && in_bar < beat + 0.2) {
            sum += notes->notes[i].velocity;
            n++;
        }
    }
    return n > 0 ? sum / n : 0;
}

Test(notes, of_the_first_beat_are_the_loudest)
{
    jam_controls c = band_case_controls("punk");
    band_case_notes *notes = band_case_play(2, &c, BARS);
    for (int beat = 1; beat < 4; beat++) {
        cr_expect_gt(loudness(notes, 0), loudness(notes, beat) + 2, "beat %d", beat + 1);
    }
    free(notes);
}

/* Straight styles lie on the grid, swung ones behind it, none before it. */
Test(notes, of_the_kick_lie_on_the_grid_and_swing_lies_between_thirds)
{
    jam_controls c = band_case_controls("techno");
    band_case_notes *straight = band_case_play(3, &c, 16);
    size_t kicks = 0;
    for (size_t n = 0; n < straight->n; n++) {
        const band_note *note = &straight->notes[n];
        if (note->part == BAND_DRUMS && note->pitch == 36) {
            double off = note->beat * 4.0 - (double)(int)(note->beat * 4.0);
            cr_assert_lt(off / 4.0, 0.02, "beat %g", note->beat);
            kicks++;
        }
    }
    cr_assert_gt(kicks, 40);
    free(straight);

    c = band_case_controls("jazz");
    band_case_notes *swung = band_case_play(3, &c, 16);
    size_t late = 0;
    for (size_t n = 0; n < swung->n; n++) {
        double in_beat = swung->notes[n].beat - (double)(int)swung->notes[n].beat;
        bool ride = swung->notes[n].part == BAND_DRUMS && swung->notes[n].pitch == 51;
        if (ride && in_beat > 0.3) {
            cr_assert(in_beat > 0.6 && in_beat < 0.7, "%g", in_beat);
            late++;
        }
    }
    cr_assert_gt(late, 16);
    free(swung);
}

/* The composer holds no heap of its own: what it needs it has from the start. */
Test(notes, are_the_same_after_an_hour_of_music_and_never_end)
{
    jam_controls c = band_case_controls("warmup");
    band_composer *composer = band_composer_new(9, &c, NULL);
    band_note notes[256];
    size_t last_hundred = 0;
    for (int bar = 1; bar <= 1800; bar++) {
        size_t got;
        while ((got = band_composer_take(composer, bar * 4.0, notes, 256)) > 0) {
            last_hundred += bar > 1700 ? got : 0;
        }
    }
    cr_expect_gt(last_hundred, 2000);
    band_composer_free(composer);
}
