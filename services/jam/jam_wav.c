#include "jam_wav.h"

#include "jam_format.h"

#include <math.h>
#include <string.h>

#define TAG_PCM 1
#define TAG_FLOAT 3

static uint8_t *put_text(uint8_t *out, const char *name)
{
    memcpy(out, name, 4);
    return out + 4;
}

static uint8_t *put_number(uint8_t *out, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
    return out + bytes;
}

static uint8_t *put_format(uint8_t *out, bool is_float)
{
    uint32_t width = is_float ? 4 : 2;
    out = put_number(put_text(out, "fmt "), is_float ? 18 : 16, 4);
    out = put_number(out, is_float ? TAG_FLOAT : TAG_PCM, 2);
    out = put_number(out, JAM_CHANNELS, 2);
    out = put_number(out, JAM_RATE_HZ, 4);
    out = put_number(out, JAM_RATE_HZ * JAM_CHANNELS * width, 4);
    out = put_number(out, JAM_CHANNELS * width, 2);
    out = put_number(out, 8 * width, 2);
    return is_float ? put_number(out, 0, 2) : out;
}

size_t jam_wav_header(jam_format format, int64_t n_samples, uint8_t *out)
{
    bool is_float = format == JAM_FORMAT_WAV_F32;
    uint32_t header = is_float ? JAM_WAV_F32_HEADER : JAM_WAV_S16_HEADER;
    uint32_t data = (uint32_t)n_samples * JAM_CHANNELS * (is_float ? 4 : 2);
    uint8_t *at = put_number(put_text(out, "RIFF"), header - 8 + data, 4);
    at = put_format(put_text(at, "WAVE"), is_float);
    if (is_float) {
        at = put_number(put_number(put_text(at, "fact"), 4, 4), (uint32_t)n_samples, 4);
    }
    at = put_number(put_text(at, "data"), data, 4);
    return (size_t)(at - out);
}

/* SplitMix64's finish (Steele, Lea and Flood, OOPSLA 2014): every bit of x moves every bit. */
static uint64_t scramble(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* Triangular, between -1 and 1. */
static double dither(uint64_t seed, int64_t position, unsigned channel)
{
    uint64_t x = scramble(seed ^ scramble((uint64_t)position * JAM_CHANNELS + channel));
    return ((double)(x >> 32) - (double)(x & 0xffffffffU)) * 0x1p-32;
}

static size_t put_s16(const float *pcm, uint32_t n, int64_t position, uint64_t seed, uint8_t *out)
{
    for (uint32_t i = 0; i < n * JAM_CHANNELS; i++) {
        double x = (double)pcm[i] * 32768.0;
        x += dither(seed, position + i / JAM_CHANNELS, i % JAM_CHANNELS);
        int16_t value = (int16_t)lrint(fmin(fmax(x, -32768.0), 32767.0));
        out = put_number(out, (uint16_t)value, 2);
    }
    return (size_t)n * JAM_CHANNELS * 2;
}

size_t jam_wav_samples(jam_format format, const float *pcm, uint32_t n, int64_t position,
                       uint64_t seed, uint8_t *out)
{
    if (format == JAM_FORMAT_WAV_S16) {
        return put_s16(pcm, n, position, seed, out);
    }
    size_t bytes = (size_t)n * JAM_CHANNELS * sizeof(float);
    memcpy(out, pcm, bytes); /* little-endian, as every machine this runs on */
    return bytes;
}
