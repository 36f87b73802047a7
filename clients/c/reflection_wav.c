#include "reflection_wav.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define TAG_PCM 1
#define TAG_FLOAT 3
#define FORMAT_BYTES 16

typedef struct wav {
    const uint8_t *format; /* NULL until found */
    const uint8_t *data;   /* NULL until found */
    size_t data_len;
} wav;

static uint32_t u32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint16_t u16(const uint8_t *b)
{
    return (uint16_t)(b[0] | b[1] << 8);
}

static int bad(reflection_jam_fault *fault, const char *why)
{
    return reflection_fail(fault, -EPROTO, "a chunk's audio cannot be read: %s", why);
}

/* Finds the chunks of the file; NULL, or what is wrong. */
static const char *split(const uint8_t *file, size_t len, wav *ret)
{
    if (len < 12 || memcmp(file, "RIFF", 4) != 0 || memcmp(file + 8, "WAVE", 4) != 0) {
        return "it is no WAV file";
    }
    if (u32(file + 4) != len - 8) {
        return "it is shorter or longer than it says";
    }
    for (size_t at = 12; at < len;) {
        size_t size = len - at < 8 ? 0 : u32(file + at + 4);
        if (len - at < 8 || size > len - at - 8) {
            return "it is cut short";
        }
        const uint8_t *body = file + at + 8;
        if (memcmp(file + at, "fmt ", 4) == 0 && size >= FORMAT_BYTES && ret->format == NULL) {
            ret->format = body;
        } else if (memcmp(file + at, "data", 4) == 0 && ret->data == NULL) {
            ret->data = body;
            ret->data_len = size;
        }
        at += 8 + size + (size & 1 && at + 8 + size < len);
    }
    return ret->format == NULL || ret->data == NULL ? "it has no format or no samples" : NULL;
}

static void decode_s16(const uint8_t *data, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++) {
        dst[i] = (float)(int16_t)u16(data + 2 * i) / 32768.0f;
    }
}

/* False when a value is infinite or no number. */
static bool decode_f32(const uint8_t *data, size_t n, float *dst)
{
    bool is_finite = true;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = u32(data + 4 * i);
        memcpy(&dst[i], &bits, sizeof(bits));
        is_finite = is_finite && isfinite(dst[i]);
    }
    return is_finite;
}

int reflection_wav_decode(const void *file, size_t len, float *dst, size_t max_samples,
                          reflection_jam_fault *fault)
{
    wav w = {0};
    const char *why = split(file, len, &w);
    if (why != NULL) {
        return bad(fault, why);
    }
    uint16_t tag = u16(w.format);
    uint16_t bits = u16(w.format + 14);
    if (u16(w.format + 2) != REFLECTION_JAM_CHANNELS ||
        u32(w.format + 4) != REFLECTION_JAM_RATE_HZ) {
        return bad(fault, "it is not stereo at 48000 Hz");
    }
    if (!(tag == TAG_PCM && bits == 16) && !(tag == TAG_FLOAT && bits == 32)) {
        return bad(fault, "its samples are neither 16 bit nor float32");
    }
    size_t pair = (size_t)REFLECTION_JAM_CHANNELS * bits / 8;
    size_t n = w.data_len / pair;
    if (w.data_len % pair != 0 || n > max_samples) {
        return bad(fault, "its length is wrong");
    }
    if (tag == TAG_PCM) {
        decode_s16(w.data, n * REFLECTION_JAM_CHANNELS, dst);
    } else if (!decode_f32(w.data, n * REFLECTION_JAM_CHANNELS, dst)) {
        return bad(fault, "a sample is no number");
    }
    return (int)n;
}
