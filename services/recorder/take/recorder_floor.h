/*
 * recorder_floor.h - the noise floor of the last 10 s: the level that a tenth of them lies below,
 * to 0.25 dB. Used by recorder_split alone.
 */
#ifndef RECORDER_FLOOR_H
#define RECORDER_FLOOR_H

#include "rf_base.h"

#define RECORDER_LEVEL_MIN_DB (-96.0F)
#define RECORDER_FLOOR_LEVELS 1000 /* of 10 ms */
#define RECORDER_FLOOR_BINS 385    /* of 0.25 dB, -96..0 */

typedef struct recorder_floor {
    uint16_t bins[RECORDER_FLOOR_LEVELS]; /* of the levels, a ring */
    uint16_t counts[RECORDER_FLOOR_BINS];
    uint32_t n;
    uint32_t next;
    uint32_t age; /* levels since floor_db was taken */
    float floor_db;
} recorder_floor;

void recorder_floor_init(recorder_floor *f);

/* recorder_floor_add takes a level; the floor is taken again every 10 levels. */
void recorder_floor_add(recorder_floor *f, float level_db);

/* recorder_floor_update takes it again now. */
void recorder_floor_update(recorder_floor *f);

#endif
