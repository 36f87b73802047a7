#include "recorder_floor.h"

#include <string.h>

#define BINS_PER_DB 4.0F
#define SHARE 10 /* a tenth */
#define UPDATE_LEVELS 10

void recorder_floor_init(recorder_floor *f)
{
    memset(f, 0, sizeof(*f));
    f->floor_db = RECORDER_LEVEL_MIN_DB;
}

static uint16_t bin_of(float level_db)
{
    float bin = (level_db - RECORDER_LEVEL_MIN_DB) * BINS_PER_DB;
    return (uint16_t)RF_MIN(RF_MAX(bin, 0.0F), (float)(RECORDER_FLOOR_BINS - 1));
}

void recorder_floor_update(recorder_floor *f)
{
    uint32_t below = f->n / SHARE;
    uint32_t seen = 0;
    uint32_t bin = 0;
    while (bin < RECORDER_FLOOR_BINS - 1 && seen + f->counts[bin] <= below) {
        seen += f->counts[bin++];
    }
    f->floor_db =
        f->n == 0 ? RECORDER_LEVEL_MIN_DB : RECORDER_LEVEL_MIN_DB + (float)bin / BINS_PER_DB;
    f->age = 0;
}

void recorder_floor_add(recorder_floor *f, float level_db)
{
    uint16_t bin = bin_of(level_db);
    if (f->n == RECORDER_FLOOR_LEVELS) {
        f->counts[f->bins[f->next]]--;
    } else {
        f->n++;
    }
    f->bins[f->next] = bin;
    f->counts[bin]++;
    f->next = (f->next + 1) % RECORDER_FLOOR_LEVELS;
    if (++f->age >= UPDATE_LEVELS) {
        recorder_floor_update(f);
    }
}
