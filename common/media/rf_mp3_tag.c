#include "rf_mp3_tag.h"

#include <string.h>

enum {
    ENCODER_DELAY = 576, /* of LAME */
    TAG_BYTES = 156,     /* Xing's 120 and LAME's 36 */
    FIELDS = 15,         /* frames, bytes, table of contents, quality */
    HEADER = 4,
    N_BITRATES = 15,
    TOC = 100,
};

/* kbit/s by index: MPEG-1, and MPEG-2 with 2.5, of which the latter has those up to 64. */
static const uint16_t bitrates[2][N_BITRATES] = {
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
};

/* version: bits of the header */
static const struct {
    uint32_t rate_hz;
    uint8_t version, index;
    uint16_t max_kbps;
} rates[] = {{44100, 3, 0, 320}, {48000, 3, 1, 320}, {32000, 3, 2, 320},
             {22050, 2, 0, 160}, {24000, 2, 1, 160}, {16000, 2, 2, 160},
             {11025, 0, 0, 64},  {12000, 0, 1, 64},  {8000, 0, 2, 64}};

static size_t find_rate(uint32_t rate_hz)
{
    size_t i = 0;
    while (i < RF_ARRAY_LEN(rates) && rates[i].rate_hz != rate_hz) {
        i++;
    }
    return i;
}

static bool is_mpeg1(size_t rate)
{
    return rates[rate].version == 3;
}

static uint32_t frame_length(size_t rate)
{
    return is_mpeg1(rate) ? 1152 : 576;
}

uint32_t rf_mp3_max_bitrate_bps(uint32_t rate_hz)
{
    const size_t rate = find_rate(rate_hz);
    return rate < RF_ARRAY_LEN(rates) ? rates[rate].max_kbps * 1000U : 0;
}

static size_t find_bitrate(size_t rate, uint32_t kbps)
{
    const uint16_t *table = bitrates[is_mpeg1(rate) ? 0 : 1];
    size_t i = 1;
    while (i + 1 < N_BITRATES && table[i + 1] <= RF_MIN(kbps, (uint32_t)rates[rate].max_kbps)) {
        i++;
    }
    return i;
}

uint32_t rf_mp3_bitrate_bps(uint32_t rate_hz, uint32_t asked_bps)
{
    const size_t rate = find_rate(rate_hz);
    return rate < RF_ARRAY_LEN(rates)
               ? bitrates[is_mpeg1(rate) ? 0 : 1][find_bitrate(rate, asked_bps / 1000)] * 1000U
               : 0;
}

/* The bytes of codec frames: LAME adds a byte to as many of them as keep to the rate, not to the
 * first. */
static uint64_t audio_bytes(size_t rate, uint32_t kbps, uint64_t n_codec_frames)
{
    const uint64_t scaled = (uint64_t)frame_length(rate) / 8 * 1000 * kbps;
    const uint32_t hz = rates[rate].rate_hz;
    const uint64_t added = ((n_codec_frames - 1) * (scaled % hz) + hz - 1) / hz;
    return n_codec_frames * (scaled / hz) + added;
}

uint64_t rf_mp3_audio_bytes(uint32_t rate_hz, uint32_t bitrate_bps, uint64_t n_codec_frames)
{
    const size_t rate = find_rate(rate_hz);
    return n_codec_frames > 0 && rate < RF_ARRAY_LEN(rates)
               ? audio_bytes(rate, bitrate_bps / 1000, n_codec_frames)
               : 0;
}

static size_t find_version(uint8_t version, uint8_t index)
{
    size_t i = 0;
    while (i < RF_ARRAY_LEN(rates) && (rates[i].version != version || rates[i].index != index)) {
        i++;
    }
    return i;
}

bool rf_mp3_header_read(const uint8_t bytes[4], rf_mp3_header *ret)
{
    const size_t rate = find_version(bytes[1] >> 3 & 3, bytes[2] >> 2 & 3);
    const size_t bitrate = bytes[2] >> 4;
    const bool layer3 = (bytes[1] >> 1 & 3) == 1;
    if (bytes[0] != 0xff || bytes[1] >> 5 != 7 || !layer3 || rate == RF_ARRAY_LEN(rates) ||
        bitrate == 0 || bitrate >= N_BITRATES) {
        return false;
    }
    const uint32_t bps = bitrates[is_mpeg1(rate) ? 0 : 1][bitrate] * 1000U;
    *ret = (rf_mp3_header){.rate_hz = rates[rate].rate_hz,
                           .bitrate_bps = bps,
                           .n_channels = bytes[3] >> 6 == 3 ? 1 : 2,
                           .n_frames = frame_length(rate)};
    ret->n_bytes = frame_length(rate) / 8 * bps / ret->rate_hz + (bytes[2] >> 1 & 1U);
    return true;
}

static void put_be(uint8_t *at, uint64_t value, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * (n_bytes - 1 - i));
    }
}

/* CRC-16 with the polynomial 0x8005, bits reflected, from 0. */
static uint16_t crc16(const uint8_t *data, size_t len)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 1) != 0 ? crc >> 1 ^ 0xa001 : crc >> 1);
        }
    }
    return crc;
}

static size_t side_length(size_t rate, uint32_t n_channels)
{
    return is_mpeg1(rate) ? (n_channels == 1 ? 17 : 32) : (n_channels == 1 ? 9 : 17);
}

/* The header of the shortest frame that has room; returns the length of that frame. */
static size_t put_header(size_t rate, uint32_t n_channels, uint32_t kbps, uint8_t *out)
{
    const uint16_t *table = bitrates[is_mpeg1(rate) ? 0 : 1];
    const size_t least = HEADER + side_length(rate, n_channels) + TAG_BYTES;
    size_t i = find_bitrate(rate, kbps);
    size_t len = 0;
    for (;; i++) {
        len = (size_t)frame_length(rate) / 8 * 1000 * table[i] / rates[rate].rate_hz;
        if (len >= least || i + 1 == N_BITRATES) {
            break;
        }
    }
    out[0] = 0xff;
    out[1] = (uint8_t)(0xe0 | rates[rate].version << 3 | 1 << 1 | 1); /* layer III, no checksum */
    out[2] = (uint8_t)(i << 4 | (size_t)rates[rate].index << 2);
    out[3] =
        (uint8_t)((n_channels == 1 ? 3 : 1) << 6 | 1 << 2); /* mono or joint stereo, original */
    return len;
}

size_t rf_mp3_tag(uint32_t rate_hz, uint32_t n_channels, uint32_t bitrate_bps, int64_t n_frames,
                  uint8_t out[RF_MP3_TAG_MAX])
{
    const size_t rate = find_rate(rate_hz);
    const uint32_t length = frame_length(rate);
    const uint32_t kbps = bitrate_bps / 1000;
    const uint64_t delayed =
        RF_MAX((uint64_t)n_frames, (uint64_t)RF_MP3_MIN_FRAMES) + ENCODER_DELAY;
    uint32_t padding = length - (uint32_t)(delayed % length);
    padding += padding < ENCODER_DELAY ? length : 0;
    const uint64_t n_codec_frames = (delayed + padding) / length;
    padding += (uint32_t)(delayed - ENCODER_DELAY - (uint64_t)n_frames);
    memset(out, 0, RF_MP3_TAG_MAX);
    const size_t len = put_header(rate, n_channels, kbps, out);
    uint8_t *tag = out + HEADER + side_length(rate, n_channels);
    memcpy(tag, "Info", 4);
    put_be(tag + 4, FIELDS, 4);
    put_be(tag + 8, n_codec_frames, 4);
    put_be(tag + 12, len + audio_bytes(rate, kbps, n_codec_frames), 4);
    for (uint32_t i = 0; i < TOC; i++) {
        tag[16 + i] = (uint8_t)(i * 256 / TOC);
    }
    uint8_t *lame = tag + 120;
    memcpy(lame, "LAME3.100", 9);
    lame[9] = 1;                                     /* revision 0, constant bit rate */
    lame[20] = (uint8_t)RF_MIN(kbps, (uint32_t)255); /* rate, 255: or more */
    put_be(lame + 21, (uint64_t)ENCODER_DELAY << 12 | padding, 3);
    put_be(lame + 28, len + audio_bytes(rate, kbps, n_codec_frames), 4);
    put_be(lame + 34, crc16(out, (size_t)(lame + 34 - out)), 2);
    return len;
}
