/*
 * analysis_nnls.h - non-negative least squares of a log spectrum over harmonic note profiles.
 * Multiplicative updates (Lee, Seung, 2001) on the precomputed Gram matrix. Constant once made;
 * any thread may solve.
 */
#ifndef ANALYSIS_NNLS_H
#define ANALYSIS_NNLS_H

#include "rf_base.h"

typedef struct analysis_nnls analysis_nnls;

analysis_nnls *analysis_nnls_new(void);
analysis_nnls *analysis_nnls_free(analysis_nnls *nnls);

/* analysis_nnls_solve reads ANALYSIS_N_LOG values >= 0 and writes ANALYSIS_N_NOTES >= 0. */
void analysis_nnls_solve(const analysis_nnls *nnls, const float *spectrum, float *ret_notes);

#endif
