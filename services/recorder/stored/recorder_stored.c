#include "recorder_stored.h"

#include "recorder_part.h"

#include <errno.h>
#include <string.h>

#define NONE UINT32_MAX

struct recorder_stored {
    recorder_shelf *shelf;
    rf_store *store;
    size_t frame_bytes;
    const recorder_part_ops *ops;
    recorder_part part;
    uint32_t index; /* of the segment that is open */
};

static const recorder_part_ops *ops_of(recorder_store_format format)
{
    switch (format) {
    case RECORDER_STORE_PCM:
        return &recorder_part_pcm;
    case RECORDER_STORE_FLAC:
        return &recorder_part_flac;
    case RECORDER_STORE_MP3:
        return &recorder_part_mp3;
    case RECORDER_STORE_OPUS:
        return &recorder_part_opus;
    default:
        return &recorder_part_wav;
    }
}

recorder_stored *recorder_stored_open(recorder_shelf *shelf, rf_store *store, rf_decoder *decoder)
{
    recorder_stored *s = RF_NEW(recorder_stored);
    s->shelf = recorder_shelf_ref(shelf);
    s->store = store;
    s->frame_bytes = rf_pcm_frame_bytes(&shelf->pcm);
    s->ops = ops_of(shelf->format);
    s->part = (recorder_part){.pcm = shelf->pcm, .frame_bytes = s->frame_bytes, .decoder = decoder};
    s->index = NONE;
    return s;
}

static void close_part(recorder_stored *s)
{
    if (s->index != NONE) {
        s->ops->close(&s->part);
        s->part.object = rf_store_object_free(s->part.object);
        s->part.state = NULL;
        s->index = NONE;
    }
}

recorder_stored *recorder_stored_close(recorder_stored *stored)
{
    if (stored != NULL) {
        close_part(stored);
        recorder_shelf_unref(stored->shelf);
        free(stored);
    }
    return NULL;
}

static int open_object(recorder_stored *s, const recorder_shelf_part *at)
{
    char key[RECORDER_KEY_SIZE];
    char object[RECORDER_OBJECT_SIZE];
    recorder_key_of(s->shelf->folder, at->key_id, s->shelf->format, key);
    int err = recorder_shelf_object(s->shelf->tenant, key, object);
    return err == 0 ? rf_store_get(s->store, object, &s->part.object) : err;
}

static int open_part(recorder_stored *s, uint32_t index)
{
    const recorder_shelf_part *at = &s->shelf->parts[index];
    if (s->index == index) {
        return 0;
    }
    close_part(s);
    int err = open_object(s, at);
    if (err < 0) {
        return err;
    }
    s->index = index;
    s->part.size = (int64_t)rf_store_object_info(s->part.object)->size;
    s->part.n_frames = at->n_frames;
    err = s->ops->open(&s->part);
    if (err < 0) {
        close_part(s);
    }
    return err;
}

int recorder_part_bytes(const recorder_part *part, int64_t offset, void *out, size_t len)
{
    uint8_t *to = out;
    size_t done = 0;
    while (done < len) {
        ssize_t n =
            rf_store_object_read(part->object, (uint64_t)offset + done, to + done, len - done);
        if (n <= 0) {
            return n < 0 ? (int)n : -EBADMSG;
        }
        done += (size_t)n;
    }
    return 0;
}

/* Frames [first, ...) up to where another part, or silence between two, begins: how many. */
static int64_t read_run(recorder_stored *s, int64_t first, int64_t n, uint8_t *out, int *err)
{
    const uint32_t i = recorder_shelf_find(s->shelf, first);
    const recorder_shelf_part *at = i < s->shelf->n_parts ? &s->shelf->parts[i] : NULL;
    if (at == NULL || at->first_frame > first) {
        n = at == NULL ? n : RF_MIN(n, at->first_frame - first);
        memset(out, 0, (size_t)n * s->frame_bytes);
        return n;
    }
    n = RF_MIN(n, at->first_frame + at->n_frames - first);
    *err = open_part(s, i);
    *err = *err == 0 ? s->ops->read(&s->part, first - at->first_frame, n, out) : *err;
    return n;
}

int recorder_stored_read(recorder_stored *stored, int64_t first, int64_t n, void *out)
{
    uint8_t *to = out;
    int err = 0;
    while (err == 0 && n > 0) {
        const int64_t done = read_run(stored, first, n, to, &err);
        first += done;
        n -= done;
        to += (size_t)done * stored->frame_bytes;
    }
    return err;
}
