/* What jam.md section 7 asks of discrete choices, measured on the choice log. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "band_case.h"
#include "band_choice.h"
#include "band_styles.h"
#include "figures.h"

#define POINT 10000 /* choices */

typedef struct band_log {
    size_t made;
    size_t limit;
    size_t most_candidates;
    double entropy;
    double entropy_max;
    double ratio;         /* log2 s/n of what was chosen */
    double ratio_neutral; /* its mean under n */
    double share;         /* w s_A / s */
    double weight;        /* w of that */
    size_t worst_rank;
    size_t broken; /* choices whose priors are no distributions */
    uint64_t path; /* hash of all that was chosen */
} band_log;

static bool is_distribution(const double *v, size_t n, bool positive)
{
    double sum = 0.0;
    bool fine = true;
    for (size_t i = 0; i < n; i++) {
        fine = fine && (positive ? v[i] > 0.0 : v[i] >= 0.0);
        sum += v[i];
    }
    return fine && fabs(sum - 1.0) < 1e-9;
}

static size_t rank_of(const jam_choice *c)
{
    size_t rank = 1;
    for (size_t i = 0; i < c->n; i++) {
        rank += c->p[i] > c->p[c->chosen];
    }
    return rank;
}

static void note_choice(void *user, const jam_choice *c)
{
    band_log *log = user;
    if (log->made == log->limit) {
        return;
    }
    log->made++;
    log->most_candidates = RF_MAX(log->most_candidates, c->n);
    for (size_t i = 0; i < c->n; i++) {
        log->entropy -= c->p[i] > 0.0 ? c->p[i] * log2(c->p[i]) : 0.0;
        log->ratio_neutral += c->neutral[i] * log2(c->style[i] / c->neutral[i]);
    }
    log->entropy_max += log2((double)c->n);
    log->ratio += log2(c->style[c->chosen] / c->neutral[c->chosen]);
    if (c->n_styles > 0) {
        log->share += log->weight * c->by_style[0][c->chosen] / c->style[c->chosen];
    }
    log->worst_rank = RF_MAX(log->worst_rank, rank_of(c));
    log->broken += !is_distribution(c->neutral, c->n, true) ||
                   !is_distribution(c->style, c->n, true) || !is_distribution(c->p, c->n, false);
    log->path = log->path * UINT64_C(1099511628211) + c->chosen + 1;
    log->path = log->path * 31 + (uint64_t)strlen(c->kind);
}

/* Of all styles, those that a test goes through: every third (fewer for a
 * sanitizer), and all with REFLECTION_LONG=1. */
static size_t style_step(void)
{
    return figures_are_long() ? 1 : 3 * FIGURES_EVERY(4);
}

/* Plays until so many choices are made; means per choice. */
static band_log play(uint64_t seed, const jam_controls *controls, size_t limit)
{
    band_log log = {.limit = limit, .weight = controls->styles[0].weight};
    jam_engine_host host = {.struct_size = sizeof(host), .user = &log, .choice = note_choice};
    band_composer *composer = band_composer_new(seed, controls, &host);
    band_note notes[256];
    for (double beat = 1.0; log.made < limit; beat += 1.0) {
        while (band_composer_take(composer, beat, notes, 256) > 0) {
        }
    }
    band_composer_free(composer);
    double n = (double)log.made;
    log.entropy /= n;
    log.entropy_max /= n;
    log.ratio /= n;
    log.ratio_neutral /= n;
    log.share /= n;
    return log;
}

/* The point from which section 7 moves one control. */
static jam_controls plain(const char *style)
{
    jam_controls c = band_case_controls(style);
    c.temperature = 1.0;
    c.guidance_weight = 1.0;
    c.topk = 1024;
    return c;
}

Test(choices, priors_are_positive_and_sum_to_one_for_every_style)
{
    for (size_t i = 0; i < band_styles_count(); i++) {
        jam_controls c = plain(band_styles_name(i));
        band_log log = play(i, &c, 2000);
        cr_expect_eq(log.broken, 0, "%s", band_styles_name(i));
    }
}

Test(choices, one_kind_has_64_candidates)
{
    jam_controls c = plain("warmup");
    band_log log = play(1, &c, 1000);
    cr_expect_geq(log.most_candidates, 64);
}

Test(choices, style_weights_show_in_what_is_chosen)
{
    static const char *const PAIRS[][2] = {{"jazz", "techno"},       {"heavy metal", "ambient"},
                                           {"hiphop", "bossa nova"}, {"warmup", "acid house"},
                                           {"blues", "trance"},      {"house", "deep house"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(PAIRS); i += FIGURES_EVERY(3)) {
        for (int k = 0; k <= 4; k++) {
            double w = k / 4.0;
            jam_controls c = band_case_blend(PAIRS[i][0], PAIRS[i][1], w);
            c.temperature = 1.0;
            c.guidance_weight = 1.0;
            c.topk = 1024;
            band_log log = play(10 + i, &c, POINT);
            cr_expect_float_eq(log.share, w, 0.03, "%s and %s at %g: %g", PAIRS[i][0], PAIRS[i][1],
                               w, log.share);
        }
    }
}

Test(choices, entropy_rises_with_temperature)
{
    static const double TEMPERATURES[] = {0.1, 0.5, 1.0, 1.5, 2.0};
    for (size_t i = 0; i < band_styles_count(); i += style_step()) {
        double before = 0.0;
        for (size_t t = 0; t < RF_ARRAY_LEN(TEMPERATURES); t++) {
            jam_controls c = plain(band_styles_name(i));
            c.temperature = TEMPERATURES[t];
            band_log log = play(i, &c, POINT);
            bool full = before >= 0.99 * log.entropy_max;
            cr_expect(t == 0 || full || log.entropy >= before + 0.05,
                      "%s at %g: %g bits after %g of %g", band_styles_name(i), TEMPERATURES[t],
                      log.entropy, before, log.entropy_max);
            before = log.entropy;
        }
    }
}

Test(choices, temperature_zero_and_k_of_one_choose_alike_for_every_seed)
{
    for (size_t i = 0; i < band_styles_count(); i += 7 * FIGURES_EVERY(3)) {
        jam_controls cold = plain(band_styles_name(i));
        jam_controls single = plain(band_styles_name(i));
        cold.temperature = 0.0;
        single.topk = 1;
        band_log first = play(1, &cold, 1000);
        for (uint64_t seed = 2; seed < 6; seed++) {
            cr_expect_eq(play(seed, &cold, 1000).path, first.path, "%s", band_styles_name(i));
            cr_expect_eq(play(seed, &single, 1000).path, first.path, "%s", band_styles_name(i));
        }
    }
}

Test(choices, seeds_choose_differently_when_there_is_a_choice)
{
    jam_controls c = plain("jazz");
    cr_expect_neq(play(1, &c, 200).path, play(2, &c, 200).path);
}

Test(choices, none_has_a_rank_above_k)
{
    static const uint32_t KS[] = {1, 2, 3, 5, 8, 40, 71, 1024};
    for (size_t k = 0; k < RF_ARRAY_LEN(KS); k += FIGURES_EVERY(3)) {
        jam_controls c = plain("smooth jazz");
        c.temperature = 3.0;
        c.topk = KS[k];
        band_log log = play(3, &c, POINT);
        cr_expect_leq(log.worst_rank, KS[k]);
        cr_expect(KS[k] < 2 || log.worst_rank > 1);
    }
}

Test(choices, guidance_pulls_towards_the_style)
{
    static const double GUIDANCES[] = {0.0, 1.0, 2.0, 4.0, 8.0};
    for (size_t i = 0; i < band_styles_count(); i += style_step()) {
        double before = -100.0;
        for (size_t g = 0; g < RF_ARRAY_LEN(GUIDANCES); g++) {
            jam_controls c = plain(band_styles_name(i));
            c.guidance_weight = GUIDANCES[g];
            band_log log = play(i, &c, POINT);
            cr_expect_gt(log.ratio, before, "%s at %g: %g after %g", band_styles_name(i),
                         GUIDANCES[g], log.ratio, before);
            cr_expect(g > 0 || fabs(log.ratio - log.ratio_neutral) <= 0.05, "%s at 0: %g, not %g",
                      band_styles_name(i), log.ratio, log.ratio_neutral);
            before = log.ratio;
        }
    }
}

Test(choices, without_a_style_guidance_changes_nothing)
{
    jam_controls c = plain(NULL);
    band_log at_one = play(4, &c, 500);
    c.guidance_weight = 8.0;
    cr_expect_eq(play(4, &c, 500).path, at_one.path);
}

Test(choices, logarithm_and_power_are_exact_to_a_billionth)
{
    for (double x = 1e-12; x < 1e12; x *= 1.37) {
        cr_expect_float_eq(band_choice_log2(x), log2(x), 1e-9, "log2 %g", x);
    }
    for (double x = -900.0; x < 60.0; x += 0.37) {
        cr_expect_float_eq(band_choice_exp2(x) / exp2(x), 1.0, 1e-9, "exp2 %g", x);
    }
}
