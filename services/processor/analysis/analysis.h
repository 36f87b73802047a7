/*
 * analysis.h - what every music analysis shares: the audio it reads and how it is steered.
 *
 * An analysis is a pure function of its inputs: no globals, no files, equal input gives equal
 * output, and any number of threads may run analyses at once on the same (constant) audio.
 * Way of one song: analysis_frontend_new makes the shared features of the audio once; then
 * analysis_beats_find, analysis_chords_find, analysis_key_find and analysis_sections_find read
 * them.
 *
 * Common rules of all of them:
 *  - control may be NULL, and each of its callbacks too. `cancelled` is polled at least every
 *    100 ms of work; once it says true the function frees what it made and returns -ECANCELED.
 *  - Results are written on success only and never hold NaN or infinity, whatever the samples hold.
 *  - Times are seconds of the given audio, from 0 to its duration.
 *  - Errors: -EINVAL (see analysis_audio_check), -ENOMEM, -ECANCELED.
 */
#ifndef ANALYSIS_H
#define ANALYSIS_H

#include "rf_base.h"

#define ANALYSIS_CHANNELS_MAX 32
#define ANALYSIS_RATE_MIN_HZ 3000
#define ANALYSIS_RATE_MAX_HZ 768000
#define ANALYSIS_DURATION_MAX_S 14400 /* features take 12 kB a second, 22 kB more while made */

/* Planar float32 audio, borrowed. channels[c][i], nominal range -1 to 1; values outside, NaN and
 * infinities are legal input. n_frames may be 0, channels may be NULL then. */
typedef struct analysis_audio {
    const float *const *channels;
    int n_channels;
    int64_t n_frames;
    int rate_hz;
} analysis_audio;

typedef struct analysis_control {
    bool (*cancelled)(void *user);
    void (*progress)(void *user, double fraction); /* 0 to 1, not decreasing, within one call */
    void *user;
} analysis_control;

/* analysis_audio_check returns 0, or -EINVAL when channels, rate or duration is outside the limits
 * above or a plane is missing. */
int analysis_audio_check(const analysis_audio *audio);

/* analysis_audio_duration_s gives n_frames / rate_hz. */
double analysis_audio_duration_s(const analysis_audio *audio);

/* analysis_cancelled asks the control; false for NULL. analysis_progress reports to it. */
bool analysis_cancelled(const analysis_control *control);
void analysis_progress(const analysis_control *control, double fraction);

#endif
