/*
 * rf_bus_local.h - inside the local backend: the handle of one process on the log, its writer
 * thread and its subscriptions.
 *
 *     DIR/bus.db          the log (rf_bus_local_db.h)
 *     DIR/writer.lock     flock of the process that writes: writers queue in the kernel, none polls
 *     DIR/wake/t<topic>   touched after records of the topic became durable; consumers watch it
 *     DIR/wake/g<group>   touched after the ownership of partitions changed
 *     DIR/members/<name>  flock held as long as a member lives: the kernel drops it with the
 * process
 *
 * One thread a process writes. It takes every operation that waits, runs them in one transaction
 * and calls them back after the commit, so that one fsync serves all of them. Records of a
 * partition in one transaction are one row, or few. Another thread copies the write-ahead log back.
 * Consumers read with connections of their own.
 */
#ifndef RF_BUS_LOCAL_H
#define RF_BUS_LOCAL_H

#include "rf_bus_backend.h"
#include "rf_bus_local_db.h"

#include <pthread.h>

#define RF_BUS_MAX_MEMBERS 256      /* of one group */
#define RF_BUS_MAX_GROUP_TOPICS 128 /* of its members together */
#define RF_BUS_NAME_LEN 37          /* of a member: a UUID */
#define RF_BUS_SPARE 16             /* chunks' rooms kept for the next transaction: 1 MiB */

typedef struct rf_bus_local rf_bus_local;

/* Records of one partition that the present transaction has not written yet. */
typedef struct rf_bus_chunk {
    uint8_t *bytes; /* of rf_bus_local's spare ones, NULL as long as there are no records */
    size_t len;
    size_t size; /* of the allocation */
    int64_t first;
    int64_t n;
    int64_t payload;
} rf_bus_chunk;

/* One partition as the present transaction sees it. */
typedef struct rf_bus_part {
    int64_t next;  /* offset of the next record */
    int64_t bytes; /* of its records */
    int64_t first; /* offset of the oldest record */
    int64_t cut;   /* bytes of records that are gone in its oldest row */
    bool loaded;
    bool dirty;
    rf_bus_chunk chunk;
} rf_bus_part;

typedef struct rf_bus_topic_row {
    char name[RF_BUS_MAX_TOPIC + 1];
    int64_t id;
    int64_t first_part; /* its partitions are first_part .. first_part + n_parts - 1 */
    uint32_t n_parts;
    uint32_t turn; /* for records without key */
    int wake_fd;
    bool used;    /* by the present transaction: parts are loaded */
    bool touched; /* ... and have records more */
    rf_bus_part *parts;
} rf_bus_topic_row;

/* An operation of the writer. run is called inside the transaction and returns an error only when
 * the database failed, which fails every operation of the group; done follows the commit or
 * rollback, and owns op from then on. Both run on the writer thread. */
typedef struct rf_bus_op {
    struct rf_bus_op *next;
    int (*run)(rf_bus_local *local, struct rf_bus_op *op);
    void (*done)(rf_bus_local *local, struct rf_bus_op *op, int err);
} rf_bus_op;

typedef struct rf_bus_op_list {
    rf_bus_op *head;
    rf_bus_op **tail;
} rf_bus_op_list;

struct rf_bus_local {
    rf_bus_config config;
    char *dir;
    int dir_fd;
    int lock_fd;
    rf_bus_db *db; /* of the writer */

    /* writer thread only */
    rf_bus_topic_row **topics;
    size_t n_topics;
    rf_bus_topic_row *last_topic; /* most records name the topic of the one before */
    uint8_t *spare[RF_BUS_SPARE]; /* room for chunks to come */
    size_t n_spare;
    size_t n_finished; /* records called back and not yet taken from the counts */
    size_t n_finished_bytes;
    int64_t touched_groups[RF_BUS_MAX_TOPICS];
    size_t n_touched_groups;
    int64_t trim_at_ns;
    bool trim_more;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    pthread_cond_t room;
    pthread_cond_t idle;
    rf_bus_op_list urgent;
    rf_bus_op_list lazy; /* offsets: losing the last ones costs repeats only */
    int64_t lazy_at_ns;
    size_t n_records;
    size_t n_bytes;
    uint64_t n_put;
    uint64_t n_done;
    rf_bus_error health;
    bool stop;
    pthread_t thread;

    pthread_mutex_t reader_mutex;
    rf_bus_db *reader; /* for rf_bus_lag */

    rf_bus_db *checkpointer; /* of its thread */
    pthread_t checkpoint_thread;
    pthread_mutex_t checkpoint_mutex; /* guards what follows */
    pthread_cond_t checkpoint_work;
    bool checkpoint_due;
    bool checkpoint_stop;
};

/* ---- rf_bus_local_writer.c ---- */

int rf_bus_local_start(rf_bus_local *local);
void rf_bus_local_stop(rf_bus_local *local); /* runs what waits, then ends the thread */

/* rf_bus_local_lock waits for the write lock of the log, shared with other processes. */
int rf_bus_local_lock(const rf_bus_local *local);
void rf_bus_local_unlock(const rf_bus_local *local);

/* rf_bus_local_post hands op to the writer; lazy ones may wait some tens of milliseconds. */
void rf_bus_local_post(rf_bus_local *local, rf_bus_op *op, bool lazy);

/* rf_bus_local_hurry makes the lazy operations urgent. */
void rf_bus_local_hurry(rf_bus_local *local);

/* rf_bus_local_call runs fn inside a transaction of the writer and waits for the outcome: the error
 * of the transaction, else what fn returned. fn's own refusals are positive or zero for the
 * database: it reports them through arg. */
int rf_bus_local_call(rf_bus_local *local, int (*fn)(rf_bus_local *local, void *arg), void *arg);

int rf_bus_local_produce(void *bus, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                         int64_t at_ns);
int rf_bus_local_flush(void *bus, int64_t at_ns);
rf_bus_error rf_bus_local_classify(int err);

/* ---- rf_bus_local_checkpoint.c ---- */

/* rf_bus_local_checkpoint_start goes before the writer's start, _stop after its end. */
int rf_bus_local_checkpoint_start(rf_bus_local *local);
void rf_bus_local_checkpoint_stop(rf_bus_local *local);

/* ---- rf_bus_local_log.c: inside a transaction of the writer ---- */

/* rf_bus_local_topic finds or makes a topic (n_parts: of a new one). The row lives until
 * rf_bus_local_forget. */
int rf_bus_local_topic(rf_bus_local *local, const char *name, uint32_t n_parts,
                       rf_bus_topic_row **ret);
int rf_bus_local_append(rf_bus_local *local, rf_bus_topic_row *topic, const rf_bus_record *record,
                        const void *headers, size_t headers_len, uint32_t *ret_partition,
                        int64_t *ret_offset);
int rf_bus_local_part_next(rf_bus_local *local, rf_bus_topic_row *topic, uint32_t partition,
                           int64_t *ret);

/* rf_bus_local_seal writes the records and counters of the partitions touched and drops what is
 * above the byte limit. */
int rf_bus_local_seal(rf_bus_local *local);

/* rf_bus_local_part_load and _store read and write the counters of a partition. */
int rf_bus_local_part_load(rf_bus_local *local, int64_t part_id, rf_bus_part *part);
int rf_bus_local_part_store(rf_bus_local *local, int64_t part_id, const rf_bus_part *part);

/* rf_bus_local_reset ends a transaction for the cache of topics; committed false forgets it. */
void rf_bus_local_reset(rf_bus_local *local, bool committed);
void rf_bus_local_forget(rf_bus_local *local);

int rf_bus_local_lag(void *bus, const char *group, const char *topic, int64_t *ret);

/* ---- rf_bus_local_trim.c: inside a transaction of the writer ---- */

/* rf_bus_local_trim drops what is too old or too much, *ret_more when there is more to drop. */
int rf_bus_local_trim(rf_bus_local *local, bool *ret_more);

/* rf_bus_local_trim_part does so for one partition that is loaded: records older than before_ms,
 * and the oldest until the others have at most max_bytes. A limited number at once: *more then. */
int rf_bus_local_trim_part(rf_bus_local *local, int64_t part_id, int64_t before_ms,
                           int64_t max_bytes, rf_bus_part *part, bool *more);

/* ---- rf_bus_local_group.c: inside a transaction of the writer ---- */

typedef struct rf_bus_member {
    int64_t group;
    int64_t id;
    char name[RF_BUS_NAME_LEN];
    int lock_fd;
} rf_bus_member;

/* rf_bus_local_join makes a member that reads the topics: its lock, rows, and new ownership.
 * Returns -EUSERS in a full group through *ret_refused. */
int rf_bus_local_join(rf_bus_local *local, const char *group, rf_bus_topic_row *const *topics,
                      size_t n_topics, rf_bus_start start, rf_bus_member *member, int *ret_refused);

/* rf_bus_local_leave strikes a member off and shares its partitions out. */
int rf_bus_local_leave(rf_bus_local *local, int64_t group, const char *name, bool *ret_was_there);

/* rf_bus_local_dead says whether no process holds the lock of a member any more. */
bool rf_bus_local_dead(const rf_bus_local *local, const char *name);

/* rf_bus_local_sweep_locks removes lock files that nobody holds; the write lock is held. */
void rf_bus_local_sweep_locks(const rf_bus_local *local);

/* ---- rf_bus_local_wake.c ---- */

int rf_bus_local_wake_open(const rf_bus_local *local, char kind, int64_t id);
void rf_bus_local_wake(int fd);

/* What woke a subscription. */
typedef struct rf_bus_news {
    bool records; /* of a topic watched */
    bool group;   /* ownership changed */
    bool member;  /* some member's lock file was closed */
} rf_bus_news;

/* A watch is an inotify descriptor. */
int rf_bus_watch_open(const rf_bus_local *local, const int64_t *topics, size_t n_topics,
                      int64_t group);
void rf_bus_watch_read(int fd, rf_bus_news *news);

/* ---- rf_bus_local_sub.c ---- */

int rf_bus_local_subscribe(void *bus, const rf_bus_sub_config *config, void **ret_sub);
void rf_bus_local_unsubscribe(void *sub);
int rf_bus_local_next(void *sub, rf_bus_message **ret, int64_t at_ns);
int rf_bus_local_fd(const void *sub);
int rf_bus_local_commit(void *sub, const rf_bus_message *message);
int rf_bus_local_commit_wait(void *sub, int64_t at_ns);
int rf_bus_local_pause(void *sub, const char *topic, int partition, bool paused);
size_t rf_bus_local_assignment(void *sub, rf_bus_partition *out, size_t max);

#endif
