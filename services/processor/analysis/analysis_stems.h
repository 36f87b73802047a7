/*
 * analysis_stems.h - the singer and the band: a song split into vocals and accompaniments.
 *
 * Method: see analysis_split.h. Steady and repeated sounds, hits, and what stands at the sides goes
 * to the accompaniment; what lies in the centre, moves in pitch and follows one melody to the
 * vocals.
 */
#ifndef ANALYSIS_STEMS_H
#define ANALYSIS_STEMS_H

#include "analysis_split.h"

enum { ANALYSIS_STEM_VOCALS, ANALYSIS_STEM_ACCOMPANIMENTS, ANALYSIS_N_STEMS };

/* analysis_stems_split writes ANALYSIS_N_STEMS stems of the input's channels and frames to sink, in
 * blocks of at most some 25 s. The stems sum to the input exactly for 24-bit samples, else within
 * 2^-23. Memory stays within some 200 MB plus the input, whatever its length. Returns 0, what sink
 * returned below 0, or the errors of analysis.h; the sink may have seen part of the stems then. */
int analysis_stems_split(const analysis_audio *audio, const analysis_control *control,
                         const analysis_sink *sink);

#endif
