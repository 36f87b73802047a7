/*
 * rf_outbox.h - events that must leave this process, kept on disk until they have: what a service
 * without SQL uses in place of an outbox table. Storage only; rf_outbox_relay.h carries events to
 * the bus, rf_webhook.h (through rf_outbox_hooks.h) to webhooks.
 *
 *     append --(written, synced)--> waiting --take--> in flight --done--> gone
 *                                      ^                  |
 *                                      +---retry, release-+    (also after any crash)
 *
 * An event is handed out only once it is durable, and again and again, with the same id, until
 * somebody calls it done: at least once. The events of a lane leave it in order of appending, one
 * at a time, on the route to the bus (lane: topic and key); on the route to webhooks (lane: host
 * and port) in order of being due, a few at a time.
 *
 * On disk: DIR/<16 digits>.log, records with a CRC-32 (rf_outbox_record.h). One fdatasync covers
 * all that was appended meanwhile. Recovery keeps every record up to the first bad one of each
 * file. A failed write or sync is not repeated on its file: the batch goes to a new one. One
 * process has the folder at a time.
 *
 * Threads: any thread may call anything; nothing but open, close and rf_outbox_flush waits for the
 * disk, except that rf_outbox_take reads the event back (page cache, as a rule). Callbacks run on
 * the outbox's own thread: they hand over and return.
 */
#ifndef RF_OUTBOX_H
#define RF_OUTBOX_H

#include "rf_base.h"

#define RF_OUTBOX_MAX_ID 64       /* printable ASCII */
#define RF_OUTBOX_MAX_OWNER 128   /* bytes */
#define RF_OUTBOX_MAX_KEY 256     /* bytes, as on the bus */
#define RF_OUTBOX_MAX_TARGET 2048 /* bytes */
#define RF_OUTBOX_MAX_BODY 65536u /* bytes, as on the bus */
#define RF_OUTBOX_MAX_HOOK 20000u /* bytes of a webhook's body */
#define RF_OUTBOX_MAX_EVENTS 64   /* of one append */

typedef struct rf_outbox rf_outbox;

typedef enum rf_outbox_route { RF_OUTBOX_BUS, RF_OUTBOX_HOOK } rf_outbox_route;
#define RF_OUTBOX_N_ROUTES 2

/* Zero members take the default in brackets. */
typedef struct rf_outbox_config {
    const char *dir;       /* made when it is missing, mode 0700 */
    size_t max_events;     /* that wait or are in flight [100,000] */
    uint64_t max_bytes;    /* on disk [256 MiB] */
    uint64_t rotate_bytes; /* at which a file is full [8 MiB] */
    unsigned per_host;     /* webhooks of one host in flight [4] */
    const char *gauge;     /* metric of the events kept, NULL for none; copied */
} rf_outbox_config;

typedef struct rf_outbox_event {
    rf_outbox_route route;
    const char *id;     /* the event's, the same on every try */
    const char *target; /* the topic, or the hook's URL */
    const char *owner;  /* whose secret signs (webhooks); "" or NULL for none */
    const void *key;    /* orders the events of a topic; webhooks have none */
    size_t key_len;
    const void *body;
    size_t body_len;
    unsigned attempts; /* made so far; 0 in an append */
    int64_t at_ms;     /* wall clock of the append; set by it */
    int64_t due_ms;    /* wall clock before which it stays; 0: at once */
} rf_outbox_event;

/* An event in flight: its taker's until done, retry or release. */
typedef struct rf_outbox_item {
    rf_outbox_event event; /* its strings and bytes live as long as the item */
    uint64_t number;       /* of the event; rises in order of appending */
} rf_outbox_item;

/* err 0: the events are durable; negative errno: they are not and will not be sent. */
typedef void (*rf_outbox_durable_fn)(int err, void *user);

/* rf_outbox_open recovers what an earlier process left. Returns 0, -EBUSY when another process has
 * the folder, -EINVAL, or the errno of the file system. */
int rf_outbox_open(const rf_outbox_config *config, rf_outbox **ret) RF_MUST_USE;

/* rf_outbox_close makes everything durable and frees. No item may be in flight. NULL is fine. */
rf_outbox *rf_outbox_close(rf_outbox *o);

/* rf_outbox_append copies events, which become durable all together or not at all; fn (may be NULL)
 * is told. Returns 0, -EINVAL (id, target, route), -EMSGSIZE above a limit, -ENOBUFS when the
 * outbox is full; fn is called only after 0. */
int rf_outbox_append(rf_outbox *o, const rf_outbox_event *events, size_t n, rf_outbox_durable_fn fn,
                     void *user) RF_MUST_USE;

/* rf_outbox_flush waits until all appended and settled before is on disk, or failed. Returns 0,
 * -ETIMEDOUT, or the errno of the last write if it failed. */
int rf_outbox_flush(rf_outbox *o, int64_t at_ns) RF_MUST_USE;

/* rf_outbox_take hands over the next event of route that is due at now_ms. Returns 0; -EAGAIN with
 * the time when one will be in *ret_due_ms (INT64_MAX: never as things are); or -EIO, -ENOMEM: the
 * event cannot be read now, it stays. */
int rf_outbox_take(rf_outbox *o, rf_outbox_route route, int64_t now_ms, rf_outbox_item **ret,
                   int64_t *ret_due_ms) RF_MUST_USE;

/* These end an item and free it. done: it was sent, or never will be. retry: one more attempt
 * failed, the next is due at due_ms; kept on disk. release: nothing was tried; it
 * stays until due_ms, and no longer than this process lives. */
void rf_outbox_done(rf_outbox *o, rf_outbox_item *item);
void rf_outbox_retry(rf_outbox *o, rf_outbox_item *item, int64_t due_ms);
void rf_outbox_release(rf_outbox *o, rf_outbox_item *item, int64_t due_ms);

/* rf_outbox_notify has fn called whenever an event of route may have become ready to take. One
 * listener a route; NULL ends it, and on return no call is running or will come. */
void rf_outbox_notify(rf_outbox *o, rf_outbox_route route, void (*fn)(void *user), void *user);

typedef struct rf_outbox_stats {
    size_t n_events[RF_OUTBOX_N_ROUTES]; /* durable, not done */
    uint64_t n_bytes;                    /* on disk */
    size_t n_files;
    uint64_t n_torn;  /* records that recovery dropped */
    uint64_t n_syncs; /* since open */
} rf_outbox_stats;

void rf_outbox_get_stats(rf_outbox *o, rf_outbox_stats *ret);

#endif
