#include "band_limiter.h"

#include "jam_controls.h"

#include <math.h>
#include <string.h>

/* Below -1 dBTP by what 12 taps may miss of a peak near half the rate, and by what a meter with
 * other taps may see in its stead. */
#define CEILING 0.84F /* -1.5 dBTP */
#define RELEASE_S 0.08
#define MEAN_CORNER_HZ 0.3
#define MOST_MEAN 0.005 /* what is taken off may raise a peak by so much */
#define LEAST_MEAN 1e-7
#define MOST_OVERSHOOT 2.2F /* no interpolated value is larger than this times the samples' */

/* A sinc at the quarters between two samples, under a Kaiser window, with unit gain at 0 Hz. */
static void design_phase(double fraction, float ret[BAND_LIMITER_TAPS])
{
    double taps[BAND_LIMITER_TAPS], sum = 0;
    for (int i = 0; i < BAND_LIMITER_TAPS; i++) {
        const double x = i - (BAND_LIMITER_HALF - 1) - fraction;
        const double edge = x / BAND_LIMITER_HALF;
        const double window = 0.42 + 0.5 * cos(M_PI * edge) + 0.08 * cos(2 * M_PI * edge);
        taps[i] = sin(M_PI * x) / (M_PI * x) * sqrt(window);
        sum += taps[i];
    }
    for (int i = 0; i < BAND_LIMITER_TAPS; i++) {
        ret[i] = (float)(taps[i] / sum);
    }
}

/* Back to full gain; what was still being let go, 1e-5, is not heard. */
static void rest(band_limiter *limiter)
{
    for (size_t i = 0; i < BAND_LIMITER_WINDOW; i++) {
        limiter->held[i] = 1;
    }
    limiter->held_sum = BAND_LIMITER_WINDOW;
    limiter->released = 1;
    limiter->n_queued = limiter->head = limiter->time = 0;
    limiter->mean[0] = limiter->mean[1] = 0;
}

void band_limiter_init(band_limiter *limiter)
{
    memset(limiter, 0, sizeof(*limiter));
    for (int phase = 0; phase < BAND_LIMITER_PHASES; phase++) {
        design_phase((phase + 1) / 4.0, limiter->taps[phase]);
    }
    rest(limiter);
}

typedef float signal[BAND_LIMITER_DELAY + BAND_BLOCK];

static float largest(const float *x, size_t n)
{
    float max = 0;
    for (size_t i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        max = size > max ? size : max;
    }
    return max;
}

/* peaks[i] becomes the largest value around the place half a filter before sample i. */
static void find_peaks(const band_limiter *limiter, const signal x, float peaks[BAND_BLOCK])
{
    const float *centre = x + BAND_LIMITER_DELAY - BAND_LIMITER_HALF;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        peaks[i] = fmaxf(peaks[i], fabsf(centre[i]));
    }
    const float *first = x + BAND_LIMITER_DELAY - BAND_LIMITER_TAPS + 1;
    for (size_t phase = 0; phase < BAND_LIMITER_PHASES; phase++) {
        float sum[BAND_BLOCK] = {0};
        for (size_t tap = 0; tap < BAND_LIMITER_TAPS; tap++) {
            const float c = limiter->taps[phase][tap];
            for (size_t i = 0; i < BAND_BLOCK; i++) {
                sum[i] += c * first[i + tap];
            }
        }
        for (size_t i = 0; i < BAND_BLOCK; i++) {
            peaks[i] = fmaxf(peaks[i], fabsf(sum[i]));
        }
    }
}

static float *queued(band_limiter *limiter, uint32_t i)
{
    return &limiter->queue[(limiter->head + i) % BAND_LIMITER_WINDOW];
}

/* Least of the last BAND_LIMITER_WINDOW gains. */
static float hold(band_limiter *limiter, float gain)
{
    if (limiter->n_queued > 0 &&
        limiter->time - limiter->times[limiter->head] >= BAND_LIMITER_WINDOW) {
        limiter->head = (limiter->head + 1) % BAND_LIMITER_WINDOW;
        limiter->n_queued--;
    }
    while (limiter->n_queued > 0 && *queued(limiter, limiter->n_queued - 1) >= gain) {
        limiter->n_queued--;
    }
    *queued(limiter, limiter->n_queued) = gain;
    limiter->times[(limiter->head + limiter->n_queued++) % BAND_LIMITER_WINDOW] = limiter->time;
    return limiter->queue[limiter->head];
}

/* The gain for the sample that leaves now: the mean over the window of the least of the window, so
 * that it is down in full when the peak leaves, and has no corners. */
static float next_gain(band_limiter *limiter, float peak)
{
    const float release = (float)(1.0 / (RELEASE_S * JAM_RATE_HZ));
    const float wanted = peak > CEILING ? CEILING / peak : 1;
    limiter->released += release * (1 - limiter->released);
    limiter->released = fminf(wanted, limiter->released);
    const float held = hold(limiter, limiter->released);
    float *oldest = &limiter->held[limiter->time % BAND_LIMITER_WINDOW];
    limiter->held_sum += (double)held - (double)*oldest;
    *oldest = held;
    limiter->time++;
    return (float)(limiter->held_sum / BAND_LIMITER_WINDOW);
}

static bool is_at_rest(const band_limiter *limiter, const signal left, const signal right)
{
    const size_t n = BAND_LIMITER_DELAY + BAND_BLOCK;
    return limiter->released > 0.99999F && limiter->held_sum > BAND_LIMITER_WINDOW * 0.99999 &&
           fmax(fabs(limiter->mean[0]), fabs(limiter->mean[1])) < LEAST_MEAN &&
           MOST_OVERSHOOT * fmaxf(largest(left, n), largest(right, n)) < CEILING;
}

/* A waveform that is not even about 0 has a mean once its peaks are cut; without it here. */
static float cut(band_limiter *limiter, size_t channel, float gain, float x)
{
    double *mean = &limiter->mean[channel];
    const double y = (double)gain * x;
    *mean += 2 * M_PI * MEAN_CORNER_HZ / JAM_RATE_HZ * (y - x - *mean);
    *mean = fmax(-MOST_MEAN, fmin(MOST_MEAN, *mean));
    return (float)(y - *mean);
}

static void limit(band_limiter *limiter, const signal x[2], float *left, float *right)
{
    float peaks[BAND_BLOCK] = {0};
    find_peaks(limiter, x[0], peaks);
    find_peaks(limiter, x[1], peaks);
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        const float gain = next_gain(limiter, peaks[i]);
        left[i] = cut(limiter, 0, gain, x[0][i]);
        right[i] = cut(limiter, 1, gain, x[1][i]);
    }
}

void band_limiter_run(band_limiter *limiter, float left[BAND_BLOCK], float right[BAND_BLOCK])
{
    signal x[2];
    float *const channels[2] = {left, right};
    for (size_t c = 0; c < 2; c++) {
        memcpy(x[c], limiter->history[c], sizeof(limiter->history[c]));
        memcpy(x[c] + BAND_LIMITER_DELAY, channels[c], BAND_BLOCK * sizeof(float));
        memcpy(limiter->history[c], x[c] + BAND_BLOCK, sizeof(limiter->history[c]));
    }
    if (is_at_rest(limiter, x[0], x[1])) {
        rest(limiter);
        memcpy(left, x[0], BAND_BLOCK * sizeof(float));
        memcpy(right, x[1], BAND_BLOCK * sizeof(float));
        return;
    }
    limit(limiter, (const signal *)x, left, right);
}
