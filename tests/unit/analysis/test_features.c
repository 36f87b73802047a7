/* Features of the splitter: finite for any planes that a spectrum can give. */
#include "analysis_split.h"
#include "corpus_rng.h"

#include <criterion/criterion.h>
#include <math.h>

enum { TIMES = 40, BINS = 300 };

static void expect_finite(const float *x, size_t n, const char *what, const char *planes)
{
    for (size_t i = 0; i < n; i++) {
        cr_assert(isfinite(x[i]), "%s of %s: value %zu is %g", what, planes, i, (double)x[i]);
    }
}

static void check_planes(const char *name, double level, float centre)
{
    static float levels[TIMES * BINS], centres[TIMES * BINS], balances[TIMES * BINS];
    static float found[ANALYSIS_N_FEATURES * BINS];
    corpus_rng rng = corpus_rng_of(1, 1);
    for (size_t i = 0; i < TIMES * BINS; i++) {
        levels[i] = (float)(level * corpus_unit(&rng));
        centres[i] = centre;
    }
    const analysis_planes planes = {TIMES, BINS, 21.5, 0.0116, levels, centres, balances};
    analysis_features *features = NULL;
    cr_assert_eq(analysis_features_new(&planes, NULL, &features), 0);
    for (size_t t = 0; t < TIMES; t++) {
        analysis_features_at(features, t, found);
        expect_finite(found, RF_ARRAY_LEN(found), "bins", name);
        expect_finite(analysis_features_frame(features, t), ANALYSIS_N_FRAME_FEATURES, "frame",
                      name);
    }
    analysis_features_free(features);
}

Test(features, are_finite_for_any_spectrum)
{
    check_planes("silence", 0, 0.5f);
    check_planes("music", 0.1, 0.7f);
    check_planes("opposite channels", 0.1, 0);
    check_planes("equal channels, rounded up", 0.1, 1.000001f);
    check_planes("samples far beyond full scale", 1e6, 0.9f);
}
