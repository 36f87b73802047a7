/*
 * analysis_tone.h - what sounds: log-frequency spectrum, tuning, note activations, timbre.
 * First analysis_tone_push for every frame, then analysis_tone_notes over the kept spectra.
 * Belongs to one thread.
 */
#ifndef ANALYSIS_TONE_H
#define ANALYSIS_TONE_H

#include "analysis_frontend.h"

#define ANALYSIS_TONE_WINDOW 8192
#define ANALYSIS_TONE_HOP 1024
#define ANALYSIS_N_LOG (3 * ANALYSIS_N_NOTES + 6) /* bins; bin 3 n + 3 is note n's centre */

typedef struct analysis_tone analysis_tone;

/* analysis_tone_new returns NULL when out of memory. */
analysis_tone *analysis_tone_new(void);
analysis_tone *analysis_tone_free(analysis_tone *tone);

/* analysis_tone_push reads ANALYSIS_TONE_WINDOW pairs, adds to the tuning estimate, and writes one
 * log-frequency spectrum and the energies of the timbre bands. */
void analysis_tone_push(analysis_tone *tone, const float *pairs, float ret_log[ANALYSIS_N_LOG],
                        float ret_timbre[ANALYSIS_N_TIMBRE]);

/* analysis_tone_tuning gives the deviation from A4 = 440 Hz in semitones, -0.5 to 0.5. */
double analysis_tone_tuning(const analysis_tone *tone);

/* analysis_tone_notes explains one log-frequency spectrum by notes at the given tuning. */
void analysis_tone_notes(const analysis_tone *tone, const float log_spectrum[ANALYSIS_N_LOG],
                         double tuning, float ret_notes[ANALYSIS_N_NOTES]);

#endif
