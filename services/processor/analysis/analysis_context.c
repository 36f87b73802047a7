#include "analysis_context.h"

struct analysis_context {
    const analysis_context_net *net;
    int n_masks;
    const analysis_planes *planes;
    float *codes;    /* [n_times][n_code] */
    float *position; /* [n_bins] between bands */
};

analysis_context *analysis_context_new(const analysis_context_net *net, int n_masks,
                                       const analysis_planes *planes,
                                       const analysis_features *features)
{
    analysis_context *c = RF_NEW(analysis_context);
    *c = (analysis_context){.net = net, .n_masks = n_masks, .planes = planes};
    c->codes = RF_NEW_ARRAY(float, planes->n_times *(size_t)net->n_code);
    c->position = RF_NEW_ARRAY(float, planes->n_bins);
    for (size_t t = 0; t < planes->n_times; t++) {
        analysis_context_code(net, analysis_features_frame(features, t),
                              c->codes + t * (size_t)net->n_code);
    }
    for (size_t b = 0; b < planes->n_bins; b++) {
        c->position[b] = (float)analysis_band_position((double)b * planes->bin_hz);
    }
    return c;
}

analysis_context *analysis_context_free(analysis_context *c)
{
    if (c != NULL) {
        free(c->codes);
        free(c->position);
        free(c);
    }
    return NULL;
}

static void interpolate(const float *bands, const float *position, size_t n_bins, float *out)
{
    for (size_t b = 0; b < n_bins; b++) {
        int low = RF_MIN((int)position[b], ANALYSIS_N_BANDS - 2);
        float part = position[b] - (float)low;
        out[b] = (1.0f - part) * bands[low] + part * bands[low + 1];
    }
}

void analysis_context_at(const analysis_context *c, size_t time, float *out)
{
    float found[ANALYSIS_SPLIT_MAX_STEMS * ANALYSIS_N_BANDS + ANALYSIS_N_CONTEXT];
    size_t n_bins = c->planes->n_bins;
    analysis_context_run(c->net, c->codes, c->planes->n_times, c->planes->time_s, time, found);
    for (int m = 0; m < c->n_masks; m++) {
        interpolate(found + m * ANALYSIS_N_BANDS, c->position, n_bins, out + (size_t)m * n_bins);
    }
    for (int i = 0; i < ANALYSIS_N_CONTEXT; i++) {
        float *row = out + (size_t)(c->n_masks + i) * n_bins;
        for (size_t b = 0; b < n_bins; b++) {
            row[b] = found[c->n_masks * ANALYSIS_N_BANDS + i];
        }
    }
}
