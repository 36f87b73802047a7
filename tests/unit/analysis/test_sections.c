#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_form.h"
#include "analysis_sections.h"
#include "analysis_sections_labels.h"
#include "analysis_synth.h"
#include "figures.h"

#define RATE_HZ 11025
#define BAR_S 2.0
#define SECTION_BARS 8
#define SECTION_S (SECTION_BARS * BAR_S)

static const int MAJOR[3] = {0, 4, 7};
static const int MINOR[3] = {0, 3, 7};

/* One of eight bars: thumps under major chords in A, noise on every half second in B, bare chords
 * in C; L is a loop of four bars. */
static void play_bar(analysis_synth *synth, double start_s, char letter, int bar)
{
    static const int ROOTS[3][SECTION_BARS] = {
        {0, 7, 9, 5, 0, 4, 2, 7}, {2, 10, 4, 8, 11, 2, 6, 4}, {5, 0, 3, 10, 5, 8, 1, 0}};
    int kind = letter == 'L' ? 0 : letter - 'A';
    int root = ROOTS[kind][bar % (letter == 'L' ? 4 : SECTION_BARS)];
    for (int i = 0; i < 4; i++) {
        double at = start_s + 0.5 * i;
        analysis_synth_chord(synth, at, at + 0.5, root, kind == 1 ? MINOR : MAJOR, 3, 0);
        if (kind < 2) {
            analysis_synth_click(synth, at, kind == 1 ? 0.5 : 0.05, i == 0 ? 0.6 : 0.1);
        }
    }
}

/* Eight bars for each letter of the form, from start_s on. */
static void play(analysis_synth *synth, double start_s, const char *form)
{
    for (int bar = 0; bar < SECTION_BARS * (int)strlen(form); bar++) {
        play_bar(synth, start_s + BAR_S * bar, form[bar / SECTION_BARS], bar);
    }
}

/* The beats that such music has. */
static analysis_beats beats_of(double start_s, int n_bars)
{
    analysis_beats beats = {.n_beats = (size_t)n_bars * 4, .bpm = 120, .beats_per_bar = 4};
    beats.beats = RF_NEW_ARRAY(analysis_beat, beats.n_beats);
    for (size_t i = 0; i < beats.n_beats; i++) {
        beats.beats[i] = (analysis_beat){start_s + 0.5 * (double)i, (int)(i % 4) + 1, 1.0f};
    }
    return beats;
}

static analysis_frontend *hear(const analysis_synth *synth)
{
    analysis_frontend *frontend = NULL;
    cr_assert_eq(analysis_frontend_new(&synth->audio, NULL, &frontend), 0);
    return frontend;
}

static void find_with(const analysis_synth *synth, const analysis_beats *beats,
                      analysis_sections *ret)
{
    analysis_frontend *frontend = hear(synth);
    cr_assert_eq(analysis_sections_find(frontend, beats, NULL, ret), 0);
    analysis_frontend_free(frontend);
}

/* Beats are found, not given. */
static void find(const analysis_synth *synth, analysis_sections *ret)
{
    analysis_frontend *frontend = hear(synth);
    analysis_beats beats;
    cr_assert_eq(analysis_beats_find(frontend, NULL, &beats), 0);
    cr_assert_eq(analysis_sections_find(frontend, &beats, NULL, ret), 0);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
}

static const char *label_at(const analysis_sections *sections, double at_s)
{
    for (size_t i = 0; i < sections->n_rows; i++) {
        if (at_s < sections->rows[i].end_s) {
            return sections->rows[i].label;
        }
    }
    return "";
}

/* Distance of the nearest inner boundary. */
static double miss(const analysis_sections *sections, double at_s)
{
    double nearest = INFINITY;
    for (size_t i = 1; i < sections->n_rows; i++) {
        nearest = fmin(nearest, fabs(sections->rows[i].start_s - at_s));
    }
    return nearest;
}

static void expect_span(const analysis_sections *sections, double duration_s)
{
    double at = 0;
    for (size_t i = 0; i < sections->n_rows; i++) {
        cr_expect(sections->rows[i].start_s == at);
        cr_expect(sections->rows[i].end_s > at);
        at = sections->rows[i].end_s;
    }
    cr_expect(fabs(at - duration_s) < 1e-3, "the rows end at %g of %g s", at, duration_s);
}

Test(sections, forms_are_heard_with_their_repeats)
{
    static const char *const FORMS[] = {"ABACA", "AABA"};
    for (size_t c = 0; c < RF_ARRAY_LEN(FORMS); c += FIGURES_EVERY(2)) {
        analysis_synth synth;
        analysis_sections sections;
        size_t n = strlen(FORMS[c]);
        analysis_synth_init(&synth, (double)n * SECTION_S, RATE_HZ);
        play(&synth, 0.0, FORMS[c]);
        find(&synth, &sections);
        cr_expect_eq(sections.n_rows, n, "%s: %zu sections", FORMS[c], sections.n_rows);
        for (size_t s = 0; s < n; s++) {
            const char *label = label_at(&sections, ((double)s + 0.5) * SECTION_S);
            cr_expect(s == 0 || miss(&sections, (double)s * SECTION_S) < 0.5, "%s: boundary %zu",
                      FORMS[c], s);
            cr_expect(label[0] == FORMS[c][s] && label[1] == '\0', "%s: section %zu is %s",
                      FORMS[c], s, label);
        }
        analysis_sections_done(&sections);
        analysis_synth_done(&synth);
    }
}

Test(sections, one_loop_stays_one_section)
{
    analysis_synth synth;
    analysis_sections sections;
    analysis_synth_init(&synth, 3 * SECTION_S, RATE_HZ);
    play(&synth, 0.0, "LLL");
    analysis_beats beats = beats_of(0.0, 3 * SECTION_BARS);
    find_with(&synth, &beats, &sections);
    cr_expect_eq(sections.n_rows, 1u, "%zu sections", sections.n_rows);
    analysis_sections_done(&sections);
    analysis_beats_done(&beats);
    analysis_synth_done(&synth);
}

Test(sections, silence_around_the_music_is_set_apart)
{
    const double start_s = 3.0;
    analysis_synth synth;
    analysis_sections sections;
    analysis_synth_init(&synth, start_s + 2 * SECTION_S + 5.0, RATE_HZ);
    play(&synth, start_s, "AB");
    analysis_beats beats = beats_of(start_s, 2 * SECTION_BARS);
    find_with(&synth, &beats, &sections);
    cr_assert_eq(sections.n_rows, 4u, "%zu sections", sections.n_rows);
    expect_span(&sections, start_s + 2 * SECTION_S + 5.0);
    cr_expect(fabs(sections.rows[1].start_s - start_s) < 0.1);
    cr_expect(fabs(sections.rows[3].start_s - start_s - 2 * SECTION_S) < 0.5);
    cr_expect_str_eq(sections.rows[0].label, "C");
    cr_expect_str_eq(sections.rows[1].label, "A");
    cr_expect_str_eq(sections.rows[2].label, "B");
    cr_expect_str_eq(sections.rows[3].label, "C");
    analysis_sections_done(&sections);
    analysis_beats_done(&beats);
    analysis_synth_done(&synth);
}

/* What sounds before the first beat and after the last is no bar of the music, when it is short. */
Test(sections, noise_without_a_beat_is_set_apart)
{
    analysis_synth synth;
    double *start_s = NULL;
    analysis_synth_init(&synth, 4.0 + SECTION_S + 6.0, RATE_HZ);
    analysis_synth_noise(&synth, 0.0, 4.0 + SECTION_S + 6.0, 0.2);
    play(&synth, 4.0, "A");
    analysis_frontend *frontend = hear(&synth);
    analysis_beats beats = beats_of(4.0, SECTION_BARS);
    size_t n = analysis_form_bars(frontend, &beats, &start_s);
    cr_expect_eq(n, (size_t)SECTION_BARS, "%zu bars", n);
    cr_expect(fabs(start_s[0] - 4.0) < 1e-9);
    cr_expect(fabs(start_s[n] - 4.0 - SECTION_S) < 1e-9);
    free(start_s);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

Test(sections, bars_fill_the_music_whatever_the_beats)
{
    static const struct {
        size_t first, end; /* beats that are found, of 64 */
        size_t bars;
    } CASES[] = {
        {0, 64, 16}, {3, 64, 16}, {0, 40, 16}, {24, 64, 16}, {0, 8, 16}, {0, 0, 16},
    };
    analysis_synth synth;
    analysis_synth_init(&synth, 2 * SECTION_S, RATE_HZ);
    play(&synth, 0.0, "AB");
    analysis_frontend *frontend = hear(&synth);
    for (size_t c = 0; c < RF_ARRAY_LEN(CASES); c++) {
        double *start_s = NULL;
        analysis_beats all = beats_of(0.0, 2 * SECTION_BARS);
        analysis_beats beats = all;
        beats.beats += CASES[c].first;
        beats.n_beats = CASES[c].end - CASES[c].first;
        size_t n = analysis_form_bars(frontend, &beats, &start_s);
        cr_expect_eq(n, CASES[c].bars, "case %zu: %zu bars", c, n);
        cr_expect(start_s[0] == 0.0 && fabs(start_s[n] - 2 * SECTION_S) < 1e-6);
        for (size_t i = 0; i < n; i++) {
            cr_expect(start_s[i + 1] > start_s[i]);
        }
        free(start_s);
        analysis_beats_done(&all);
    }
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

/* Thousands of downbeats a few frames apart: the bars stay few. */
Test(sections, dense_downbeats_are_joined)
{
    analysis_synth synth;
    double *start_s = NULL;
    analysis_beats beats = {.n_beats = 4000};
    beats.beats = RF_NEW_ARRAY(analysis_beat, beats.n_beats);
    for (size_t i = 0; i < beats.n_beats; i++) {
        beats.beats[i] = (analysis_beat){0.01 * (double)i, 1, 1.0f};
    }
    analysis_synth_init(&synth, 40.0, RATE_HZ);
    analysis_synth_noise(&synth, 0.0, 40.0, 0.2);
    analysis_frontend *frontend = hear(&synth);
    size_t n = analysis_form_bars(frontend, &beats, &start_s);
    cr_expect(n >= 2 && n <= 50, "%zu bars", n);
    free(start_s);
    analysis_beats_done(&beats);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}

/* Spans of one bar each, with given log odds that two are the same. */
Test(sections, groups_are_joined_by_their_mean)
{
    enum { N = 5 };
    static const float ODDS[N][N] = {
        {9, -9, 3, -9, -4}, {-9, 9, -9, 3, -9},  {3, -9, 9, -9, -3},
        {-9, 3, -9, 9, -9}, {-4, -9, -3, -9, 9},
    };
    static const int LABELS[N] = {0, 1, 0, 1, 2};
    float odds[N * N];
    analysis_span spans[N];
    memcpy(odds, ODDS, sizeof(odds));
    for (size_t i = 0; i < N; i++) {
        spans[i] = (analysis_span){i, i + 1, -1};
    }
    const analysis_form form = {.n = N, .odds = odds};
    cr_expect_eq(analysis_sections_label(&form, spans, N), 3);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(spans[i].label, LABELS[i], "span %zu has label %d", i, spans[i].label);
    }
}

Test(sections, rows_span_the_audio)
{
    static const double SECONDS[] = {0.1, 0.9, 3.3, 25.0};
    for (size_t c = 0; c < 2 * RF_ARRAY_LEN(SECONDS); c++) {
        analysis_synth synth;
        analysis_sections sections;
        double seconds = SECONDS[c / 2];
        analysis_synth_init(&synth, seconds, RATE_HZ);
        analysis_synth_noise(&synth, 0.0, seconds, c % 2 == 0 ? 0.2 : 0.0); /* or silence */
        find(&synth, &sections);
        expect_span(&sections, seconds);
        cr_expect_str_eq(sections.rows[0].label, "A");
        analysis_sections_done(&sections);
        analysis_synth_done(&synth);
    }
}

static bool always(void *user)
{
    (void)user;
    return true;
}

Test(sections, a_cancelled_search_leaves_nothing)
{
    analysis_synth synth;
    analysis_sections sections = {.n_rows = 77};
    const analysis_control control = {.cancelled = always};
    analysis_synth_init(&synth, SECTION_S, RATE_HZ);
    play(&synth, 0.0, "A");
    analysis_frontend *frontend = hear(&synth);
    cr_expect_eq(analysis_sections_find(frontend, NULL, &control, &sections), -ECANCELED);
    cr_expect_eq(sections.n_rows, 77u);
    analysis_frontend_free(frontend);
    analysis_synth_done(&synth);
}
