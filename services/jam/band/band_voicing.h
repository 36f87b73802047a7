/*
 * band_voicing.h - how a chord is spread over voices, and led from the one before: common tones
 * stay, the others move little, and where the style minds, no two voices move in fifths or octaves.
 */
#ifndef BAND_VOICING_H
#define BAND_VOICING_H

#include "band_kinds.h"

#define BAND_VOICES_MAX 5

typedef struct band_voicing {
    size_t n;
    band_tone voices[BAND_VOICES_MAX]; /* rising */
} band_voicing;

/* band_voicing_lead replaces *voicing (n = 0: none yet) by one of `chord` of that kind, as near to
 * it and to `centre` (semitones above the tonic) as can be. */
void band_voicing_lead(const band_chord *chord, band_voicing_kind kind, int centre,
                       band_voicing *voicing);

/* band_voicing_parallels: pairs of voices that move in fifths or octaves from a to b. */
int band_voicing_parallels(const band_voicing *a, const band_voicing *b);

#endif
