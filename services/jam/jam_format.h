/*
 * jam_format.h - PCM of a chunk to one complete file in caller memory (jam.md section 5), and whole
 * streams to one file. An encoder belongs to one thread at a time. After jam_encoder_new the WAV
 * formats and Opus make no heap call; libFLAC takes and returns its work memory with each file.
 */
#ifndef JAM_FORMAT_H
#define JAM_FORMAT_H

#include "jam_fields.h"
#include "rf_encode.h"

#define JAM_WAV_F32_HEADER 58
#define JAM_WAV_S16_HEADER 44
#define JAM_OPUS_PRE_SKIP 3840

typedef struct jam_encoder jam_encoder;

/* jam_encoder_new: bitrate_kbps 32-320 for Opus; seed is the session's (dither). Returns 0 or
 * -ENOMEM. */
int jam_encoder_new(jam_format format, uint32_t bitrate_kbps, uint64_t seed, jam_encoder **ret);
jam_encoder *jam_encoder_free(jam_encoder *encoder);

/* jam_format_max_bytes: no file of n_samples is larger. */
size_t jam_format_max_bytes(jam_format format, uint32_t bitrate_kbps, uint32_t n_samples);

/* jam_encoder_file writes one file of n pairs, interleaved; JAM_OPUS_PRE_SKIP pairs of earlier
 * audio stand before pcm (read by Opus alone). first_sample is the position of pcm[0] in the
 * stream. Returns its size, -ENOSPC when cap is too small (never with jam_format_max_bytes), -EIO
 * when a codec fails. */
int64_t jam_encoder_file(jam_encoder *encoder, const float *pcm, uint32_t n, int64_t first_sample,
                         uint8_t *out, size_t cap);

/* A file of a stated length, piece by piece to a sink (which need not seek): for one-shot renders.
 */
typedef struct jam_file jam_file;
int jam_file_open(jam_format format, uint32_t bitrate_kbps, uint64_t seed, int64_t n_samples,
                  rf_sink sink, jam_file **ret);
int jam_file_write(jam_file *file, const float *pcm, uint32_t n);
/* jam_file_close completes and frees; -EINVAL when fewer or more samples came than were stated. */
int jam_file_close(jam_file *file);
jam_file *jam_file_free(jam_file *file);

/* jam_format_mime: "audio/wav" and so on; jam_format_extension: "wav". */
const char *jam_format_mime(jam_format format);
const char *jam_format_extension(jam_format format);

#endif
