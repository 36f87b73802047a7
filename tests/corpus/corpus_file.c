#include "corpus_file.h"

#include <errno.h>
#include <lame/lame.h>
#include <sndfile.h>
#include <string.h>

#define BLOCK 1152
#define DECODER_DELAY 529

int corpus_wav_write(const char *path, const corpus_sounding *s, int bits)
{
    SF_INFO info = {.samplerate = CORPUS_RATE_HZ, .channels = 2};
    info.format = SF_FORMAT_WAV | (bits == 24 ? SF_FORMAT_PCM_24 : SF_FORMAT_PCM_16);
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (file == NULL) {
        return -EIO;
    }
    (void)sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    float block[2 * BLOCK];
    bool ok = true;
    for (size_t at = 0; at < s->n_frames && ok; at += BLOCK) {
        size_t n = RF_MIN((size_t)BLOCK, s->n_frames - at);
        for (size_t i = 0; i < n; i++) {
            block[2 * i] = s->left[at + i];
            block[2 * i + 1] = s->right[at + i];
        }
        ok = sf_writef_float(file, block, (sf_count_t)n) == (sf_count_t)n;
    }
    return sf_close(file) == 0 && ok ? 0 : -EIO;
}

int corpus_wav_read(const char *path, corpus_sounding *ret, int *ret_rate_hz)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (file == NULL || info.channels > 2) {
        (void)sf_close(file);
        return -EIO;
    }
    size_t n = (size_t)info.frames, stride = (size_t)info.channels;
    float *samples = RF_NEW_ARRAY(float, n *stride + 1);
    n = (size_t)sf_readf_float(file, samples, info.frames);
    corpus_sounding_init(ret, n);
    for (size_t i = 0; i < n; i++) {
        ret->left[i] = samples[i * stride];
        ret->right[i] = samples[i * stride + stride - 1];
    }
    free(samples);
    if (ret_rate_hz != NULL) {
        *ret_rate_hz = info.samplerate;
    }
    return sf_close(file) == 0 ? 0 : -EIO;
}

typedef struct trip {
    lame_t encoder;
    hip_t decoder;
    corpus_sounding *out;
    size_t skip, at; /* frames of delay to drop, frames written */
} trip;

static void keep_decoded(trip *t, const short *left, const short *right, int n)
{
    for (int i = 0; i < n; i++) {
        if (t->skip > 0) {
            t->skip--;
        } else if (t->at < t->out->n_frames) {
            t->out->left[t->at] = (float)left[i] / 32768.0f;
            t->out->right[t->at++] = (float)right[i] / 32768.0f;
        }
    }
}

static bool decode(trip *t, unsigned char *bytes, int n_bytes)
{
    short left[BLOCK * 2], right[BLOCK * 2];
    int n = hip_decode1(t->decoder, bytes, (size_t)n_bytes, left, right);
    while (n > 0) {
        keep_decoded(t, left, right, n);
        n = hip_decode1(t->decoder, bytes, 0, left, right);
    }
    return n == 0;
}

static bool run_trip(trip *t, const corpus_sounding *in)
{
    unsigned char bytes[BLOCK * 4 + 7200];
    bool ok = true;
    for (size_t at = 0; at < in->n_frames && ok; at += BLOCK) {
        int n_in = (int)RF_MIN((size_t)BLOCK, in->n_frames - at);
        int n = lame_encode_buffer_ieee_float(t->encoder, in->left + at, in->right + at, n_in,
                                              bytes, (int)sizeof(bytes));
        ok = n >= 0 && decode(t, bytes, n);
    }
    int n = lame_encode_flush(t->encoder, bytes, (int)sizeof(bytes));
    return ok && n >= 0 && decode(t, bytes, n);
}

int corpus_mp3_trip(corpus_sounding *s, int kbps)
{
    corpus_sounding in;
    corpus_sounding_init(&in, s->n_frames);
    memcpy(in.left, s->left, s->n_frames * sizeof(float));
    memcpy(in.right, s->right, s->n_frames * sizeof(float));
    trip t = {.encoder = lame_init(), .decoder = hip_decode_init(), .out = s};
    (void)lame_set_in_samplerate(t.encoder, CORPUS_RATE_HZ);
    (void)lame_set_out_samplerate(t.encoder, CORPUS_RATE_HZ);
    (void)lame_set_num_channels(t.encoder, 2);
    (void)lame_set_brate(t.encoder, kbps);
    (void)lame_set_quality(t.encoder, 7);
    (void)lame_set_bWriteVbrTag(t.encoder, 0);
    bool ok = lame_init_params(t.encoder) >= 0;
    t.skip = (size_t)lame_get_encoder_delay(t.encoder) + DECODER_DELAY;
    ok = ok && run_trip(&t, &in);
    (void)lame_close(t.encoder);
    (void)hip_decode_exit(t.decoder);
    corpus_sounding_done(&in);
    return ok ? 0 : -EIO;
}
