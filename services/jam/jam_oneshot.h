/*
 * jam_oneshot.h - one render of POST /v1/jam/render: its JSON to a plain order, and the order to a
 * file, piece by piece. Any thread; an order belongs to one at a time.
 */
#ifndef JAM_ONESHOT_H
#define JAM_ONESHOT_H

#include "jam_engines.h"
#include "jam_message.h"
#include "jam_render.h"
#include "rf_encode.h"

#define JAM_ONESHOT_SECONDS_MIN 0.04
#define JAM_ONESHOT_SECONDS_MAX 600.0
#define JAM_ONESHOT_SECONDS_DEFAULT 30.0
#define JAM_ONESHOT_CONTROLS_MAX 1000

typedef struct jam_oneshot {
    const jam_engine *engine;
    jam_change start;
    jam_settings settings;
    bool wide_tempo;
    uint64_t seed;
    int64_t n_samples;
    jam_log_entry *log; /* rising samples */
    size_t n_log;
} jam_oneshot;

/* jam_oneshot_parse reads {params, seconds, controls}; with wide_tempo bpm may be 40 to 240.
 * Returns 0 and an order; or -EINVAL (a field is wrong), -ENOENT (no such engine) and an error. */
int jam_oneshot_parse(jam_engines *engines, const char *json, size_t len, bool wide_tempo,
                      jam_oneshot **ret, jam_error *error);
jam_oneshot *jam_oneshot_free(jam_oneshot *order);

/* jam_oneshot_size: bytes of the file, when they can be told ahead (WAV); else 0. */
uint64_t jam_oneshot_size(const jam_oneshot *order);

/* jam_oneshot_run renders and encodes to the sink; beat(user) is called with each frame. Returns 0,
 * the sink's error, or the engine's with its reason in why. */
int jam_oneshot_run(const jam_oneshot *order, rf_sink sink, void (*beat)(void *user), void *user,
                    char *why, size_t why_size);

/* jam_oneshot_error writes {"code","message","field","limit"}, which the gateway answers as a 422
 * under its title; it fits an rf_status. */
void jam_oneshot_error(const jam_error *error, char *ret, size_t size);

#endif
