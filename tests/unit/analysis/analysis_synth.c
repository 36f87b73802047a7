#include "analysis_synth.h"

#include <math.h>
#include <string.h>

void analysis_synth_init(analysis_synth *synth, double seconds, int rate_hz)
{
    int64_t n = llround(seconds * rate_hz);
    memset(synth, 0, sizeof(*synth));
    synth->left = RF_NEW_ARRAY(float, (size_t)n + 1);
    synth->right = RF_NEW_ARRAY(float, (size_t)n + 1);
    synth->planes[0] = synth->left;
    synth->planes[1] = synth->right;
    synth->audio = (analysis_audio){synth->planes, 2, n, rate_hz};
    synth->seed = 1;
}

void analysis_synth_done(analysis_synth *synth)
{
    free(synth->left);
    free(synth->right);
    memset(synth, 0, sizeof(*synth));
}

double analysis_synth_random(analysis_synth *synth)
{
    synth->seed = synth->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(synth->seed >> 11) / 9007199254740992.0;
}

static void add(analysis_synth *synth, int64_t i, double value)
{
    if (i >= 0 && i < synth->audio.n_frames) {
        synth->left[i] += (float)value;
        synth->right[i] += (float)value;
    }
}

void analysis_synth_click(analysis_synth *synth, double at_s, double noise, double thump)
{
    int rate = synth->audio.rate_hz;
    int64_t start = llround(at_s * rate);
    for (int64_t i = 0; i < rate / 8; i++) {
        double t = (double)i / rate;
        double burst = noise * (2.0 * analysis_synth_random(synth) - 1.0) * exp(-t * 60.0);
        double low = thump * sin(2.0 * M_PI * 60.0 * t) * exp(-t * 25.0);
        add(synth, start + i, burst + low);
    }
}

void analysis_synth_note(analysis_synth *synth, double start_s, double end_s, double midi,
                         double gain)
{
    int rate = synth->audio.rate_hz;
    double hz = 440.0 * pow(2.0, (midi - 69.0) / 12.0);
    int64_t n = llround((end_s - start_s) * rate);
    for (int64_t i = 0; i < n; i++) {
        double t = (double)i / rate;
        double envelope =
            gain * exp(-t * 1.5) * fmin(1.0, t * 200.0) * fmin(1.0, (end_s - start_s - t) * 50.0);
        double sum = 0;
        for (int p = 1; p <= 8 && p * hz < 0.45 * rate; p++) {
            sum += pow(0.6, p) * sin(2.0 * M_PI * p * hz * t);
        }
        add(synth, llround(start_s * rate) + i, envelope * sum);
    }
}

void analysis_synth_chord(analysis_synth *synth, double start_s, double end_s, int root,
                          const int *intervals, int n, double cents)
{
    analysis_synth_note(synth, start_s, end_s, 36 + root + cents / 100.0, 0.25);
    for (int i = 0; i < n; i++) {
        int pitch = 60 + (root + intervals[i]) % 12;
        analysis_synth_note(synth, start_s, end_s, pitch + cents / 100.0, 0.15);
    }
}

void analysis_synth_noise(analysis_synth *synth, double start_s, double end_s, double gain)
{
    int rate = synth->audio.rate_hz;
    for (int64_t i = llround(start_s * rate); i < llround(end_s * rate); i++) {
        add(synth, i, gain * (2.0 * analysis_synth_random(synth) - 1.0));
    }
}
