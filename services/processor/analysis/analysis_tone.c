#include "analysis_tone.h"

#include <math.h>
#include <string.h>

#include "analysis_fft.h"
#include "analysis_nnls.h"
#include "analysis_source.h"

#define N_BINS (ANALYSIS_TONE_WINDOW / 2 + 1)
#define KERNEL_MAX 2600 /* weights of all log bins together */
#define WHITEN_HALF 18  /* bins either side: half an octave */
#define TUNING_LOW_HZ 110.0
#define TUNING_HIGH_HZ 2200.0
#define TIMBRE_LOW_HZ 60.0
#define TIMBRE_HIGH_HZ 10500.0
#define TIMBRE_FLOOR_DB 80.0f

typedef struct tone_weight {
    int bin;
    float weight;
} tone_weight;

struct analysis_tone {
    analysis_fft *fft;
    analysis_nnls *nnls;
    int kernel_at[ANALYSIS_N_LOG + 1];
    tone_weight kernel[KERNEL_MAX];
    int timbre_edge[ANALYSIS_N_TIMBRE + 1];
    double tuning_re, tuning_im;
    float power[N_BINS];
    float magnitude[N_BINS];
};

static double log_bin_hz(double bin)
{
    return 440.0 * pow(2.0, (ANALYSIS_NOTE_LOW - 69 + (bin - 3.0) / 3.0) / 12.0);
}

/* A log bin reads FFT magnitudes, linearly interpolated, under a raised cosine two bins wide. */
static int place_kernel(analysis_tone *tone, int bin, int at)
{
    enum { STEPS = 41 };
    double hz_per_bin = (double)ANALYSIS_RATE_HZ / ANALYSIS_TONE_WINDOW;
    float weight[N_BINS] = {0};
    double sum = 0;
    for (int s = 1; s < STEPS; s++) {
        double offset = 2.0 * s / STEPS - 1.0;
        double pulse = 0.5 + 0.5 * cos(M_PI * offset);
        double x = log_bin_hz(bin + offset) / hz_per_bin;
        int k = (int)x;
        weight[k] += (float)(pulse * (1.0 - (x - k)));
        weight[k + 1] += (float)(pulse * (x - k));
        sum += pulse;
    }
    for (int k = 0; k < N_BINS && at < KERNEL_MAX; k++) {
        if (weight[k] > 0.0f) {
            tone->kernel[at++] = (tone_weight){k, weight[k] / (float)sum};
        }
    }
    return at;
}

static double mel(double hz)
{
    return 1127.0 * log(1.0 + hz / 700.0);
}

static void place_timbre(analysis_tone *tone)
{
    double low = mel(TIMBRE_LOW_HZ);
    double step = (mel(TIMBRE_HIGH_HZ) - low) / ANALYSIS_N_TIMBRE;
    for (int b = 0; b <= ANALYSIS_N_TIMBRE; b++) {
        double hz = 700.0 * (exp((low + b * step) / 1127.0) - 1.0);
        tone->timbre_edge[b] = (int)lround(hz * ANALYSIS_TONE_WINDOW / ANALYSIS_RATE_HZ);
    }
}

analysis_tone *analysis_tone_new(void)
{
    analysis_tone *tone = RF_NEW(analysis_tone);
    tone->fft = analysis_fft_new(ANALYSIS_TONE_WINDOW);
    tone->nnls = analysis_nnls_new();
    int at = 0;
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        tone->kernel_at[b] = at;
        at = place_kernel(tone, b, at);
    }
    tone->kernel_at[ANALYSIS_N_LOG] = at;
    place_timbre(tone);
    return tone->fft != NULL ? tone : analysis_tone_free(tone);
}

analysis_tone *analysis_tone_free(analysis_tone *tone)
{
    if (tone != NULL) {
        analysis_fft_free(tone->fft);
        analysis_nnls_free(tone->nnls);
        free(tone);
    }
    return NULL;
}

/* Every spectral peak votes for the fraction of a semitone it lies at, by the root of its size. */
static void add_tuning(analysis_tone *tone)
{
    double hz_per_bin = (double)ANALYSIS_RATE_HZ / ANALYSIS_TONE_WINDOW;
    const float *m = tone->magnitude;
    for (int k = (int)(TUNING_LOW_HZ / hz_per_bin); k < (int)(TUNING_HIGH_HZ / hz_per_bin); k++) {
        if (m[k] <= m[k - 1] || m[k] < m[k + 1] || m[k] < 1e-4f || m[k] < 2.0f * m[k - 3] ||
            m[k] < 2.0f * m[k + 3]) {
            continue;
        }
        double a = log((double)m[k - 1] + 1e-9);
        double b = log((double)m[k] + 1e-9);
        double c = log((double)m[k + 1] + 1e-9);
        double shift = 0.5 * (a - c) / (a - 2.0 * b + c - 1e-12);
        double semitone = 12.0 * log2((k + shift) * hz_per_bin / 440.0);
        double weight = sqrt((double)m[k]);
        tone->tuning_re += weight * cos(2.0 * M_PI * semitone);
        tone->tuning_im += weight * sin(2.0 * M_PI * semitone);
    }
}

double analysis_tone_tuning(const analysis_tone *tone)
{
    if (tone->tuning_re == 0.0 && tone->tuning_im == 0.0) {
        return 0.0;
    }
    return atan2(tone->tuning_im, tone->tuning_re) / (2.0 * M_PI);
}

static void measure_timbre(const analysis_tone *tone, float *ret_timbre)
{
    for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        float sum = 0.0f;
        for (int k = tone->timbre_edge[b]; k < tone->timbre_edge[b + 1]; k++) {
            sum += tone->power[k];
        }
        float db = 10.0f * log10f(sum + 1e-12f);
        ret_timbre[b] = RF_MAX(0.0f, db + TIMBRE_FLOOR_DB);
    }
}

void analysis_tone_push(analysis_tone *tone, const float *pairs, float ret_log[ANALYSIS_N_LOG],
                        float ret_timbre[ANALYSIS_N_TIMBRE])
{
    analysis_fft_power(tone->fft, pairs, tone->power);
    for (int k = 0; k < N_BINS; k++) {
        tone->magnitude[k] = sqrtf(tone->power[k]);
    }
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        float sum = 0.0f;
        for (int w = tone->kernel_at[b]; w < tone->kernel_at[b + 1]; w++) {
            sum += tone->kernel[w].weight * tone->magnitude[tone->kernel[w].bin];
        }
        ret_log[b] = sum;
    }
    add_tuning(tone);
    measure_timbre(tone, ret_timbre);
}

/* Moves the spectrum so that the song's own A falls on the grid. */
static void retune(const float *log_spectrum, double tuning, float *ret)
{
    double shift = 3.0 * tuning;
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        double x = RF_MAX(0.0, RF_MIN(b + shift, ANALYSIS_N_LOG - 1.001));
        int k = (int)x;
        float part = (float)(x - k);
        ret[b] = (1.0f - part) * log_spectrum[k] + part * log_spectrum[k + 1];
    }
}

/* Subtracts the local mean and divides by the local deviation: the envelope of the timbre goes. */
static void whiten(float *v)
{
    double sum[ANALYSIS_N_LOG + 1] = {0};
    double square[ANALYSIS_N_LOG + 1] = {0};
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        sum[b + 1] = sum[b] + (double)v[b];
        square[b + 1] = square[b] + (double)v[b] * (double)v[b];
    }
    for (int b = 0; b < ANALYSIS_N_LOG; b++) {
        int low = RF_MAX(0, b - WHITEN_HALF);
        int high = RF_MIN(ANALYSIS_N_LOG, b + WHITEN_HALF + 1);
        double n = high - low;
        double mean = (sum[high] - sum[low]) / n;
        double deviation = sqrt(RF_MAX(0.0, (square[high] - square[low]) / n - mean * mean));
        double above = (double)v[b] - mean;
        v[b] = above > 0.0 && deviation > 1e-7 ? (float)(above / deviation) : 0.0f;
    }
}

void analysis_tone_notes(const analysis_tone *tone, const float log_spectrum[ANALYSIS_N_LOG],
                         double tuning, float ret_notes[ANALYSIS_N_NOTES])
{
    float spectrum[ANALYSIS_N_LOG];
    retune(log_spectrum, tuning, spectrum);
    whiten(spectrum);
    analysis_nnls_solve(tone->nnls, spectrum, ret_notes);
}
