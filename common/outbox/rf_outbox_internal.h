/*
 * rf_outbox_internal.h - inside the outbox: its state, and what its files share. rf_outbox.c has
 * the interface and recovery, rf_outbox_entry.c the table of events, rf_outbox_writer.c the thread.
 */
#ifndef RF_OUTBOX_INTERNAL_H
#define RF_OUTBOX_INTERNAL_H

#include "rf_metric.h"
#include "rf_outbox_lanes.h"

#include <pthread.h>
#include <uthash.h>

#define RF_OUTBOX_MAX_BATCH (64u << 20) /* bytes of one write */

typedef struct rf_outbox_known {
    rf_outbox_entry entry;
    UT_hash_handle hh;
} rf_outbox_known;

/* One append that waits for its sync. */
typedef struct rf_outbox_ack {
    rf_outbox_durable_fn fn;
    void *user;
} rf_outbox_ack;

/* What one write takes to the disk. */
typedef struct rf_outbox_batch {
    rf_buf bytes;
    rf_outbox_entry **entries; /* new ones; their offset counts from the batch until it is placed */
    size_t n_entries;
    rf_outbox_ack *acks;
    size_t n_acks;
} rf_outbox_batch;

typedef struct rf_outbox_listener {
    void (*fn)(void *user);
    void *user;
} rf_outbox_listener;

struct rf_outbox {
    rf_outbox_config config;
    rf_outbox_log log; /* written by the writer thread */
    rf_metric *gauge;  /* NULL: none */
    pthread_t thread;
    pthread_mutex_t notify_mutex; /* held while a listener is called; guards listeners */
    rf_outbox_listener listeners[RF_OUTBOX_N_ROUTES];
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    pthread_cond_t written;
    rf_outbox_known *by_number;
    size_t n_known;
    uint64_t live_bytes;
    rf_outbox_lanes *lanes[RF_OUTBOX_N_ROUTES];
    rf_outbox_batch pending;
    uint64_t next_number;
    uint64_t n_queued;  /* changes put into pending */
    uint64_t n_settled; /* of those, written or failed */
    int last_err;
    uint64_t n_syncs;
    uint64_t n_torn;
    bool closing;
};

/* ---- rf_outbox_entry.c; all with the lock ---- */

rf_outbox_entry *rf_outbox_find(rf_outbox *o, uint64_t number);
rf_outbox_entry *rf_outbox_remember(rf_outbox *o, uint64_t number, const rf_outbox_event *e);
void rf_outbox_forget(rf_outbox *o, rf_outbox_entry *e);

/* rf_outbox_move says where the event lies from now on; NULL: nowhere. */
void rf_outbox_move(rf_outbox *o, rf_outbox_entry *e, rf_outbox_file *file, uint64_t offset,
                    size_t len);

void rf_outbox_show(rf_outbox *o); /* the gauge */

/* rf_outbox_enqueue puts a durable event into its lane. */
void rf_outbox_enqueue(rf_outbox *o, rf_outbox_entry *e, const rf_outbox_event *event);

/* rf_outbox_read reads an event back from its place; without the lock if the file is pinned. */
int rf_outbox_read(const rf_outbox_file *file, uint64_t offset, size_t len, uint8_t *data,
                   rf_outbox_record *ret);

/* ---- rf_outbox_writer.c ---- */

void *rf_outbox_writer(void *outbox); /* the thread: writes, tells, makes room on disk */
void rf_outbox_batch_free(rf_outbox_batch *b);

#endif
