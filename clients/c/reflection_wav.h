/*
 * reflection_wav.h - WAV files as the jam service writes them: stereo, 48,000 Hz, float32 or 16
 * bit. The bytes come from outside: nothing in them is trusted. No state.
 */
#ifndef REFLECTION_WAV_H
#define REFLECTION_WAV_H

#include "reflection_fault.h"

/* reflection_wav_decode writes up to max_samples sample pairs of a complete file to dst, as float32
 * of +-1. Returns their number, or -EPROTO with the fault's text: no such file, cut short, other
 * lengths than it says, another rate or channel count, a sample that is no number. */
REFLECTION_LOCAL int reflection_wav_decode(const void *file, size_t len, float *dst,
                                           size_t max_samples, reflection_jam_fault *fault);

#endif
