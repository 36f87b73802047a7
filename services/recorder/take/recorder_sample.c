#include "recorder_sample.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define ENERGY_BLOCK 256

static const struct {
    recorder_sample_format format;
    recorder_sample_format kept;
    size_t size;
    const char *name;
} formats[] = {
    {RECORDER_SAMPLE_FLOAT32, RECORDER_SAMPLE_FLOAT32, 4, "float32"},
    {RECORDER_SAMPLE_INT32, RECORDER_SAMPLE_INT32, 4, "int32"},
    {RECORDER_SAMPLE_INT24, RECORDER_SAMPLE_INT24, 3, "int24"},
    {RECORDER_SAMPLE_INT16, RECORDER_SAMPLE_INT16, 2, "int16"},
    {RECORDER_SAMPLE_INT8, RECORDER_SAMPLE_INT16, 1, "int8"},
    {RECORDER_SAMPLE_UINT8, RECORDER_SAMPLE_INT16, 1, "uint8"},
};

/* The row of a format; -1 for none. */
static int row_of(recorder_sample_format format)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        if (formats[i].format == format) {
            return (int)i;
        }
    }
    return -1;
}

size_t recorder_sample_size(recorder_sample_format format)
{
    int row = row_of(format);
    return row < 0 ? 0 : formats[row].size;
}

recorder_sample_format recorder_sample_kept(recorder_sample_format format)
{
    int row = row_of(format);
    return row < 0 ? format : formats[row].kept;
}

const char *recorder_sample_name(recorder_sample_format format)
{
    int row = row_of(format);
    return row < 0 ? "" : formats[row].name;
}

int recorder_sample_parse(const char *name, recorder_sample_format *ret)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *ret = formats[i].format;
            return 0;
        }
    }
    return -EINVAL;
}

void recorder_sample_widen(recorder_sample_format format, const void *data, size_t n, int16_t *out)
{
    const uint8_t *in = data;
    int zero = format == RECORDER_SAMPLE_UINT8 ? 128 : 0;
    for (size_t i = 0; i < n; i++) {
        int value = format == RECORDER_SAMPLE_UINT8 ? in[i] : (int8_t)in[i];
        out[i] = (int16_t)((value - zero) * 256);
    }
}

static int32_t read_i24(const uint8_t *in)
{
    return (int32_t)((uint32_t)in[0] << 8 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 24);
}

/* 32 bits, the value in the upper ones. */
static int32_t read_integer(recorder_sample_format format, const uint8_t *in)
{
    int32_t wide;
    int16_t narrow;
    switch (format) {
    case RECORDER_SAMPLE_INT32:
        memcpy(&wide, in, sizeof(wide));
        return wide;
    case RECORDER_SAMPLE_INT24:
        return read_i24(in);
    default:
        memcpy(&narrow, in, sizeof(narrow));
        return narrow * 65536;
    }
}

static float read_float(const uint8_t *in)
{
    float value;
    memcpy(&value, in, sizeof(value));
    return isfinite(value) ? value : 0.0F;
}

static int16_t i16_of_float(float value)
{
    float scaled = rintf(fminf(fmaxf(value, -1.0F), 1.0F) * 32768.0F);
    return (int16_t)fminf(scaled, 32767.0F);
}

/* An infinity is no loudness: read_float made it 0, as L11 does. */
void recorder_sample_to_i16(recorder_sample_format format, const void *data, size_t n, int16_t *out)
{
    const uint8_t *in = data;
    size_t size = recorder_sample_size(format);
    if (format == RECORDER_SAMPLE_INT16) {
        memcpy(out, in, n * size);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = format == RECORDER_SAMPLE_FLOAT32
                     ? i16_of_float(read_float(in + i * size))
                     : (int16_t)(read_integer(format, in + i * size) >> 16);
    }
}

static double energy_of_i16(const uint8_t *in, size_t n)
{
    int64_t sum = 0;
    int16_t block[ENERGY_BLOCK];
    while (n > 0) {
        size_t take = RF_MIN(n, (size_t)ENERGY_BLOCK);
        memcpy(block, in, take * sizeof(int16_t));
        for (size_t i = 0; i < take; i++) {
            sum += block[i] * block[i];
        }
        in += take * sizeof(int16_t);
        n -= take;
    }
    return (double)sum / (32768.0 * 32768.0);
}

double recorder_sample_energy(recorder_sample_format format, const void *data, size_t n)
{
    const uint8_t *in = data;
    size_t size = recorder_sample_size(format);
    double sum = 0.0;
    if (format == RECORDER_SAMPLE_INT16) {
        return energy_of_i16(in, n);
    }
    for (size_t i = 0; i < n; i++) {
        double value = format == RECORDER_SAMPLE_FLOAT32
                           ? (double)read_float(in + i * size)
                           : (double)read_integer(format, in + i * size) / 2147483648.0;
        sum += value * value;
    }
    return sum;
}
