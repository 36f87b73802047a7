/*
 * rf_mp3_tag.h - the first frame of an MP3 file, which tells players its exact length, made before
 * the others are known: Xing's tag with LAME's extension (gabriel.mp3-tech.org/mp3infotag.html).
 * Private to common/media. Pure functions. For LAME's constant bit rate without reservoir.
 */
#ifndef RF_MP3_TAG_H
#define RF_MP3_TAG_H

#include "rf_base.h"

#define RF_MP3_MIN_FRAMES                                                                          \
    1 /* to be coded: with none there is one codec frame, and no player is sure                    \
         that one alone is MP3. The tag has them dropped again */
#define RF_MP3_TAG_MAX 1441 /* bytes of the longest frame */

/* The highest bit rate of the layer at a rate; 0 when MPEG has no such rate. */
uint32_t rf_mp3_max_bitrate_bps(uint32_t rate_hz);

/* rf_mp3_bitrate_bps is the highest bit rate that the layer has at a rate, up to the asked one; the
 * lowest when all are higher. */
uint32_t rf_mp3_bitrate_bps(uint32_t rate_hz, uint32_t asked_bps);

/* rf_mp3_audio_bytes is the length of the first n codec frames of a file. */
uint64_t rf_mp3_audio_bytes(uint32_t rate_hz, uint32_t bitrate_bps, uint64_t n_codec_frames);

/* What the header of a codec frame says. */
typedef struct rf_mp3_header {
    uint32_t rate_hz;
    uint32_t bitrate_bps;
    uint32_t n_channels;
    uint32_t n_frames; /* 1,152 or 576 */
    uint32_t n_bytes;  /* of the codec frame */
} rf_mp3_header;

/* rf_mp3_header_read reads its four bytes: false for anything but layer III at a listed bit rate.
 */
bool rf_mp3_header_read(const uint8_t bytes[4], rf_mp3_header *ret);

/* rf_mp3_tag writes the frame for n_frames of audio and returns its length. */
size_t rf_mp3_tag(uint32_t rate_hz, uint32_t n_channels, uint32_t bitrate_bps, int64_t n_frames,
                  uint8_t out[RF_MP3_TAG_MAX]);

#endif
