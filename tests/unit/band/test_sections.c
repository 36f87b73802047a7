/* Sections: when they start, what they ask of the parts, what follows. */
#include <criterion/criterion.h>
#include <string.h>

#include "band_case.h"
#include "band_styles.h"

static const char *const STYLES[] = {"warmup",  "jazz",   "heavy metal", "techno",
                                     "ambient", "hiphop", "salsa",       "trance"};

typedef struct band_play {
    jam_controls controls;
    band_composer *composer;
    band_case_notes *notes;
} band_play;

static band_play begin(const char *style, jam_section section, uint64_t seed)
{
    band_play p = {.controls = band_case_controls(style)};
    p.controls.section = section;
    p.controls.density = 0.6;
    p.composer = band_composer_new(seed, &p.controls, NULL);
    p.notes = RF_NEW(band_case_notes);
    return p;
}

static void order(band_play *p, double beat, jam_section section)
{
    band_case_take(p->composer, beat, p->notes);
    p->controls.section = section;
    p->controls.section_count++;
    band_composer_control(p->composer, beat, &p->controls);
}

/* The section being played in a bar, counted from 0; plays on to its middle. */
static jam_section section_in(band_play *p, int bar)
{
    band_case_take(p->composer, bar * 4.0 + 2.0, p->notes);
    return band_composer_section(p->composer);
}

static size_t parts_in(const band_play *p, int bar)
{
    size_t n = 0;
    for (int part = 0; part < BAND_N_PARTS; part++) {
        n += band_case_count(p->notes, part, bar * 4.0, bar * 4.0 + 4.0) > 0;
    }
    return n;
}

static size_t drums_in(const band_play *p, int from_bar, int bars)
{
    double from = from_bar * 4.0;
    double until = from + bars * 4.0;
    return band_case_count(p->notes, BAND_DRUMS, from, until) +
           band_case_count(p->notes, BAND_PERCUSSION, from, until);
}

static void end(band_play *p)
{
    band_composer_free(p->composer);
    free(p->notes);
}

Test(sections, an_intro_has_four_bars_in_which_parts_enter_one_by_one)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(STYLES); i++) {
        band_play p = begin(STYLES[i], JAM_SECTION_INTRO, 2);
        for (int bar = 0; bar < 4; bar++) {
            cr_expect_eq(section_in(&p, bar), JAM_SECTION_INTRO, "%s bar %d", STYLES[i], bar);
        }
        cr_expect_eq(section_in(&p, 4), JAM_SECTION_VERSE, "%s", STYLES[i]);
        band_case_take(p.composer, 20.0, p.notes);
        for (int bar = 1; bar < 4; bar++) {
            cr_expect_geq(parts_in(&p, bar), parts_in(&p, bar - 1), "%s bar %d", STYLES[i], bar);
        }
        cr_expect_gt(parts_in(&p, 3), parts_in(&p, 0), "%s", STYLES[i]);
        cr_expect_leq(parts_in(&p, 0), 2, "%s", STYLES[i]);
        end(&p);
    }
}

Test(sections, start_at_the_next_bar_line)
{
    static const double AT[] = {8.0, 8.01, 9.5, 11.99};
    for (size_t i = 0; i < RF_ARRAY_LEN(AT); i++) {
        band_play p = begin("warmup", JAM_SECTION_VERSE, 1);
        order(&p, AT[i], JAM_SECTION_BREAK);
        int bar = AT[i] == 8.0 ? 2 : 3;
        cr_expect_eq(section_in(&p, bar - 1) == JAM_SECTION_BREAK, false, "%g", AT[i]);
        cr_expect_eq(section_in(&p, bar), JAM_SECTION_BREAK, "%g", AT[i]);
        end(&p);
    }
}

Test(sections, a_fill_is_one_bar_of_drums_and_then_the_section_before)
{
    static const jam_section BEFORE[] = {JAM_SECTION_VERSE, JAM_SECTION_DROP};
    for (size_t i = 0; i < RF_ARRAY_LEN(STYLES); i++) {
        for (size_t k = 0; k < RF_ARRAY_LEN(BEFORE); k++) {
            band_play p = begin(STYLES[i], BEFORE[k], 3);
            order(&p, 10.0, JAM_SECTION_FILL);
            cr_expect_eq(section_in(&p, 3), JAM_SECTION_FILL);
            cr_expect_eq(section_in(&p, 4), BEFORE[k]);
            cr_expect_geq(band_case_count(p.notes, BAND_DRUMS, 12.0, 16.0), 4, "%s", STYLES[i]);
            end(&p);
        }
    }
}

Test(sections, a_fill_in_a_break_leaves_its_eight_bars_as_they_are)
{
    band_play p = begin("house", JAM_SECTION_BREAK, 3);
    order(&p, 10.0, JAM_SECTION_FILL);
    cr_expect_eq(section_in(&p, 3), JAM_SECTION_FILL);
    cr_expect_eq(section_in(&p, 4), JAM_SECTION_BREAK);
    cr_expect_eq(section_in(&p, 7), JAM_SECTION_BREAK);
    cr_expect_eq(section_in(&p, 8), JAM_SECTION_DROP);
    end(&p);
}

Test(sections, a_break_has_no_drums_for_eight_bars_and_then_drops)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(STYLES); i++) {
        band_play p = begin(STYLES[i], JAM_SECTION_VERSE, 4);
        order(&p, 14.0, JAM_SECTION_BREAK);
        cr_expect_eq(section_in(&p, 4), JAM_SECTION_BREAK);
        cr_expect_eq(section_in(&p, 11), JAM_SECTION_BREAK);
        cr_expect_eq(section_in(&p, 12), JAM_SECTION_DROP);
        cr_expect_eq(drums_in(&p, 4, 8), 0, "%s", STYLES[i]);
        cr_expect_gt(band_case_count(p.notes, -1, 16.0, 48.0), 24, "%s", STYLES[i]);
        end(&p);
    }
}

Test(sections, a_break_of_a_club_style_rises_towards_the_drop)
{
    band_play p = begin("trance", JAM_SECTION_BREAK, 4);
    band_case_take(p.composer, 32.0, p.notes);
    size_t before = band_case_count(p.notes, BAND_ARP, 16.0, 24.0);
    double first = 0.0, last = 0.0;
    for (size_t i = 0; i < p.notes->n; i++) {
        const band_note *note = &p.notes->notes[i];
        if (note->part == BAND_ARP && note->beat >= 24.0) {
            first = first == 0.0 ? note->velocity : first;
            last = note->velocity;
        }
    }
    cr_expect_gt(band_case_count(p.notes, BAND_ARP, 24.0, 32.0) + 8, before);
    cr_expect_gt(last, first + 30.0);
    end(&p);
}

Test(sections, a_drop_has_all_stems_and_the_highest_energy)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(STYLES); i++) {
        band_play p = begin(STYLES[i], JAM_SECTION_VERSE, 5);
        order(&p, 30.0, JAM_SECTION_DROP);
        band_case_take(p.composer, 64.0, p.notes);
        size_t stems = 0;
        for (int stem = 0; stem < JAM_N_STEMS; stem++) {
            size_t n = 0;
            for (int part = 0; part < BAND_N_PARTS; part++) {
                bool of_stem = band_part_stem((band_part)part) == (jam_stem)stem;
                n += of_stem ? band_case_count(p.notes, part, 32.0, 64.0) : 0;
            }
            stems += n > 0;
        }
        cr_expect_geq(stems, strcmp(STYLES[i], "ambient") == 0 ? 3 : 4, "%s", STYLES[i]);
        cr_expect_gt(band_case_count(p.notes, -1, 32.0, 64.0),
                     band_case_count(p.notes, -1, 0.0, 32.0), "%s", STYLES[i]);
        end(&p);
    }
}

Test(sections, an_ending_has_two_bars_comes_home_and_is_over)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        band_play p = begin(band_styles_name(i), JAM_SECTION_VERSE, i);
        order(&p, 22.0, JAM_SECTION_ENDING);
        cr_expect_eq(section_in(&p, 6), JAM_SECTION_ENDING);
        cr_expect(!band_composer_is_over(p.composer, 31.9));
        band_case_take(p.composer, 60.0, p.notes);
        cr_expect(band_composer_is_over(p.composer, 32.0));
        int home = -1;
        double last = 0.0;
        for (size_t n = 0; n < p.notes->n; n++) {
            const band_note *note = &p.notes->notes[n];
            last = RF_MAX(last, note->beat + note->length);
            if (note->part == BAND_BASS && note->beat >= 28.0) {
                home = note->pitch % 12;
            }
        }
        cr_expect_eq(home, band_composer_key(p.composer), "%s", band_styles_name(i));
        cr_expect_leq(last, 32.1, "%s: sounds until %g", band_styles_name(i), last);
        cr_expect_gt(band_case_count(p.notes, -1, 28.0, 29.0), 2, "%s", band_styles_name(i));
        cr_expect_eq(band_case_count(p.notes, -1, 32.0, 100.0), 0);
        end(&p);
    }
}

Test(sections, a_verse_ordered_after_the_end_plays_again)
{
    band_play p = begin("pop", JAM_SECTION_ENDING, 5);
    band_case_take(p.composer, 12.0, p.notes);
    cr_expect(band_composer_is_over(p.composer, 12.0));
    order(&p, 12.5, JAM_SECTION_VERSE);
    cr_expect_eq(section_in(&p, 5), JAM_SECTION_VERSE);
    cr_expect(!band_composer_is_over(p.composer, 22.0));
    cr_expect_gt(band_case_count(p.notes, -1, 16.0, 22.0), 10);
    end(&p);
}

Test(sections, any_may_be_ordered_in_any_other_many_times)
{
    band_play p = begin("funk", JAM_SECTION_INTRO, 6);
    for (int k = 0; k < 180; k++) {
        order(&p, 3.0 + k * 5.0, (jam_section)((k * 5 + k / 6) % JAM_N_SECTIONS));
    }
    order(&p, 1000.0, JAM_SECTION_VERSE);
    cr_expect_eq(section_in(&p, 251), JAM_SECTION_VERSE);
    cr_expect_gt(p.notes->n, 2000);
    end(&p);
}
