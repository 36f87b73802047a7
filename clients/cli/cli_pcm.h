/*
 * cli_pcm.h - PCM to be published: a file of any kind that libsndfile reads, or a stream of raw PCM
 * or of a WAV file, whose head is found by itself. Samples are interleaved and little endian.
 */
#ifndef CLI_PCM_H
#define CLI_PCM_H

#include "reflection_recorder.h"
#include "rf_base.h"
#include "rf_buf.h"

typedef struct cli_pcm_shape {
    reflection_recorder_sample sample_format;
    uint32_t channels;
    uint32_t rate_hz;
} cli_pcm_shape;

typedef struct cli_pcm cli_pcm;

/* cli_pcm_open_file opens a file; *ret_shape is its own. On failure error says why; returns a
 * negative errno. */
int cli_pcm_open_file(const char *path, cli_pcm **ret, cli_pcm_shape *ret_shape,
                      rf_buf *error) RF_MUST_USE;

/* cli_pcm_open_stream reads from fd, which stays the caller's, until it knows whether a WAV file
 * begins there, whose head then replaces *shape. Waits for the first bytes. */
int cli_pcm_open_stream(int fd, cli_pcm **ret, cli_pcm_shape *shape, rf_buf *error) RF_MUST_USE;

/* cli_pcm_fd is to be polled before cli_pcm_read; -1 when that never waits. */
int cli_pcm_fd(const cli_pcm *p);

/* cli_pcm_read gives frames, lent until the next call: *ret_n of them, 0 when a stream has no whole
 * one yet. Returns 1, 0 at the end, or a negative errno with error filled. */
int cli_pcm_read(cli_pcm *p, const void **ret, size_t *ret_n, rf_buf *error) RF_MUST_USE;

cli_pcm *cli_pcm_close(cli_pcm *p);

/* cli_pcm_peak is the greatest absolute value of n samples, full scale being 1. */
double cli_pcm_peak(reflection_recorder_sample format, const void *samples, size_t n);

/* cli_pcm_wav_head reads the head of a WAV file (RIFF or RF64) from the first len bytes: 1 with its
 * shape, where its samples begin, and how many bytes they have (-1: up to the end); 0 when more
 * bytes are needed; -ENOMSG when it is none; -EINVAL for one that cannot be recorded, with why. */
int cli_pcm_wav_head(const uint8_t *data, size_t len, cli_pcm_shape *ret_shape, size_t *ret_at,
                     int64_t *ret_bytes, const char **ret_why) RF_MUST_USE;

#endif
