/*
 * rf_av.h - decoding inside the sandbox (and inside the fuzzer): libav restricted to the formats
 * of processor.md section 6. Private to common/media; linked by reflection-decode alone.
 *
 * A file is first read by our own small parsers (rf_av_source), which find the audio, skip tags and
 * pictures, and check what is declared; libav then sees a file without them. One thread.
 */
#ifndef RF_AV_H
#define RF_AV_H

#include "rf_decode_wire.h"

/* Takes n frames of interleaved float32; returns 0 or a negative errno, which ends the decoding. */
typedef struct rf_av_out {
    int (*write)(void *user, const float *data, int64_t n, uint32_t n_channels);
    void *user;
} rf_av_out;

/* rf_av_warm_up builds the tables that libav makes once a process, before the process is locked
 * down and copied. */
void rf_av_warm_up(void);

/* rf_av_decode decodes the file behind fd and fills reply in every case. */
void rf_av_decode(int fd, const rf_decode_task *task, rf_av_out out, rf_decode_reply *reply);

/* Fills reply with a failure and returns its negative errno; for the files rf_av_*.c. */
int rf_av_fail(rf_decode_reply *reply, rf_media_code code, const char *detail);
int rf_av_fail_limit(rf_decode_reply *reply, rf_media_code code, int64_t value);

/* rf_av_check_shape checks channels, rate and length (n_frames < 0: not declared) against the
 * limits; used for what is declared and again for what comes out. */
int rf_av_check_shape(const rf_decode_limits *limits, uint32_t n_channels, uint32_t rate_hz,
                      int64_t n_frames, rf_decode_reply *reply);

#endif
