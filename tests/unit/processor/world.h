/*
 * world.h - what an attempt needs around it in a test: a store in a temporary directory, real
 * children, the guarded fetcher with loopback open, a job side that writes down what it is told,
 * and a small HTTP server.
 */
#ifndef WORLD_H
#define WORLD_H

#include "processor_attempt.h"
#include "processor_run.h"

#include <stdatomic.h>

#define WORLD_KEPT_MAX 4096

/* The job side. Counters may be read while it is in use. */
typedef struct world_board {
    processor_board calls;
    pthread_mutex_t lock;
    processor_claim *ready[WORLD_KEPT_MAX]; /* what the next claims give */
    size_t n_ready;
    processor_finish kept[WORLD_KEPT_MAX]; /* ids, outcomes and failures of finishes */
    size_t n_kept;
    processor_step_output steps[64];
    size_t n_steps;
    uint32_t asked[WORLD_KEPT_MAX]; /* max of each claim */
    size_t n_claims;
    atomic_uint n_heartbeats;
    uint8_t sha256[64][RF_SHA256_LEN]; /* of what was fetched */
    size_t n_fetched;
    atomic_bool takes;         /* what was fetched makes the job equal to another */
    atomic_bool is_down;       /* every call fails */
    atomic_bool refuses_lease; /* heartbeats answer lost, other writes are stale */
    atomic_uint free_slots;    /* of the last heartbeat */
} world_board;

typedef struct world {
    char dir[64];
    rf_store *store;
    rf_fetch *fetch;
    world_board board;
    processor_env env;
} world;

/* world_open makes everything, world_close removes it. */
void world_open(world *w);
void world_close(world *w);

/* world_put stores bytes under key. world_put_wav stores a 16-bit PCM WAV. */
void world_put(world *w, const char *key, const void *data, size_t len);
void world_put_wav(world *w, const char *key, uint32_t rate_hz, uint32_t channels,
                   const int16_t *samples, size_t n_frames);

/* world_sine makes n_frames of a sine at level_dbfs (peak) in every channel; the caller frees. */
int16_t *world_sine(uint32_t rate_hz, uint32_t channels, size_t n_frames, double freq_hz,
                    double level_dbfs);

/* world_noise makes noise; the caller frees. */
int16_t *world_noise(uint32_t channels, size_t n_frames);

/* world_read reads an object whole; the caller frees; *ret_len may be NULL. */
char *world_read(world *w, const char *key, size_t *ret_len);

/* world_claim makes a claim of a shipped document ("music-ai/generate-chords") or of a document
 * itself (text that begins with '{'); world_input adds an input to it. */
processor_claim *world_claim(const char *document, const char *params);
void world_input(processor_claim *c, const char *param, processor_input_source source,
                 const char *value);
void world_target(processor_claim *c, const char *output, const char *url);
void world_done(processor_claim *c, const char *step, const char *port, const char *object_key,
                const char *text);

/* world_run runs the claim to its end; the caller frees the finish. NULL: the lease was lost. */
processor_finish *world_run(world *w, processor_claim *c);

/* world_result finds an output of a finish; fails the test when it is missing. */
const processor_result *world_result(const processor_finish *f, const char *output);

/* A server on a free loopback port: answers every request with status, and GETs with body. */
typedef struct world_http world_http;
world_http *world_http_start(int status, const char *body);
world_http *world_http_stop(world_http *h);
const char *world_http_url(const world_http *h);
/* Bytes of the last PUT; how many requests came. */
const char *world_http_body(world_http *h, size_t *ret_len);
unsigned world_http_count(world_http *h);

#endif
