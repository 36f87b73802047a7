/*
 * rf_decode_wire.h - what rf_decode and reflection-decode say to each other. Private to
 * common/media. Both are built together, so the structs are the format; the parent nevertheless
 * believes nothing that a child answers.
 */
#ifndef RF_DECODE_WIRE_H
#define RF_DECODE_WIRE_H

#include "rf_decode.h"

#define RF_DECODE_DETAIL_MAX 128

/* The task; descriptors: the file (read-only), the memfd for max_pcm_bytes of float32. */
typedef struct rf_decode_task {
    rf_decode_limits limits;
    uint32_t keep_nonfinite;
} rf_decode_task;

enum { RF_DECODE_FD_FILE, RF_DECODE_FD_PCM, RF_DECODE_N_FDS };

typedef struct rf_decode_reply {
    uint32_t code;   /* rf_media_code: OK, DECODE_FAILED, UNSUPPORTED_FORMAT or LIMIT_* */
    uint32_t format; /* rf_media_format */
    uint32_t bits_per_sample;
    uint32_t lossless;
    uint32_t n_channels;
    uint32_t rate_hz;
    int64_t n_frames;
    int64_t value;                     /* of LIMIT_* */
    char detail[RF_DECODE_DETAIL_MAX]; /* of DECODE_FAILED and UNSUPPORTED_FORMAT */
} rf_decode_reply;

/* rf_decode_reply_read checks the len bytes of an answer against the limits that its task had.
 * Fills ret_reply and returns 0 for a believable success; else fills error (never NULL) and returns
 * its negative errno. An answer that no honest child gives is DECODE_FAILED. */
int rf_decode_reply_read(const void *bytes, size_t len, const rf_decode_limits *limits,
                         rf_decode_reply *ret_reply, rf_media_error *error);

#endif
