/*
 * jam_wav.h - the two WAV forms of jam.md section 5. Private to the encoders. Pure functions, no
 * heap, any thread.
 */
#ifndef JAM_WAV_H
#define JAM_WAV_H

#include "jam_fields.h"

/* jam_wav_header writes the header for n_samples pairs and returns its size: 58 or 44 bytes. */
size_t jam_wav_header(jam_format format, int64_t n_samples, uint8_t *out);

/* jam_wav_samples writes n pairs, interleaved, of which the first has this position in the stream,
 * and returns the bytes. 16 bits are dithered by (seed, position, channel) alone, so that copies of
 * a sample are equal. */
size_t jam_wav_samples(jam_format format, const float *pcm, uint32_t n, int64_t position,
                       uint64_t seed, uint8_t *out);

#endif
