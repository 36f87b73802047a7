#include "analysis_bars.h"

#include <math.h>
#include <string.h>

#include "analysis_bars_model.h"
#include "analysis_chroma.h"

#define SLIP_COST 7.0 /* nats: a bar cut short or drawn out */
#define METER_MAX 4

/* Change of harmony, bass, timbre and level over a beat, with windows of 1 and 2 beats. */
static void change_at(const analysis_frontend *frontend, double at, double period, float ret[7])
{
    analysis_chroma before, after, long_before, long_after;
    float timbre_before[ANALYSIS_N_TIMBRE], timbre_after[ANALYSIS_N_TIMBRE];
    analysis_chroma_mean(frontend, at - period, at - 0.05, &before);
    analysis_chroma_mean(frontend, at, at + period, &after);
    analysis_chroma_mean(frontend, at - 2.0 * period, at - 0.05, &long_before);
    analysis_chroma_mean(frontend, at, at + 2.0 * period, &long_after);
    analysis_timbre_mean(frontend, at - period, at - 0.05, timbre_before);
    analysis_timbre_mean(frontend, at, at + period, timbre_after);
    ret[0] = analysis_cosine_distance(before.treble, after.treble, 12);
    ret[1] = analysis_cosine_distance(before.bass, after.bass, 12);
    ret[2] = analysis_cosine_distance(long_before.treble, long_after.treble, 12);
    ret[3] = analysis_cosine_distance(long_before.bass, long_after.bass, 12);
    float bass = 0.0f;
    float level = 0.0f;
    float timbre = 0.0f;
    for (int i = 0; i < 12; i++) {
        bass += after.bass[i] - before.bass[i];
    }
    for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
        float difference = timbre_after[b] - timbre_before[b];
        level += difference / ANALYSIS_N_TIMBRE;
        timbre += fabsf(difference) / ANALYSIS_N_TIMBRE;
    }
    ret[4] = bass;
    ret[5] = level;
    ret[6] = timbre;
}

static void standardise(float *column, size_t n, size_t stride)
{
    double sum = 0;
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        double v = (double)column[i * stride];
        sum += v;
        square += v * v;
    }
    double mean = sum / (double)n;
    double deviation = sqrt(RF_MAX(0.0, square / (double)n - mean * mean)) + 1e-4;
    for (size_t i = 0; i < n; i++) {
        double v = ((double)column[i * stride] - mean) / deviation;
        column[i * stride] = (float)RF_MAX(-4.0, RF_MIN(4.0, v));
    }
}

void analysis_bars_features(const analysis_frontend *frontend, const analysis_pulse *pulse,
                            const analysis_track *track, float *ret)
{
    double period = RF_MAX(0.1, analysis_track_period_s(track));
    for (size_t i = 0; i < track->n; i++) {
        float *row = ret + i * ANALYSIS_N_BEAT_FEATURES;
        for (int b = 0; b < ANALYSIS_N_PULSE; b++) {
            row[b] = analysis_pulse_band(pulse, b, track->times_s[i]);
        }
        change_at(frontend, track->times_s[i], period, row + ANALYSIS_N_PULSE);
    }
    for (int f = 0; f < ANALYSIS_N_BEAT_FEATURES && track->n > 0; f++) {
        standardise(ret + f, track->n, ANALYSIS_N_BEAT_FEATURES);
    }
}

/* Log odds that beat i is a downbeat. */
static float log_odds(const float *features, size_t n, size_t i)
{
    float sum = ANALYSIS_BARS_BIAS;
    for (int k = -ANALYSIS_BEAT_CONTEXT; k <= ANALYSIS_BEAT_CONTEXT; k++) {
        int64_t at = (int64_t)i + k;
        if (at < 0 || at >= (int64_t)n) {
            continue;
        }
        const float *row = features + (size_t)at * ANALYSIS_N_BEAT_FEATURES;
        const float *weights = ANALYSIS_BARS_WEIGHTS[k + ANALYSIS_BEAT_CONTEXT];
        for (int f = 0; f < ANALYSIS_N_BEAT_FEATURES; f++) {
            sum += weights[f] * row[f];
        }
    }
    return sum;
}

/* Emission of bar position p (0 = downbeat): the odds are shared so that a meter gains only by
 * telling its downbeats from the rest. */
static double emission(float odds, int position, int meter)
{
    double down = -log1p(exp(-(double)odds));
    double other = -log1p(exp((double)odds));
    double base = down / meter + other * (meter - 1) / meter;
    return (position == 0 ? down : other) - base;
}

/* Viterbi over bar positions; numbers receives 1 to meter. Returns the score a beat. */
static double walk(const float *odds, size_t n, int meter, int *numbers)
{
    double now[METER_MAX] = {0};
    uint8_t *from = RF_NEW_ARRAY(uint8_t, n * (size_t)meter + 1);
    for (size_t i = 0; i < n; i++) {
        double next[METER_MAX];
        int best = 0;
        for (int p = 1; p < meter; p++) {
            best = now[p] > now[best] ? p : best;
        }
        for (int p = 0; p < meter; p++) {
            int regular = (p + meter - 1) % meter;
            bool slips = i > 0 && now[best] - SLIP_COST > now[regular];
            int source = slips ? best : regular;
            next[p] = now[source] - (slips ? SLIP_COST : 0.0) + emission(odds[i], p, meter);
            from[i * (size_t)meter + (size_t)p] = (uint8_t)source;
        }
        memcpy(now, next, sizeof(double) * (size_t)meter);
    }
    int p = 0;
    for (int q = 1; q < meter; q++) {
        p = now[q] > now[p] ? q : p;
    }
    double score = n > 0 ? now[p] / (double)n : 0.0;
    for (size_t i = n; i-- > 0;) {
        numbers[i] = p + 1;
        p = from[i * (size_t)meter + (size_t)p];
    }
    free(from);
    return score;
}

void analysis_bars_find(const float *features, size_t n_beats, analysis_bars *ret)
{
    float *odds = RF_NEW_ARRAY(float, n_beats + 1);
    memset(ret, 0, sizeof(*ret));
    ret->n = n_beats;
    ret->downbeat = RF_NEW_ARRAY(float, n_beats + 1);
    for (size_t i = 0; i < n_beats; i++) {
        odds[i] = log_odds(features, n_beats, i);
        ret->downbeat[i] = 1.0f / (1.0f + expf(-odds[i]));
    }
    for (int m = 0; m < ANALYSIS_N_METERS; m++) {
        ret->number[m] = RF_NEW_ARRAY(int, n_beats + 1);
        ret->score[m] = walk(odds, n_beats, m + 2, ret->number[m]);
    }
    free(odds);
}

void analysis_bars_done(analysis_bars *bars)
{
    for (int m = 0; m < ANALYSIS_N_METERS; m++) {
        free(bars->number[m]);
    }
    free(bars->downbeat);
    memset(bars, 0, sizeof(*bars));
}
