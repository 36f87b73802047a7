/*
 * analysis_source.h - any audio as a stream of (left, right) pairs at ANALYSIS_RATE_HZ.
 * Even channels fold to the left, odd ones to the right (mono: both); loudness is levelled to one
 * RMS for the whole file; NaN and infinities become 0. Belongs to one thread.
 */
#ifndef ANALYSIS_SOURCE_H
#define ANALYSIS_SOURCE_H

#include "analysis.h"

#define ANALYSIS_RATE_HZ 22050

typedef struct analysis_source analysis_source;

/* analysis_source_open borrows audio until close. Returns 0, -EINVAL, -ENOMEM or -ECANCELED. */
int analysis_source_open(const analysis_audio *audio, const analysis_control *control,
                         analysis_source **ret);
analysis_source *analysis_source_close(analysis_source *source);

/* analysis_source_gain is the factor that levelling applied: 0 when the audio is silent. */
double analysis_source_gain(const analysis_source *source);

/* analysis_source_read writes at most n_pairs pairs. Returns how many, 0 at the end, or -ENOMEM. */
int analysis_source_read(analysis_source *source, float *ret_pairs, int n_pairs);

#endif
