/*
 * band_score.h - what stands between composer and player: notes and sounds, timed in beats. The
 * composer knows nothing of samples and synthesizers, the player nothing of harmony and style.
 * Plain data.
 */
#ifndef BAND_SCORE_H
#define BAND_SCORE_H

#include "jam_controls.h"

/* The players of the band. Each belongs to one stem: see band_part_stem. */
typedef enum band_part {
    BAND_DRUMS,      /* kit: pitch is the General MIDI percussion key */
    BAND_PERCUSSION, /* shakers, congas, claps, risers of the kit: likewise */
    BAND_BASS,
    BAND_COMP, /* chords in rhythm: piano, guitar, stabs */
    BAND_PAD,  /* sustained chords */
    BAND_ARP,  /* broken chords, sequences */
    BAND_LEAD,
    BAND_COUNTER, /* second voice, answers */
    BAND_N_PARTS,
} band_part;

static inline jam_stem band_part_stem(band_part part)
{
    return part <= BAND_PERCUSSION ? JAM_STEM_DRUMS
           : part == BAND_BASS     ? JAM_STEM_BASS
           : part <= BAND_ARP      ? JAM_STEM_CHORDS
                                   : JAM_STEM_LEAD;
}

typedef struct band_note {
    double beat;   /* start, from the begin of the session; groove and swing included */
    double length; /* beats, > 0 */
    band_part part;
    uint8_t pitch;    /* MIDI key, 0-127 */
    uint8_t velocity; /* 1-127 */
} band_note;

/* How one part sounds. Levels are set so that each style of its own accord comes near -16 LUFS;
 * what is left the player's bus levels, slowly and by 4 dB at most. */
typedef struct band_sound {
    uint8_t bank; /* MIDI bank of the soundfont; kits are in bank 128 */
    uint8_t program;
    bool silent;      /* the style has no such part */
    double level_db;  /* -40 to 12, on top of the part's standard level */
    double pan;       /* -1 left to 1 right */
    double reverb;    /* 0-1, send */
    double chorus;    /* 0-1, send */
    double cutoff_hz; /* low-pass of the part at brightness 0.5; 0: none */
    double drive;     /* 0-1, saturation of the part's stem */
} band_sound;

typedef struct band_mix {
    band_sound parts[BAND_N_PARTS];
    double room_s; /* reverb time, 0.3-4 */
    double bus_db; /* of the whole style, trims its loudness */
    double pump;   /* 0-1: how far the kick ducks chords and bass */
    double width;  /* 0-1, of chords and lead */
} band_mix;

#endif
