#include "corpus_spectra.h"

#include <math.h>
#include <string.h>

#define MAX_WANTED 4

void corpus_spectra_init(corpus_spectra *s, int length)
{
    *s = (corpus_spectra){
        .length = length, .hop = length / CORPUS_SPECTRA_OVERLAP, .n_bins = (size_t)length / 2 + 1};
    s->window = RF_NEW_ARRAY(float, (size_t)length);
    for (int i = 0; i < length; i++) {
        s->window[i] = (float)sqrt(0.5 - 0.5 * cos(2.0 * M_PI * i / length));
    }
    s->samples = fftwf_alloc_real((size_t)length);
    s->spectrum = fftwf_alloc_complex(s->n_bins);
    s->forward = fftwf_plan_dft_r2c_1d(length, s->samples, s->spectrum, FFTW_ESTIMATE);
    s->backward = fftwf_plan_dft_c2r_1d(length, s->spectrum, s->samples, FFTW_ESTIMATE);
}

void corpus_spectra_done(corpus_spectra *s)
{
    fftwf_destroy_plan(s->forward);
    fftwf_destroy_plan(s->backward);
    fftwf_free(s->samples);
    fftwf_free(s->spectrum);
    free(s->window);
}

size_t corpus_spectra_times(const corpus_spectra *s, size_t n_frames)
{
    return (n_frames + (size_t)s->hop - 1) / (size_t)s->hop + CORPUS_SPECTRA_OVERLAP - 1;
}

static int64_t window_start(const corpus_spectra *s, size_t time)
{
    return ((int64_t)time - (CORPUS_SPECTRA_OVERLAP - 1)) * s->hop;
}

void corpus_spectra_forward(corpus_spectra *s, const float *x, size_t n_frames, size_t time)
{
    int64_t start = window_start(s, time);
    for (int i = 0; i < s->length; i++) {
        bool inside = start + i >= 0 && start + i < (int64_t)n_frames;
        s->samples[i] = inside ? x[start + i] * s->window[i] : 0;
    }
    fftwf_execute(s->forward);
}

void corpus_spectra_add(corpus_spectra *s, float *x, size_t n_frames, size_t time)
{
    int64_t start = window_start(s, time);
    float scale = 0.5f / (float)s->length; /* of the transforms and of the windows' sum */
    fftwf_execute(s->backward);
    for (int i = 0; i < s->length; i++) {
        if (start + i >= 0 && start + i < (int64_t)n_frames) {
            x[start + i] += s->samples[i] * s->window[i] * scale;
        }
    }
}

float corpus_ideal_share(const float *mix_left, const float *mix_right, const float *left,
                         const float *right)
{
    float both = mix_left[0] * left[0] + mix_left[1] * left[1] + mix_right[0] * right[0] +
                 mix_right[1] * right[1];
    float power = mix_left[0] * mix_left[0] + mix_left[1] * mix_left[1] +
                  mix_right[0] * mix_right[0] + mix_right[1] * mix_right[1];
    return fmaxf(0, fminf(1, both / (power + 1e-12f)));
}

/* ---- ideal split ---- */

typedef struct ideal {
    corpus_spectra *spectra;
    const corpus_sounding *mix;
    fftwf_complex *mixed[2], *wanted[2];
    float *shares[MAX_WANTED];
} ideal;

static void both_channels(ideal *w, const corpus_sounding *s, size_t time,
                          fftwf_complex *const *ret)
{
    const float *channels[2] = {s->left, s->right};
    for (int c = 0; c < 2; c++) {
        corpus_spectra_forward(w->spectra, channels[c], s->n_frames, time);
        memcpy(ret[c], w->spectra->spectrum, w->spectra->n_bins * sizeof(**ret));
    }
}

static void find_shares(ideal *w, const corpus_sounding *wanted, int n_wanted, size_t time)
{
    both_channels(w, w->mix, time, w->mixed);
    for (int i = 0; i < n_wanted; i++) {
        both_channels(w, &wanted[i], time, w->wanted);
        for (size_t b = 0; b < w->spectra->n_bins; b++) {
            w->shares[i][b] = corpus_ideal_share(w->mixed[0][b], w->mixed[1][b], w->wanted[0][b],
                                                 w->wanted[1][b]);
        }
    }
    for (size_t b = 0; b < w->spectra->n_bins; b++) {
        float sum = 0;
        for (int i = 0; i < n_wanted; i++) {
            sum += w->shares[i][b];
        }
        for (int i = 0; i < n_wanted && sum > 1; i++) {
            w->shares[i][b] /= sum;
        }
    }
}

static void add_shares(ideal *w, const float *shares, corpus_sounding *ret, size_t time)
{
    float *channels[2] = {ret->left, ret->right};
    for (int c = 0; c < 2; c++) {
        for (size_t b = 0; b < w->spectra->n_bins; b++) {
            w->spectra->spectrum[b][0] = w->mixed[c][b][0] * shares[b];
            w->spectra->spectrum[b][1] = w->mixed[c][b][1] * shares[b];
        }
        corpus_spectra_add(w->spectra, channels[c], ret->n_frames, time);
    }
}

void corpus_ideal_split(corpus_spectra *spectra, const corpus_sounding *mix,
                        const corpus_sounding *wanted, int n_wanted, corpus_sounding *ret)
{
    ideal w = {.spectra = spectra, .mix = mix};
    for (int c = 0; c < 2; c++) {
        w.mixed[c] = fftwf_alloc_complex(spectra->n_bins);
        w.wanted[c] = fftwf_alloc_complex(spectra->n_bins);
    }
    for (int i = 0; i < n_wanted; i++) {
        w.shares[i] = RF_NEW_ARRAY(float, spectra->n_bins);
        corpus_sounding_init(&ret[i], mix->n_frames);
    }
    for (size_t t = 0; t < corpus_spectra_times(spectra, mix->n_frames); t++) {
        find_shares(&w, wanted, n_wanted, t);
        for (int i = 0; i < n_wanted; i++) {
            add_shares(&w, w.shares[i], &ret[i], t);
        }
    }
    for (int i = 0; i < n_wanted; i++) {
        free(w.shares[i]);
    }
    for (int c = 0; c < 2; c++) {
        fftwf_free(w.mixed[c]);
        fftwf_free(w.wanted[c]);
    }
}
