#include "analysis_chroma.h"

#include <math.h>
#include <string.h>

/* Ramps in MIDI notes: the bass fades out, the treble fades in and out again. */
static float bass_weight(int midi)
{
    return RF_MAX(0.0f, RF_MIN(1.0f, (float)(56 - midi) / 8.0f));
}

static float treble_weight(int midi)
{
    float in = (float)(midi - 44) / 8.0f;
    float out = (float)(102 - midi) / 12.0f;
    return RF_MAX(0.0f, RF_MIN(1.0f, RF_MIN(in, out)));
}

typedef struct frame_range {
    size_t first, end;
} frame_range;

static frame_range range_of(const analysis_frontend *frontend, double start_s, double end_s)
{
    double rate = frontend->tone_rate_hz;
    double last = frontend->n_tone > 0 ? (double)(frontend->n_tone - 1) : 0.0;
    double first = RF_MAX(0.0, RF_MIN(last, ceil(start_s * rate)));
    double end = RF_MAX(first + 1.0, RF_MIN(last + 1.0, ceil(end_s * rate)));
    return (frame_range){(size_t)first, frontend->n_tone > 0 ? (size_t)end : 0};
}

void analysis_chroma_fold(const float *notes, analysis_chroma *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (int n = 0; n < ANALYSIS_N_NOTES; n++) {
        int midi = ANALYSIS_NOTE_LOW + n;
        ret->bass[midi % 12] += bass_weight(midi) * notes[n];
        ret->treble[midi % 12] += treble_weight(midi) * notes[n];
    }
}

void analysis_chroma_mean(const analysis_frontend *frontend, double start_s, double end_s,
                          analysis_chroma *ret)
{
    float notes[ANALYSIS_N_NOTES] = {0};
    frame_range range = range_of(frontend, start_s, end_s);
    for (size_t t = range.first; t < range.end; t++) {
        for (int n = 0; n < ANALYSIS_N_NOTES; n++) {
            notes[n] += frontend->notes[t * ANALYSIS_N_NOTES + (size_t)n];
        }
    }
    for (int n = 0; n < ANALYSIS_N_NOTES && range.end > range.first; n++) {
        notes[n] /= (float)(range.end - range.first);
    }
    analysis_chroma_fold(notes, ret);
}

void analysis_timbre_mean(const analysis_frontend *frontend, double start_s, double end_s,
                          float ret[ANALYSIS_N_TIMBRE])
{
    frame_range range = range_of(frontend, start_s, end_s);
    memset(ret, 0, ANALYSIS_N_TIMBRE * sizeof(*ret));
    for (size_t t = range.first; t < range.end; t++) {
        for (int b = 0; b < ANALYSIS_N_TIMBRE; b++) {
            ret[b] += frontend->timbre[t * ANALYSIS_N_TIMBRE + (size_t)b];
        }
    }
    for (int b = 0; b < ANALYSIS_N_TIMBRE && range.end > range.first; b++) {
        ret[b] /= (float)(range.end - range.first);
    }
}

float analysis_cosine_distance(const float *a, const float *b, int n)
{
    double dot = 0;
    double norm_a = 0;
    double norm_b = 0;
    for (int i = 0; i < n; i++) {
        dot += (double)a[i] * (double)b[i];
        norm_a += (double)a[i] * (double)a[i];
        norm_b += (double)b[i] * (double)b[i];
    }
    double norm = sqrt(norm_a * norm_b);
    return norm > 1e-12 ? (float)RF_MAX(0.0, 1.0 - dot / norm) : 0.0f;
}
