/*
 * analysis_frontend.h - features of one audio, made once and read by every analysis.
 *
 * The audio is folded to two channels, resampled to 22,050 Hz and streamed through two short-time
 * transforms; nothing but features is kept. Both channels go through one complex transform, whose
 * power is that of left plus right: a mix-down in which opposite phases cannot cancel.
 *  - onset frames, 86.13 a second: rise of the log spectrum in ANALYSIS_N_FLUX bands
 *    (Boeck, Widmer, "Maximum Filter Vibrato Suppression for Onset Detection", 2013)
 *  - tone frames, 21.53 a second: log-frequency spectrum with 3 bins a semitone, tuned, whitened
 * and explained by 84 notes with overtones (Mauch, Dixon, 2010, "NNLS chroma"); band energies
 * Immutable once made; any number of threads may read it.
 */
#ifndef ANALYSIS_FRONTEND_H
#define ANALYSIS_FRONTEND_H

#include "analysis.h"

#define ANALYSIS_N_FLUX 6   /* bands of onset strength */
#define ANALYSIS_N_NOTES 84 /* A0 (MIDI 21) to G#7 */
#define ANALYSIS_NOTE_LOW 21
#define ANALYSIS_N_TIMBRE 24 /* log energies of mel-spaced bands */

typedef struct analysis_frontend {
    double duration_s;
    double tuning_hz; /* of A4 */

    double onset_rate_hz; /* frame i is centred at i / onset_rate_hz */
    size_t n_onset;
    float *flux; /* [n_onset][ANALYSIS_N_FLUX], >= 0, each band scaled to a mean of 1 */

    double tone_rate_hz;
    size_t n_tone;
    float *notes;  /* [n_tone][ANALYSIS_N_NOTES] note activations, >= 0 */
    float *timbre; /* [n_tone][ANALYSIS_N_TIMBRE] dB above the noise floor of -80 dBFS, >= 0 */
    float *level;  /* [n_tone] RMS, full scale sine = 0.707 */
} analysis_frontend;

/* analysis_frontend_new reads the audio (borrowed for the call). *ret is for the caller to free. */
int analysis_frontend_new(const analysis_audio *audio, const analysis_control *control,
                          analysis_frontend **ret);

/* analysis_frontend_save writes the features to fd from its present place on; 0 or -errno of write.
 * analysis_frontend_load reads them back, made on the same kind of machine: -EBADMSG when the bytes
 * are no features, are cut short, hold values out of range, or claim more than
 * ANALYSIS_DURATION_MAX_S. */
int analysis_frontend_save(const analysis_frontend *frontend, int fd);
int analysis_frontend_load(int fd, analysis_frontend **ret);

/* analysis_frontend_free accepts NULL and returns NULL. */
analysis_frontend *analysis_frontend_free(analysis_frontend *frontend);

#endif
