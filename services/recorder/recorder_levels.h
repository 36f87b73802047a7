/*
 * recorder_levels.h - how loud audio is, a tenth of a second at a time: peak and RMS of each
 * channel in dB below full scale. Pure but for the state given; one owner.
 */
#ifndef RECORDER_LEVELS_H
#define RECORDER_LEVELS_H

#include "rf_convert.h"

#define RECORDER_LEVELS_PER_S 10
#define RECORDER_LEVELS_FLOOR_DB (-120.0) /* of silence */

/* Zeroed is empty. */
typedef struct recorder_levels {
    int64_t n_frames;
    double peak[RF_MIX_MAX_CHANNELS]; /* 0..1 */
    double power[RF_MIX_MAX_CHANNELS];
} recorder_levels;

/* recorder_levels_add looks at n frames. Returns how many it took: up to the end of a tenth of a
 * second, which is then to be read and cleared. */
int64_t recorder_levels_add(recorder_levels *l, const rf_pcm *pcm, const void *data, int64_t n);

/* recorder_levels_full: a tenth of a second has been looked at. */
bool recorder_levels_full(const recorder_levels *l, const rf_pcm *pcm);

double recorder_levels_peak_db(const recorder_levels *l, uint32_t channel);
double recorder_levels_rms_db(const recorder_levels *l, uint32_t channel);

#endif
