#include "analysis_melody.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define LOWEST_HZ 80.0
#define STEPS_PER_OCTAVE 36
#define N_PITCHES 132 /* to 1000 Hz */
#define N_HARMONICS 8
#define MAX_JUMP 4 /* steps from one time to the next */
#define JUMP_COST 0.25f
#define WHITEN_HZ 250.0

static double pitch_hz(int pitch)
{
    return LOWEST_HZ * exp2((double)pitch / STEPS_PER_OCTAVE);
}

/* What stands out of its neighbourhood, weighted by how much it lies in the centre. */
static void whiten(const analysis_planes *p, size_t time, float *out)
{
    const float *level = p->level + time * p->n_bins, *centre = p->centre + time * p->n_bins;
    size_t reach = (size_t)RF_MAX(2.0, WHITEN_HZ / p->bin_hz);
    double sum = 0;
    for (size_t b = 0; b < RF_MIN(reach, p->n_bins); b++) {
        sum += (double)level[b];
    }
    for (size_t b = 0; b < p->n_bins; b++) {
        sum += b + reach < p->n_bins ? (double)level[b + reach] : 0;
        sum -= b > reach ? (double)level[b - reach - 1] : 0;
        double mean = sum / (double)(2 * reach + 1) + 1e-7;
        double above = (double)level[b] / mean;
        out[b] = (float)fmin(above > 1 ? sqrt(above) : 0, 3.0) * centre[b] * centre[b];
    }
}

static float harmonic_sum(const analysis_planes *p, const float *white, double hz)
{
    double weight = 1, sum = 0;
    for (int h = 1; h <= N_HARMONICS; h++, weight *= 0.84) {
        double at = hz * h / p->bin_hz;
        size_t b = (size_t)at;
        if (b + 1 >= p->n_bins) {
            break;
        }
        double part = at - (double)b;
        sum += weight * ((1 - part) * (double)white[b] + part * (double)white[b + 1]);
    }
    return (float)sum;
}

/* Salience scaled to a mean of 0 and a deviation of 1 within each time. */
static void normalise(float *row)
{
    double mean = 0, power = 1e-9;
    for (int i = 0; i < N_PITCHES; i++) {
        mean += (double)row[i] / N_PITCHES;
    }
    for (int i = 0; i < N_PITCHES; i++) {
        power += pow((double)row[i] - mean, 2) / N_PITCHES;
    }
    for (int i = 0; i < N_PITCHES; i++) {
        row[i] = (float)(((double)row[i] - mean) / sqrt(power));
    }
}

static int best_source(const float *score, int pitch)
{
    int best = pitch;
    float best_score = -INFINITY;
    for (int from = RF_MAX(0, pitch - MAX_JUMP); from <= RF_MIN(N_PITCHES - 1, pitch + MAX_JUMP);
         from++) {
        float s = score[from] - JUMP_COST * (float)abs(from - pitch);
        if (s > best_score) {
            best_score = s;
            best = from;
        }
    }
    return best;
}

/* Melodies leap: from the best pitch of the time before any other can be reached, at a price. */
static int argmax(const float *score)
{
    int best = 0;
    for (int i = 1; i < N_PITCHES; i++) {
        best = score[i] > score[best] ? i : best;
    }
    return best;
}

static void advance(const float *salience, const float *before, float *score, uint8_t *source)
{
    const float leap_cost = 6.0f;
    int top = argmax(before);
    for (int i = 0; i < N_PITCHES; i++) {
        int from = best_source(before, i);
        float stay = before[from] - JUMP_COST * (float)abs(from - i);
        bool leaps = before[top] - leap_cost > stay;
        source[i] = (uint8_t)(leaps ? top : from);
        score[i] = salience[i] + (leaps ? before[top] - leap_cost : stay);
    }
}

static void trace_back(const analysis_planes *p, const float *salience, const float *score,
                       const uint8_t *sources, float *ret_hz, float *ret_strength)
{
    int pitch = argmax(score);
    for (size_t t = p->n_times; t-- > 0;) {
        ret_hz[t] = (float)pitch_hz(pitch);
        ret_strength[t] = fmaxf(0, salience[t * N_PITCHES + (size_t)pitch] / 4.0f);
        pitch = sources[t * N_PITCHES + (size_t)pitch];
    }
}

int analysis_melody_find(const analysis_planes *p, const analysis_control *control, float *ret_hz,
                         float *ret_strength)
{
    RF_CLEANUP(rf_cleanup_free) float *salience = RF_NEW_ARRAY(float, p->n_times *N_PITCHES);
    RF_CLEANUP(rf_cleanup_free) uint8_t *sources = RF_NEW_ARRAY(uint8_t, p->n_times * N_PITCHES);
    RF_CLEANUP(rf_cleanup_free) float *white = RF_NEW_ARRAY(float, p->n_bins);
    float scores[2][N_PITCHES] = {{0}};
    for (size_t t = 0; t < p->n_times; t++) {
        if (analysis_cancelled(control)) {
            return -ECANCELED;
        }
        float *row = salience + t * N_PITCHES;
        whiten(p, t, white);
        for (int i = 0; i < N_PITCHES; i++) {
            row[i] = harmonic_sum(p, white, pitch_hz(i));
        }
        normalise(row);
        advance(row, scores[t % 2], scores[(t + 1) % 2], sources + t * N_PITCHES);
    }
    trace_back(p, salience, scores[p->n_times % 2], sources, ret_hz, ret_strength);
    return 0;
}
