/*
 * jam_window.h - the samples that chunks are cut from: interleaved pairs of a stream, of which the
 * newest and some history are kept. Private to the stream. Plain memory, no heap after new.
 */
#ifndef JAM_WINDOW_H
#define JAM_WINDOW_H

#include "jam_controls.h"

typedef struct jam_window {
    float *data;
    uint32_t cap;  /* pairs */
    int64_t first; /* position of data[0] */
    int64_t end;   /* of the next sample */
} jam_window;

/* jam_window_init holds cap pairs; it begins with n pairs of silence before position 0. */
void jam_window_init(jam_window *window, uint32_t cap, uint32_t n);
void jam_window_done(jam_window *window);

/* jam_window_at: the pair at a position that is held. */
float *jam_window_at(const jam_window *window, int64_t position);

/* jam_window_keep forgets what lies before a position. */
void jam_window_keep(jam_window *window, int64_t position);

/* jam_window_add appends n pairs (the caller has made room) and returns where they go. */
float *jam_window_add(jam_window *window, uint32_t n);

/* jam_fade writes a + g * (b - a) with g from 0 to 1 over n pairs; out may be a or b. */
void jam_fade(const float *a, const float *b, uint32_t n, float *out);

#endif
