/* Ogg Opus (RFC 6716, RFC 7845) by libopus and libogg. */
#include "rf_encode_impl.h"

#include <errno.h>
#include <ogg/ogg.h>
#include <opus_multistream.h>
#include <string.h>

#define DEFAULT_BITRATE_BPS 128000
#define MIN_BITRATE_BPS 6000
#define MAX_BITRATE_BPS 510000
#define MAX_COMPLEXITY 10
#define MAX_CHANNELS 8
#define RATE_HZ 48000 /* of positions in the file, whatever the encoder's is */
#define DEFAULT_PACKETS_PER_S 50
#define MAX_PACKET (RATE_HZ / DEFAULT_PACKETS_PER_S)
#define PACKET_BYTES (1277 * MAX_CHANNELS)
#define HEAD_MAX (21 + MAX_CHANNELS)
#define VENDOR "reflection"
#define SERIAL 1

typedef struct opus_writer {
    OpusEncoder *single;    /* of one or two channels: the same bytes as by the other, for less */
    OpusMSEncoder *encoder; /* of more; one of the two is NULL */
    ogg_stream_state ogg;
    bool ogg_ready;
    int streams, coupled;
    unsigned char mapping[MAX_CHANNELS];
    uint32_t packet;     /* frames of one */
    uint32_t look_ahead; /* frames that the decoder is late */
    uint32_t scale;      /* 48,000 / rate */
    uint32_t n_filled;   /* frames that wait for their packet, behind those of the last one */
    int64_t n_packets;
    float samples[2 * MAX_PACKET * MAX_CHANNELS];
    unsigned char bytes[PACKET_BYTES];
} opus_writer;

static uint32_t bitrate_of(const rf_encode_params *p)
{
    return p->bitrate_bps != 0 ? p->bitrate_bps : DEFAULT_BITRATE_BPS;
}

static bool rate_known(uint32_t rate_hz)
{
    return rate_hz == 8000 || rate_hz == 12000 || rate_hz == 16000 || rate_hz == 24000 ||
           rate_hz == RATE_HZ;
}

static uint32_t packet_of(const rf_encode_params *p)
{
    return p->block_frames != 0 ? p->block_frames : p->rate_hz / DEFAULT_PACKETS_PER_S;
}

static bool packet_known(const rf_encode_params *p)
{
    const uint32_t n = packet_of(p) * 400; /* 2.5 ms are 1 */
    return n == p->rate_hz || n == 2 * p->rate_hz || n == 4 * p->rate_hz || n == 8 * p->rate_hz;
}

static int check_opus(const rf_encode_params *p, rf_media_error *error)
{
    if (!rate_known(p->rate_hz)) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "rate: Opus has 8000, 12000, 16000, 24000 and %u Hz, not %u", RATE_HZ,
                             p->rate_hz);
    }
    if (p->n_channels < 1 || p->n_channels > MAX_CHANNELS) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "channels: Opus has 1 to %u, not %u",
                             MAX_CHANNELS, p->n_channels);
    }
    if (bitrate_of(p) < MIN_BITRATE_BPS || bitrate_of(p) > MAX_BITRATE_BPS) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED,
                             "bitrate: Opus has %u to %u bit/s, not %u", MIN_BITRATE_BPS,
                             MAX_BITRATE_BPS, bitrate_of(p));
    }
    if (p->bit_depth != 0) {
        return rf_media_fail(error, RF_MEDIA_UNSUPPORTED, "bit_depth: Opus has none");
    }
    if (p->complexity > MAX_COMPLEXITY) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "complexity: Opus has 0 to %d, not %u",
                             MAX_COMPLEXITY, p->complexity);
    }
    if (!packet_known(p)) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE,
                             "block_frames: Opus has 2.5, 5, 10 and 20 ms, not %u frames",
                             p->block_frames);
    }
    if (p->n_preroll > RF_ENCODE_MAX_PREROLL_S * p->rate_hz) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "n_preroll: at most %u frames, not %u",
                             RF_ENCODE_MAX_PREROLL_S * p->rate_hz, p->n_preroll);
    }
    return 0;
}

/* Writes the pages that are full; all with flush. */
static int put_pages(rf_encoder *e, bool flush)
{
    opus_writer *w = e->codec;
    ogg_page page;
    int err = 0;
    while (err == 0 &&
           (flush ? ogg_stream_flush(&w->ogg, &page) : ogg_stream_pageout(&w->ogg, &page)) != 0) {
        err = rf_encode_emit(e, page.header, (size_t)page.header_len);
        err = err == 0 ? rf_encode_emit(e, page.body, (size_t)page.body_len) : err;
    }
    return err;
}

static int put_packet(rf_encoder *e, ogg_packet *packet, bool flush)
{
    opus_writer *w = e->codec;
    return ogg_stream_packetin(&w->ogg, packet) == 0 ? put_pages(e, flush) : -ENOMEM;
}

static void put_le(unsigned char *at, uint32_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        at[i] = (unsigned char)(value >> 8 * i);
    }
}

static uint32_t pre_skip(const rf_encoder *e)
{
    const opus_writer *w = e->codec;
    return (w->look_ahead + e->params.n_preroll) * w->scale;
}

/* The two packets of RFC 7845 section 5, each a page of its own. */
static int put_headers(rf_encoder *e)
{
    const opus_writer *w = e->codec;
    const uint32_t n_channels = e->params.n_channels;
    const bool surround = n_channels > 2;
    unsigned char head[HEAD_MAX] = "OpusHead\1";
    unsigned char tags[8 + 4 + sizeof(VENDOR) - 1 + 4] = "OpusTags";
    head[9] = (unsigned char)n_channels;
    put_le(head + 10, pre_skip(e), 2);
    put_le(head + 12, e->params.rate_hz, 4);
    head[18] = surround ? 1 : 0; /* the family of mappings */
    head[19] = (unsigned char)w->streams;
    head[20] = (unsigned char)w->coupled;
    memcpy(head + 21, w->mapping, n_channels);
    put_le(tags + 8, sizeof(VENDOR) - 1, 4);
    memcpy(tags + 12, VENDOR, sizeof(VENDOR) - 1);
    ogg_packet packet = {
        .packet = head, .bytes = surround ? 21 + (long)n_channels : 19, .b_o_s = 1};
    int err = put_packet(e, &packet, true);
    packet = (ogg_packet){.packet = tags, .bytes = sizeof(tags), .packetno = 1};
    return err == 0 ? put_packet(e, &packet, true) : err;
}

/* TELL(w, REQUEST) asks or sets something of the encoder in use. */
#define TELL(w, ...)                                                                               \
    ((w)->single != NULL ? opus_encoder_ctl((w)->single, __VA_ARGS__)                              \
                         : opus_multistream_encoder_ctl((w)->encoder, __VA_ARGS__))

static int configure(opus_writer *w, const rf_encode_params *p)
{
    const int complexity = p->fastest           ? 0
                           : p->complexity != 0 ? (int)p->complexity
                                                : MAX_COMPLEXITY;
    opus_int32 look_ahead = 0;
    if (TELL(w, OPUS_SET_BITRATE((opus_int32)bitrate_of(p))) != OPUS_OK ||
        TELL(w, OPUS_SET_COMPLEXITY(complexity)) != OPUS_OK ||
        TELL(w, OPUS_GET_LOOKAHEAD(&look_ahead)) != OPUS_OK) {
        return -EIO;
    }
    w->look_ahead = (uint32_t)look_ahead;
    w->packet = packet_of(p);
    w->scale = RATE_HZ / p->rate_hz;
    return 0;
}

static int open_opus(rf_encoder *e)
{
    const rf_encode_params *p = &e->params;
    opus_writer *w = RF_NEW(opus_writer);
    int err = OPUS_OK;
    e->codec = w;
    w->ogg_ready = ogg_stream_init(&w->ogg, SERIAL) == 0;
    if (p->n_channels <= 2) {
        w->single = opus_encoder_create((opus_int32)p->rate_hz, (int)p->n_channels,
                                        OPUS_APPLICATION_AUDIO, &err);
    } else {
        w->encoder = opus_multistream_surround_encoder_create(
            (opus_int32)p->rate_hz, (int)p->n_channels, 1, &w->streams, &w->coupled, w->mapping,
            OPUS_APPLICATION_AUDIO, &err);
    }
    if ((w->single == NULL && w->encoder == NULL) || !w->ogg_ready) {
        return err != OPUS_OK && err != OPUS_ALLOC_FAIL ? -EIO : -ENOMEM;
    }
    err = configure(w, p);
    e->codec_frame = w->packet;
    return err == 0 ? put_headers(e) : err;
}

/* Opus has the channel order of Vorbis (Vorbis I section 4.3.9): [n - 1][opus channel] is the
 * channel in WAVE order. */
static const uint8_t wave_channel[MAX_CHANNELS][MAX_CHANNELS] = {
    {0},
    {0, 1},
    {0, 2, 1},
    {0, 1, 2, 3},
    {0, 2, 1, 3, 4},
    {0, 2, 1, 4, 5, 3},
    {0, 2, 1, 5, 6, 4, 3},
    {0, 2, 1, 6, 7, 4, 5, 3},
};

static float *frame_at(const rf_encoder *e, uint32_t i)
{
    opus_writer *w = e->codec;
    return w->samples + (size_t)i * e->params.n_channels;
}

/* One or two channels, and four, have the same order everywhere. */
static bool same_order(uint32_t n_channels)
{
    return n_channels <= 2 || n_channels == 4;
}

static void take_frames(rf_encoder *e, const float *data, uint32_t n)
{
    opus_writer *w = e->codec;
    float clean[MAX_PACKET * MAX_CHANNELS];
    const uint32_t n_channels = e->params.n_channels;
    const uint8_t *order = wave_channel[n_channels - 1];
    float *to = frame_at(e, w->packet + w->n_filled);
    w->n_filled += n;
    if (same_order(n_channels)) {
        rf_encode_finite(e, data, (size_t)n * n_channels, to);
        return;
    }
    rf_encode_finite(e, data, (size_t)n * n_channels, clean);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < n_channels; c++) {
            to[i * n_channels + c] = clean[i * n_channels + order[c]];
        }
    }
}

/* Codes the frames that wait; they become the last packet's. The end of the stream is exact by the
 * position of its last page. */
static int code_packet(rf_encoder *e, bool last)
{
    opus_writer *w = e->codec;
    const size_t packet_bytes = w->packet * e->params.n_channels * sizeof(float);
    const float *in = frame_at(e, w->packet);
    int len =
        w->single != NULL
            ? opus_encode_float(w->single, in, (int)w->packet, w->bytes, PACKET_BYTES)
            : opus_multistream_encode_float(w->encoder, in, (int)w->packet, w->bytes, PACKET_BYTES);
    if (len < 0) {
        return -EIO;
    }
    memcpy(w->samples, frame_at(e, w->packet), packet_bytes);
    w->n_packets++;
    w->n_filled = 0;
    e->n_coded = w->n_packets * w->packet;
    ogg_packet packet = {.packet = w->bytes,
                         .bytes = len,
                         .e_o_s = last ? 1 : 0,
                         .granulepos =
                             (last ? e->stats.n_frames + w->look_ahead : e->n_coded) * w->scale,
                         .packetno = w->n_packets + 1};
    return put_packet(e, &packet, last);
}

static int write_opus(rf_encoder *e, const float *data, int64_t n)
{
    const opus_writer *w = e->codec;
    int err = 0;
    for (uint32_t at = 0; err == 0 && at < n;) {
        const uint32_t part = RF_MIN((uint32_t)n - at, w->packet - w->n_filled);
        take_frames(e, data + (size_t)at * e->params.n_channels, part);
        err = w->n_filled == w->packet ? code_packet(e, false) : 0;
        at += part;
    }
    return err;
}

static int flush_opus(rf_encoder *e)
{
    return put_pages(e, true);
}

/* Behind the end the encoder hears the last packets backwards, which costs it fewer bits than a
 * step to silence and leaves no trace in front of the end. */
static void fill_up(rf_encoder *e, uint32_t *mirror)
{
    opus_writer *w = e->codec;
    const size_t frame_bytes = e->params.n_channels * sizeof(float);
    while (w->n_filled < w->packet) {
        memcpy(frame_at(e, w->packet + w->n_filled), frame_at(e, *mirror), frame_bytes);
        w->n_filled++;
        *mirror -= *mirror > 0 ? 1 : 0;
    }
}

static int close_opus(rf_encoder *e)
{
    opus_writer *w = e->codec;
    const int64_t end = e->stats.n_frames + w->look_ahead;
    uint32_t mirror = w->packet + w->n_filled - 1;
    int err = 0;
    while (err == 0 && e->n_coded < end) {
        fill_up(e, &mirror);
        mirror -= RF_MIN(mirror, w->packet); /* they move to the front */
        err = code_packet(e, e->n_coded + w->packet >= end);
    }
    return err;
}

static void free_opus(rf_encoder *e)
{
    opus_writer *w = e->codec;
    if (w != NULL) {
        if (w->single != NULL) {
            opus_encoder_destroy(w->single);
        }
        if (w->encoder != NULL) {
            opus_multistream_encoder_destroy(w->encoder);
        }
        if (w->ogg_ready) {
            ogg_stream_clear(&w->ogg);
        }
        free(w);
        e->codec = NULL;
    }
}

const rf_encode_writer rf_encode_opus = {check_opus, open_opus,  write_opus, rf_encode_write_float,
                                         flush_opus, close_opus, free_opus};
