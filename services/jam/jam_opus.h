/*
 * jam_opus.h - Ogg Opus files (RFC 6716, RFC 7845) of exact length that begin in the middle of a
 * stream: the decoder warms up on real earlier audio. Private to the encoders. One thread at a
 * time; heap calls in new and, while libogg's own buffers grow, in the first file.
 */
#ifndef JAM_OPUS_H
#define JAM_OPUS_H

#include "jam_format.h"

typedef struct jam_opus jam_opus;

int jam_opus_new(uint32_t bitrate_kbps, jam_opus **ret);
jam_opus *jam_opus_free(jam_opus *opus);

size_t jam_opus_max_bytes(uint32_t n);

/* jam_opus_file: as jam_encoder_file. */
int64_t jam_opus_file(jam_opus *opus, const float *pcm, uint32_t n, uint8_t *out, size_t cap);

#endif
