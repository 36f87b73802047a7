#include "rf_bus_kafka.h"

#include <stdio.h>
#include <string.h>

#define RECORD_ROOM (128u << 10) /* the largest record of ours with what Kafka puts around it */
#define FETCH_MAX (512u << 10)   /* of one answer of a broker */

/* ---- setting ---- */

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, why, sizeof(why));
    if (res != RD_KAFKA_CONF_OK) {
        /* librdkafka's own words would repeat the value, which may be a password. */
        (void)rf_bus_kafka_url_refuse(
            name, res == RD_KAFKA_CONF_UNKNOWN
                      ? "librdkafka has no such property, or was built without it"
                      : "librdkafka does not take this value");
    }
    return res == RD_KAFKA_CONF_OK;
}

static bool set_number(rd_kafka_conf_t *conf, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    return set(conf, name, text);
}

typedef struct pair {
    const char *name;
    const char *value;
} pair;

static bool set_all(rd_kafka_conf_t *conf, const pair *pairs, size_t n)
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = set(conf, pairs[i].name, pairs[i].value);
    }
    return ok;
}

static bool set_given(rd_kafka_conf_t *conf, const rf_bus_kafka_url *url)
{
    bool ok = true;
    for (size_t i = 0; ok && i < url->n_properties; i++) {
        ok = set(conf, url->properties[i].name, url->properties[i].value);
    }
    return ok;
}

static rd_kafka_conf_t *checked(rd_kafka_conf_t *conf, bool ok)
{
    if (!ok) {
        rd_kafka_conf_destroy(conf);
    }
    return ok ? conf : NULL;
}

/* ---- both kinds ---- */

/* What the URL may change comes before it, what it may not after it. */
static bool set_common(rd_kafka_conf_t *conf, const rf_bus_kafka_url *url, const pair *before,
                       size_t n_before)
{
    static const pair defaults[] = {
        {"client.id", "reflection"},
        {"reconnect.backoff.max.ms", "500"}, /* 10 s otherwise: the end of an outage is seen late */
        {"log.connection.close", "false"},   /* of idle connections */
    };
    rd_kafka_conf_set_log_cb(conf, rf_bus_kafka_log);
    return set_all(conf, defaults, RF_ARRAY_LEN(defaults)) && set_all(conf, before, n_before) &&
           set_given(conf, url) && set(conf, "bootstrap.servers", url->brokers);
}

rd_kafka_conf_t *rf_bus_kafka_producer_conf(rf_bus_kafka *bus)
{
    static const pair defaults[] = {
        {"linger.ms", "1"},
        {"batch.size", "262144"}, /* half of what a consumer reads ahead at once */
    };
    static const pair fixed[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        /* With several batches of a partition in flight records can be lost although they were
         * acknowledged. A broker that knows nothing of a producer yet takes whatever sequence
         * number comes first; so when it refuses the first batch (it does not lead the partition
         * yet: just made, or the broker just came back) and takes the second, the second is
         * written. librdkafka infers from that success that the first was written too (offset -1001
         * in its report). */
        {"max.in.flight", "1"},
        {"partitioner", "murmur2"}, /* that of the Java clients; equal keys, empty ones too */
        {"queue.buffering.max.messages", "0"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, bus);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    /* Our own count is exact; theirs must never be the first to be full. */
    uint64_t kbytes = 2 * (bus->config.queue_bytes >> 10) + RECORD_ROOM;
    return checked(conf,
                   set_common(conf, &bus->url, defaults, RF_ARRAY_LEN(defaults)) &&
                       set_all(conf, fixed, RF_ARRAY_LEN(fixed)) &&
                       set_number(conf, "queue.buffering.max.kbytes", RF_MIN(kbytes, INT32_MAX)));
}

rd_kafka_conf_t *rf_bus_kafka_consumer_conf(const rf_bus_kafka *bus, const char *group,
                                            bool is_member, const char *instance)
{
    static const pair defaults[] = {
        {"fetch.error.backoff.ms", "20"},
        {"fetch.wait.max.ms", "100"}, /* a resume waits for the request that is under way */
        {"auto.commit.interval.ms", "100"},
    };
    const pair fixed[] = {
        {"group.id", group},
        {"partition.assignment.strategy", "cooperative-sticky"},
        {"enable.auto.commit", is_member ? "true" : "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"},
        {"enable.partition.eof", "false"},
    };
    /* Part is on its way, the rest waits to be taken. A batch of a foreign producer may be larger.
     * Once so much waits, librdkafka before 2.2 looks again only after up to a second: a reader
     * that is slower than its broker gets about so much a second, so it is not to be little. */
    const uint64_t all = bus->config.prefetch_bytes;
    const uint64_t part = RF_MIN(all / 2, FETCH_MAX);
    uint64_t fetch = RF_MAX(part, RECORD_ROOM);
    uint64_t waiting = RF_MIN(RF_MAX((all - part) >> 10, 1), 2097151);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    return checked(conf, set_number(conf, "message.max.bytes", RECORD_ROOM) &&
                             set_number(conf, "fetch.max.bytes", fetch) &&
                             set_number(conf, "fetch.message.max.bytes", fetch) &&
                             set_number(conf, "queued.max.messages.kbytes", waiting) &&
                             set_common(conf, &bus->url, defaults, RF_ARRAY_LEN(defaults)) &&
                             set_all(conf, fixed, RF_ARRAY_LEN(fixed)) &&
                             (instance == NULL || set(conf, "group.instance.id", instance)));
}
