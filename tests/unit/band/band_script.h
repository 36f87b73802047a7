/*
 * band_script.h - a composer for tests of the player: it gives the notes, the tempo and the sound
 * that the test wrote down. It stands in for band_composer.c, and for the styles.
 */
#ifndef BAND_SCRIPT_H
#define BAND_SCRIPT_H

#include "band_composer.h"
#include "band_player.h"

#define BAND_SCRIPT_MAX 8192

typedef struct band_script {
    band_note notes[BAND_SCRIPT_MAX];
    size_t n;
    band_mix mix;
    uint32_t mix_count;
    double bpm;          /* when the controls name none */
    double bpm_from_bar; /* from the bar line at this beat on, ... */
    double bpm_then;     /* ... this tempo; 0: never */
    double over_beat;    /* end of an ending; negative: none */
} band_script;

/* The script that composers made from now on play; tests of one program run one at a time in it. */
extern band_script band_script_now;

/* band_script_clear: no notes, plain sounds of four stems, 120 bpm. */
void band_script_clear(void);

/* band_script_add appends a note; starts must not fall. */
void band_script_add(double beat, double length, band_part part, int pitch, int velocity);

/* band_script_groove: `bars` of drums, bass, chords and a lead, all stems all the time. */
void band_script_groove(size_t bars);

/* The soundfont, loaded once. */
const band_bank *band_script_bank(void);

/* band_script_render plays n frames of the script into fresh arrays that the caller frees. */
typedef struct band_take {
    float *left, *right;
    size_t n;
    band_mixer_tap *taps; /* n / BAND_BLOCK */
} band_take;

band_take band_take_new(size_t n_frames);
void band_take_done(band_take *take);
/* Renders frames [first, first + n) of a take. */
void band_take_play(band_take *take, band_player *player, size_t first, size_t n);
/* RMS in dBFS of samples [from, to) of both channels. */
double band_rms_db(const float *left, const float *right, size_t from, size_t to);
/* The same of a stem, from the taps. */
double band_stem_db(const band_take *take, jam_stem stem, size_t from, size_t to);

#endif
