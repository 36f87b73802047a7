/*
 * recorder_stream.h - one consumer of a session: its own cursor into the master, its own converter
 * and encoder, chunks out.
 *
 * Nothing here waits, and nothing depends on other consumers: a call reads what is readable, at
 * most one piece of it. The cost of a chunk is the same whatever its place in the session: the
 * frames of the chunk are read and coded once. Data waits on disk, so that a slow consumer costs no
 * memory. Memory: at most 2 MiB, codec and resampler included.
 *
 * Threads: one at a time; a stream may move between the threads of a pool. The descriptor of the
 * master is the caller's and must outlive the stream.
 */
#ifndef RECORDER_STREAM_H
#define RECORDER_STREAM_H

#include "recorder_format.h"
#include "recorder_reader.h"

/* What happens to a consumer that stays behind more than the limit while the session goes on;
 * looked at between chunks, so that no chunk has a hole. */
typedef enum recorder_lag_policy {
    RECORDER_LAG_WAIT,       /* nothing: it reads on at its own pace, after the end too */
    RECORDER_LAG_DROP,       /* it goes on 500 ms behind the last frame, and is told */
    RECORDER_LAG_DISCONNECT, /* it ends with -EOVERFLOW (CONSUMER_TOO_SLOW) */
} recorder_lag_policy;

typedef enum recorder_framing {
    RECORDER_CONTINUOUS, /* one encoder: all chunks joined are one file */
    RECORDER_STANDALONE, /* every chunk is a file of its own */
} recorder_framing;

#define RECORDER_CHUNK_MIN_FRAMES 16
#define RECORDER_CHUNK_MAX_S 60
#define RECORDER_LAG_MIN_MS 1000
#define RECORDER_LAG_MAX_MS 3600000
#define RECORDER_LAG_DEFAULT_MS 10000
#define RECORDER_LAG_BEHIND_MS 500
#define RECORDER_PIECE_BYTES 65520 /* of one piece, at most: with a header of 16 still 64 KiB */

typedef struct recorder_stream_params {
    int fd;                        /* of the master */
    const recorder_frames *frames; /* instead of it; NULL: none */
    rf_pcm session;                /* the shape of either */
    recorder_output output;
    uint32_t chunk_frames; /* at the output rate: 16 frames..60 s */
    recorder_framing framing;
    recorder_lag_policy lag_policy;
    uint32_t lag_limit_ms; /* 1,000..3,600,000; 0: 10,000 */
    int64_t first; /* the first frame: 0 (start), those readable (now), or any other; one that
                      is not there yet is waited for */
} recorder_stream_params;

/* A part of a chunk. data is good until the next call. */
typedef struct recorder_stream_piece {
    const uint8_t *data;
    size_t len;          /* at most RECORDER_PIECE_BYTES; 0 with end alone */
    int64_t chunk;       /* counted from 0 */
    bool chunk_begin;    /* the chunk begins with this piece */
    bool chunk_end;      /* the chunk is whole */
    bool end;            /* of the stream: no chunk follows */
    int64_t first_frame; /* of the session, that the chunk begins on */
    int64_t n_frames;    /* at the output rate: coded since the last piece, told with the last of
                            the pieces that carry them */
    int64_t next_frame;  /* of the session: behind those read so far */
    int64_t
        dropped_first; /* of the session: frames dropped before this piece by RECORDER_LAG_DROP */
    int64_t n_dropped;
} recorder_stream_piece;

/* Counted work, for figures and tests. */
typedef struct recorder_stream_work {
    recorder_reader_work reads;
    int64_t n_coded;   /* frames at the output rate */
    int64_t n_clipped; /* samples */
    int64_t n_nonfinite;
    int64_t n_dropped; /* frames of the session */
} recorder_stream_work;

typedef struct recorder_stream recorder_stream;

/* recorder_stream_open returns 0, or -EINVAL, -ENOTSUP with an error that names field and limit. */
int recorder_stream_open(const recorder_stream_params *params, recorder_stream **ret,
                         rf_media_error *error) RF_MUST_USE;
recorder_stream *recorder_stream_close(recorder_stream *stream);

/* recorder_stream_next gives the next piece, from frames before `readable`. ended: the session has
 * no frames behind those; the stream then gives all that is left, the tail of the encoder and the
 * end. Returns 1 with a piece, 0 when more frames must become readable first (or after the end),
 * -EOVERFLOW by RECORDER_LAG_DISCONNECT, or an error of disk or codec; the stream is then of no
 * further use. */
int recorder_stream_next(recorder_stream *stream, int64_t readable, bool ended,
                         recorder_stream_piece *ret) RF_MUST_USE;

/* The shape that comes out, and the next frame of the session to be read. */
const rf_pcm *recorder_stream_shape(const recorder_stream *stream);
int64_t recorder_stream_cursor(const recorder_stream *stream);
recorder_stream_work recorder_stream_work_done(const recorder_stream *stream);

#endif
