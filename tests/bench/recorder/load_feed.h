/*
 * load_feed.h - one publisher of a recorder: audio out, acknowledgements in.
 *
 * One thread sends; what the recorder says comes on threads of the RPC library, which note it in
 * the feed and wake whoever waits in this file. A recorder that refuses ends the program.
 */
#ifndef LOAD_FEED_H
#define LOAD_FEED_H

#include "load_watch.h"
#include "rf_rpc.h"

#define LOAD_RATE 16000
#define LOAD_TENANT "bench"
#define LOAD_SENT 2048 /* messages whose times are kept: 40 s of 20 ms */

typedef struct load_feed {
    rf_rpc_call *call;
    char session[33]; /* "" until it has begun */
    int64_t n_sent;   /* frames */
    uint32_t each;    /* frames of a message, where acks are measured */
    load_times *acks; /* NULL: not measured */
    int64_t sent_ns[LOAD_SENT];
    int64_t n_acked;            /* frames, of the measuring; the callbacks' own */
    _Atomic(int64_t) n_durable; /* frames */
    _Atomic(int64_t) n_stored;  /* frames of the stored segment; -1 until it is stopped */
} load_feed;

/* load_channel opens a channel to the recorder at url. */
rf_rpc_channel *load_channel(const char *url);

/* load_options are those of every call: the tenant, ten minutes. */
rf_rpc_options load_options(void);

/* load_feed_start begins a session (body: JSON of Start) and returns at once; load_feed_begun waits
 * until it has begun. */
void load_feed_start(load_feed *f, rf_rpc_channel *channel, const char *body);
void load_feed_begun(load_feed *f);

/* load_feed_send sends n frames of noise; false: there is no room now. */
bool load_feed_send(load_feed *f, uint32_t n);

/* load_feed_push sends up to frame `end`, waiting for room; load_feed_fill also waits until it is
 * all durable. */
void load_feed_push(load_feed *f, int64_t end);
void load_feed_fill(load_feed *f, int64_t end);

/* load_feed_stop asks for the end and returns at once; load_feed_stopped waits for the stored
 * segment and gives its frames. */
void load_feed_stop(load_feed *f);
int64_t load_feed_stopped(load_feed *f);

void load_feed_leave(load_feed *f);

#endif
