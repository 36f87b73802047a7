#include "analysis_templates.h"

#include <math.h>
#include <string.h>

#define LOWEST_HZ 40.0
#define HIGHEST_HZ 16000.0
#define N_UPDATES 12
#define TINY 1e-9f

/* In bands above the lowest edge. */
static double bands_up(double hz)
{
    double octaves = log2(fmax(hz, LOWEST_HZ) / LOWEST_HZ);
    return octaves / log2(HIGHEST_HZ / LOWEST_HZ) * ANALYSIS_N_BANDS;
}

int analysis_band_of(double hz)
{
    return RF_MIN((int)bands_up(hz), ANALYSIS_N_BANDS - 1);
}

double analysis_band_position(double hz)
{
    return fmax(0, fmin(bands_up(hz) - 0.5, ANALYSIS_N_BANDS - 1));
}

static void model_bands(const float *gains, int first, int end, float *model)
{
    memset(model, 0, ANALYSIS_N_BANDS * sizeof(*model));
    for (int k = first; k < end; k++) {
        for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
            model[b] += gains[k] * analysis_templates[k][b];
        }
    }
}

/* One multiplicative update; the rows sum to 1, so that no denominator is needed. */
static void update(const float *bands, float *gains)
{
    float model[ANALYSIS_N_BANDS], ratio[ANALYSIS_N_BANDS];
    model_bands(gains, 0, ANALYSIS_N_TEMPLATES, model);
    for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
        ratio[b] = bands[b] / (model[b] + TINY);
    }
    for (int k = 0; k < ANALYSIS_N_TEMPLATES; k++) {
        float sum = 0;
        for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
            sum += analysis_templates[k][b] * ratio[b];
        }
        gains[k] *= sum;
    }
}

void analysis_templates_explain(const float *bands, float *ret_kick, float *ret_snare)
{
    float gains[ANALYSIS_N_TEMPLATES], total = 0;
    for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
        total += bands[b];
    }
    for (int k = 0; k < ANALYSIS_N_TEMPLATES; k++) {
        gains[k] = total / ANALYSIS_N_TEMPLATES;
    }
    for (int i = 0; i < N_UPDATES; i++) {
        update(bands, gains);
    }
    float whole[ANALYSIS_N_BANDS];
    model_bands(gains, 0, ANALYSIS_N_KICK, ret_kick);
    model_bands(gains, ANALYSIS_N_KICK, ANALYSIS_N_KICK + ANALYSIS_N_SNARE, ret_snare);
    model_bands(gains, 0, ANALYSIS_N_TEMPLATES, whole);
    for (int b = 0; b < ANALYSIS_N_BANDS; b++) {
        ret_kick[b] /= whole[b] + TINY;
        ret_snare[b] /= whole[b] + TINY;
    }
}
