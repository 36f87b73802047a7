#include "recorder_shelf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

recorder_shelf *recorder_shelf_new(const recorder_take *take, const rf_pcm *pcm)
{
    const uint32_t n = take->segments.n;
    recorder_shelf *s = rf_alloc(sizeof(*s) + n * sizeof(s->parts[0]));
    atomic_init(&s->refs, 1);
    s->pcm = *pcm;
    s->format = take->start.store_format;
    s->n_parts = n;
    memcpy(s->tenant, take->start.tenant, sizeof(s->tenant));
    memcpy(s->folder, take->start.folder, sizeof(s->folder));
    for (uint32_t i = 0; i < n; i++) {
        const recorder_segment *segment = &take->segments.items[i];
        s->parts[i].first_frame = segment->first_frame;
        s->parts[i].n_frames = segment->n_frames;
        memcpy(s->parts[i].key_id, segment->key_id, sizeof(s->parts[i].key_id));
    }
    return s;
}

recorder_shelf *recorder_shelf_ref(recorder_shelf *shelf)
{
    atomic_fetch_add(&shelf->refs, 1);
    return shelf;
}

recorder_shelf *recorder_shelf_unref(recorder_shelf *shelf)
{
    if (shelf != NULL && atomic_fetch_sub(&shelf->refs, 1) == 1) {
        free(shelf);
    }
    return NULL;
}

uint32_t recorder_shelf_find(const recorder_shelf *shelf, int64_t frame)
{
    uint32_t low = 0;
    uint32_t high = shelf->n_parts;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const recorder_shelf_part *part = &shelf->parts[middle];
        if (part->first_frame + part->n_frames > frame) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static bool is_lossless(const recorder_shelf *shelf)
{
    switch (shelf->format) {
    case RECORDER_STORE_MP3:
    case RECORDER_STORE_OPUS:
        return false;
    case RECORDER_STORE_FLAC:
        return shelf->pcm.sample == RF_SAMPLE_S16 || shelf->pcm.sample == RF_SAMPLE_S24;
    default:
        return true;
    }
}

bool recorder_shelf_exact(const recorder_shelf *shelf, int64_t first, int64_t n)
{
    const int64_t end = first + n;
    uint32_t i = recorder_shelf_find(shelf, first);
    while (first < end && i < shelf->n_parts && shelf->parts[i].first_frame <= first) {
        first = shelf->parts[i].first_frame + shelf->parts[i].n_frames;
        i++;
    }
    return is_lossless(shelf) && first >= end;
}

int recorder_shelf_object(const char *tenant, const char *key, char ret[RECORDER_OBJECT_SIZE])
{
    int n = snprintf(ret, RECORDER_OBJECT_SIZE, "recorder/%s/%s", tenant[0] == '\0' ? "_" : tenant,
                     key);
    return n < RECORDER_OBJECT_SIZE && rf_store_key_valid(ret) ? 0 : -EINVAL;
}
