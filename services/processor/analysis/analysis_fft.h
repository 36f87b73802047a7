/*
 * analysis_fft.h - one complex single-precision transform of fixed length, windowed.
 * FFTW's planner is not thread-safe, so making and freeing a plan takes a process-wide lock;
 * running one does not. An object belongs to one thread at a time.
 */
#ifndef ANALYSIS_FFT_H
#define ANALYSIS_FFT_H

#include "rf_base.h"

typedef struct analysis_fft analysis_fft;

/* analysis_fft_new plans for length (even, > 0) with a Hann window. NULL: out of memory. */
analysis_fft *analysis_fft_new(int length);
analysis_fft *analysis_fft_free(analysis_fft *fft);

/* analysis_fft_power reads `length` pairs (left, right) and writes length/2 + 1 powers
 * (|L|^2 + |R|^2) / 2. A full-scale sine in both channels peaks at 1. */
void analysis_fft_power(analysis_fft *fft, const float *pairs, float *ret_power);

/* The same planner lock for other users of FFTW in this library. */
void analysis_fft_plan_lock(void);
void analysis_fft_plan_unlock(void);

#endif
