/* What a person steers, and what it does to the notes at once. */
#include <criterion/criterion.h>
#include <string.h>

#include "band_case.h"
#include "band_random.h"
#include "band_style.h"
#include "band_styles.h"
#include "band_theory.h"

static bool in_scale(int pitch, int key, jam_scale scale)
{
    const int8_t *semis = band_theory_scale(scale);
    for (int i = 0; i < BAND_DEGREES; i++) {
        if ((pitch - key - semis[i] + 120) % 12 == 0) {
            return true;
        }
    }
    return false;
}

static void expect_in_scale(const band_note *notes, size_t n, const jam_controls *c,
                            const char *style)
{
    for (size_t i = 0; i < n; i++) {
        bool pitched = notes[i].part > BAND_PERCUSSION;
        cr_assert(!pitched || in_scale(notes[i].pitch, c->key, c->scale),
                  "%s: part %d plays %d at %g in key %d scale %d", style, notes[i].part,
                  notes[i].pitch, notes[i].beat, c->key, c->scale);
    }
}

/* Key and scale change at any moment; all else with them now and then. */
Test(controls, every_note_lies_in_the_scale_from_the_change_on)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        jam_controls c = band_case_controls(band_styles_name(i));
        c.key = 0;
        c.scale = JAM_SCALE_MAJOR;
        c.temperature = 1.6;
        band_composer *composer = band_composer_new(i, &c, NULL);
        band_note notes[256];
        double beat = 0.0;
        for (uint64_t k = 0; k < 400; k++) {
            beat += 0.05 + 0.6 * band_random_unit(i, 1, k);
            size_t n = band_composer_take(composer, beat, notes, 256);
            expect_in_scale(notes, n, &c, band_styles_name(i));
            c.key = (int)(band_random_u64(i, 2, k) % 12);
            c.scale = (jam_scale)(1 + band_random_u64(i, 3, k) % 7);
            c.density = band_random_unit(i, 4, k);
            if (k % 16 == 0) {
                const char *other = band_styles_name(k * 7 % band_styles_count());
                rf_copy_str(c.styles[0].name, sizeof(c.styles[0].name), other);
            }
            band_composer_control(composer, beat, &c);
            cr_assert_eq(band_composer_key(composer), c.key);
            cr_assert_eq(band_composer_scale(composer), c.scale);
        }
        band_composer_free(composer);
    }
}

Test(controls, a_key_or_a_scale_alone_keeps_to_the_scale_in_force)
{
    for (size_t i = 0; i < band_styles_count(); i += 4) {
        for (int k = 0; k < 2; k++) {
            jam_controls c = band_case_controls(band_styles_name(i));
            c.key = k == 0 ? 5 : JAM_KEY_AUTO;
            c.scale = k == 1 ? JAM_SCALE_DORIAN : JAM_SCALE_AUTO;
            band_composer *composer = band_composer_new(i, &c, NULL);
            band_note notes[256];
            for (int beat = 1; beat < 128; beat++) {
                size_t n = band_composer_take(composer, beat, notes, 256);
                jam_controls now = c;
                now.key = band_composer_key(composer);
                now.scale = band_composer_scale(composer);
                expect_in_scale(notes, n, &now, band_styles_name(i));
            }
            band_composer_free(composer);
        }
    }
}

static size_t in_scale_share(const char *style, uint64_t seed, size_t *ret_all)
{
    jam_controls c = band_case_controls(style);
    band_composer *composer = band_composer_new(seed, &c, NULL);
    band_note notes[256];
    size_t in = 0;
    *ret_all = 0;
    for (int beat = 1; beat < 256; beat++) {
        size_t n = band_composer_take(composer, beat, notes, 256);
        for (size_t i = 0; i < n; i++) {
            if (notes[i].part > BAND_PERCUSSION) {
                in += in_scale(notes[i].pitch, band_composer_key(composer),
                               band_composer_scale(composer));
                (*ret_all)++;
            }
        }
    }
    band_composer_free(composer);
    return in;
}

/* The freedom that "auto" gives: jazz borrows, and still is at home. */
Test(controls, without_a_key_jazz_borrows_chords_and_new_age_does_not)
{
    size_t all, calm;
    size_t in = in_scale_share("jazz", 3, &all);
    cr_expect(in < all && in > all * 6 / 10, "%zu of %zu", in, all);
    in = in_scale_share("new age", 3, &calm);
    cr_expect_gt(in, calm * 95 / 100);
}

/* Twelve bars of blues are one phrase in three lines, others have four bars. */
static int phrase_bars(size_t style)
{
    return band_style_likes(band_style_get(style), K_FORM)[0].item == FORM_BLUES_12 ? 12 : 4;
}

/* How many of the bars that open a phrase begin on the tonic: their first bass note. */
static double opens_on_tonic(size_t style, int key, jam_scale scale)
{
    size_t opened = 0, phrases = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        jam_controls c = band_case_controls(band_styles_name(style));
        c.key = key;
        c.scale = scale;
        band_case_notes *notes = band_case_play(seed, &c, 64);
        size_t i = 0;
        for (int bar = 0; bar < 60; bar += phrase_bars(style)) {
            while (i < notes->n &&
                   !(notes->notes[i].part == BAND_BASS && notes->notes[i].beat >= bar * 4.0)) {
                i++;
            }
            phrases++;
            opened += i < notes->n && notes->notes[i].pitch % 12 == key;
        }
        free(notes);
    }
    return (double)opened / (double)phrases;
}

Test(controls, phrases_open_on_the_tonic_in_every_style_so_relatives_differ)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        double major = opens_on_tonic(i, 0, JAM_SCALE_MAJOR);
        double minor = opens_on_tonic(i, 9, JAM_SCALE_MINOR);
        cr_expect_geq(major, 0.5, "%s: %g", band_styles_name(i), major);
        cr_expect_geq(minor, 0.5, "%s: %g", band_styles_name(i), minor);
    }
}

Test(controls, density_adds_notes_at_every_step_in_every_style)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        size_t counts[5];
        for (int d = 0; d <= 4; d++) {
            jam_controls c = band_case_controls(band_styles_name(i));
            c.density = d / 4.0;
            counts[d] = 0;
            for (uint64_t seed = 1; seed <= 3; seed++) {
                band_case_notes *notes = band_case_play(seed, &c, 32);
                counts[d] += notes->n;
                free(notes);
            }
            cr_expect(d == 0 || counts[d] > counts[d - 1] * 102 / 100, "%s at %d: %zu, %zu",
                      band_styles_name(i), d, counts[d - 1], counts[d]);
        }
        cr_expect_geq(counts[4], 3 * counts[0], "%s", band_styles_name(i));
    }
}

static double mean_pitch(const char *style, double brightness)
{
    jam_controls c = band_case_controls(style);
    c.brightness = brightness;
    band_case_notes *notes = band_case_play(5, &c, 64);
    double sum = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        if (notes->notes[i].part >= BAND_COMP) {
            sum += notes->notes[i].pitch;
            n++;
        }
    }
    free(notes);
    return sum / (double)n;
}

Test(controls, brightness_lifts_the_registers_of_every_style)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        double low = mean_pitch(band_styles_name(i), 0.0);
        double middle = mean_pitch(band_styles_name(i), 0.5);
        double high = mean_pitch(band_styles_name(i), 1.0);
        cr_expect(low < middle && middle < high, "%s: %g %g %g", band_styles_name(i), low, middle,
                  high);
    }
}

Test(controls, tempo_is_the_clients_or_within_the_styles_range)
{
    jam_controls c = band_case_controls("drum and bass");
    band_composer *composer = band_composer_new(1, &c, NULL);
    cr_expect(band_composer_bpm(composer) >= 168.0 && band_composer_bpm(composer) <= 180.0);
    c.bpm = 97.5;
    band_composer_control(composer, 0.0, &c);
    cr_expect_eq(band_composer_bpm(composer), 97.5);
    band_composer_free(composer);

    c = band_case_blend("dub", "bebop", 0.5);
    composer = band_composer_new(1, &c, NULL);
    cr_expect(band_composer_bpm(composer) > 100.0 && band_composer_bpm(composer) < 150.0);
    band_composer_free(composer);
}

Test(controls, a_changed_style_is_heard_at_the_next_beat)
{
    jam_controls c = band_case_controls("heavy metal");
    band_composer *composer = band_composer_new(4, &c, NULL);
    band_case_notes *notes = RF_NEW(band_case_notes);
    uint32_t before, after;
    band_case_take(composer, 9.5, notes);
    uint8_t guitar = band_composer_mix(composer, &before)->parts[BAND_COMP].program;
    c = band_case_controls("ambient");
    band_composer_control(composer, 9.5, &c);
    band_case_take(composer, 10.1, notes);
    uint8_t now = band_composer_mix(composer, &after)->parts[BAND_COMP].program;
    cr_expect_neq(guitar, now);
    cr_expect_gt(after, before);
    size_t drums_before = band_case_count(notes, BAND_DRUMS, 4.0, 8.0);
    band_case_take(composer, 24.0, notes);
    size_t drums_after = band_case_count(notes, BAND_DRUMS, 12.0, 16.0);
    cr_expect_gt(drums_before, 8);
    cr_expect_lt(drums_after, 4);
    free(notes);
    band_composer_free(composer);
}

Test(controls, weights_that_drift_slowly_change_sound_without_a_break)
{
    jam_controls c = band_case_blend("house", "ambient", 1.0);
    band_composer *composer = band_composer_new(4, &c, NULL);
    band_note notes[256];
    uint32_t count, last = 0;
    for (int k = 1; k <= 256; k++) {
        c.styles[0].weight = 1.0 - k / 256.0;
        c.styles[1].weight = k / 256.0;
        band_composer_control(composer, k / 4.0, &c);
        cr_assert_leq(band_composer_take(composer, (k + 1) / 4.0, notes, 256), 64);
        band_composer_mix(composer, &count);
        cr_assert_geq(count, last);
        last = count;
    }
    cr_expect_gt(last, 200);
    band_composer_free(composer);
}

Test(controls, density_and_brightness_in_force_are_the_styles_own_on_auto)
{
    jam_controls c = band_case_controls("thrash metal");
    band_composer *composer = band_composer_new(4, &c, NULL);
    cr_expect_float_eq(band_composer_density(composer), 0.70, 1e-9);
    c.density = 0.2;
    c.brightness = 0.9;
    band_composer_control(composer, 0.0, &c);
    cr_expect_eq(band_composer_density(composer), 0.2);
    cr_expect_eq(band_composer_brightness(composer), 0.9);
    band_composer_free(composer);
}

Test(controls, mutes_change_no_note_so_that_parts_return_in_place)
{
    jam_controls c = band_case_controls("pop");
    band_case_notes *open = band_case_play(2, &c, 16);
    c.stems[JAM_STEM_DRUMS].mute = true;
    c.stems[JAM_STEM_LEAD].solo = true;
    band_case_notes *muted = band_case_play(2, &c, 16);
    cr_expect(band_case_same(open, muted));
    free(open);
    free(muted);
}
