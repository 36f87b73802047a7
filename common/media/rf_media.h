/*
 * rf_media.h - what the media functions share: formats, errors, and frames of float32 audio.
 * A frame is one sample per channel. Plain data; no locks; any thread may use what it owns.
 */
#ifndef RF_MEDIA_H
#define RF_MEDIA_H

#include "rf_base.h"

#define RF_MEDIA_MAX_CHANNELS 32
#define RF_MEDIA_MIN_RATE_HZ 3000
#define RF_MEDIA_MAX_RATE_HZ 768000

typedef enum rf_media_format {
    RF_FORMAT_UNKNOWN,
    RF_FORMAT_WAV, /* RIFF, RF64 and BW64 */
    RF_FORMAT_FLAC,
    RF_FORMAT_MP3,
    RF_FORMAT_VORBIS, /* in Ogg */
    RF_FORMAT_OPUS,   /* in Ogg */
    RF_FORMAT_AAC,    /* ADTS */
    RF_FORMAT_M4A,    /* AAC in MP4 */
    RF_FORMAT_AIFF,   /* AIFF and AIFF-C */
} rf_media_format;

#define RF_N_FORMATS 9

/* rf_format_name gives "wav", "flac", "mp3", "vorbis", "opus", "aac", "m4a", "aiff", "unknown";
 * rf_format_extension the usual file extension without dot ("bin" for unknown).
 * rf_format_parse reads a name back; -EINVAL when there is none such. */
const char *rf_format_name(rf_media_format format);
const char *rf_format_extension(rf_media_format format);
int rf_format_parse(const char *name, rf_media_format *ret) RF_MUST_USE;

/* Error codes of processor.md section 10. */
typedef enum rf_media_code {
    RF_MEDIA_OK,
    RF_MEDIA_INVALID_VALUE,      /* "invalid_value" */
    RF_MEDIA_UNSUPPORTED,        /* "unsupported": an impossible pair when encoding */
    RF_MEDIA_DECODE_FAILED,      /* "decode_failed" */
    RF_MEDIA_UNSUPPORTED_FORMAT, /* "unsupported_format": not audio of a known kind, or empty */
    RF_MEDIA_LIMIT_BYTES,        /* "limit_bytes" */
    RF_MEDIA_LIMIT_DURATION,     /* "limit_duration" */
    RF_MEDIA_LIMIT_CHANNELS,     /* "limit_channels" */
    RF_MEDIA_LIMIT_RATE,         /* "limit_rate" */
    RF_MEDIA_LIMIT_MEMORY,       /* "limit_memory" */
    RF_MEDIA_TIMEOUT,            /* "timeout" */
    RF_MEDIA_CANCELLED,          /* "cancelled" */
    RF_MEDIA_INTERNAL,           /* "internal": our fault, not the file's */
} rf_media_code;

#define RF_N_MEDIA_CODES 13
#define RF_MEDIA_MESSAGE_MAX 256

typedef struct rf_media_error {
    rf_media_code code;
    bool crashed;  /* DECODE_FAILED because the child died */
    int64_t limit; /* of LIMIT_*: the bound broken, in the unit of its name */
    int64_t value; /* of LIMIT_*: what the file declared or held, as far as it was read */
    char message[RF_MEDIA_MESSAGE_MAX]; /* names field, limit and value; safe for the client */
} rf_media_error;

/* rf_media_code_name gives the snake case name; RF_MEDIA_OK gives "ok". */
const char *rf_media_code_name(rf_media_code code);

/* rf_media_code_errno: 0, -EINVAL, -ENOTSUP, -EBADMSG (decode_failed), -EMEDIUMTYPE
 * (unsupported_format), -E2BIG (limit_*), -ETIMEDOUT, -ECANCELED, -EIO (internal). */
int rf_media_code_errno(rf_media_code code);

/* rf_media_fail fills error (which may be NULL) and returns rf_media_code_errno(code). */
int rf_media_fail(rf_media_error *error, rf_media_code code, const char *fmt, ...) RF_PRINTF(3, 4);

/* rf_media_fail_limit is rf_media_fail with limit and value; the message is made from both. */
int rf_media_fail_limit(rf_media_error *error, rf_media_code code, int64_t limit, int64_t value);

/* Audio in memory: interleaved float32, nominal range [-1, 1] (floats beyond are legal).
 * data has n_frames * n_channels samples. The memory is a memfd when fd >= 0 (sealed against
 * change of size, so that it can be passed to a child), else the heap. */
typedef struct rf_frames {
    float *data;
    int64_t n_frames;
    uint32_t n_channels; /* 1..RF_MEDIA_MAX_CHANNELS, in WAVE order */
    uint32_t rate_hz;
    int fd; /* -1 or a memfd, owned */
} rf_frames;

/* rf_frames_new makes silence on the heap. Returns 0, -EINVAL, -ENOMEM. */
int rf_frames_new(uint32_t n_channels, uint32_t rate_hz, int64_t n_frames,
                  rf_frames **ret_frames) RF_MUST_USE;

/* rf_frames_map views a memfd made by another process; every number is checked against the file
 * and the file must be sealed against shrinking. Takes fd over on success only; the memory is
 * read-only. Returns 0, -EINVAL, -EPERM (not sealed), -ENOMEM. */
int rf_frames_map(int fd, uint32_t n_channels, uint32_t rate_hz, int64_t n_frames,
                  rf_frames **ret_frames) RF_MUST_USE;

/* rf_frames_free frees the memory, closes fd; NULL is fine; returns NULL. */
rf_frames *rf_frames_free(rf_frames *frames);
RF_DEFINE_CLEANUP(rf_frames, frames, rf_frames_free)

/* rf_frames_bytes is the size of the samples. */
size_t rf_frames_bytes(const rf_frames *frames);

/* rf_frames_channel copies n frames of one channel, from frame `first`, to dst. */
void rf_frames_channel(const rf_frames *frames, uint32_t channel, int64_t first, int64_t n,
                       float *dst);

#endif
