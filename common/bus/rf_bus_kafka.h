/*
 * rf_bus_kafka.h - inside the Kafka backend: a producer with one thread of ours that serves all its
 * events (deliveries, topics made, errors), and a consumer of librdkafka for each subscription,
 * served by who calls rf_bus_next.
 *
 *     rf_bus_open             rd_kafka_new(PRODUCER): enable.idempotence, acks=all; metadata
 *     rf_bus_topic            rd_kafka_CreateTopics: partitions, replication, retention
 *     rf_bus_produce          rd_kafka_produce; our own count of records and bytes bounds the queue
 *     delivery callback       RD_KAFKA_EVENT_DR
 *     rf_bus_subscribe        rd_kafka_new(CONSUMER): group.id, cooperative-sticky, then
 *                             rd_kafka_subscribe; without a group rd_kafka_assign at the log's end
 *     rf_bus_next             rd_kafka_consumer_poll
 *     rf_bus_sub_fd           rd_kafka_queue_io_event_enable on the consumer's queue, and a timer
 *     rf_bus_commit           rd_kafka_offsets_store
 *     rf_bus_commit_wait      rd_kafka_commit_queue of what was stored
 *     rf_bus_pause, _resume   rd_kafka_pause_partitions, rd_kafka_resume_partitions
 *     rf_bus_lag              ListConsumerGroupOffsets and ListOffsets
 */
#ifndef RF_BUS_KAFKA_H
#define RF_BUS_KAFKA_H

#include "rf_bus_backend.h"
#include "rf_bus_kafka_url.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#define RF_BUS_KAFKA_CALL_NS (30 * 1000000000LL) /* a call that has no deadline of its own */

typedef struct rf_bus_kafka rf_bus_kafka;

/* A record on its way: a line of cache, since many are at once and two threads touch each. */
typedef struct rf_bus_kafka_sent {
    _Alignas(64) rf_bus_delivery_fn fn;
    void *user;
    uint32_t bytes;
    uint32_t round;
    rf_bus_delivery outcome;
    struct rf_bus_kafka_sent *later; /* of those that wait for their topic; or were called back */
    rf_bus_record *record;           /* its copy while it waits, else NULL */
} rf_bus_kafka_sent;

typedef struct rf_bus_kafka_block {
    struct rf_bus_kafka_block *next;
    rf_bus_kafka_sent sent[63];
} rf_bus_kafka_block;

/* Which records are still on their way, for those who wait until none is of before their call: such
 * a call begins a round. */
typedef struct rf_bus_kafka_rounds {
    uint32_t first; /* the oldest that has records, or the present one */
    size_t n;
    size_t *open; /* of each round from the first to the present one: records on their way */
} rf_bus_kafka_rounds;

/*
 * A topic:  unknown --first use--> wanted --a broker is there--> asked --answer--> ready
 *               ^--------------------'------------------------------'
 *                     no broker, failed, no answer: wanted again while somebody waits
 */
typedef struct rf_bus_kafka_topic {
    char name[RF_BUS_MAX_TOPIC + 1];
    enum {
        RF_BUS_KAFKA_UNKNOWN,
        RF_BUS_KAFKA_WANTED,
        RF_BUS_KAFKA_ASKED,
        RF_BUS_KAFKA_READY
    } state;
    uint32_t n_partitions; /* asked for, then those it has */
    uint32_t turn;         /* for records without key: their partition */
    uint32_t n_in_turn;    /* those that followed it there */
    rd_kafka_topic_t *handle;
    rf_bus_error error; /* of the last answer */
    uint64_t n_answers;
    int64_t again_ns;           /* not asked before */
    rf_bus_kafka_sent *waiting; /* records, oldest first */
    rf_bus_kafka_sent **waiting_tail;
    int64_t waits_since_ns; /* the oldest of them */
} rf_bus_kafka_topic;

/* Which of the names for static members of a group are taken. */
typedef struct rf_bus_kafka_instance {
    struct rf_bus_kafka_instance *next;
    unsigned number;
    char group[];
} rf_bus_kafka_instance;

struct rf_bus_kafka {
    rf_bus_config config;
    rf_bus_kafka_url url;
    rd_kafka_t *producer;
    rd_kafka_queue_t *events; /* of the producer */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    rf_bus_kafka_topic **topics;
    size_t n_topics;
    rf_bus_kafka_topic *last_topic; /* most records name the topic of the one before */
    rf_bus_kafka_block *blocks;     /* as many as were ever on their way */
    rf_bus_kafka_sent *spare;       /* those of them that are not, chained by later */
    rf_bus_kafka_rounds rounds;
    size_t n_records;
    size_t n_bytes;
    rf_bus_error health;
    bool fatal;
    bool stop;
    bool abandons; /* what waits for a topic */
    rf_bus_kafka_instance *instances;
};

/* ---- rf_bus_kafka.c ---- */

/* rf_bus_kafka_reach waits for an answer of a broker; 0 when there is one. */
rd_kafka_resp_err_t rf_bus_kafka_reach(rf_bus_kafka *bus, int wait_ms);

/* ---- rf_bus_kafka_error.c ---- */

rf_bus_error rf_bus_kafka_error(rd_kafka_resp_err_t err);

/* rf_bus_kafka_errno takes an error object, frees it and returns its negative errno; NULL is 0. */
int rf_bus_kafka_errno(rd_kafka_error_t *error);

/* rf_bus_kafka_ms is the time left until at_ns, rounded up, at most 1 s. */
int rf_bus_kafka_ms(int64_t at_ns);

/* rf_bus_kafka_log is librdkafka's log callback. */
void rf_bus_kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

/* ---- rf_bus_kafka_conf.c ---- */

/* Both return settings that rd_kafka_new takes over, NULL after a log line. user: opaque. */
rd_kafka_conf_t *rf_bus_kafka_producer_conf(rf_bus_kafka *bus);
rd_kafka_conf_t *rf_bus_kafka_consumer_conf(const rf_bus_kafka *bus, const char *group,
                                            bool is_member, const char *instance);

/* ---- rf_bus_kafka_events.c: the thread ---- */

int rf_bus_kafka_start(rf_bus_kafka *bus);
void rf_bus_kafka_stop(rf_bus_kafka *bus); /* calls back what is left, then ends the thread */
void rf_bus_kafka_abandon(void *bus);

/* ---- rf_bus_kafka_topics.c ---- */

/* rf_bus_kafka_find finds a topic or adds it as unknown; the mutex is held. */
rf_bus_kafka_topic *rf_bus_kafka_find(rf_bus_kafka *bus, const char *name);

/* rf_bus_kafka_want has an unknown topic made by the thread, without waiting; the mutex is held. */
void rf_bus_kafka_want(rf_bus_kafka *bus, rf_bus_kafka_topic *topic, uint32_t n_partitions);

/* rf_bus_kafka_answered takes the answer; rf_bus_kafka_serve_topics asks for topics that are
 * wanted. Both on the bus's thread. */
void rf_bus_kafka_answered(rf_bus_kafka *bus, rd_kafka_event_t *event);
void rf_bus_kafka_serve_topics(rf_bus_kafka *bus);

/* rf_bus_kafka_make makes missing topics and waits until all can be used. n_partitions holds the
 * number wanted of all, ret (may be NULL) takes those that each has. 0 or negative errno. */
int rf_bus_kafka_make(rf_bus_kafka *bus, const char *const *names, size_t n, uint32_t n_partitions,
                      uint32_t *ret);
int rf_bus_kafka_topic_make(void *bus, const char *topic, uint32_t n_partitions);

/* rf_bus_kafka_look asks the cluster how many partitions a topic has now. 0, -ENOENT for none. */
int rf_bus_kafka_look(rf_bus_kafka *bus, const char *name, uint32_t *ret_n_partitions);
void rf_bus_kafka_topics_free(rf_bus_kafka *bus);

/* ---- rf_bus_kafka_produce.c ---- */

int rf_bus_kafka_produce(void *bus, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                         int64_t at_ns);
int rf_bus_kafka_flush(void *bus, int64_t at_ns);

/* rf_bus_kafka_records_init and _free: what counts records on their way. */
void rf_bus_kafka_records_init(rf_bus_kafka *bus);
void rf_bus_kafka_records_free(rf_bus_kafka *bus);

/* rf_bus_kafka_delivered calls back what an event tells of. On the bus's thread. */
void rf_bus_kafka_delivered(rf_bus_kafka *bus, rd_kafka_event_t *event);

/* rf_bus_kafka_release hands the records that waited for a topic to librdkafka, the mutex is held;
 * those it refuses, or all when error.err is set, are chained to *refused with their outcome. */
void rf_bus_kafka_release(rf_bus_kafka *bus, rf_bus_kafka_topic *topic, rf_bus_error error,
                          rf_bus_kafka_sent ***refused);

/* rf_bus_kafka_settle calls a chain of records back and forgets them. On the bus's thread. */
void rf_bus_kafka_settle(rf_bus_kafka *bus, rf_bus_kafka_sent *chain);

/* ---- rf_bus_kafka_lag.c ---- */

int rf_bus_kafka_lag(void *bus, const char *group, const char *topic, int64_t *ret);

/* rf_bus_kafka_edge replaces the offsets of a list by those at one end of the partitions' logs:
 * RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END. 0 or negative errno. */
int rf_bus_kafka_edge(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int64_t end);

/* ---- rf_bus_kafka_sub.c ---- */

int rf_bus_kafka_subscribe(void *bus, const rf_bus_sub_config *config, void **ret_sub);
void rf_bus_kafka_unsubscribe(void *sub);

/* ---- rf_bus_kafka_next.c, _assign.c, _offsets.c ---- */

int rf_bus_kafka_next(void *sub, rf_bus_message **ret, int64_t at_ns);
int rf_bus_kafka_fd(const void *sub);
int rf_bus_kafka_commit(void *sub, const rf_bus_message *message);
int rf_bus_kafka_commit_wait(void *sub, int64_t at_ns);
int rf_bus_kafka_pause(void *sub, const char *topic, int partition, bool paused);
size_t rf_bus_kafka_assignment(void *sub, rf_bus_partition *out, size_t max);

#endif
