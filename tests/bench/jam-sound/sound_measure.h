/*
 * sound_measure.h - what can be said of a take by numbers alone. Bounds stand in `run`.
 */
#ifndef SOUND_MEASURE_H
#define SOUND_MEASURE_H

#include "sound_play.h"

typedef struct sound_figures {
    double lufs;        /* integrated, ITU-R BS.1770 */
    double peak_dbtp;   /* 4 x oversampled */
    double dc;          /* largest mean of any 10 s, of full scale */
    double correlation; /* of left and right */
    double low_share;   /* of the energy, 20-120 Hz */
    size_t silences;    /* stretches of 100 ms below -80 dBFS */
    double centroid_hz; /* mean over frames by their energy's root */
    uint64_t hash;      /* of the bytes */
} sound_figures;

void sound_measure(const sound_take *take, sound_figures *ret);

/* sound_centroid gives the mean spectral centroid alone. */
double sound_centroid(const sound_take *take);

#endif
