/*
 * rf_bus_kafka_url.h - the URL of a Kafka bus, taken apart:
 *
 *     kafka://host:port[,host:port...][?name=value&name=value...]
 *
 * Names are librdkafka's own properties (security.protocol, sasl.username, ssl.ca.location,
 * compression.type, ...) and four of ours.
 *
 * properties.file: path of a file with one name=value a line, # for comments: the place for
 * passwords. It may not name another file.
 *
 * replication.factor: of topics that are made, 1 to 32; the broker's default otherwise.
 *
 * min.insync.replicas: of topics that are made; the broker's default otherwise.
 *
 * group.instance.id: makes members static. A process that comes back within session.timeout.ms
 * finds its partitions where they were. A second subscription of the process to the same group adds
 * "-2", and so on.
 *
 * %XX in a value stands for a byte. What the bus's promises rest on (acks, enable.idempotence,
 * max.in.flight, group.id, ...) cannot be set. What is wrong is logged with the setting's name,
 * never with a value.
 */
#ifndef RF_BUS_KAFKA_URL_H
#define RF_BUS_KAFKA_URL_H

#include "rf_base.h"

#define RF_BUS_KAFKA_MAX_PROPERTIES 64
#define RF_BUS_KAFKA_MAX_FILE (64u << 10)

typedef struct rf_bus_kafka_property {
    char *name;
    char *value;
} rf_bus_kafka_property;

typedef struct rf_bus_kafka_url {
    char *brokers;
    rf_bus_kafka_property properties[RF_BUS_KAFKA_MAX_PROPERTIES]; /* for librdkafka */
    size_t n_properties;
    int replication;         /* -1: the broker's default */
    char *min_in_sync;       /* NULL: the broker's default */
    char *group_instance_id; /* NULL: none */
} rf_bus_kafka_url;

/* rf_bus_kafka_url_refuse logs what is wrong with a property of bus.url ("": the URL itself),
 * without its value. Returns -EINVAL. */
int rf_bus_kafka_url_refuse(const char *name, const char *why);

/* rf_bus_kafka_url_parse reads what follows "kafka:". Returns 0, -EINVAL after a log line, or the
 * errno of the file. Call done after either. */
int rf_bus_kafka_url_parse(const char *address, rf_bus_kafka_url *ret);
void rf_bus_kafka_url_done(rf_bus_kafka_url *url);

#endif
