/*
 * corpus_style.h - the styles the composer knows, as data.
 *
 * Patterns are one bar of steps: 'x' plays, '.' rests, '1' to '9' plays with that probability in
 * tenths (drawn once per section, so that a groove repeats). A bar has meter * steps_per_beat
 * steps; a pattern shorter than the bar repeats.
 */
#ifndef CORPUS_STYLE_H
#define CORPUS_STYLE_H

#include "rf_base.h"

typedef enum corpus_comp_kind {
    CORPUS_COMP_NONE,
    CORPUS_COMP_PAD,   /* held chords */
    CORPUS_COMP_STABS, /* block chords on the pattern */
    CORPUS_COMP_STRUM, /* chords spread over 10 to 40 ms, alternating direction */
    CORPUS_COMP_ARP,   /* broken chords on the pattern */
    CORPUS_COMP_POWER, /* root, fifth and octave, low, for distorted guitars */
} corpus_comp_kind;

typedef enum corpus_bass_kind {
    CORPUS_BASS_ROOTS,   /* chord bass on the pattern */
    CORPUS_BASS_FIFTHS,  /* alternating bass and fifth */
    CORPUS_BASS_WALK,    /* one note a beat through chord and scale */
    CORPUS_BASS_OCTAVES, /* bass and its octave */
} corpus_bass_kind;

typedef struct corpus_comp {
    corpus_comp_kind kind;
    const char *pattern;
    const char *programs; /* General MIDI programs, one drawn; comma list */
    int centre;           /* MIDI pitch around which chords are voiced */
    double level_db;
} corpus_comp;

typedef struct corpus_groove {
    const char *kick, *snare, *hat;
} corpus_groove;

#define CORPUS_N_COMPS 4
#define CORPUS_N_GROOVES 3

typedef struct corpus_style {
    const char *name;
    int meter;          /* beats a bar */
    int steps_per_beat; /* 4, or 3 when beats divide in three */
    int phrase_bars;    /* sections are one or two phrases */
    double bpm_low, bpm_high;
    double swing_low, swing_high; /* where the off-beat eighth falls in its beat */
    double jitter_s;              /* deviation of each note */
    double p_drift;               /* probability of a wandering tempo */
    double p_minor, p_seventh, p_inversion, p_suspended;
    double p_drums, p_vocal;
    bool is_distorted;
    const char *major; /* progressions in Roman numerals: '|' between bars, ';' between choices */
    const char *minor;
    corpus_groove grooves[CORPUS_N_GROOVES];
    const char *hat_pitch; /* comma list of MIDI drum keys for the hat pattern */
    int snare_pitch;
    const char *drum_kits; /* programs of bank 128 */
    corpus_bass_kind bass;
    const char *bass_pattern;
    const char *bass_programs;
    corpus_comp comps[CORPUS_N_COMPS];
    const char *lead_programs;
    double lead_density; /* notes a step, 0 to 1 */
} corpus_style;

size_t corpus_n_styles(void);
const corpus_style *corpus_style_at(size_t index);

#endif
