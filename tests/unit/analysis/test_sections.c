#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "analysis_sections.h"
#include "analysis_synth.h"

static const int MAJOR[3] = {0, 4, 7};
static const int MINOR[3] = {0, 3, 7};
#define SECTION_S 16.0

/* A: a major loop with thumps. B: another loop, brighter, with noise on every half second. */
static void play_section(analysis_synth *synth, double start_s, bool b)
{
    static const int A_ROOTS[4] = {0, 7, 9, 5};
    static const int B_ROOTS[4] = {2, 10, 4, 8};
    for (int i = 0; i < 32; i++) {
        double at = start_s + 0.5 * i;
        int bar = i / 4 % 4;
        analysis_synth_chord(synth, at, at + 0.5, b ? B_ROOTS[bar] : A_ROOTS[bar],
                             b ? MINOR : MAJOR, 3, 0);
        analysis_synth_click(synth, at, b ? 0.5 : 0.05, i % 4 == 0 ? 0.6 : 0.1);
    }
}

static void find(const analysis_synth *synth, analysis_sections *ret)
{
    analysis_frontend *frontend = NULL;
    analysis_beats beats;
    cr_assert_eq(analysis_frontend_new(&synth->audio, NULL, &frontend), 0);
    cr_assert_eq(analysis_beats_find(frontend, NULL, &beats), 0);
    cr_assert_eq(analysis_sections_find(frontend, &beats, NULL, ret), 0);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
}

static const analysis_section *section_at(const analysis_sections *sections, double at_s)
{
    for (size_t i = 0; i < sections->n_rows; i++) {
        if (at_s < sections->rows[i].end_s) {
            return &sections->rows[i];
        }
    }
    return NULL;
}

Test(sections, abab_is_heard_as_such)
{
    analysis_synth synth;
    analysis_sections sections;
    analysis_synth_init(&synth, 4 * SECTION_S, 22050);
    for (int s = 0; s < 4; s++) {
        play_section(&synth, s * SECTION_S, s % 2 == 1);
    }
    find(&synth, &sections);
    for (int s = 1; s < 4; s++) {
        double nearest = INFINITY;
        for (size_t i = 0; i < sections.n_rows; i++) {
            nearest = fmin(nearest, fabs(sections.rows[i].start_s - s * SECTION_S));
        }
        cr_expect(nearest < 1.0, "boundary at %g s is %g s away", s * SECTION_S, nearest);
    }
    const char *a = section_at(&sections, 0.5 * SECTION_S)->label;
    const char *b = section_at(&sections, 1.5 * SECTION_S)->label;
    cr_expect_str_neq(a, b);
    cr_expect_str_eq(section_at(&sections, 2.5 * SECTION_S)->label, a);
    cr_expect_str_eq(section_at(&sections, 3.5 * SECTION_S)->label, b);
    cr_expect_str_eq(sections.rows[0].label, "A");
    analysis_sections_done(&sections);
    analysis_synth_done(&synth);
}

Test(sections, rows_span_the_audio)
{
    static const double SECONDS[] = {0.1, 0.9, 3.3, 25.0};
    for (size_t c = 0; c < RF_ARRAY_LEN(SECONDS); c++) {
        analysis_synth synth;
        analysis_sections sections;
        double at = 0;
        analysis_synth_init(&synth, SECONDS[c], 22050);
        analysis_synth_noise(&synth, 0.0, SECONDS[c], 0.2);
        find(&synth, &sections);
        for (size_t i = 0; i < sections.n_rows; i++) {
            cr_expect(sections.rows[i].start_s == at);
            cr_expect(sections.rows[i].end_s > at);
            at = sections.rows[i].end_s;
        }
        cr_expect(fabs(at - SECONDS[c]) < 1e-3);
        analysis_sections_done(&sections);
        analysis_synth_done(&synth);
    }
}
