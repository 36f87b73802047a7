/*
 * analysis_median.h - medians of many columns at once, by a sorting network (Knuth, "The Art of
 * Computer Programming" 3, 5.2.2, algorithm M): no branch depends on the values. Pure.
 */
#ifndef ANALYSIS_MEDIAN_H
#define ANALYSIS_MEDIAN_H

#include "rf_base.h"

#define ANALYSIS_MEDIAN_MAX 33 /* values of a column */

/* analysis_median_rows writes the median (the upper one of an even number) of each column of
 * n_rows rows, 1 to ANALYSIS_MEDIAN_MAX, of n_columns values without NaN. */
void analysis_median_rows(const float *const *rows, int n_rows, size_t n_columns, float *ret);

/* analysis_median_along writes for each of n values the median of those at most `reach` away, a
 * window that the ends cut short. reach is at most (ANALYSIS_MEDIAN_MAX - 1) / 2. */
void analysis_median_along(const float *values, size_t n, size_t reach, float *ret);

#endif
