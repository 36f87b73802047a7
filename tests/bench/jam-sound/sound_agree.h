/*
 * sound_agree.h - whether the music is what was asked for: by the notes as they were played, and by
 * the project's own analysis of the audio.
 */
#ifndef SOUND_AGREE_H
#define SOUND_AGREE_H

#include "sound_play.h"

typedef struct sound_notes {
    size_t n;
    double per_bar;
    double in_key;       /* share of the pitched notes */
    double on_grid;      /* share of all notes in the fullest 8 of the 24 places of a beat */
    double late_samples; /* largest distance of a note's sample from its beat on the tempo map */
} sound_notes;

/* sound_notes_check: the tempo must not have changed during the take. */
void sound_notes_check(const sound_take *take, sound_notes *ret);

typedef struct sound_heard {
    int tonic; /* 0-11 */
    bool minor;
    double bpm;
    double downbeat_f; /* F-measure of the downbeats within 70 ms, 5 s left out at both ends; the
                          better of the bars as written and, where the beats heard are at twice or
                          half the tempo, of the bars that go with them */
    size_t form_bars;  /* 2-16: the distance at which bars are most alike */
} sound_heard;

void sound_hear(const sound_take *take, sound_heard *ret);

bool sound_is_minor(jam_scale scale);

#endif
