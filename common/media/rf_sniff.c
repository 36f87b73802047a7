#include "rf_sniff.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SNIFF_BYTES 4096
#define MAX_TAGS 8 /* ID3v2 tags in a row */

static bool has(const uint8_t *d, size_t len, size_t at, const char *text)
{
    size_t n = strlen(text);
    return len >= at + n && memcmp(d + at, text, n) == 0;
}

/* Length of the ID3v2 tag at d (id3.org, ID3v2.4 section 3.1), 0 when there is none. */
static size_t id3_length(const uint8_t *d, size_t len)
{
    if (!has(d, len, 0, "ID3") || len < 10 || d[3] == 0xff || d[4] == 0xff ||
        ((d[6] | d[7] | d[8] | d[9]) & 0x80) != 0) {
        return 0;
    }
    size_t size = (size_t)d[6] << 21 | (size_t)d[7] << 14 | (size_t)d[8] << 7 | d[9];
    return size + ((d[5] & 0x10) != 0 ? 20 : 10);
}

static rf_media_format sniff_riff(const uint8_t *d, size_t len)
{
    bool riff = has(d, len, 0, "RIFF") || has(d, len, 0, "RF64") || has(d, len, 0, "BW64");
    return riff && has(d, len, 8, "WAVE") ? RF_FORMAT_WAV : RF_FORMAT_UNKNOWN;
}

static rf_media_format sniff_form(const uint8_t *d, size_t len)
{
    bool aiff = has(d, len, 8, "AIFF") || has(d, len, 8, "AIFC");
    return has(d, len, 0, "FORM") && aiff ? RF_FORMAT_AIFF : RF_FORMAT_UNKNOWN;
}

/* The first packet of the first page names the codec (RFC 3533, RFC 7845). */
static rf_media_format sniff_ogg(const uint8_t *d, size_t len)
{
    if (!has(d, len, 0, "OggS") || len < 28) {
        return RF_FORMAT_UNKNOWN;
    }
    size_t packet = 27 + (size_t)d[26];
    if (has(d, len, packet, "OpusHead")) {
        return RF_FORMAT_OPUS;
    }
    return has(d, len, packet, "\x01vorbis") ? RF_FORMAT_VORBIS : RF_FORMAT_UNKNOWN;
}

/* Length of the MPEG audio layer III frame at d (ISO 11172-3, 13818-3), 0 when there is none. */
static size_t mp3_frame_length(const uint8_t *d)
{
    static const uint16_t kbits[2][16] = {
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}};
    static const uint16_t rates[4] = {44100, 48000, 32000, 0};
    unsigned version = d[1] >> 3 & 3; /* 0: 2.5, 2: 2, 3: 1 */
    unsigned layer = d[1] >> 1 & 3;   /* 1: III */
    if (d[0] != 0xff || (d[1] & 0xe0) != 0xe0 || version == 1 || layer != 1) {
        return 0;
    }
    unsigned rate = rates[d[2] >> 2 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    unsigned bits = kbits[version == 3 ? 0 : 1][d[2] >> 4] * 1000U;
    if (rate == 0 || bits == 0) {
        return 0;
    }
    return (version == 3 ? 144U : 72U) * bits / rate + (d[2] >> 1 & 1);
}

static size_t adts_frame_length(const uint8_t *d)
{
    if (d[0] != 0xff || (d[1] & 0xf6) != 0xf0 || (d[2] >> 2 & 15) > 12) {
        return 0;
    }
    size_t length = (size_t)(d[3] & 3) << 11 | (size_t)d[4] << 3 | d[5] >> 5;
    return length > 7 ? length : 0;
}

typedef size_t (*frame_length_fn)(const uint8_t *d);

/* Two frames in a row, or one that ends the data, within the first bytes. */
static bool has_frames(const uint8_t *d, size_t len, frame_length_fn length)
{
    for (size_t at = 0; at + 7 < len; at++) {
        size_t n = length(d + at);
        if (n == 0) {
            continue;
        }
        if (at == 0 && at + n + 7 >= len) {
            return true;
        }
        if (at + n + 7 < len && length(d + at + n) > 0) {
            return true;
        }
    }
    return false;
}

rf_media_format rf_sniff(const void *data, size_t len)
{
    const uint8_t *d = data;
    size_t tag = id3_length(d, len);
    if (tag > 0) {
        return tag < len ? rf_sniff(d + tag, len - tag) : RF_FORMAT_UNKNOWN;
    }
    if (has(d, len, 0, "fLaC")) {
        return RF_FORMAT_FLAC;
    }
    if (has(d, len, 4, "ftyp")) {
        return RF_FORMAT_M4A;
    }
    rf_media_format format = sniff_riff(d, len);
    format = format != RF_FORMAT_UNKNOWN ? format : sniff_form(d, len);
    format = format != RF_FORMAT_UNKNOWN ? format : sniff_ogg(d, len);
    if (format != RF_FORMAT_UNKNOWN) {
        return format;
    }
    if (has_frames(d, len, adts_frame_length)) {
        return RF_FORMAT_AAC;
    }
    return has_frames(d, len, mp3_frame_length) ? RF_FORMAT_MP3 : RF_FORMAT_UNKNOWN;
}

int rf_sniff_fd(int fd, rf_media_format *ret_format, int64_t *ret_offset)
{
    uint8_t head[SNIFF_BYTES];
    int64_t offset = 0;
    ssize_t n = 0;
    size_t tag = 1;
    for (int i = 0; i < MAX_TAGS && tag > 0; i++) {
        n = pread(fd, head, sizeof(head), offset);
        if (n < 0) {
            return -errno;
        }
        tag = id3_length(head, (size_t)n);
        offset += (int64_t)tag;
    }
    *ret_format = tag > 0 ? RF_FORMAT_UNKNOWN : rf_sniff(head, (size_t)n);
    if (ret_offset != NULL) {
        *ret_offset = offset;
    }
    return 0;
}
