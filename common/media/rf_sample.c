#include "rf_sample.h"

#include <math.h>
#include <string.h>

#define BLOCK 512 /* samples converted at once by way of doubles */
#define SEED 0x9e3779b97f4a7c15ULL

static const struct {
    const char *name;
    size_t n_bytes;
} formats[RF_N_SAMPLE_FORMATS] = {
    [RF_SAMPLE_S16] = {"int16", 2},
    [RF_SAMPLE_S24] = {"int24", 3},
    [RF_SAMPLE_S32] = {"int32", 4},
    [RF_SAMPLE_F32] = {"float32", 4},
};

size_t rf_sample_bytes(rf_sample_format format)
{
    return formats[format].n_bytes;
}

unsigned rf_sample_bits(rf_sample_format format)
{
    return (unsigned)formats[format].n_bytes * 8;
}

const char *rf_sample_name(rf_sample_format format)
{
    return formats[format].name;
}

static int32_t get16(const uint8_t *in)
{
    return (int16_t)(in[0] | in[1] << 8);
}

static int32_t get24(const uint8_t *in)
{
    return (int32_t)((uint32_t)in[0] << 8 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 24) >> 8;
}

static int32_t get32(const uint8_t *in)
{
    int32_t x;
    memcpy(&x, in, sizeof(x));
    return x;
}

static void put16(uint8_t *out, int32_t x)
{
    const int16_t narrow = (int16_t)x;
    memcpy(out, &narrow, sizeof(narrow));
}

static void put24(uint8_t *out, int32_t x)
{
    out[0] = (uint8_t)x;
    out[1] = (uint8_t)((uint32_t)x >> 8);
    out[2] = (uint8_t)((uint32_t)x >> 16);
}

static void put32(uint8_t *out, int32_t x)
{
    memcpy(out, &x, sizeof(x));
}

/* xorshift64* (Marsaglia, Vigna): uniform in [0, 1). */
static double next_uniform(rf_sample_state *state)
{
    uint64_t x = state->random != 0 ? state->random : SEED;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state->random = x;
    return (double)(x * 0x2545f4914f6cdd1dULL >> 11) * 0x1p-53;
}

/* Rounds to nearest, ties to even: adding makes the fraction drop out of the 52 bits. */
static double round_even(double x)
{
    return x + 0x1.8p52 - 0x1.8p52;
}

static double finite_or_zero(double x, rf_sample_state *state)
{
    const bool finite = isfinite(x);
    state->n_nonfinite += finite ? 0 : 1;
    return finite ? x : 0;
}

static int32_t quantise(double x, double scale, rf_sample_state *state)
{
    x = finite_or_zero(x, state);
    state->n_clipped += x > 1.0 || x < -1.0 ? 1 : 0;
    x = (x > 2.0 ? 2.0 : x < -2.0 ? -2.0 : x) * scale;
    if (state->dither) {
        x += next_uniform(state) - next_uniform(state);
    }
    x = round_even(x);
    x = x < -scale ? -scale : x;
    return (int32_t)(x > scale - 1 ? scale - 1 : x);
}

/* One loop a format: get and put are plain functions, so that the compiler sees through them. */
#define FOR_EACH(n, statement)                                                                     \
    for (size_t i = 0; i < (n); i++) {                                                             \
        statement;                                                                                 \
    }

void rf_sample_to_i32(rf_sample_format from, const void *in, size_t n, int32_t *out)
{
    const uint8_t *bytes = in;
    if (from == RF_SAMPLE_S16) {
        FOR_EACH(n, out[i] = get16(bytes + 2 * i))
    } else if (from == RF_SAMPLE_S24) {
        FOR_EACH(n, out[i] = get24(bytes + 3 * i))
    } else {
        FOR_EACH(n, out[i] = get32(bytes + 4 * i))
    }
}

void rf_sample_to_f64(rf_sample_format from, const void *in, size_t n, double *out,
                      rf_sample_state *state)
{
    const uint8_t *bytes = in;
    float x;
    switch (from) {
    case RF_SAMPLE_S16:
        FOR_EACH(n, out[i] = get16(bytes + 2 * i) * 0x1p-15)
        break;
    case RF_SAMPLE_S24:
        FOR_EACH(n, out[i] = get24(bytes + 3 * i) * 0x1p-23)
        break;
    case RF_SAMPLE_S32:
        FOR_EACH(n, out[i] = get32(bytes + 4 * i) * 0x1p-31)
        break;
    default:
        FOR_EACH(n, memcpy(&x, bytes + 4 * i, sizeof(x)); out[i] = finite_or_zero((double)x, state))
        break;
    }
}

void rf_sample_from_f64(rf_sample_format to, const double *in, size_t n, void *out,
                        rf_sample_state *state)
{
    uint8_t *bytes = out;
    float x;
    switch (to) {
    case RF_SAMPLE_S16:
        FOR_EACH(n, put16(bytes + 2 * i, quantise(in[i], 0x1p15, state)))
        break;
    case RF_SAMPLE_S24:
        FOR_EACH(n, put24(bytes + 3 * i, quantise(in[i], 0x1p23, state)))
        break;
    case RF_SAMPLE_S32:
        FOR_EACH(n, put32(bytes + 4 * i, quantise(in[i], 0x1p31, state)))
        break;
    default:
        FOR_EACH(n, x = (float)finite_or_zero(in[i], state); memcpy(bytes + 4 * i, &x, sizeof(x)))
        break;
    }
}

/* To as many or more bits nothing is lost, and nothing is there to dither. */
static void widen(rf_sample_format from, const uint8_t *in, rf_sample_format to, uint8_t *out,
                  size_t n)
{
    if (from == RF_SAMPLE_S16 && to == RF_SAMPLE_S24) {
        FOR_EACH(n, put24(out + 3 * i, get16(in + 2 * i) * 256))
    } else if (from == RF_SAMPLE_S16) {
        FOR_EACH(n, put32(out + 4 * i, get16(in + 2 * i) * 65536))
    } else {
        FOR_EACH(n, put32(out + 4 * i, get24(in + 3 * i) * 256))
    }
}

static void to_float(rf_sample_format from, const uint8_t *in, uint8_t *out, size_t n)
{
    float x;
    if (from == RF_SAMPLE_S16) {
        FOR_EACH(n, x = (float)get16(in + 2 * i) * 0x1p-15F; memcpy(out + 4 * i, &x, sizeof(x)))
    } else if (from == RF_SAMPLE_S24) {
        FOR_EACH(n, x = (float)get24(in + 3 * i) * 0x1p-23F; memcpy(out + 4 * i, &x, sizeof(x)))
    } else {
        FOR_EACH(n, x = (float)get32(in + 4 * i) * 0x1p-31F; memcpy(out + 4 * i, &x, sizeof(x)))
    }
}

static void by_doubles(rf_sample_format from, const uint8_t *in, rf_sample_format to, uint8_t *out,
                       size_t n, rf_sample_state *state)
{
    double wide[BLOCK];
    while (n > 0) {
        const size_t part = RF_MIN(n, (size_t)BLOCK);
        rf_sample_to_f64(from, in, part, wide, state);
        rf_sample_from_f64(to, wide, part, out, state);
        in += part * rf_sample_bytes(from);
        out += part * rf_sample_bytes(to);
        n -= part;
    }
}

void rf_sample_convert(rf_sample_format from, const void *in, rf_sample_format to, void *out,
                       size_t n, rf_sample_state *state)
{
    if (from == to) {
        memcpy(out, in, n * rf_sample_bytes(from));
    } else if (to == RF_SAMPLE_F32) {
        to_float(from, in, out, n);
    } else if (from < to) {
        widen(from, in, to, out, n);
    } else {
        by_doubles(from, in, to, out, n, state);
    }
}

void rf_sample_widen8(const void *in, bool is_unsigned, size_t n, int16_t *out)
{
    const uint8_t *bytes = in;
    FOR_EACH(n, out[i] = (int16_t)((is_unsigned ? bytes[i] - 128 : (int8_t)bytes[i]) * 256))
}
