/*
 * rf_bus.h - durable messages between processes: topics of partitions, consumer groups, offsets.
 *
 * Delivery is at least once: a record whose delivery callback said success survives the crash of
 * any process; a message is given again until its group has committed past it. Within a partition
 * order is kept; equal keys go to one partition. Consumers are idempotent and tell repeats by the
 * header RF_BUS_MESSAGE_ID.
 *
 * The URL picks the backend, a table of functions (rf_bus_backend.h):
 *
 *     local:DIR             a log in SQLite (WAL, synchronous=FULL) shared by the processes of one
 *                           machine
 *     kafka://HOST:PORT,... Apache Kafka through librdkafka, with librdkafka's own properties after
 *                           "?" (rf_bus_kafka_url.h says which, and where passwords go;
 *                           rf_bus_kafka.h how each call maps)
 *
 * What differs on Kafka: a group shares partitions out within moments, not at once, and not while a
 * member stands still, so a subscription may own nothing at first; a process that dies is missed
 * when its session ends (session.timeout.ms); retention drops whole segments of a log, so records
 * may stay for longer; records of foreign programs may be above the limits here.
 *
 * Threads: an rf_bus may be used by any thread. An rf_bus_sub too, but only one thread at a time
 * waits in rf_bus_next. Callbacks run on the bus's own thread: they hand over and return.
 */
#ifndef RF_BUS_H
#define RF_BUS_H

#include "rf_base.h"

#define RF_BUS_MESSAGE_ID "message-id" /* header that names a message, the same on every repeat */

#define RF_BUS_MAX_TOPIC 128          /* characters [a-z0-9._-], first one a letter or digit */
#define RF_BUS_MAX_GROUP 128          /* the same alphabet */
#define RF_BUS_MAX_KEY 256            /* bytes */
#define RF_BUS_MAX_VALUE (64u << 10)  /* bytes: references, never media */
#define RF_BUS_MAX_HEADERS 16         /* per record */
#define RF_BUS_MAX_HEADER_BYTES 1024u /* names and values of one record together */
#define RF_BUS_MAX_PARTITIONS 256     /* per topic */
#define RF_BUS_MAX_TOPICS 64          /* per subscription */

typedef struct rf_bus rf_bus;
typedef struct rf_bus_sub rf_bus_sub;

typedef struct rf_bus_config {
    const char *url;         /* "local:DIR" or "kafka://HOST:PORT[,...][?name=value&...]" */
    uint32_t n_partitions;   /* of a topic made by first use; 0 gives 8 */
    int64_t retention_ms;    /* age at which records go; 0 gives 86,400,000 (a day) */
    int64_t retention_bytes; /* keys, values, headers of one partition; 0 gives 256 MiB */
    size_t queue_records;    /* records produced and not yet durable; 0 gives 100,000 */
    size_t queue_bytes;      /* the same in bytes; 0 gives 32 MiB */
    size_t prefetch_bytes;   /* read ahead by one subscription; 0: 1 MiB, of Kafka 16 */
    int64_t wait_ms;         /* for a first Kafka broker, and for a topic; 0 gives 10 s and 30 s */
} rf_bus_config;

/* What went wrong. fatal: this bus handle will not recover, close it. retriable: the same call may
 * succeed later without any change. err is a negative errno, 0 for success. */
typedef struct rf_bus_error {
    int err;
    bool fatal;
    bool retriable;
} rf_bus_error;

typedef struct rf_bus_header {
    const char *name;  /* [a-z0-9-]+ */
    const void *value; /* any bytes */
    size_t value_len;
} rf_bus_header;

typedef struct rf_bus_record {
    const char *topic;
    const void *key; /* NULL spreads over the partitions in turn */
    size_t key_len;
    const void *value;
    size_t value_len;
    const rf_bus_header *headers;
    size_t n_headers;
} rf_bus_record;

typedef struct rf_bus_delivery {
    rf_bus_error error; /* on failure partition and offset mean nothing */
    uint32_t partition;
    int64_t offset;
} rf_bus_delivery;

/* Called once for each record that rf_bus_produce took, in order of produce within a partition. */
typedef void (*rf_bus_delivery_fn)(const rf_bus_delivery *delivery, void *user);

/* A message belongs to the caller of rf_bus_next until rf_bus_message_free; its pointers live as
 * long as it does and may be read by any thread. */
typedef struct rf_bus_message {
    const char *topic;
    uint32_t partition;
    int64_t offset; /* rises within the partition, from 0, not always by 1 */
    int64_t at_ms;  /* wall clock at which it was produced */
    const void *key;
    size_t key_len;
    const void *value;
    size_t value_len;
    const rf_bus_header *headers;
    size_t n_headers;
} rf_bus_message;

typedef struct rf_bus_partition {
    const char *topic; /* lives as long as the subscription */
    uint32_t partition;
} rf_bus_partition;

typedef enum rf_bus_start {
    RF_BUS_EARLIEST, /* a group without an offset begins at the oldest record kept */
    RF_BUS_LATEST,   /* ... at the first record produced after rf_bus_subscribe returned */
} rf_bus_start;

/* The partitions of the topics are shared out among the living members of group, wherever they run;
 * when one leaves or its process dies, the others take over from the last committed offsets.
 * group NULL: this subscription alone reads every partition, begins at the end, commits nothing. */
typedef struct rf_bus_sub_config {
    const char *group;
    const char *const *topics;
    size_t n_topics;
    rf_bus_start start;
} rf_bus_sub_config;

/* rf_bus_open connects; directories of a local bus are made. Returns 0, -EINVAL for a bad URL or
 * setting, -EBADMSG for a log that is not one, or the errno of the file system. Of Kafka: after a
 * log line that says why, -EACCES for a wrong password, -EPROTO for TLS, -EHOSTUNREACH,
 * -ECONNREFUSED or -ETIMEDOUT when no broker answers within wait_ms. */
int rf_bus_open(const rf_bus_config *config, rf_bus **ret) RF_MUST_USE;

/* rf_bus_close flushes for at most 5 s, calls back what was not delivered with -ECANCELED and
 * frees. Every subscription must have been closed. NULL is fine. */
rf_bus *rf_bus_close(rf_bus *bus);

/* rf_bus_topic makes a topic with its number of partitions, 1 to RF_BUS_MAX_PARTITIONS. An existing
 * topic keeps what it has and is success. Produce and subscribe make missing topics themselves. */
int rf_bus_topic(rf_bus *bus, const char *topic, uint32_t n_partitions) RF_MUST_USE;

/* rf_bus_produce copies the record into the queue and returns before it is durable; fn (may be
 * NULL) learns the outcome. A full queue is waited for until at_ns (rf_time_ns; 0 does not wait,
 * RF_NEVER_NS has no end). Returns 0, -EAGAIN or -ETIMEDOUT for a full queue, -EINVAL for a bad
 * name, -EMSGSIZE above a limit, -EIO after a fatal error. fn is called only after 0. */
int rf_bus_produce(rf_bus *bus, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                   int64_t at_ns) RF_MUST_USE;

/* rf_bus_flush waits until every record produced before it was called back. Returns 0, -ETIMEDOUT,
 * or -EDEADLK from a delivery callback. */
int rf_bus_flush(rf_bus *bus, int64_t at_ns) RF_MUST_USE;

/* rf_bus_abandon calls back with -ECANCELED what is not delivered, now: for who must end and cannot
 * wait for a bus that does not answer. Some of it may have become durable all the same. The local
 * bus always answers and does nothing here. */
void rf_bus_abandon(rf_bus *bus);

/* rf_bus_health returns the error of the last failed write, err 0 once a later one succeeded. */
rf_bus_error rf_bus_health(rf_bus *bus);

/* rf_bus_subscribe joins the group. Returns 0, -EINVAL, or the errno of the backend. */
int rf_bus_subscribe(rf_bus *bus, const rf_bus_sub_config *config, rf_bus_sub **ret) RF_MUST_USE;

/* rf_bus_unsubscribe makes the commits so far durable, leaves the group and frees. A static member
 * of a Kafka group leaves nothing: it keeps its partitions until the session ends. NULL is fine. */
rf_bus_sub *rf_bus_unsubscribe(rf_bus_sub *sub);

/* rf_bus_next waits until at_ns for the next message of an assigned partition that is not paused.
 * Returns 0, -EAGAIN (at_ns 0) or -ETIMEDOUT when there is none, -ESTALE when the membership was
 * lost (unsubscribe and subscribe again), or the errno of the backend.
 * Membership is served here and by rf_bus_sub_fd's owner: call it at least each few seconds. */
int rf_bus_next(rf_bus_sub *sub, rf_bus_message **ret, int64_t at_ns) RF_MUST_USE;

/* rf_bus_sub_fd is readable as long as rf_bus_next may have something: level-triggered, it falls
 * silent when rf_bus_next with at_ns 0 gives -EAGAIN. Owned by the subscription. */
int rf_bus_sub_fd(const rf_bus_sub *sub);

rf_bus_message *rf_bus_message_free(rf_bus_message *message);

/* rf_bus_message_header returns the value of a header, NULL when it is missing. */
const rf_bus_header *rf_bus_message_header(const rf_bus_message *message, const char *name);

/* rf_bus_commit says that this message and all before it in its partition were handled. The offset
 * becomes durable soon, in the next group of writes. Returns 0, or -ESTALE when the partition went
 * to another member meanwhile (it will see the message again). The message stays the caller's. */
int rf_bus_commit(rf_bus_sub *sub, const rf_bus_message *message);

/* rf_bus_commit_wait waits until all commits so far are durable. Returns 0, -ETIMEDOUT, -ESTALE
 * when one of them was refused since the last call, or the errno of the write. */
int rf_bus_commit_wait(rf_bus_sub *sub, int64_t at_ns) RF_MUST_USE;

/* rf_bus_pause and rf_bus_resume stop and restart delivery, membership goes on. topic NULL: every
 * topic, and partition is ignored; partition -1: every partition of the topic. A pause drops what
 * was read ahead. New assignments follow the pause of all. Returns 0 or -ENOENT. */
int rf_bus_pause(rf_bus_sub *sub, const char *topic, int partition);
int rf_bus_resume(rf_bus_sub *sub, const char *topic, int partition);

/* rf_bus_assignment writes at most max partitions that this member owns now; returns their number,
 * which may be above max. */
size_t rf_bus_assignment(rf_bus_sub *sub, rf_bus_partition *out, size_t max);

/* rf_bus_lag counts the records of the topic that the group has not committed yet. Returns 0,
 * -ENOENT for an unknown topic, or the errno of the backend. An unknown group lags by all. */
int rf_bus_lag(rf_bus *bus, const char *group, const char *topic, int64_t *ret) RF_MUST_USE;

#endif
