#include "processor_audio.h"
#include "rf_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int processor_audio_read(const processor_value *audio, uint64_t first, size_t n, float *dst)
{
    size_t frame = audio->audio.channels * sizeof(float);
    int err = rf_pread_all(audio->fd, dst, n * frame, (int64_t)(first * frame));
    return err == -ENODATA ? -EIO : err;
}

static int fill_planar(const processor_value *audio, float *chunk, processor_planar *p)
{
    for (uint64_t at = 0; at < p->n_frames; at += PROCESSOR_CHUNK_FRAMES) {
        size_t n = (size_t)RF_MIN(p->n_frames - at, (uint64_t)PROCESSOR_CHUNK_FRAMES);
        int err = processor_audio_read(audio, at, n, chunk);
        if (err < 0) {
            return err;
        }
        for (uint32_t c = 0; c < p->n_channels; c++) {
            for (size_t i = 0; i < n; i++) {
                p->channels[c][at + i] = chunk[i * p->n_channels + c];
            }
        }
    }
    return 0;
}

int processor_planar_open(const processor_value *audio, processor_planar *ret)
{
    *ret = (processor_planar){.n_channels = audio->audio.channels,
                              .n_frames = audio->audio.n_frames,
                              .rate_hz = audio->audio.rate_hz};
    for (uint32_t c = 0; c < ret->n_channels; c++) {
        ret->channels[c] = malloc(ret->n_frames * sizeof(float));
        if (ret->channels[c] == NULL) {
            processor_planar_done(ret);
            return -ENOMEM;
        }
    }
    float *chunk = RF_NEW_ARRAY(float, PROCESSOR_CHUNK_FRAMES *(size_t)ret->n_channels);
    int err = fill_planar(audio, chunk, ret);
    free(chunk);
    if (err < 0) {
        processor_planar_done(ret);
    }
    return err;
}

void processor_planar_done(processor_planar *p)
{
    for (size_t c = 0; c < RF_ARRAY_LEN(p->channels); c++) {
        free(p->channels[c]);
    }
    *p = (processor_planar){0};
}

/* ---- mixing ---- */

#define H 0.70710678f /* sqrt(0.5) */

typedef struct mix_rule {
    uint32_t n_in;
    uint32_t n_out;
    float gain[6][6]; /* [out][in] */
} mix_rule;

/* 4: L R SL SR. 6: L R C LFE SL SR. */
static const mix_rule rules[] = {
    {1, 2, {{1}, {1}}},
    {1, 4, {{1}, {1}}},
    {1, 6, {{0}, {0}, {1}}},
    {4, 6, {{1}, {0, 1}, {0}, {0}, {0, 0, 1}, {0, 0, 0, 1}}},
    {2, 1, {{0.5f, 0.5f}}},
    {4, 1, {{0.25f, 0.25f, 0.25f, 0.25f}}},
    {6, 1, {{H, H, 1, 0, 0.5f, 0.5f}}},
    {4, 2, {{0.5f, 0, 0.5f}, {0, 0.5f, 0, 0.5f}}},
    {6, 2, {{1, 0, H, 0, H}, {0, 1, H, 0, 0, H}}},
    {6, 4, {{1, 0, H}, {0, 1, H}, {0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 1}}},
};

static const mix_rule *find_rule(uint32_t n_in, uint32_t n_out)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(rules); i++) {
        if (rules[i].n_in == n_in && rules[i].n_out == n_out) {
            return &rules[i];
        }
    }
    return NULL;
}

static void mix_discrete(const float *in, uint32_t n_in, float *out, uint32_t n_out, size_t n)
{
    uint32_t kept = RF_MIN(n_in, n_out);
    for (size_t i = 0; i < n; i++) {
        memcpy(&out[i * n_out], &in[i * n_in], kept * sizeof(float));
        memset(&out[i * n_out + kept], 0, (n_out - kept) * sizeof(float));
    }
}

void processor_mix(const float *in, uint32_t n_in, float *out, uint32_t n_out, size_t n)
{
    const mix_rule *rule = find_rule(n_in, n_out);
    if (rule == NULL) {
        mix_discrete(in, n_in, out, n_out, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        for (uint32_t o = 0; o < n_out; o++) {
            float sum = 0;
            for (uint32_t c = 0; c < n_in; c++) {
                sum += rule->gain[o][c] * in[i * n_in + c];
            }
            out[i * n_out + o] = sum;
        }
    }
}
