/*
 * rf_bus_kafka_sub.h - inside a subscription of the Kafka backend. Its mutex guards what the
 * comments say. It is never held while rd_kafka_consumer_poll runs, from which on_rebalance is
 * called.
 */
#ifndef RF_BUS_KAFKA_SUB_H
#define RF_BUS_KAFKA_SUB_H

#include "rf_bus_kafka.h"

/*
 * A partition of the topics subscribed:  other's --assigned--> owned --revoked, lost--> other's
 * Owned again it is another generation: commits of older messages are refused.
 */
typedef struct rf_bus_kafka_slot {
    bool owned;
    bool paused; /* as asked for */
    bool stands; /* as librdkafka was told, which keeps it for a partition that goes and comes */
    int64_t generation;
    int64_t first;     /* where a group without an offset begins; -1: at the oldest record */
    int64_t stored;    /* offset to commit, -1 for none */
    int64_t committed; /* ... that is known to be durable */
    rd_kafka_topic_partition_list_t
        *place; /* of this partition alone, for rd_kafka_offsets_store */
} rf_bus_kafka_slot;

typedef struct rf_bus_kafka_sub_topic {
    char *name;
    bool paused; /* also partitions that the topic gets later */
    rf_bus_kafka_slot *slots;
    uint32_t n_slots;
} rf_bus_kafka_sub_topic;

typedef struct rf_bus_kafka_sub {
    rf_bus_kafka *bus;
    rf_bus_kafka_instance *instance;
    bool is_member;
    bool is_joining; /* or has joined */
    bool is_leaving; /* all is committed, the consumer is being closed */
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue;
    int epoll_fd;
    int wake_fd;  /* eventfd: librdkafka has something, or a waiter shall look again */
    int timer_fd; /* membership wants a look each second */
    int lost;     /* negative errno: membership is gone for good; of rf_bus_next alone */

    pthread_mutex_t mutex; /* guards what follows */
    rf_bus_kafka_sub_topic *topics;
    size_t n_topics;
    size_t last_topic; /* most messages are of the topic of the one before */
    int64_t generation;
    bool paused_all;
    bool was_shared_out; /* the group answered once */
    bool refused;        /* a commit, since commit_wait was last called */
} rf_bus_kafka_sub;

/* A message given out; headers and bytes follow it. */
typedef struct rf_bus_kafka_held {
    rf_bus_box box; /* first */
    size_t topic;
    int64_t generation;
    rf_bus_header headers[];
} rf_bus_kafka_held;

/* ---- rf_bus_kafka_assign.c ---- */

/* rf_bus_kafka_slot_of finds a partition, making room for one that its topic got since; NULL for a
 * topic not subscribed. The mutex is held. */
rf_bus_kafka_slot *rf_bus_kafka_slot_of(rf_bus_kafka_sub *s, const char *topic, int32_t partition,
                                        size_t *ret_topic);

/* rf_bus_kafka_rebalance is librdkafka's callback. */
void rf_bus_kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                            rd_kafka_topic_partition_list_t *partitions, void *user);

/* rf_bus_kafka_read_alone assigns every partition, beginning at slot->first. 0 or negative errno.
 */
int rf_bus_kafka_read_alone(rf_bus_kafka_sub *s);

/* ---- rf_bus_kafka_offsets.c ---- */

/* rf_bus_kafka_commit_stored commits what is stored and not known to be durable; only: of these
 * partitions, NULL for all. Waits until at_ns. 0, -ETIMEDOUT or the errno of the commit; what was
 * refused is noted. Takes the mutex. */
int rf_bus_kafka_commit_stored(rf_bus_kafka_sub *s, const rd_kafka_topic_partition_list_t *only,
                               int64_t at_ns);

/* ---- rf_bus_kafka_message.c ---- */

/* rf_bus_kafka_copy makes a message of ours; foreign headers above the limits are left out. */
rf_bus_kafka_held *rf_bus_kafka_copy(const rd_kafka_message_t *message);

#endif
