/*
 * analysis_beats.h - beats, downbeats, tempo and meter of a song.
 *
 * Onset strength in several bands and what a small network makes of its patterns; for tempi all
 * over the range a dynamic programme lays beats through the song (Ellis, "Beat Tracking by Dynamic
 * Programming", 2007); metrical level, meter and bar phase are then chosen together from what
 * happens on and between those beats, with a bar pointer that may slip (Whiteley, Cemgil, Godsill,
 * "Bayesian Modelling of Temporal Structure in Musical Audio", 2006; Krebs, Boeck, Widmer, 2015);
 * the ends without music are left out. 30 to 300 beats a minute.
 */
#ifndef ANALYSIS_BEATS_H
#define ANALYSIS_BEATS_H

#include "analysis.h"
#include "analysis_frontend.h"

#define ANALYSIS_BPM_MIN 30.0
#define ANALYSIS_BPM_MAX 300.0

typedef struct analysis_beat {
    double time_s;
    int number;       /* place in the bar, 1 = downbeat */
    float confidence; /* 0 to 1 */
} analysis_beat;

typedef struct analysis_beats {
    analysis_beat *beats; /* strictly rising times; owned */
    size_t n_beats;
    double bpm;        /* 0 when there is no beat */
    int beats_per_bar; /* 3, 4, or 2 (as in 6/8 counted in dotted quarters); 0 when no beat */
    bool is_compound;  /* each beat divides in three, as in 6/8 and 12/8 */
    double confidence; /* 0 to 1, of the whole result */
} analysis_beats;

/* analysis_beats_find fills *ret, which analysis_beats_done empties. Audio without onsets gives no
 * beats and is no error. */
int analysis_beats_find(const analysis_frontend *frontend, const analysis_control *control,
                        analysis_beats *ret);
void analysis_beats_done(analysis_beats *beats);

/* analysis_bpm_format writes at most 2 decimals without trailing zeros: "64", "63.5". */
void analysis_bpm_format(double bpm, char *ret, size_t ret_size);

#endif
