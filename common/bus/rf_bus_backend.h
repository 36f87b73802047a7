/*
 * rf_bus_backend.h - what a backend of rf_bus.h provides. Only rf_bus.c and backends include this.
 *
 * Arguments were checked by rf_bus.c: names are well formed, sizes within the limits, defaults of
 * the configuration filled in. Return values are those of rf_bus.h.
 */
#ifndef RF_BUS_BACKEND_H
#define RF_BUS_BACKEND_H

#include "rf_bus.h"

#define RF_BUS_BACKEND_VERSION 1

/* Every message given out stands in such a box, so that its backend takes it back. */
typedef struct rf_bus_box {
    rf_bus_message message;
    void (*free)(struct rf_bus_box *box);
} rf_bus_box;

typedef struct rf_bus_backend {
    unsigned version;
    const char *scheme;    /* of the URL */
    size_t prefetch_bytes; /* where the configuration does not say */

    int (*open)(const rf_bus_config *config, const char *address, void **ret_bus);
    void (*close)(void *bus);
    int (*topic)(void *bus, const char *topic, uint32_t n_partitions);
    int (*produce)(void *bus, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                   int64_t at_ns);
    int (*flush)(void *bus, int64_t at_ns);
    void (*abandon)(void *bus); /* NULL: it answers always */
    rf_bus_error (*health)(void *bus);
    int (*lag)(void *bus, const char *group, const char *topic, int64_t *ret);

    int (*subscribe)(void *bus, const rf_bus_sub_config *config, void **ret_sub);
    void (*unsubscribe)(void *sub);
    int (*next)(void *sub, rf_bus_message **ret, int64_t at_ns);
    int (*fd)(const void *sub);
    int (*commit)(void *sub, const rf_bus_message *message);
    int (*commit_wait)(void *sub, int64_t at_ns);
    int (*pause)(void *sub, const char *topic, int partition, bool paused);
    size_t (*assignment)(void *sub, rf_bus_partition *out, size_t max);
} rf_bus_backend;

extern const rf_bus_backend rf_bus_local_backend;
extern const rf_bus_backend rf_bus_kafka_backend;

#endif
