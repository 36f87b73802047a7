/*
 * recorder_outbox.h - where events leave the recorder: the durable outbox, what carries it to the
 * bus, and the sender of webhooks (section 7). put from any thread; open and close where nobody
 * else uses it.
 */
#ifndef RECORDER_OUTBOX_H
#define RECORDER_OUTBOX_H

#include "recorder_config.h"
#include "recorder_event.h"

typedef struct recorder_outbox recorder_outbox;

/* One event as the bus and webhooks get it. */
typedef struct recorder_outbox_event {
    recorder_event_type type; /* counted */
    const char *id;           /* the same when it is sent again */
    const char *tenant;       /* "" for none */
    const char *key;          /* orders events on the bus */
    const void *body;         /* of the bus */
    size_t body_len;
    const void *json; /* of a webhook, at most RF_OUTBOX_MAX_HOOK bytes; only where they are wanted
                       */
    size_t json_len;
} recorder_outbox_event;

/* recorder_outbox_open recovers what lies in dir. bus_url NULL: events for the bus stay. Returns 0,
 * or after a log line -EINVAL for settings that are wrong (a webhook without a secret, a URL that
 * is none), or a negative errno. */
int recorder_outbox_open(const recorder_config *config, const char *dir, const char *bus_url,
                         recorder_outbox **ret);
recorder_outbox *recorder_outbox_close(recorder_outbox *o);

/* recorder_outbox_wants_json: a webhook is set. */
bool recorder_outbox_wants_json(const recorder_outbox *o);

/* recorder_outbox_put makes the event durable for the bus and the webhook, both or none; for the
 * bus alone, with a log line, while recorder.webhook_backlog events wait to be posted. Waits for
 * the disk. 0 or an error of rf_outbox_append or rf_outbox_flush. */
int recorder_outbox_put(recorder_outbox *o, const recorder_outbox_event *event);

#endif
