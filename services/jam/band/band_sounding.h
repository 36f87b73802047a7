/*
 * band_sounding.h - the notes of a player that sound, each until its end. Plain data of the player;
 * nothing is allocated.
 */
#ifndef BAND_SOUNDING_H
#define BAND_SOUNDING_H

#include "band_synth.h"

#define BAND_SOUNDING_MAX 96

typedef struct band_sounding_note {
    double end_beat;
    uint32_t note; /* of the synthesizer */
    uint8_t part, pitch;
} band_sounding_note;

typedef struct band_sounding {
    band_sounding_note notes[BAND_SOUNDING_MAX];
    size_t n;
} band_sounding;

/* band_sounding_make_room releases the note of the same part and pitch; when there is none and all
 * places are taken, the note that ends first. */
void band_sounding_make_room(band_sounding *sounding, band_synth *synth, const band_note *note);

/* band_sounding_add: there must be room. */
void band_sounding_add(band_sounding *sounding, const band_note *note, double end_beat,
                       uint32_t number);

/* band_sounding_stop releases the notes that end before a beat. */
void band_sounding_stop(band_sounding *sounding, band_synth *synth, double until);

#endif
