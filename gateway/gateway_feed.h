/*
 * gateway_feed.h - a file that a service gives piece by piece: a server stream whose attachments
 * are the bytes. The functions and the events are of the loop's thread; what the RPC library says
 * on its own threads is handed over. gateway_body.h makes an answer of it.
 */
#ifndef GATEWAY_FEED_H
#define GATEWAY_FEED_H

#include "gateway_exchange.h"
#include "rf_rpc.h"

typedef struct gateway_feed gateway_feed;

/* What the messages say beside their bytes. */
typedef struct gateway_feed_said {
    char type[64];     /* Content-Type */
    char headers[256]; /* further header lines, each with CRLF */
    uint64_t length;   /* bytes of the whole file, GATEWAY_LENGTH_UNKNOWN */
    char trailer[64];  /* a line with CRLF behind the file, "" for none */
} gateway_feed_said;

/* Reads a message, on a thread of the RPC library: the first fills in type, headers and length, any
 * may fill in trailer. */
typedef void (*gateway_feed_reader)(const ProtobufCMessage *message, bool first,
                                    gateway_feed_said *said);

typedef struct gateway_feed_part {
    struct gateway_feed_part *next; /* of the owner */
    gateway_feed *feed;
    size_t credit;
    size_t len;
    uint8_t data[];
} gateway_feed_part;

typedef struct gateway_feed_events {
    /* Takes the part, to be given back with gateway_feed_part_free; the rest is held back until
     * then. said has type, headers and length by now. */
    void (*part)(void *user, const gateway_feed_said *said, gateway_feed_part *part);
    /* The last event; the feed is gone behind it. */
    void (*ended)(void *user, const rf_status *status, const gateway_feed_said *said);
} gateway_feed_events;

/* gateway_feed_open begins the call with its one request; deadline_ns as in rf_rpc_options. It
 * never fails: an error comes as ended. */
gateway_feed *gateway_feed_open(gateway_exchange *ex, rf_rpc_channel *channel,
                                const rf_rpc_method *method, int64_t deadline_ns,
                                const ProtobufCMessage *request, gateway_feed_reader read,
                                const gateway_feed_events *events, void *user);

/* gateway_feed_part_free frees a part; feed is NULL once it has ended or been cancelled. */
void gateway_feed_part_free(gateway_feed_part *part, gateway_feed *feed);

/* Parts that wait for the client, in order; zeroed is empty. The owner says with each call which
 * feed they are of, NULL once it has ended or been cancelled. */
typedef struct gateway_feed_queue {
    gateway_feed_part *first;
    gateway_feed_part *last;
    size_t at; /* bytes of the first that have gone out */
} gateway_feed_queue;

/* gateway_feed_push takes the part. gateway_feed_due is what goes out next, NULL when nothing
 * waits; gateway_feed_sent says that n bytes of it did. gateway_feed_clear frees all. */
void gateway_feed_push(gateway_feed_queue *queue, gateway_feed_part *part);
const uint8_t *gateway_feed_due(gateway_feed_queue *queue, gateway_feed *feed, size_t *ret_len);
void gateway_feed_sent(gateway_feed_queue *queue, size_t n);
void gateway_feed_clear(gateway_feed_queue *queue, gateway_feed *feed);

/* gateway_feed_cancel ends the call; no event comes any more. */
void gateway_feed_cancel(gateway_feed *feed);

#endif
