/* FLAC: blocks decoded by libFLAC, which finds the one that is asked for by bisection. */
#include "recorder_part.h"

#include <errno.h>
#include <FLAC/stream_decoder.h>
#include <string.h>

typedef struct flac_part {
    recorder_part *part;
    FLAC__StreamDecoder *decoder;
    int64_t at;    /* in the object */
    int64_t first; /* frames in hand, of the segment */
    int64_t n;
    uint8_t *frames; /* in the session's shape */
    size_t n_room;   /* frames that fit */
    int err;         /* of the store */
} flac_part;

static FLAC__StreamDecoderReadStatus on_read(const FLAC__StreamDecoder *decoder, FLAC__byte bytes[],
                                             size_t *len, void *user)
{
    flac_part *f = user;
    (void)decoder;
    ssize_t n = rf_store_object_read(f->part->object, (uint64_t)f->at, bytes, *len);
    *len = n > 0 ? (size_t)n : 0;
    if (n <= 0) {
        f->err = (int)n;
        return n < 0 ? FLAC__STREAM_DECODER_READ_STATUS_ABORT
                     : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
    }
    f->at += n;
    return FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
}

static FLAC__StreamDecoderSeekStatus on_seek(const FLAC__StreamDecoder *decoder,
                                             FLAC__uint64 offset, void *user)
{
    flac_part *f = user;
    (void)decoder;
    f->at = (int64_t)RF_MIN(offset, (FLAC__uint64)f->part->size);
    return FLAC__STREAM_DECODER_SEEK_STATUS_OK;
}

static FLAC__StreamDecoderTellStatus on_tell(const FLAC__StreamDecoder *decoder,
                                             FLAC__uint64 *offset, void *user)
{
    const flac_part *f = user;
    (void)decoder;
    *offset = (FLAC__uint64)f->at;
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
}

static FLAC__StreamDecoderLengthStatus on_length(const FLAC__StreamDecoder *decoder,
                                                 FLAC__uint64 *len, void *user)
{
    const flac_part *f = user;
    (void)decoder;
    *len = (FLAC__uint64)f->part->size;
    return FLAC__STREAM_DECODER_LENGTH_STATUS_OK;
}

static FLAC__bool on_end(const FLAC__StreamDecoder *decoder, void *user)
{
    const flac_part *f = user;
    (void)decoder;
    return f->at >= f->part->size;
}

/* One value of `bits` bits in the sample format of the session. */
static void put_sample(rf_sample_format sample, unsigned bits, int32_t value, uint8_t *out)
{
    const float scaled = (float)value / (float)(INT32_C(1) << (bits - 1));
    const int32_t wide = (int32_t)((uint32_t)value << (32 - bits));
    switch (sample) {
    case RF_SAMPLE_F32:
        memcpy(out, &scaled, sizeof(scaled));
        break;
    case RF_SAMPLE_S32:
        memcpy(out, &wide, sizeof(wide));
        break;
    case RF_SAMPLE_S24:
        memcpy(out, (const uint8_t *)&wide + 1, 3);
        break;
    case RF_SAMPLE_S16:
        memcpy(out, (const uint8_t *)&wide + 2, 2);
        break;
    }
}

static FLAC__StreamDecoderWriteStatus on_write(const FLAC__StreamDecoder *decoder,
                                               const FLAC__Frame *frame,
                                               const FLAC__int32 *const buffer[], void *user)
{
    flac_part *f = user;
    const rf_pcm *pcm = &f->part->pcm;
    const size_t sample_bytes = rf_sample_bytes(pcm->sample);
    (void)decoder;
    if (frame->header.channels != pcm->n_channels ||
        frame->header.number_type != FLAC__FRAME_NUMBER_TYPE_SAMPLE_NUMBER) {
        return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
    }
    if (frame->header.blocksize > f->n_room) {
        f->n_room = frame->header.blocksize;
        f->frames = rf_grow(f->frames, f->n_room, f->part->frame_bytes);
    }
    uint8_t *out = f->frames;
    for (uint32_t i = 0; i < frame->header.blocksize; i++) {
        for (uint32_t c = 0; c < pcm->n_channels; c++, out += sample_bytes) {
            put_sample(pcm->sample, frame->header.bits_per_sample, buffer[c][i], out);
        }
    }
    f->first = (int64_t)frame->header.number.sample_number;
    f->n = frame->header.blocksize;
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

/* What is damaged shows in frames that are not there. */
static void on_error(const FLAC__StreamDecoder *decoder, FLAC__StreamDecoderErrorStatus status,
                     void *user)
{
    (void)decoder;
    (void)status;
    (void)user;
}

static int open_flac(recorder_part *part)
{
    flac_part *f = RF_NEW(flac_part);
    part->state = f;
    f->part = part;
    f->decoder = FLAC__stream_decoder_new();
    if (f->decoder == NULL) {
        return -ENOMEM;
    }
    if (FLAC__stream_decoder_init_stream(f->decoder, on_read, on_seek, on_tell, on_length, on_end,
                                         on_write, NULL, on_error,
                                         f) != FLAC__STREAM_DECODER_INIT_STATUS_OK) {
        return -ENOMEM;
    }
    const bool read = FLAC__stream_decoder_process_until_end_of_metadata(f->decoder);
    return read ? 0 : RF_MIN(f->err, -EBADMSG);
}

/* Has the block with frame `first` in hand. */
static int reach(flac_part *f, int64_t first)
{
    const bool follows = f->n > 0 && first == f->first + f->n;
    f->err = 0;
    f->n = 0;
    const bool done = follows ? FLAC__stream_decoder_process_single(f->decoder)
                              : FLAC__stream_decoder_seek_absolute(f->decoder, (FLAC__uint64)first);
    if (done && first >= f->first && first < f->first + f->n) {
        return 0;
    }
    if (FLAC__stream_decoder_get_state(f->decoder) == FLAC__STREAM_DECODER_SEEK_ERROR) {
        FLAC__stream_decoder_flush(f->decoder);
    }
    f->n = 0;
    return f->err < 0 ? f->err : -EBADMSG;
}

static int read_flac(recorder_part *part, int64_t first, int64_t n, void *out)
{
    flac_part *f = part->state;
    uint8_t *to = out;
    int err = 0;
    while (err == 0 && n > 0) {
        if (first < f->first || first >= f->first + f->n) {
            err = reach(f, first);
        }
        if (err == 0) {
            const int64_t k = RF_MIN(n, f->first + f->n - first);
            memcpy(to, f->frames + (size_t)(first - f->first) * part->frame_bytes,
                   (size_t)k * part->frame_bytes);
            to += (size_t)k * part->frame_bytes;
            first += k;
            n -= k;
        }
    }
    return err;
}

static void close_flac(recorder_part *part)
{
    flac_part *f = part->state;
    if (f != NULL) {
        if (f->decoder != NULL) {
            FLAC__stream_decoder_delete(f->decoder);
        }
        free(f->frames);
        free(f);
    }
}

const recorder_part_ops recorder_part_flac = {open_flac, read_flac, close_flac};
