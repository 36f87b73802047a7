/*
 * analysis_context.h - what the frames around a time say about its bins, see analysis_split.h.
 * Belongs to one thread.
 */
#ifndef ANALYSIS_CONTEXT_H
#define ANALYSIS_CONTEXT_H

#include "analysis_split.h"

typedef struct analysis_context analysis_context;

/* analysis_context_new reads all frames of a segment; the planes are borrowed until
 * analysis_context_free. n_masks is that of the model. */
analysis_context *analysis_context_new(const analysis_context_net *net, int n_masks,
                                       const analysis_planes *planes,
                                       const analysis_features *features);
analysis_context *analysis_context_free(analysis_context *context);

/* analysis_context_at writes for each bin of one time each mask's share as the bands have it (as
 * logit, between bands interpolated) and the context: out[n_masks + ANALYSIS_N_CONTEXT][n_bins]. */
void analysis_context_at(const analysis_context *context, size_t time, float *out);

#endif
