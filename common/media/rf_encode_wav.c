/* WAVE: RIFF up to 4 GiB, RF64 (EBU Tech 3306) beyond. */
#include "rf_encode_impl.h"

#include <errno.h>
#include <string.h>

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe };

#define HEADER_MAX 160
#define NO_SIZE UINT32_MAX /* of a file whose length nobody knows */
#define DS64_BYTES 28      /* of a "ds64" chunk; "JUNK" of the same size keeps its place */

typedef struct wav_header {
    uint8_t bytes[HEADER_MAX];
    size_t len;
} wav_header;

static unsigned depth_of(const rf_encode_params *p)
{
    return p->bit_depth != 0 ? p->bit_depth : 24;
}

static int check_wav(const rf_encode_params *p, rf_media_error *error)
{
    const unsigned depth = depth_of(p);
    if (depth != 16 && depth != 24 && depth != 32) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "bit_depth: WAV has 16, 24 or 32 (float) bits, not %u", depth);
    }
    if (p->rate_hz < RF_MEDIA_MIN_RATE_HZ || p->rate_hz > RF_MEDIA_MAX_RATE_HZ) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "rate: WAV has %u to %u Hz, not %u",
                             RF_MEDIA_MIN_RATE_HZ, RF_MEDIA_MAX_RATE_HZ, p->rate_hz);
    }
    if (p->n_channels < 1 || p->n_channels > RF_MEDIA_MAX_CHANNELS) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "channels: WAV has 1 to %u, not %u",
                             RF_MEDIA_MAX_CHANNELS, p->n_channels);
    }
    for (size_t i = 0; i < p->n_cues; i++) {
        if (strlen(p->cues[i].label) > RF_ENCODE_LABEL_MAX) {
            return rf_media_fail(error, RF_MEDIA_INVALID_VALUE,
                                 "cues: a label has at most %d bytes", RF_ENCODE_LABEL_MAX);
        }
    }
    return 0;
}

static void put(wav_header *h, const void *data, size_t len)
{
    memcpy(h->bytes + h->len, data, len);
    h->len += len;
}

static void put_le(wav_header *h, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        h->bytes[h->len++] = (uint8_t)(value >> 8 * i);
    }
}

/* The usual speakers of n channels (mono to 7.1), no statement for others. */
static uint32_t speaker_mask(uint32_t n_channels)
{
    static const uint16_t masks[] = {0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f};
    return n_channels < RF_ARRAY_LEN(masks) ? masks[n_channels] : 0;
}

static void put_format(wav_header *h, const rf_encode_params *p)
{
    static const uint8_t guid_tail[14] = {0, 0, 0,    0, 0x10, 0,    0x80,
                                          0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    const unsigned depth = depth_of(p);
    const unsigned tag = depth == 32 && !p->integers ? TAG_FLOAT : TAG_PCM;
    const bool extensible = p->n_channels > 2;
    const uint32_t block = p->n_channels * depth / 8;
    put(h, "fmt ", 4);
    put_le(h, extensible ? 40 : 16, 4);
    put_le(h, extensible ? TAG_EXTENSIBLE : tag, 2);
    put_le(h, p->n_channels, 2);
    put_le(h, p->rate_hz, 4);
    put_le(h, (uint64_t)p->rate_hz * block, 4);
    put_le(h, block, 2);
    put_le(h, depth, 2);
    if (extensible) {
        put_le(h, 22, 2);
        put_le(h, depth, 2);
        put_le(h, speaker_mask(p->n_channels), 4);
        put_le(h, tag, 2);
        put(h, guid_tail, sizeof(guid_tail));
    }
}

/* Bytes behind the samples: chunk "cue " with 24 bytes a point, and a list "adtl" of their labels.
 */
static uint64_t label_bytes(const rf_encode_cue *cue)
{
    const uint64_t len = strlen(cue->label) + 1;
    return 8 + 4 + len + (len & 1);
}

static uint64_t cue_bytes(const rf_encode_params *p)
{
    uint64_t n = p->n_cues > 0 ? 12 + 24 * p->n_cues + 12 : 0;
    for (size_t i = 0; i < p->n_cues; i++) {
        n += label_bytes(&p->cues[i]);
    }
    return n;
}

/* The whole header for n frames, -1: not known. With room, a place for ds64 is kept, so that the
 * length of the header does not depend on that of the data. */
static void make_header(wav_header *h, const rf_encode_params *p, int64_t n_frames, bool room)
{
    const bool known = n_frames >= 0;
    const uint64_t data = known ? (uint64_t)n_frames * p->n_channels * (depth_of(p) / 8) : 0;
    const uint64_t head = 12 + (p->n_channels > 2 ? 48U : 24U) + 8 + (room ? 8 + DS64_BYTES : 0);
    const uint64_t riff = head - 8 + data + (data & 1) + cue_bytes(p);
    const bool big = room && riff > UINT32_MAX - 8;
    h->len = 0;
    put(h, big ? "RF64" : "RIFF", 4);
    put_le(h, big || !known ? NO_SIZE : riff, 4);
    put(h, "WAVE", 4);
    if (room) {
        put(h, big ? "ds64" : "JUNK", 4);
        put_le(h, DS64_BYTES, 4);
        put_le(h, big ? riff : 0, 8);
        put_le(h, big ? data : 0, 8);
        put_le(h, big ? (uint64_t)n_frames : 0, 8);
        put_le(h, 0, 4);
    }
    put_format(h, p);
    put(h, "data", 4);
    put_le(h, big || !known ? NO_SIZE : data, 4);
}

/* Known lengths below 4 GiB need no place for ds64. */
static bool needs_room(const rf_encode_params *p)
{
    const int64_t block = (int64_t)p->n_channels * (depth_of(p) / 8);
    const int64_t most = (INT64_C(0xfffff000) - (int64_t)cue_bytes(p)) / block;
    return !p->live && (p->room || p->n_frames < 0 || p->n_frames > most);
}

static int open_wav(rf_encoder *e)
{
    const rf_encode_params *p = &e->params;
    wav_header h;
    make_header(&h, p, p->live ? -1 : RF_MAX(p->n_frames, 0), needs_room(p));
    return rf_encode_emit(e, h.bytes, h.len);
}

static bool is_own_format(const rf_encode_params *p, rf_sample_format sample)
{
    const bool is_float = depth_of(p) == 32 && !p->integers;
    return rf_sample_bits(sample) == depth_of(p) && (sample == RF_SAMPLE_F32) == is_float;
}

static int write_pcm(rf_encoder *e, rf_sample_format sample, const void *data, int64_t n)
{
    if (!is_own_format(&e->params, sample)) {
        return -EINVAL;
    }
    e->n_coded += n;
    return rf_encode_emit(e, data, (size_t)n * e->params.n_channels * rf_sample_bytes(sample));
}

static int write_float(rf_encoder *e, const float *data, size_t n_samples)
{
    return rf_encode_emit(e, data, n_samples * sizeof(*data)); /* little-endian hosts only */
}

static int write_wav(rf_encoder *e, const float *data, int64_t n)
{
    int32_t rounded[RF_MEDIA_MAX_CHANNELS * RF_ENCODE_CHUNK / 8];
    uint8_t bytes[sizeof(rounded)];
    const unsigned depth = depth_of(&e->params);
    size_t left = (size_t)n * e->params.n_channels;
    int err = 0;
    e->n_coded += n;
    if (depth == 32 && !e->params.integers) {
        return write_float(e, data, left);
    }
    while (err == 0 && left > 0) {
        const size_t part = RF_MIN(left, RF_ARRAY_LEN(rounded));
        size_t len = 0;
        rf_encode_quantise(e, data, part, depth, rounded);
        for (size_t i = 0; i < part; i++) {
            for (unsigned shift = 0; shift < depth; shift += 8) {
                bytes[len++] = (uint8_t)((uint32_t)rounded[i] >> shift);
            }
        }
        err = rf_encode_emit(e, bytes, len);
        data += part;
        left -= part;
    }
    return err;
}

/* The chunk "cue " (RIFF: identifier, position, chunk, three offsets) and the labels. */
static int write_cues(rf_encoder *e)
{
    const rf_encode_params *p = &e->params;
    wav_header h = {.len = 0};
    uint64_t labels = 4;
    put(&h, "cue ", 4);
    put_le(&h, 4 + 24 * p->n_cues, 4);
    put_le(&h, p->n_cues, 4);
    int err = rf_encode_emit(e, h.bytes, h.len);
    for (size_t i = 0; err == 0 && i < p->n_cues; i++) {
        h.len = 0;
        put_le(&h, i + 1, 4);
        put_le(&h, p->cues[i].frame, 4);
        put(&h, "data", 4);
        put_le(&h, 0, 8);
        put_le(&h, p->cues[i].frame, 4);
        err = rf_encode_emit(e, h.bytes, h.len);
        labels += label_bytes(&p->cues[i]);
    }
    h.len = 0;
    put(&h, "LIST", 4);
    put_le(&h, labels, 4);
    put(&h, "adtl", 4);
    err = err == 0 ? rf_encode_emit(e, h.bytes, h.len) : err;
    for (size_t i = 0; err == 0 && i < p->n_cues; i++) {
        const size_t len = strlen(p->cues[i].label) + 1;
        h.len = 0;
        put(&h, "labl", 4);
        put_le(&h, 4 + len, 4);
        put_le(&h, i + 1, 4);
        err = rf_encode_emit(e, h.bytes, h.len);
        err = err == 0 ? rf_encode_emit(e, p->cues[i].label, len) : err;
        err = err == 0 && (len & 1) != 0 ? rf_encode_emit(e, "", 1) : err;
    }
    return err;
}

static int close_wav(rf_encoder *e)
{
    const rf_encode_params *p = &e->params;
    int64_t data = e->stats.n_frames * (int64_t)p->n_channels * (depth_of(p) / 8);
    int err = (data & 1) != 0 && !p->live ? rf_encode_emit(e, "", 1) : 0;
    if (err == 0 && p->n_cues > 0 && !p->live) {
        err = write_cues(e);
    }
    if (err != 0 || p->n_frames == e->stats.n_frames || e->sink.seek == NULL) {
        return err;
    }
    const bool room = needs_room(p);
    if (!room && data > INT64_C(0xfffff000)) {
        return -EFBIG; /* a smaller length was declared */
    }
    wav_header h;
    make_header(&h, p, e->stats.n_frames, room);
    err = rf_encode_seek(e, 0);
    if (err == 0) {
        err = rf_encode_emit(e, h.bytes, h.len);
    }
    return err == 0 ? rf_encode_seek(e, e->stats.n_bytes) : err;
}

static void free_wav(rf_encoder *e)
{
    (void)e;
}

const rf_encode_writer rf_encode_wav = {check_wav, open_wav,  write_wav, write_pcm,
                                        NULL,      close_wav, free_wav};
