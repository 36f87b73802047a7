/*
 * recorder_streams.h - consumers of live sessions (L1-L6): each a recorder_stream that a pool's
 * thread serves whenever frames have become readable or its client has room again. A consumer waits
 * for nothing on a thread, and nobody waits for it.
 */
#ifndef RECORDER_STREAMS_H
#define RECORDER_STREAMS_H

#include "recorder_service.h"
#include "recorder_stream.h"

typedef struct recorder_consumer recorder_consumer;

/* Where the pieces go. */
typedef struct recorder_outlet {
    /* A thread of the pool, before the first piece: the stream begins on this frame. 0, or an error
     * that ends the consumer. May be NULL. */
    int (*opened)(void *user, int64_t first_frame);
    /* A thread of the pool: sends the piece. 0; -EAGAIN: no room, it is offered again after
     * recorder_consumer_resume; any other error ends the consumer. */
    int (*piece)(void *user, const recorder_stream_piece *piece);
    /* The loop, the last call: OK after the last piece, else why there is no more. */
    void (*end)(void *user, const recorder_error *error);
} recorder_outlet;

typedef enum recorder_from {
    RECORDER_FROM_NOW,
    RECORDER_FROM_START,
    RECORDER_FROM_FRAME,
} recorder_from;

typedef struct recorder_listen {
    recorder_from from;
    int64_t frame;          /* FROM_FRAME */
    recorder_output output; /* matrix is copied */
    uint32_t chunk_frames;  /* 0: the session's */
    recorder_framing framing;
    recorder_lag_policy lag_policy;
    uint32_t lag_limit_ms;
} recorder_listen;

/* recorder_streams_open adds a consumer, or says why not; end is called only after OK. The loop. */
recorder_code recorder_streams_open(recorder_session *s, const recorder_listen *listen,
                                    const recorder_outlet *outlet, void *user,
                                    recorder_consumer **ret, recorder_error *error);

/* recorder_consumer_resume: the client has room. recorder_consumer_cancel: it is gone; end comes
 * still. The loop. */
void recorder_consumer_resume(recorder_consumer *c);
void recorder_consumer_cancel(recorder_consumer *c);

/* recorder_streams_wake has all consumers of a session served. The loop. */
void recorder_streams_wake(recorder_session *s);

#endif
