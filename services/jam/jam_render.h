/*
 * jam_render.h - a stream without a session: engine, seed, start and a log of changes to exactly so
 * many samples, the same that a session with that log has sent (POST /v1/jam/render, and the
 * continuity test). Pulled piece by piece, so that the caller can stop, yield and encode as it
 * goes. One thread at a time.
 */
#ifndef JAM_RENDER_H
#define JAM_RENDER_H

#include "jam_stream.h"

/* One entry of a control log: a change that held from `sample` on, or a reset of the context. */
typedef struct jam_log_entry {
    int64_t sample;
    bool reset;
    uint64_t seed;         /* reset: of the new instance */
    jam_controls controls; /* reset: as its open was given */
    jam_change change;     /* else: at_* in it are not looked at */
} jam_log_entry;

typedef struct jam_render_def {
    const jam_engine *engine;
    uint64_t seed;
    const jam_change *start;  /* lent for the open */
    const jam_log_entry *log; /* rising samples; lent while the render lives */
    size_t n_log;
    int64_t n_samples;
} jam_render_def;

typedef struct jam_render jam_render;

/* jam_render_open opens the instance (may block up to 5 s). Returns 0, or the engine's error with
 * its reason in why. */
int jam_render_open(const jam_render_def *def, jam_render **ret, char *why, size_t why_size);

/* jam_render_next gives the next 1 to 1,920 pairs, interleaved and lent until the next call; 0 when
 * all n_samples are out; negative errno when the engine failed. */
int jam_render_next(jam_render *render, const float **ret_pcm);
jam_render *jam_render_free(jam_render *render);

#endif
