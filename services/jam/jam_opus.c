#include "jam_opus.h"

#include <errno.h>
#include <ogg/ogg.h>
#include <opus.h>
#include <string.h>

#define PACKET 960         /* 20 ms */
#define PACKET_BYTES 1275  /* the most one can have */
#define PACKET_OVERHEAD 40 /* lacing, and the head of a page of its own */
#define HEADERS 512
#define SERIAL 1

struct jam_opus {
    OpusEncoder *encoder;
    ogg_stream_state ogg;
    int look_ahead; /* samples that the decoder is late */
    float packet[PACKET * JAM_CHANNELS];
    unsigned char bytes[PACKET_BYTES];
};

/* A file as it grows. */
typedef struct output {
    uint8_t *at;
    size_t len, cap;
} output;

int jam_opus_new(uint32_t bitrate_kbps, jam_opus **ret)
{
    int err = OPUS_OK;
    jam_opus *o = RF_NEW(jam_opus);
    o->encoder = opus_encoder_create(JAM_RATE_HZ, JAM_CHANNELS, OPUS_APPLICATION_AUDIO, &err);
    if (o->encoder == NULL || ogg_stream_init(&o->ogg, SERIAL) != 0) {
        jam_opus_free(o);
        return -ENOMEM;
    }
    opus_encoder_ctl(o->encoder, OPUS_SET_BITRATE((opus_int32)(bitrate_kbps * 1000)));
    opus_encoder_ctl(o->encoder, OPUS_GET_LOOKAHEAD(&o->look_ahead));
    *ret = o;
    return 0;
}

jam_opus *jam_opus_free(jam_opus *opus)
{
    if (opus != NULL) {
        if (opus->encoder != NULL) {
            opus_encoder_destroy(opus->encoder);
        }
        ogg_stream_clear(&opus->ogg);
        free(opus);
    }
    return NULL;
}

static uint32_t packets_of(uint32_t n)
{
    return (n + JAM_OPUS_PRE_SKIP + PACKET - 1) / PACKET;
}

size_t jam_opus_max_bytes(uint32_t n)
{
    return HEADERS + (size_t)packets_of(n) * (PACKET_BYTES + PACKET_OVERHEAD);
}

static int put(output *out, const void *data, long len)
{
    if ((size_t)len > out->cap - out->len) {
        return -ENOSPC;
    }
    memcpy(out->at + out->len, data, (size_t)len);
    out->len += (size_t)len;
    return 0;
}

/* Hands a packet to the stream and writes the pages that are full; all of them with flush. */
static int put_packet(jam_opus *o, ogg_packet *packet, bool flush, output *out)
{
    ogg_page page;
    int err = ogg_stream_packetin(&o->ogg, packet) == 0 ? 0 : -EIO;
    while (err == 0 &&
           (flush ? ogg_stream_flush(&o->ogg, &page) : ogg_stream_pageout(&o->ogg, &page)) != 0) {
        err = put(out, page.header, page.header_len);
        err = err == 0 ? put(out, page.body, page.body_len) : err;
    }
    return err;
}

static int put_headers(jam_opus *o, output *out)
{
    /* version 1, 2 channels, pre-skip 3840, 48000 Hz, no gain, mapping 0 (RFC 7845, 5.1) */
    static const unsigned char head[] = {'O', 'p',  'u',  's',  'H',  'e',  'a', 'd', 1, 2,
                                         0,   0x0f, 0x80, 0xbb, 0x00, 0x00, 0,   0,   0};
    static const unsigned char tags[] = {'O', 'p', 'u', 's', 'T', 'a', 'g', 's', 10,  0, 0, 0, 'r',
                                         'e', 'f', 'l', 'e', 'c', 't', 'i', 'o', 'n', 0, 0, 0, 0};
    ogg_packet packet = {.packet = (unsigned char *)head, .bytes = sizeof(head), .b_o_s = 1};
    int err = put_packet(o, &packet, true, out);
    packet = (ogg_packet){.packet = (unsigned char *)tags, .bytes = sizeof(tags), .packetno = 1};
    return err == 0 ? put_packet(o, &packet, true, out) : err;
}

/* The input of a packet. The encoder hears the music early by what the decoder is late; behind the
 * end it hears the last samples backwards. */
static void fill(jam_opus *o, const float *pcm, int64_t n, int64_t from)
{
    for (int64_t i = 0; i < PACKET; i++) {
        int64_t at = from + i - (JAM_OPUS_PRE_SKIP - o->look_ahead);
        at = at < n ? at : RF_MAX(2 * n - 2 - at, (int64_t)0);
        memcpy(&o->packet[i * JAM_CHANNELS], &pcm[at * JAM_CHANNELS], JAM_CHANNELS * sizeof(float));
    }
}

static int put_audio(jam_opus *o, const float *pcm, uint32_t n, uint32_t i, output *out)
{
    bool last = i + 1 == packets_of(n);
    fill(o, pcm, n, (int64_t)i * PACKET);
    int len = opus_encode_float(o->encoder, o->packet, PACKET, o->bytes, PACKET_BYTES);
    if (len < 0) {
        return -EIO;
    }
    ogg_packet packet = {.packet = o->bytes,
                         .bytes = len,
                         .e_o_s = last ? 1 : 0,
                         .granulepos = last ? (ogg_int64_t)n + JAM_OPUS_PRE_SKIP
                                            : ((ogg_int64_t)i + 1) * PACKET,
                         .packetno = (ogg_int64_t)i + 2};
    return put_packet(o, &packet, last, out);
}

int64_t jam_opus_file(jam_opus *opus, const float *pcm, uint32_t n, uint8_t *out, size_t cap)
{
    output to = {.at = out, .cap = cap};
    opus_encoder_ctl(opus->encoder, OPUS_RESET_STATE);
    ogg_stream_reset(&opus->ogg);
    int err = put_headers(opus, &to);
    for (uint32_t i = 0; err == 0 && i < packets_of(n); i++) {
        err = put_audio(opus, pcm, n, i, &to);
    }
    return err < 0 ? err : (int64_t)to.len;
}
