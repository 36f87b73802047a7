/*
 * gateway_body.h - an answer whose body a service gives piece by piece (gateway_feed.h), at the
 * client's pace. Loop thread.
 *
 *   WAIT   nothing has come yet: an error is an answer
 *   SEND   the head is out; an error can only break the connection off
 */
#ifndef GATEWAY_BODY_H
#define GATEWAY_BODY_H

#include "gateway_feed.h"

/* Where bodies of a kind come from; constant. */
typedef struct gateway_body_source {
    bool is_transfer; /* counts among transfers.max */
    /* Begins the call for ask. */
    gateway_feed *(*open)(gateway_exchange *ex, const void *ask, const gateway_feed_events *events,
                          void *user);
    /* Answers what the service refused. */
    void (*failed)(gateway_exchange *ex, const rf_status *status);
} gateway_body_source;

/* gateway_body_begin answers the exchange; ask is used before it returns alone. */
void gateway_body_begin(gateway_exchange *ex, const gateway_body_source *source, const void *ask);

#endif
