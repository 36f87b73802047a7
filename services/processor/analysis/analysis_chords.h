/*
 * analysis_chords.h - the chords of a song, and their names.
 *
 * Beat-synchronous bass and treble chroma of non-negative note activations (Mauch, Dixon,
 * "Approximate Note Transcription for the Improved Identification of Difficult Chords", 2010), a
 * classifier shared by all twelve roots, and a Viterbi path over roots and qualities. Labels follow
 * Harte, "Towards Automatic Extraction of Harmony Information from Music Signals", 2010.
 */
#ifndef ANALYSIS_CHORDS_H
#define ANALYSIS_CHORDS_H

#include "analysis.h"
#include "analysis_beats.h"
#include "analysis_frontend.h"

typedef enum analysis_quality {
    ANALYSIS_MAJ,
    ANALYSIS_MIN,
    ANALYSIS_DOM7,
    ANALYSIS_MAJ7,
    ANALYSIS_MIN7,
    ANALYSIS_DIM,
    ANALYSIS_HDIM7,
    ANALYSIS_DIM7,
    ANALYSIS_AUG,
    ANALYSIS_SUS4,
    ANALYSIS_SUS2,
    ANALYSIS_N_QUALITIES,
} analysis_quality;

#define ANALYSIS_NO_CHORD (-1)

typedef struct analysis_chord {
    double start_s;
    double end_s;
    int root; /* 0 = C to 11 = B, or ANALYSIS_NO_CHORD: quality and bass mean nothing then */
    analysis_quality quality;
    int bass;         /* 0 to 11, equals root unless inverted */
    float confidence; /* 0 to 1 */
} analysis_chord;

typedef struct analysis_chords {
    analysis_chord *rows; /* contiguous from 0 to the duration; none for empty audio; owned */
    size_t n_rows;
} analysis_chords;

/* analysis_chords_find fills *ret, which analysis_chords_done empties. beats may be NULL or hold
 * none: chords then change on a fixed grid. */
int analysis_chords_find(const analysis_frontend *frontend, const analysis_beats *beats,
                         const analysis_control *control, analysis_chords *ret);
void analysis_chords_done(analysis_chords *chords);

#define ANALYSIS_LABEL_SIZE 24 /* enough for every label below, terminator included */

/* Names of one chord, written to ret[ANALYSIS_LABEL_SIZE]:
 *  harte   `C:maj`, `A:min7`, `F#:hdim7`, `C:maj/3` (inversions as scale degrees), `N`
 *  majmin  `C:maj`, `A:min`, `N`; every quality goes to the triad of its third (sus: major)
 *  simple  `C`, `Am`, `N`
 *  plain   `Cmaj`, `Amin7`, `N` (harte without the colon and the bass)
 *  bass    `C`, `F#`, `N`
 */
void analysis_chord_harte(const analysis_chord *chord, char *ret);
void analysis_chord_majmin(const analysis_chord *chord, char *ret);
void analysis_chord_simple(const analysis_chord *chord, char *ret);
void analysis_chord_plain(const analysis_chord *chord, char *ret);
void analysis_chord_bass(const analysis_chord *chord, char *ret);

/* analysis_pitch_name gives "C", "C#", ... "B" for 0 to 11. */
const char *analysis_pitch_name(int pitch_class);

#endif
