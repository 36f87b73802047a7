/*
 * analysis_pulse.h - the rhythm of a song as curves: onset strength by band and in sum.
 * Every curve is centred and scaled to its surroundings, so that soft and loud passages count
 * alike. Immutable once made; any thread may read it.
 */
#ifndef ANALYSIS_PULSE_H
#define ANALYSIS_PULSE_H

#include "analysis_activation.h"

#define ANALYSIS_N_PULSE (ANALYSIS_N_CURVES + 2) /* then the activations of beat and downbeat */

typedef struct analysis_pulse {
    size_t n;
    double rate_hz;
    float *bands;    /* [n][ANALYSIS_N_PULSE], deviations, -1 to 5 */
    float *strength; /* [n], deviations of the weighted sum, with the beat's activation */
    float *beat;     /* [n], its activation as it is: a probability */
} analysis_pulse;

/* analysis_pulse_new returns NULL when out of memory. */
analysis_pulse *analysis_pulse_new(const analysis_frontend *frontend);
analysis_pulse *analysis_pulse_free(analysis_pulse *pulse);

/* analysis_pulse_note_rise writes how much all notes together rise over two tone frames, in
 * logarithms, one value a tone frame. */
void analysis_pulse_note_rise(const analysis_frontend *frontend, float *ret);

/* Value at a time: the largest within 2 frames, 0 outside the song. */
float analysis_pulse_band(const analysis_pulse *pulse, int band, double time_s);
float analysis_pulse_beat(const analysis_pulse *pulse, double time_s);
float analysis_pulse_strength(const analysis_pulse *pulse, double time_s);

#endif
