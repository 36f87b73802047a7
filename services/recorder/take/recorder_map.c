#include "recorder_map.h"

#include <errno.h>

__extension__ typedef __int128 wide;

#define ONE_Q32 ((wide)1 << 32)
#define NS_MIN 1000   /* a frame of 1 MHz */
#define NS_MAX 200000 /* of 5 kHz */
#define CLOCK_STEP_MIN_MS 10

/* floor(a / b) for b > 0; C rounds toward zero. */
static wide floor_div(wide a, wide b)
{
    return a / b - (a % b < 0);
}

/* a / b for b > 0, rounded half up. */
static int64_t round_div(wide a, wide b)
{
    return (int64_t)floor_div(2 * a + b, 2 * b);
}

uint64_t recorder_map_nominal(uint32_t rate_hz)
{
    return (uint64_t)round_div((wide)1000000000 << 32, rate_hz);
}

static bool is_rate(const recorder_piece *piece)
{
    return piece->ns_q32 >= (uint64_t)NS_MIN << 32 && piece->ns_q32 <= (uint64_t)NS_MAX << 32;
}

int recorder_map_put(recorder_map *map, uint32_t index, const recorder_piece *piece)
{
    uint32_t at = index;
    if (at > map->n || !is_rate(piece)) {
        return -EINVAL;
    }
    if (at > 0 && map->items[at - 1].first_frame == piece->first_frame) {
        at--;
    }
    if (at > 0 && (map->items[at - 1].first_frame >= piece->first_frame ||
                   map->items[at - 1].utc_ns > piece->utc_ns)) {
        return -EINVAL;
    }
    if (at == RECORDER_PIECES_MAX) {
        return -ENOSPC;
    }
    if (at == map->cap) {
        map->cap = RF_MAX(map->cap * 2, 2U);
        map->items = rf_grow(map->items, map->cap, sizeof(*map->items));
    }
    map->items[at] = *piece;
    map->n = at + 1;
    return 0;
}

const recorder_piece *recorder_map_piece(const recorder_map *map, int64_t frame)
{
    uint32_t low = 0;
    uint32_t high = map->n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (map->items[middle].first_frame <= frame) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &map->items[low];
}

static int64_t utc_on(const recorder_piece *p, int64_t frame)
{
    return p->utc_ns + round_div((wide)(frame - p->first_frame) * (wide)p->ns_q32, ONE_Q32);
}

int64_t recorder_map_utc(const recorder_map *map, int64_t frame)
{
    return utc_on(recorder_map_piece(map, frame), frame);
}

int64_t recorder_map_utc_end(const recorder_map *map, int64_t end_frame)
{
    return utc_on(recorder_map_piece(map, end_frame - 1), end_frame);
}

/* The last piece that begins at a time or before it, the first one for earlier times. */
static uint32_t piece_at(const recorder_map *map, int64_t utc_ns)
{
    uint32_t low = 0;
    uint32_t high = map->n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (map->items[middle].utc_ns <= utc_ns) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t recorder_map_frame(const recorder_map *map, int64_t utc_ns, bool *ret_between)
{
    uint32_t at = piece_at(map, utc_ns);
    const recorder_piece *p = &map->items[at];
    wide ns_q32 = ((wide)utc_ns - p->utc_ns) * ONE_Q32;
    int64_t frame = p->first_frame + round_div(ns_q32, (wide)p->ns_q32);
    bool has_next = at + 1 < map->n;
    *ret_between = has_next && frame > p[1].first_frame;
    return has_next ? RF_MIN(frame, p[1].first_frame) : frame;
}

void recorder_map_done(recorder_map *map)
{
    free(map->items);
    *map = (recorder_map){0};
}

int64_t recorder_duration_ms(int64_t n_frames, uint32_t rate_hz)
{
    return round_div((wide)n_frames * 1000, rate_hz);
}

int64_t recorder_clock_step_ms(int64_t known_offset_ns, int64_t offset_ns)
{
    int64_t ms = round_div((wide)offset_ns - known_offset_ns, 1000000);
    return ms < CLOCK_STEP_MIN_MS && ms > -CLOCK_STEP_MIN_MS ? 0 : ms;
}
