#include "recorder_gaps.h"

#include <errno.h>
#include <string.h>

static const char *const names[RECORDER_N_GAP_CAUSES] = {
    [RECORDER_GAP_UNKNOWN] = "unknown",         [RECORDER_GAP_XRUN] = "xrun",
    [RECORDER_GAP_DEVICE_LOST] = "device_lost", [RECORDER_GAP_MOVED] = "moved",
    [RECORDER_GAP_SUSPENDED] = "suspended",     [RECORDER_GAP_NETWORK] = "network",
    [RECORDER_GAP_PUBLISHER] = "publisher",     [RECORDER_GAP_DISK_FULL] = "disk_full",
    [RECORDER_GAP_RESTART] = "restart",
};

const char *recorder_gap_cause_name(recorder_gap_cause cause)
{
    return names[cause];
}

int recorder_gap_cause_parse(const char *name, recorder_gap_cause *ret)
{
    for (size_t i = 0; i < RECORDER_N_GAP_CAUSES; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = (recorder_gap_cause)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* Where an entry ends in the session's frames: one that is not filled takes none. */
static int64_t end_of(const recorder_gap *gap)
{
    return gap->start_frame + (gap->filled ? gap->length_frames : 0);
}

static bool continues(const recorder_gap *last, const recorder_gap *next)
{
    return last->cause == next->cause && last->filled == next->filled &&
           end_of(last) == next->start_frame;
}

/* Where a gap comes: in order of frame; one that is not filled comes before a filled one that
 * begins with it, or goes over its frame. So the ends are in order too. */
static uint32_t place_of(const recorder_gaps *g, const recorder_gap *gap)
{
    uint32_t at = g->n;
    while (at > 0 && (g->items[at - 1].start_frame > gap->start_frame ||
                      (!gap->filled && end_of(&g->items[at - 1]) > gap->start_frame))) {
        at--;
    }
    return at;
}

bool recorder_gaps_add(recorder_gaps *g, const recorder_gap *gap)
{
    uint32_t at = place_of(g, gap);
    if (at > 0 && continues(&g->items[at - 1], gap)) {
        recorder_gap *last = &g->items[at - 1];
        last->length_frames += gap->length_frames;
        last->exact = last->exact && gap->exact;
        return true;
    }
    if (g->n == RECORDER_GAPS_MAX) {
        g->n_unlisted++;
        return false;
    }
    if (g->n == g->cap) {
        g->cap = RF_MIN(RF_MAX(g->cap * 2, 4U), (uint32_t)RECORDER_GAPS_MAX);
        g->items = rf_grow(g->items, g->cap, sizeof(*g->items));
    }
    memmove(g->items + at + 1, g->items + at, (g->n - at) * sizeof(*g->items));
    g->items[at] = *gap;
    if (at < g->n) { /* a loss found within silence that was filled in: it lies before that */
        g->items[at].start_frame = RF_MIN(gap->start_frame, g->items[at + 1].start_frame);
    }
    g->n++;
    return true;
}

uint32_t recorder_gaps_find(const recorder_gaps *g, int64_t frame)
{
    uint32_t low = 0;
    uint32_t high = g->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (end_of(&g->items[middle]) > frame) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

void recorder_gaps_done(recorder_gaps *g)
{
    free(g->items);
    *g = (recorder_gaps){0};
}
