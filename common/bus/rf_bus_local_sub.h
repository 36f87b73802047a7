/*
 * rf_bus_local_sub.h - inside a subscription of the local backend. Its mutex guards what the
 * comments say; functions named here are called with it held.
 */
#ifndef RF_BUS_LOCAL_SUB_H
#define RF_BUS_LOCAL_SUB_H

#include "rf_bus_local.h"

/* A message read ahead or given out; headers and bytes follow it. */
typedef struct rf_bus_held {
    rf_bus_box box; /* first */
    struct rf_bus_held *next;
    size_t size;
    uint32_t slot;      /* in sub->slots */
    int64_t generation; /* of the ownership under which it was read */
    rf_bus_header headers[RF_BUS_MAX_HEADERS];
    uint8_t bytes[];
} rf_bus_held;

/*
 * A partition of the topics subscribed:  other's --refresh--> owned --refresh--> other's
 * Owned again, even without a look in between, it is another generation: reading begins anew at the
 * offset committed, and commits of older messages are refused.
 */
typedef struct rf_bus_slot {
    int64_t part;
    size_t topic;
    uint32_t partition;
    bool owned;
    bool seen; /* by the refresh in progress */
    bool paused;
    int64_t generation;
    int64_t position;  /* offset to read next */
    int64_t stored;    /* offset to commit */
    int64_t taken;     /* ... that the writer has in hand */
    bool dirty;        /* stored is not durable yet */
    rf_bus_held *head; /* read ahead */
    rf_bus_held **tail;
} rf_bus_slot;

typedef struct rf_bus_local_sub {
    rf_bus_op commit_op; /* first: at most one waits in the writer */
    rf_bus_local *local;
    rf_bus_db *db;
    bool grouped;
    rf_bus_member member;
    char **topics;
    size_t n_topics;
    int epoll_fd;
    int watch_fd;
    int wake_fd;  /* eventfd: messages wait here, or a waiter shall look again */
    int timer_fd; /* next look at the members */
    int64_t look_ns;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t committed;
    rf_bus_slot *slots;
    uint32_t n_slots;
    uint32_t turn;      /* slot that is read or given first */
    size_t n_ahead;     /* messages read ahead */
    size_t bytes_ahead; /* and their size */
    uint32_t n_given;   /* since the last look for news */
    bool signalled;     /* wake_fd is readable */
    bool news_group;
    bool news_records; /* there may be records that were not read */
    bool paused_all;
    bool commit_waits;
    uint64_t n_stored; /* calls of commit, and how many of them the writer has done */
    uint64_t n_taken;
    uint64_t n_committed;
    bool refused;
    int commit_err;
} rf_bus_local_sub;

/* ---- rf_bus_local_ahead.c: messages read ahead ---- */

/* rf_bus_ahead_fill reads ahead from every partition that may be read. 0 or negative errno. */
int rf_bus_ahead_fill(rf_bus_local_sub *s);

/* rf_bus_ahead_take gives the next message read ahead, the partitions in turn; NULL for none. */
rf_bus_held *rf_bus_ahead_take(rf_bus_local_sub *s);

/* rf_bus_ahead_drop forgets what was read ahead of one partition: it will be read again. */
void rf_bus_ahead_drop(rf_bus_local_sub *s, rf_bus_slot *slot);

/* ---- rf_bus_local_offsets.c ---- */

/* rf_bus_offsets_init prepares the operation that commits. */
void rf_bus_offsets_init(rf_bus_local_sub *s);

#endif
