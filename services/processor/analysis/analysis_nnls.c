#include "analysis_nnls.h"

#include <math.h>

#include "analysis_tone.h"

#define N_PARTIALS 20
#define N_ITERATIONS 24
#define DECAY_LOW 0.60  /* amplitude of one partial by the one before, lowest note */
#define DECAY_HIGH 0.90 /* and highest note (Mauch, Dixon, 2010) */

struct analysis_nnls {
    float profile[ANALYSIS_N_NOTES][ANALYSIS_N_LOG];
    int first[ANALYSIS_N_NOTES]; /* profile[n] is 0 before this bin */
    float gram[ANALYSIS_N_NOTES][ANALYSIS_N_NOTES];
};

static void add_partial(float *profile, double bin, double amplitude)
{
    for (int b = RF_MAX(0, (int)bin - 1); b <= (int)bin + 2 && b < ANALYSIS_N_LOG; b++) {
        double offset = fabs(b - bin);
        if (offset < 1.5) {
            profile[b] += (float)(amplitude * (0.5 + 0.5 * cos(M_PI * offset / 1.5)));
        }
    }
}

static void make_profile(analysis_nnls *nnls, int note)
{
    float *profile = nnls->profile[note];
    double decay = DECAY_LOW + (DECAY_HIGH - DECAY_LOW) * note / (ANALYSIS_N_NOTES - 1);
    double amplitude = 1.0;
    for (int p = 1; p <= N_PARTIALS; p++) {
        add_partial(profile, 3.0 * note + 3.0 + 36.0 * log2(p), amplitude);
        amplitude *= decay;
    }
    double norm = 0;
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        norm += (double)profile[b] * (double)profile[b];
    }
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        profile[b] /= (float)sqrt(norm);
    }
    nnls->first[note] = 3 * note + 1;
}

static float dot(const float *a, const float *b, int from, int to)
{
    float sum = 0.0f;
    for (int i = from; i < to; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

analysis_nnls *analysis_nnls_new(void)
{
    analysis_nnls *nnls = RF_NEW(analysis_nnls);
    for (int n = 0; n < ANALYSIS_N_NOTES; n++) {
        make_profile(nnls, n);
    }
    for (int i = 0; i < ANALYSIS_N_NOTES; i++) {
        for (int j = 0; j < ANALYSIS_N_NOTES; j++) {
            nnls->gram[i][j] = dot(nnls->profile[i], nnls->profile[j], 0, ANALYSIS_N_LOG);
        }
    }
    return nnls;
}

analysis_nnls *analysis_nnls_free(analysis_nnls *nnls)
{
    free(nnls);
    return NULL;
}

void analysis_nnls_solve(const analysis_nnls *nnls, const float *spectrum, float *ret_notes)
{
    float target[ANALYSIS_N_NOTES];
    float model[ANALYSIS_N_NOTES];
    for (int n = 0; n < ANALYSIS_N_NOTES; n++) {
        target[n] = dot(nnls->profile[n], spectrum, nnls->first[n], ANALYSIS_N_LOG);
        ret_notes[n] = target[n];
    }
    for (int pass = 0; pass < N_ITERATIONS; pass++) {
        for (int n = 0; n < ANALYSIS_N_NOTES; n++) {
            model[n] = dot(nnls->gram[n], ret_notes, 0, ANALYSIS_N_NOTES);
        }
        for (int n = 0; n < ANALYSIS_N_NOTES; n++) {
            ret_notes[n] *= target[n] / (model[n] + 1e-9f);
        }
    }
}
