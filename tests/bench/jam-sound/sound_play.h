/*
 * sound_play.h - one session of the band rendered through its engine, with the notes as they
 * started, as the benchmark measures it.
 */
#ifndef SOUND_PLAY_H
#define SOUND_PLAY_H

#include "jam_engine.h"

typedef struct sound_take {
    float *left, *right;
    size_t n; /* samples */
    jam_note *notes;
    size_t n_notes, room;
    double bpm;      /* in force at the first sample */
    double last_bpm; /* and after the last */
    int key;
    jam_scale scale;
    double cpu_s; /* of rendering */
} sound_take;

/* Called before each frame; may change *controls and then returns true. */
typedef bool sound_steer(void *user, size_t frame, jam_controls *controls);

/* sound_defaults: a start that names one style ("" for none), all else as in jam.md section 3. */
void sound_defaults(jam_controls *ret, const char *style);

/* sound_play renders n frames; steer may be NULL. Exits on failure: the benchmark has no use then.
 * sound_take_done frees. */
void sound_play(const jam_engine *engine, uint64_t seed, const jam_controls *controls,
                size_t n_frames, sound_steer *steer, void *user, sound_take *ret);
void sound_take_done(sound_take *take);

#endif
