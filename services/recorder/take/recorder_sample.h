/*
 * recorder_sample.h - sample formats: what a source may send, what a session keeps (S1, A2).
 * Everything is little endian and interleaved. Pure functions, any thread.
 */
#ifndef RECORDER_SAMPLE_H
#define RECORDER_SAMPLE_H

#include "rf_base.h"

#define RECORDER_CHANNELS_MAX 8
#define RECORDER_RATE_MIN 8000
#define RECORDER_RATE_MAX 192000

/* The numbers of PortAudio. */
typedef enum recorder_sample_format {
    RECORDER_SAMPLE_FLOAT32 = 1,
    RECORDER_SAMPLE_INT32 = 2,
    RECORDER_SAMPLE_INT24 = 4, /* packed, 3 bytes */
    RECORDER_SAMPLE_INT16 = 8,
    RECORDER_SAMPLE_INT8 = 16,
    RECORDER_SAMPLE_UINT8 = 32,
} recorder_sample_format;

/* recorder_sample_size: bytes of one value, 0 for a number that is no format. */
size_t recorder_sample_size(recorder_sample_format format);

/* recorder_sample_kept: the format a session keeps; int8 and uint8 become int16. */
recorder_sample_format recorder_sample_kept(recorder_sample_format format);

/* recorder_sample_name gives "int16" and so on, "" for none; parse reads it back, -EINVAL. */
const char *recorder_sample_name(recorder_sample_format format);
int recorder_sample_parse(const char *name, recorder_sample_format *ret) RF_MUST_USE;

/* recorder_sample_widen makes int16 of n int8 or uint8 values, exactly: times 256, uint8 less 128
 * first. */
void recorder_sample_widen(recorder_sample_format format, const void *data, size_t n, int16_t *out);

/* recorder_sample_to_i16: n values of any kept format as int16 for display: the upper 16 bits of
 * integers, floats rounded and saturated, NaN as 0. */
void recorder_sample_to_i16(recorder_sample_format format, const void *data, size_t n,
                            int16_t *out);

/* recorder_sample_energy: the sum of squares of n values of a kept format, full scale = 1; what is
 * not finite counts as 0. */
double recorder_sample_energy(recorder_sample_format format, const void *data, size_t n);

#endif
