#include "corpus_effects.h"

#include <math.h>

double corpus_peak(const corpus_sounding *s)
{
    double peak = 0;
    for (size_t i = 0; i < s->n_frames; i++) {
        peak = fmax(peak, fmax(fabs((double)s->left[i]), fabs((double)s->right[i])));
    }
    return peak;
}

double corpus_rms(const corpus_sounding *s)
{
    double floor_power = 1e-5 * pow(corpus_peak(s), 2), sum = 0;
    size_t n = 1;
    for (size_t start = 0; start + 4410 <= s->n_frames; start += 4410) {
        double power = 0;
        for (size_t i = start; i < start + 4410; i++) {
            power += 0.5 * ((double)s->left[i] * (double)s->left[i] +
                            (double)s->right[i] * (double)s->right[i]);
        }
        if (power > floor_power * 4410) {
            sum += power;
            n += 4410;
        }
    }
    return sqrt(sum / (double)n);
}

void corpus_gain(corpus_sounding *s, double gain)
{
    for (size_t i = 0; i < s->n_frames; i++) {
        s->left[i] *= (float)gain;
        s->right[i] *= (float)gain;
    }
}

void corpus_pan(corpus_sounding *s, double pan, double width)
{
    double angle = (pan * width + 1.0) * M_PI / 4.0;
    float to_left = (float)(M_SQRT2 * cos(angle)), to_right = (float)(M_SQRT2 * sin(angle));
    for (size_t i = 0; i < s->n_frames; i++) {
        float middle = 0.5f * (s->left[i] + s->right[i]);
        float side = 0.5f * (s->left[i] - s->right[i]) * (float)width;
        s->left[i] = (middle + side) * to_left;
        s->right[i] = (middle - side) * to_right;
    }
}

void corpus_add(corpus_sounding *sum, const corpus_sounding *s)
{
    for (size_t i = 0; i < s->n_frames; i++) {
        sum->left[i] += s->left[i];
        sum->right[i] += s->right[i];
    }
}

/* Two one-pole low-passes in a row. */
static void low_pass(float *x, size_t n, double hz)
{
    double a = 1.0 - exp(-2.0 * M_PI * hz / CORPUS_RATE_HZ), y1 = 0, y2 = 0;
    for (size_t i = 0; i < n; i++) {
        y1 += a * ((double)x[i] - y1);
        y2 += a * (y1 - y2);
        x[i] = (float)y2;
    }
}

void corpus_distort(corpus_sounding *s)
{
    double drive = 6.0 / fmax(1e-6, corpus_rms(s));
    float *channels[2] = {s->left, s->right};
    for (int c = 0; c < 2; c++) {
        for (size_t i = 0; i < s->n_frames; i++) {
            channels[c][i] = (float)tanh(drive * (double)channels[c][i] * 0.5 + 0.1) - 0.09967f;
        }
        low_pass(channels[c], s->n_frames, 4200);
    }
}

void corpus_lofi(corpus_sounding *s)
{
    low_pass(s->left, s->n_frames, 6000);
    low_pass(s->right, s->n_frames, 6000);
}

void corpus_hiss(corpus_sounding *s, uint64_t seed)
{
    corpus_rng rng = corpus_rng_of(seed, 3000);
    for (size_t i = 0; i < s->n_frames; i++) {
        s->left[i] += (float)corpus_range(&rng, -0.0043, 0.0043);
        s->right[i] += (float)corpus_range(&rng, -0.0043, 0.0043);
    }
}

void corpus_clip(corpus_sounding *s, double gain_db)
{
    float gain = (float)pow(10.0, gain_db / 20.0);
    for (size_t i = 0; i < s->n_frames; i++) {
        s->left[i] = fmaxf(-0.999f, fminf(0.999f, s->left[i] * gain));
        s->right[i] = fmaxf(-0.999f, fminf(0.999f, s->right[i] * gain));
    }
}

#define N_LINES 8

typedef struct network {
    float *lines[N_LINES];
    size_t at[N_LINES];
    double damped[N_LINES];
} network;

static const size_t line_frames[N_LINES] = {1433, 1601, 1867, 2053, 2251, 2399, 2617, 2797};

/* One step of the network: a Householder matrix mixes eight damped delay lines. */
static void network_step(network *n, const double *feedback, const double in[2], double out[2])
{
    double taps[N_LINES], sum = 0;
    for (int i = 0; i < N_LINES; i++) {
        n->damped[i] += 0.55 * ((double)n->lines[i][n->at[i]] - n->damped[i]);
        taps[i] = n->damped[i] * feedback[i];
        sum += taps[i];
    }
    out[0] = out[1] = 0;
    for (int i = 0; i < N_LINES; i++) {
        n->lines[i][n->at[i]] = (float)(in[i % 2] + taps[i] - sum * 2.0 / N_LINES);
        n->at[i] = (n->at[i] + 1) % line_frames[i];
        out[i % 2] += taps[i];
    }
}

void corpus_reverb(corpus_sounding *s, double t60_s, double wet)
{
    network n = {{0}, {0}, {0}};
    double feedback[N_LINES];
    for (int i = 0; i < N_LINES; i++) {
        n.lines[i] = RF_NEW_ARRAY(float, line_frames[i]);
        feedback[i] = pow(10.0, -3.0 * (double)line_frames[i] / (CORPUS_RATE_HZ * t60_s));
    }
    for (size_t i = 0; i < s->n_frames; i++) {
        double in[2] = {(double)s->left[i], (double)s->right[i]}, out[2];
        network_step(&n, feedback, in, out);
        s->left[i] = (float)(in[0] + wet * out[0]);
        s->right[i] = (float)(in[1] + wet * out[1]);
    }
    for (int i = 0; i < N_LINES; i++) {
        free(n.lines[i]);
    }
}

static void clap(corpus_sounding *s, size_t start, double level, double pan, corpus_rng *rng)
{
    double decay = exp(-1.0 / (CORPUS_RATE_HZ * corpus_range(rng, 0.003, 0.009)));
    double turn = 2.0 * cos(2.0 * M_PI * corpus_range(rng, 700, 2600) / CORPUS_RATE_HZ);
    double y1 = 0, y2 = 0;
    for (size_t i = 0; i < 1300 && start + i < s->n_frames; i++) {
        double y = 0.1 * (corpus_unit(rng) - 0.5) * level + 0.9 * turn * y1 - 0.81 * y2;
        level *= decay;
        y2 = y1;
        y1 = y;
        s->left[start + i] += (float)(y * (1.0 - pan));
        s->right[start + i] += (float)(y * (1.0 + pan));
    }
}

void corpus_applause(corpus_sounding *s, double start_s, double end_s, uint64_t seed)
{
    corpus_rng rng = corpus_rng_of(seed, 3001);
    double length_s = end_s - start_s;
    for (int i = 0; i < (int)(length_s * 160); i++) {
        double at = corpus_unit(&rng);
        double fade = fmin(1.0, 4.0 * fmin(at, 1.0 - at));
        clap(s, (size_t)((start_s + at * length_s) * CORPUS_RATE_HZ),
             fade * corpus_range(&rng, 0.2, 1.0), corpus_range(&rng, -0.8, 0.8), &rng);
    }
}
