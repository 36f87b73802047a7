#include <stdio.h>

#include "analysis_chords.h"

static const char *const PITCHES[12] = {"C",  "C#", "D",  "D#", "E",  "F",
                                        "F#", "G",  "G#", "A",  "A#", "B"};

static const char *const QUALITIES[ANALYSIS_N_QUALITIES] = {
    "maj", "min", "7", "maj7", "min7", "dim", "hdim7", "dim7", "aug", "sus4", "sus2"};

/* Semitones above the root as Harte's scale degrees. */
static const char *const DEGREES[12] = {"1",  "b2", "2",  "b3", "3",  "4",
                                        "b5", "5",  "#5", "6",  "b7", "7"};

static bool has_minor_third(analysis_quality quality)
{
    return quality == ANALYSIS_MIN || quality == ANALYSIS_MIN7 || quality == ANALYSIS_DIM ||
           quality == ANALYSIS_HDIM7 || quality == ANALYSIS_DIM7;
}

const char *analysis_pitch_name(int pitch_class)
{
    return PITCHES[(pitch_class % 12 + 12) % 12];
}

static void write_label(char *ret, const char *root, const char *middle, const char *quality)
{
    snprintf(ret, ANALYSIS_LABEL_SIZE, "%s%s%s", root, middle, quality);
}

void analysis_chord_harte(const analysis_chord *chord, char *ret)
{
    if (chord->root == ANALYSIS_NO_CHORD) {
        write_label(ret, "N", "", "");
        return;
    }
    int degree = (chord->bass - chord->root + 12) % 12;
    snprintf(ret, ANALYSIS_LABEL_SIZE, "%s:%s%s%s", PITCHES[chord->root], QUALITIES[chord->quality],
             degree == 0 ? "" : "/", degree == 0 ? "" : DEGREES[degree]);
}

void analysis_chord_majmin(const analysis_chord *chord, char *ret)
{
    bool none = chord->root == ANALYSIS_NO_CHORD;
    const char *third = has_minor_third(chord->quality) ? "min" : "maj";
    write_label(ret, none ? "N" : PITCHES[chord->root], none ? "" : ":", none ? "" : third);
}

void analysis_chord_simple(const analysis_chord *chord, char *ret)
{
    bool none = chord->root == ANALYSIS_NO_CHORD;
    const char *third = has_minor_third(chord->quality) ? "m" : "";
    write_label(ret, none ? "N" : PITCHES[chord->root], "", none ? "" : third);
}

void analysis_chord_plain(const analysis_chord *chord, char *ret)
{
    bool none = chord->root == ANALYSIS_NO_CHORD;
    write_label(ret, none ? "N" : PITCHES[chord->root], "", none ? "" : QUALITIES[chord->quality]);
}

void analysis_chord_bass(const analysis_chord *chord, char *ret)
{
    write_label(ret, chord->root == ANALYSIS_NO_CHORD ? "N" : PITCHES[chord->bass], "", "");
}
