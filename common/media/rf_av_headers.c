/* Our own reading of WAV, AIFF, FLAC and MP3 envelopes: where the audio lies and what is declared.
 * Tags, pictures and every other chunk are stepped over without being read. */
#include "rf_av_source.h"

#include <errno.h>
#include <string.h>

#define MAX_BITS 64              /* of a sample */
#define MAX_CHUNKS 4096          /* of one file */
#define MAX_FMT 40               /* bytes of a WAVE format chunk: extensible */
#define STREAMED_SIZE 0x7ffff000 /* sizes from here on are written by programs that cannot seek */
#define UNKNOWN_SIZE 0xffffffff

static uint32_t le32(const uint8_t *d)
{
    return (uint32_t)d[0] | (uint32_t)d[1] << 8 | (uint32_t)d[2] << 16 | (uint32_t)d[3] << 24;
}

static uint32_t le16(const uint8_t *d)
{
    return (uint32_t)d[0] | (uint32_t)d[1] << 8;
}

static uint32_t be32(const uint8_t *d)
{
    return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

static uint32_t be16(const uint8_t *d)
{
    return (uint32_t)d[0] << 8 | d[1];
}

static uint64_t le64(const uint8_t *d)
{
    return le32(d) | (uint64_t)le32(d + 4) << 32;
}

static void put(rf_av_source *s, const void *data, size_t len)
{
    memcpy(s->prefix + s->n_prefix, data, len);
    s->n_prefix += len;
}

static void put_le(rf_av_source *s, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        s->prefix[s->n_prefix++] = (uint8_t)(value >> 8 * i);
    }
}

static void put_be32(rf_av_source *s, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    put(s, bytes, sizeof(bytes));
}

/* What the chunks of a WAV or AIFF file have told. */
typedef struct chunks {
    uint8_t format[MAX_FMT]; /* "fmt " or "COMM" */
    size_t n_format;
    int64_t data_at; /* 0: not seen */
    int64_t data_len;
    uint64_t long_len; /* of RF64's "ds64" */
} chunks;

static int truncated(rf_decode_reply *reply)
{
    return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED, "the file is truncated");
}

static int malformed(rf_decode_reply *reply)
{
    return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED, "the file's header is damaged");
}

static int read_format(const rf_av_source *s, int64_t at, uint32_t size, chunks *c)
{
    c->n_format = RF_MIN(size, (uint32_t)sizeof(c->format));
    return rf_av_source_read(s, at, c->format, c->n_format);
}

static int take_wav_chunk(const rf_av_source *s, const uint8_t *head, int64_t at, chunks *c)
{
    uint32_t size = le32(head + 4);
    uint8_t sizes[16];
    if (memcmp(head, "fmt ", 4) == 0) {
        return read_format(s, at, size, c);
    }
    if (memcmp(head, "ds64", 4) == 0) {
        int err = rf_av_source_read(s, at, sizes, sizeof(sizes));
        c->long_len = err == 0 ? le64(sizes + 8) : 0;
        return err;
    }
    if (memcmp(head, "data", 4) == 0) {
        c->data_at = at;
        c->data_len = size == UNKNOWN_SIZE && c->long_len > 0 && c->long_len < INT64_MAX
                          ? (int64_t)c->long_len
                          : size;
    }
    return 0;
}

static int take_aiff_chunk(const rf_av_source *s, const uint8_t *head, int64_t at, chunks *c)
{
    uint32_t size = be32(head + 4);
    uint8_t offset[8];
    if (memcmp(head, "COMM", 4) == 0) {
        return read_format(s, at, size, c);
    }
    if (memcmp(head, "SSND", 4) == 0) {
        int err = size >= 8 ? rf_av_source_read(s, at, offset, sizeof(offset)) : -EINVAL;
        if (err != 0) {
            return err;
        }
        c->data_at = at + 8 + be32(offset);
        c->data_len = (int64_t)size - 8 - be32(offset);
    }
    return 0;
}

/* Steps over the chunks of a RIFF or FORM file until both the format and the data were seen. */
static int walk_chunks(const rf_av_source *s, bool little, chunks *c)
{
    int64_t at = s->base + 12;
    for (int i = 0; i < MAX_CHUNKS && (c->n_format == 0 || c->data_at == 0); i++) {
        uint8_t head[8];
        int err = rf_av_source_read(s, at, head, sizeof(head));
        if (err == 0) {
            err = little ? take_wav_chunk(s, head, at + 8, c) : take_aiff_chunk(s, head, at + 8, c);
        }
        if (err != 0) {
            return err;
        }
        uint32_t size = little ? le32(head + 4) : be32(head + 4);
        at += 8 + (int64_t)size + (size & 1);
    }
    return c->n_format > 0 && c->data_at > 0 && c->data_len >= 0 ? 0 : -EINVAL;
}

static void put_wav_header(rf_av_source *s, const chunks *c, uint32_t block)
{
    put(s, "RF64\xff\xff\xff\xffWAVEds64", 16);
    put_le(s, 28, 4);
    put_le(s, (uint64_t)s->len + 80 + c->n_format, 8);
    put_le(s, (uint64_t)s->len, 8);
    put_le(s, (uint64_t)s->len / block, 8);
    put_le(s, 0, 4);
    put(s, "fmt ", 4);
    put_le(s, c->n_format, 4);
    put(s, c->format, c->n_format);
    put(s, "data\xff\xff\xff\xff", 8);
}

int rf_av_find_wav(rf_av_source *s, rf_decode_reply *reply)
{
    chunks c = {0};
    int err = walk_chunks(s, true, &c);
    if (err != 0) {
        return err == -ENODATA ? truncated(reply) : malformed(reply);
    }
    uint32_t block = le16(c.format + 12);
    s->n_channels = le16(c.format + 2);
    s->rate_hz = le32(c.format + 4);
    s->bits_per_sample = le16(c.format + 14);
    if (c.n_format < 16 || block == 0 || s->n_channels == 0 || s->bits_per_sample > MAX_BITS) {
        return malformed(reply);
    }
    int64_t there = s->file_size - c.data_at;
    bool streamed = c.long_len == 0 && (c.data_len >= STREAMED_SIZE || c.data_len == 0);
    if (there < c.data_len && !streamed) {
        return truncated(reply);
    }
    s->base = c.data_at;
    s->len = streamed ? RF_MIN(there, c.data_len > 0 ? c.data_len : there) : c.data_len;
    s->len -= s->len % block;
    s->n_frames = s->len / block;
    c.n_format &= ~(size_t)1;
    put_wav_header(s, &c, block);
    return 0;
}

/* The 80-bit float of AIFF's sample rate, as a whole number of Hz; 0 when it is none such. */
static uint32_t extended_rate(const uint8_t *d)
{
    uint32_t exponent = be16(d);
    uint64_t mantissa = (uint64_t)be32(d + 2) << 32 | be32(d + 6);
    if (exponent < 16383 || exponent > 16383 + 31) {
        return 0;
    }
    return (uint32_t)(mantissa >> (63 - (exponent - 16383)));
}

static void put_aiff_header(rf_av_source *s, const chunks *c, bool compressed)
{
    put(s, "FORM", 4);
    put_be32(s, (uint32_t)s->len + (compressed ? 52 : 46)); /* all that follows */
    put(s, compressed ? "AIFCCOMM" : "AIFFCOMM", 8);
    put_be32(s, compressed ? 24 : 18);
    put(s, c->format, compressed ? 22 : 18);
    put(s, "\0", compressed ? 2 : 0); /* an empty name of the compression, padded */
    put(s, "SSND", 4);
    put_be32(s, (uint32_t)s->len + 8);
    put_be32(s, 0);
    put_be32(s, 0);
}

int rf_av_find_aiff(rf_av_source *s, rf_decode_reply *reply)
{
    chunks c = {0};
    uint8_t form[12];
    int err = rf_av_source_read(s, s->base, form, sizeof(form));
    err = err == 0 ? walk_chunks(s, false, &c) : err;
    if (err != 0) {
        return err == -ENODATA ? truncated(reply) : malformed(reply);
    }
    bool compressed = memcmp(form + 8, "AIFC", 4) == 0;
    if (c.n_format < (compressed ? 22 : 18) || c.data_len > UINT32_MAX - 64) {
        return malformed(reply);
    }
    s->n_channels = be16(c.format);
    s->n_frames = be32(c.format + 2);
    s->bits_per_sample = be16(c.format + 6);
    s->rate_hz = extended_rate(c.format + 8);
    int64_t block = (int64_t)s->n_channels * ((s->bits_per_sample + 7) / 8);
    if (block == 0 || s->bits_per_sample > MAX_BITS) {
        return malformed(reply);
    }
    if (c.data_at + c.data_len > s->file_size || s->n_frames * block > c.data_len) {
        return truncated(reply);
    }
    s->base = c.data_at;
    s->len = s->n_frames * block;
    put_aiff_header(s, &c, compressed);
    return 0;
}

/* Keeps STREAMINFO (RFC 9639 section 8.2) and leaves out every other metadata block. */
int rf_av_find_flac(rf_av_source *s, rf_decode_reply *reply)
{
    uint8_t info[34];
    uint8_t head[4] = {0};
    int64_t at = s->base + 4;
    for (int i = 0; i < MAX_CHUNKS && (head[0] & 0x80) == 0; i++) {
        int err = rf_av_source_read(s, at, head, sizeof(head));
        uint32_t size = be32(head) & 0xffffff;
        if (err == 0 && i == 0) {
            err = (head[0] & 0x7f) == 0 && size == sizeof(info)
                      ? rf_av_source_read(s, at + 4, info, sizeof(info))
                      : -EINVAL;
        }
        if (err != 0) {
            return err == -ENODATA ? truncated(reply) : malformed(reply);
        }
        at += 4 + (int64_t)size;
    }
    if ((head[0] & 0x80) == 0 || at > s->file_size) {
        return truncated(reply);
    }
    s->rate_hz = be32(info + 10) >> 12;
    s->n_channels = (info[12] >> 1 & 7) + 1U;
    s->bits_per_sample = ((info[12] & 1U) << 4 | info[13] >> 4) + 1U;
    int64_t total = (int64_t)(info[13] & 15) << 32 | be32(info + 14);
    s->n_frames = total > 0 ? total : -1;
    if (s->bits_per_sample < 8 || s->bits_per_sample > 24) {
        return rf_av_fail(reply, RF_MEDIA_UNSUPPORTED_FORMAT, "FLAC must have 8 to 24 bits");
    }
    s->base = at;
    s->len = s->file_size - at;
    put(s, "fLaC\x80\0\0\x22", 8);
    put(s, info, sizeof(info));
    return 0;
}

/* Reads the encoder's delay and padding from LAME's extension of the Xing tag, which stands in the
 * first frame behind its side information (gabriel.mp3-tech.org/mp3infotag.html). */
static void read_lame_tag(rf_av_source *s)
{
    enum { XING_FULL = 120, LAME_DELAY = 21, DECODER_DELAY = 529 };
    uint8_t d[4 + 32 + XING_FULL + LAME_DELAY + 3];
    if (rf_av_source_read(s, s->base, d, sizeof(d)) != 0) {
        return;
    }
    const bool mpeg1 = (d[1] & 0x18) == 0x18;
    const bool mono = (d[3] & 0xc0) == 0xc0;
    const uint8_t *xing = d + 4 + (mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17));
    const uint8_t *lame = xing + XING_FULL; /* all four optional fields are there */
    bool tagged = memcmp(xing, "Xing", 4) == 0 || memcmp(xing, "Info", 4) == 0;
    bool known = memcmp(lame, "LAME", 4) == 0 || memcmp(lame, "Lavf", 4) == 0 ||
                 memcmp(lame, "Lavc", 4) == 0;
    if (!tagged || !known || (be32(xing + 4) & 15) != 15) {
        return;
    }
    const int64_t delay = lame[LAME_DELAY] << 4 | lame[LAME_DELAY + 1] >> 4;
    const int64_t padding = (lame[LAME_DELAY + 1] & 15) << 8 | lame[LAME_DELAY + 2];
    const int64_t total = (int64_t)be32(xing + 8) * (mpeg1 ? 1152 : 576) - delay - padding;
    if (total > 0) {
        s->n_skip = delay + DECODER_DELAY;
        s->n_lossy = total;
    }
}

/* Leaves out ID3v1 and APEv2 tags at the end; an ID3v2 tag lies before the base already. */
int rf_av_find_mp3(rf_av_source *s, rf_decode_reply *reply)
{
    uint8_t tag[32];
    (void)reply;
    read_lame_tag(s);
    if (s->len > 128 && rf_av_source_read(s, s->base + s->len - 128, tag, 3) == 0 &&
        memcmp(tag, "TAG", 3) == 0) {
        s->len -= 128;
    }
    if (s->len > 32 && rf_av_source_read(s, s->base + s->len - 32, tag, 32) == 0 &&
        memcmp(tag, "APETAGEX", 8) == 0) {
        int64_t size = (int64_t)le32(tag + 12) + ((le32(tag + 20) >> 31) != 0 ? 32 : 0);
        s->len -= size < s->len ? size : 0;
    }
    return 0;
}
