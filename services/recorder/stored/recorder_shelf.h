/*
 * recorder_shelf.h - where the frames of a finished session lie in the store: its segments, in
 * order. Immutable and counted; any thread.
 */
#ifndef RECORDER_SHELF_H
#define RECORDER_SHELF_H

#include "recorder_format.h"
#include "recorder_take.h"
#include "rf_store.h"

#include <stdatomic.h>

#define RECORDER_OBJECT_SIZE (RF_STORE_MAX_KEY + 64)

typedef struct recorder_shelf_part {
    int64_t first_frame; /* of the session */
    int64_t n_frames;
    uint8_t key_id[RECORDER_KEY_ID_LEN];
} recorder_shelf_part;

typedef struct recorder_shelf {
    _Atomic(int) refs;
    rf_pcm pcm; /* the session's shape */
    recorder_store_format format;
    char tenant[RECORDER_TENANT_MAX + 1];
    char folder[RECORDER_KEY_SIZE];
    uint32_t n_parts;
    recorder_shelf_part parts[]; /* in order of frame; between two lie listed silences */
} recorder_shelf;

/* recorder_shelf_new notes the segments of a take, whose shape is pcm. */
recorder_shelf *recorder_shelf_new(const recorder_take *take, const rf_pcm *pcm);
recorder_shelf *recorder_shelf_ref(recorder_shelf *shelf);
recorder_shelf *recorder_shelf_unref(recorder_shelf *shelf); /* NULL is fine */

/* recorder_shelf_find: the first part that ends behind `frame`, n_parts when there is none. */
uint32_t recorder_shelf_find(const recorder_shelf *shelf, int64_t frame);

/* recorder_shelf_exact says whether [first, first + n) comes back bit for bit: nothing of it was
 * coded with losses (MP3, Opus, more than 24 bits in FLAC), none was left out as silence. */
bool recorder_shelf_exact(const recorder_shelf *shelf, int64_t first, int64_t n);

/* recorder_shelf_object: the name of a key's object in the store: recorder/<tenant>/<key>. Returns
 * 0, or -EINVAL when a store has no such name. */
int recorder_shelf_object(const char *tenant, const char *key, char ret[RECORDER_OBJECT_SIZE]);

#endif
