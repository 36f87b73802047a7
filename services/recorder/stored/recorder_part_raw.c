/* PCM and WAVE: frames lie one behind the other, from an offset on. */
#include "recorder_part.h"

#include <errno.h>
#include <string.h>

#define HEAD_BYTES 512 /* in which the samples of what was stored begin */
#define CHUNK_HEAD 8

static uint32_t le32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Where the samples begin; 0: not in the head. */
static size_t find_samples(const uint8_t *head, size_t len)
{
    size_t at = 12;
    if (len < at || (memcmp(head, "RIFF", 4) != 0 && memcmp(head, "RF64", 4) != 0) ||
        memcmp(head + 8, "WAVE", 4) != 0) {
        return 0;
    }
    while (at + CHUNK_HEAD <= len && memcmp(head + at, "data", 4) != 0) {
        at += CHUNK_HEAD + (size_t)le32(head + at + 4);
    }
    return at + CHUNK_HEAD <= len ? at + CHUNK_HEAD : 0;
}

static int open_at(recorder_part *part, size_t offset)
{
    size_t *state = RF_NEW(size_t);
    *state = offset;
    part->state = state;
    return part->n_frames <= (part->size - (int64_t)offset) / (int64_t)part->frame_bytes ? 0
                                                                                         : -EBADMSG;
}

static int open_pcm(recorder_part *part)
{
    return open_at(part, 0);
}

static int open_wav(recorder_part *part)
{
    uint8_t head[HEAD_BYTES];
    const size_t len = (size_t)RF_MIN(part->size, (int64_t)HEAD_BYTES);
    int err = recorder_part_bytes(part, 0, head, len);
    const size_t offset = err == 0 ? find_samples(head, len) : 0;
    if (offset == 0) {
        return err < 0 ? err : -EBADMSG;
    }
    return open_at(part, offset);
}

static int read_raw(recorder_part *part, int64_t first, int64_t n, void *out)
{
    const size_t *offset = part->state;
    return recorder_part_bytes(part, (int64_t)*offset + first * (int64_t)part->frame_bytes, out,
                               (size_t)n * part->frame_bytes);
}

static void close_raw(recorder_part *part)
{
    free(part->state);
}

const recorder_part_ops recorder_part_pcm = {open_pcm, read_raw, close_raw};
const recorder_part_ops recorder_part_wav = {open_wav, read_raw, close_raw};
