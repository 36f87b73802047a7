#include "reflection_kept.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void reflection_frame_pack(const reflection_frame *frame, uint8_t ret[REFLECTION_FRAME_HEAD])
{
    const uint16_t id = htole16(frame->stream_id);
    const uint32_t n = htole32(frame->n_frames);
    const uint64_t first = htole64(frame->first_frame);
    ret[0] = frame->type;
    ret[1] = frame->flags;
    memcpy(ret + 2, &id, sizeof(id));
    memcpy(ret + 4, &n, sizeof(n));
    memcpy(ret + 8, &first, sizeof(first));
}

void reflection_frame_unpack(const uint8_t data[REFLECTION_FRAME_HEAD], reflection_frame *ret)
{
    uint16_t id;
    uint32_t n;
    uint64_t first;
    memcpy(&id, data + 2, sizeof(id));
    memcpy(&n, data + 4, sizeof(n));
    memcpy(&first, data + 8, sizeof(first));
    *ret = (reflection_frame){.type = data[0],
                              .flags = data[1],
                              .stream_id = le16toh(id),
                              .n_frames = le32toh(n),
                              .first_frame = le64toh(first)};
}

int64_t reflection_kept_most(size_t frame_bytes)
{
    return (int64_t)((REFLECTION_FRAME_MAX - REFLECTION_FRAME_HEAD) / frame_bytes);
}

static reflection_block *add(reflection_kept *k, int64_t first_frame, int64_t n_frames, size_t len)
{
    reflection_block *b = malloc(sizeof(*b) + len);
    if (b == NULL) {
        return NULL;
    }
    *b = (reflection_block){.first_frame = first_frame, .n_frames = n_frames, .len = len};
    if (k->last != NULL) {
        k->last->next = b;
    } else {
        k->first = b;
    }
    k->last = b;
    k->unsent = k->unsent != NULL ? k->unsent : b;
    return b;
}

int reflection_kept_audio(reflection_kept *k, int64_t first_frame, const void *pcm,
                          int64_t n_frames, size_t frame_bytes)
{
    const size_t n_pcm = (size_t)n_frames * frame_bytes;
    reflection_block *b = add(k, first_frame, n_frames, REFLECTION_FRAME_HEAD + n_pcm);
    if (b == NULL) {
        return -ENOMEM;
    }
    memcpy(b->data + REFLECTION_FRAME_HEAD, pcm, n_pcm);
    k->n_frames += n_frames;
    return 0;
}

int reflection_kept_gap(reflection_kept *k, int64_t first_frame, int64_t n_frames)
{
    return add(k, first_frame, n_frames, 0) != NULL ? 0 : -ENOMEM;
}

void reflection_kept_drop(reflection_kept *k, int64_t durable)
{
    while (k->first != NULL && k->first != k->unsent &&
           k->first->first_frame + k->first->n_frames <= durable) {
        reflection_block *b = k->first;
        k->first = b->next;
        k->last = k->first != NULL ? k->last : NULL;
        k->n_frames -= b->len > 0 ? b->n_frames : 0;
        free(b);
    }
}

void reflection_kept_rewind(reflection_kept *k, int64_t durable)
{
    k->unsent = NULL;
    reflection_kept_drop(k, durable);
    k->unsent = k->first;
}

void reflection_kept_done(reflection_kept *k)
{
    while (k->first != NULL) {
        reflection_block *b = k->first;
        k->first = b->next;
        free(b);
    }
    *k = (reflection_kept){0};
}
