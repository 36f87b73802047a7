#include <criterion/criterion.h>
#include <math.h>

#include "analysis_beats.h"
#include "analysis_synth.h"
#include "figures.h"

#define SECONDS 40.0

/* A groove: thump on the first beat and, in four, a weaker one on the third; noise on the others;
 * quiet noise on the half beats. One bass note and chord a bar tell the downbeat. */
static void play_groove(analysis_synth *synth, double first_s, double bpm, double drift, int meter,
                        double *ret, size_t *ret_n)
{
    static const int MAJOR[3] = {0, 4, 7};
    static const int ROOTS[4] = {0, 5, 7, 9};
    double at = first_s;
    size_t n = 0;
    while (at < SECONDS - 0.2) {
        double period = 60.0 / (bpm * (1.0 + drift * at / SECONDS));
        size_t place = n % (size_t)meter;
        analysis_synth_click(synth, at, place == 0 ? 0.2 : 0.4, place == 0 ? 0.8 : 0.0);
        analysis_synth_click(synth, at + 0.5 * period, 0.1, 0.0);
        if (place == 0) {
            analysis_synth_chord(synth, at, at + period * meter, ROOTS[n / (size_t)meter % 4],
                                 MAJOR, 3, 0);
        }
        ret[n++] = at;
        at += period;
    }
    *ret_n = n;
}

static void find(const analysis_synth *synth, analysis_beats *ret)
{
    analysis_frontend *frontend = NULL;
    cr_assert_eq(analysis_frontend_new(&synth->audio, NULL, &frontend), 0);
    cr_assert_eq(analysis_beats_find(frontend, NULL, ret), 0);
    analysis_frontend_free(frontend);
}

/* F-measure at 70 ms of beats from 5 s on, each used once (both rows rise). */
static double f_measure(const double *truth, size_t n_truth, const double *found, size_t n_found)
{
    size_t hits = 0, n_t = 0, n_f = 0;
    for (size_t f = 0; f < n_found; f++) {
        n_f += found[f] >= 5.0;
    }
    for (size_t t = 0; t < n_truth; t++) {
        if (truth[t] < 5.0) {
            continue;
        }
        n_t++;
        for (size_t f = 0; f < n_found; f++) {
            if (fabs(found[f] - truth[t]) <= 0.07) {
                hits++;
                break;
            }
        }
    }
    return n_t + n_f > 0 ? 2.0 * (double)hits / (double)(n_t + n_f) : 0.0;
}

typedef struct groove_case {
    double bpm;
    double drift;
    int meter;
} groove_case;

static const groove_case GROOVES[] = {{70, 0, 4},  {84, 0, 4},  {96, 0, 4},     {108, 0, 4},
                                      {120, 0, 4}, {132, 0, 4}, {144, 0, 4},    {90, 0, 3},
                                      {110, 0, 3}, {130, 0, 3}, {100, 0.08, 4}, {120, -0.08, 4}};

Test(beats, follows_grooves_of_many_tempi)
{
    for (size_t c = 0; c < RF_ARRAY_LEN(GROOVES); c += FIGURES_EVERY(7)) {
        const groove_case *groove = &GROOVES[c];
        double truth[400], found[400], down_truth[400], down_found[400];
        size_t n, n_down_truth = 0, n_down_found = 0;
        analysis_synth synth;
        analysis_beats beats;
        analysis_synth_init(&synth, SECONDS, 22050);
        play_groove(&synth, 0.7, groove->bpm, groove->drift, groove->meter, truth, &n);
        find(&synth, &beats);
        for (size_t i = 0; i < beats.n_beats; i++) {
            found[i] = beats.beats[i].time_s;
            if (beats.beats[i].number == 1) {
                down_found[n_down_found++] = found[i];
            }
        }
        for (size_t i = 0; i < n; i += (size_t)groove->meter) {
            down_truth[n_down_truth++] = truth[i];
        }
        cr_expect(f_measure(truth, n, found, beats.n_beats) > 0.95, "beats at %g bpm in %d: %g",
                  groove->bpm, groove->meter, f_measure(truth, n, found, beats.n_beats));
        cr_expect(f_measure(down_truth, n_down_truth, down_found, n_down_found) > 0.9,
                  "downbeats at %g bpm in %d", groove->bpm, groove->meter);
        double tempo = groove->bpm * (1.0 + groove->drift / 2.0);
        cr_expect(fabs(beats.bpm - tempo) < 0.04 * tempo, "%g bpm, found %g", tempo, beats.bpm);
        cr_expect_eq(beats.beats_per_bar, groove->meter);
        analysis_beats_done(&beats);
        analysis_synth_done(&synth);
    }
}

Test(beats, leaves_silent_ends_alone)
{
    analysis_synth synth;
    analysis_beats beats;
    analysis_synth_init(&synth, 50.0, 22050);
    for (double at = 12.0; at < 36.0; at += 0.5) {
        analysis_synth_click(&synth, at, 0.4, 0.4);
    }
    find(&synth, &beats);
    cr_assert_gt(beats.n_beats, 40);
    cr_expect_gt(beats.beats[0].time_s, 10.9);
    cr_expect_lt(beats.beats[beats.n_beats - 1].time_s, 37.1);
    analysis_beats_done(&beats);
    analysis_synth_done(&synth);
}

/* A groove of 24 s with a final chord that rings on for 8 s; `fill` adds what else there is. */
static void find_ending(void (*fill)(analysis_synth *, double), analysis_beats *ret)
{
    static const int MAJOR[3] = {0, 4, 7};
    static const double PERIOD = 0.5, END = 24.0;
    analysis_synth synth;
    analysis_synth_init(&synth, END + 8.0, 22050);
    for (int i = 0; i < (int)(END / PERIOD); i++) {
        analysis_synth_click(&synth, i * PERIOD, i % 2 == 0 ? 0.2 : 0.4, i % 2 == 0 ? 0.8 : 0.0);
        if (i % 4 == 0) {
            double at = i * PERIOD;
            analysis_synth_chord(&synth, at, at + 4 * PERIOD, i % 8 == 0 ? 0 : 7, MAJOR, 3, 0);
        }
    }
    analysis_synth_click(&synth, END, 0.4, 0.8);
    analysis_synth_chord(&synth, END, END + 7.5, 0, MAJOR, 3, 0);
    fill(&synth, END);
    find(&synth, ret);
    analysis_synth_done(&synth);
}

static void ring_on(analysis_synth *synth, double end_s)
{
    (void)synth;
    (void)end_s;
}

static void applaud(analysis_synth *synth, double end_s)
{
    for (double at = end_s + 1.0; at < end_s + 7.5; at += 0.04 * analysis_synth_random(synth)) {
        analysis_synth_click(synth, at, 0.1, 0.0);
    }
}

Test(beats, end_with_the_last_chord_not_with_its_decay_or_applause)
{
    void (*const ENDINGS[])(analysis_synth *, double) = {ring_on, applaud};
    for (size_t e = 0; e < RF_ARRAY_LEN(ENDINGS); e += FIGURES_EVERY(2)) {
        analysis_beats beats;
        find_ending(ENDINGS[e], &beats);
        cr_assert_gt(beats.n_beats, 40, "ending %zu", e);
        double last = beats.beats[beats.n_beats - 1].time_s;
        cr_expect(last > 23.4 && last < 25.1, "ending %zu: last beat at %g s", e, last);
        analysis_beats_done(&beats);
    }
}

/* Songs fade out and excerpts stop: beats go on for as long as the music is heard well. */
Test(beats, go_on_through_a_fade_and_up_to_a_cut)
{
    for (int is_faded = 0; is_faded <= 1; is_faded += FIGURES_EVERY(2)) {
        double truth[400];
        size_t n;
        analysis_synth synth;
        analysis_beats beats;
        analysis_synth_init(&synth, SECONDS, 22050);
        play_groove(&synth, 0.3, 112, 0, 4, truth, &n);
        for (int64_t i = 0; i < synth.audio.n_frames && is_faded; i++) {
            double left_s = SECONDS - (double)i / 22050.0;
            float gain = (float)pow(10.0, -1.5 * RF_MAX(0.0, 10.0 - left_s) / 10.0);
            synth.left[i] *= gain;
            synth.right[i] *= gain;
        }
        find(&synth, &beats);
        cr_assert_gt(beats.n_beats, 0);
        double last = beats.beats[beats.n_beats - 1].time_s;
        cr_expect_gt(last, is_faded ? SECONDS - 3.0 : truth[n - 1] - 0.1);
        analysis_beats_done(&beats);
        analysis_synth_done(&synth);
    }
}

Test(beats, silence_has_none)
{
    analysis_synth synth;
    analysis_beats beats;
    analysis_synth_init(&synth, 10.0, 44100);
    find(&synth, &beats);
    cr_expect_eq(beats.n_beats, 0);
    cr_expect_eq(beats.bpm, 0.0);
    analysis_beats_done(&beats);
    analysis_synth_done(&synth);
}

Test(beats, times_rise_inside_the_song_and_numbers_fit_the_meter)
{
    analysis_synth synth;
    analysis_beats beats;
    analysis_synth_init(&synth, 30.0, 22050);
    for (int i = 0; i < 90; i++) {
        double at = 30.0 * analysis_synth_random(&synth);
        analysis_synth_click(&synth, at, analysis_synth_random(&synth),
                             analysis_synth_random(&synth));
    }
    find(&synth, &beats);
    for (size_t i = 0; i < beats.n_beats; i++) {
        cr_expect(i == 0 || beats.beats[i].time_s > beats.beats[i - 1].time_s);
        cr_expect(beats.beats[i].time_s >= 0.0 && beats.beats[i].time_s <= 30.0);
        cr_expect(beats.beats[i].number >= 1 && beats.beats[i].number <= beats.beats_per_bar);
        cr_expect(beats.beats[i].confidence >= 0.0f && beats.beats[i].confidence <= 1.0f);
    }
    analysis_beats_done(&beats);
    analysis_synth_done(&synth);
}

Test(beats, bpm_text_has_two_decimals_and_no_trailing_zeros)
{
    static const struct {
        double bpm;
        const char *text;
    } CASES[] = {{64, "64"}, {63.5, "63.5"}, {120.126, "120.13"}, {99.999, "100"}, {0, "0"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(CASES); i++) {
        char text[16];
        analysis_bpm_format(CASES[i].bpm, text, sizeof(text));
        cr_expect_str_eq(text, CASES[i].text);
    }
}
