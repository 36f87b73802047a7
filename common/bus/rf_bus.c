#include "rf_bus.h"

#include "rf_bus_backend.h"
#include "rf_bus_headers.h"
#include "rf_metric.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_PARTITIONS 8
#define DEFAULT_RETENTION_MS (24LL * 3600 * 1000)
#define DEFAULT_RETENTION_BYTES (256LL << 20)
#define DEFAULT_QUEUE_RECORDS 100000
#define DEFAULT_QUEUE_BYTES (32u << 20)

struct rf_bus {
    const rf_bus_backend *backend;
    void *self;
    rf_metric *produced;
    rf_metric *consumed;
};

struct rf_bus_sub {
    rf_bus *bus;
    void *self;
};

static const rf_bus_backend *const backends[] = {&rf_bus_local_backend, &rf_bus_kafka_backend};

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Asked for every record. */
static bool name_valid(const char *name, size_t max)
{
    size_t n = 0;
    if (name == NULL || !is_alphanumeric(name[0])) {
        return false;
    }
    while (n <= max &&
           (is_alphanumeric(name[n]) || name[n] == '.' || name[n] == '_' || name[n] == '-')) {
        n++;
    }
    return n <= max && name[n] == '\0';
}

static bool topic_valid(const char *topic)
{
    return name_valid(topic, RF_BUS_MAX_TOPIC);
}

/* ---- opening ---- */

static const rf_bus_backend *find_backend(const char *url, const char **ret_address)
{
    for (size_t i = 0; url != NULL && i < RF_ARRAY_LEN(backends); i++) {
        size_t n = strlen(backends[i]->scheme);
        if (strncmp(url, backends[i]->scheme, n) == 0 && url[n] == ':' && url[n + 1] != '\0') {
            *ret_address = url + n + 1;
            return backends[i];
        }
    }
    return NULL;
}

static rf_bus_config with_defaults(const rf_bus_config *config, const rf_bus_backend *backend)
{
    rf_bus_config c = *config;
    c.n_partitions = c.n_partitions == 0 ? DEFAULT_PARTITIONS : c.n_partitions;
    c.retention_ms = c.retention_ms == 0 ? DEFAULT_RETENTION_MS : c.retention_ms;
    c.retention_bytes = c.retention_bytes == 0 ? DEFAULT_RETENTION_BYTES : c.retention_bytes;
    c.queue_records = c.queue_records == 0 ? DEFAULT_QUEUE_RECORDS : c.queue_records;
    c.queue_bytes = c.queue_bytes == 0 ? DEFAULT_QUEUE_BYTES : c.queue_bytes;
    c.prefetch_bytes = c.prefetch_bytes == 0 ? backend->prefetch_bytes : c.prefetch_bytes;
    return c;
}

int rf_bus_open(const rf_bus_config *config, rf_bus **ret)
{
    const char *address = NULL;
    const rf_bus_backend *backend = find_backend(config->url, &address);
    if (backend == NULL || backend->version != RF_BUS_BACKEND_VERSION) {
        return -EINVAL;
    }
    rf_bus_config c = with_defaults(config, backend);
    if (c.n_partitions > RF_BUS_MAX_PARTITIONS || c.retention_ms < 0 || c.retention_bytes < 0 ||
        c.wait_ms < 0) {
        return -EINVAL;
    }
    void *self = NULL;
    int err = backend->open(&c, address, &self);
    if (err < 0) {
        return err;
    }
    rf_bus *bus = RF_NEW(rf_bus);
    *bus = (rf_bus){.backend = backend, .self = self};
    bus->produced =
        rf_metric_counter("reflection_bus_produced_total", "Records taken by produce.", NULL);
    bus->consumed =
        rf_metric_counter("reflection_bus_consumed_total", "Messages given to consumers.", NULL);
    *ret = bus;
    return 0;
}

rf_bus *rf_bus_close(rf_bus *bus)
{
    if (bus != NULL) {
        bus->backend->close(bus->self);
        free(bus);
    }
    return NULL;
}

int rf_bus_topic(rf_bus *bus, const char *topic, uint32_t n_partitions)
{
    if (!topic_valid(topic) || n_partitions == 0 || n_partitions > RF_BUS_MAX_PARTITIONS) {
        return -EINVAL;
    }
    return bus->backend->topic(bus->self, topic, n_partitions);
}

/* ---- producing ---- */

static int check_record(const rf_bus_record *r)
{
    if (!topic_valid(r->topic) || (r->key == NULL && r->key_len > 0) ||
        (r->value == NULL && r->value_len > 0)) {
        return -EINVAL;
    }
    if (r->key_len > RF_BUS_MAX_KEY || r->value_len > RF_BUS_MAX_VALUE) {
        return -EMSGSIZE;
    }
    return rf_bus_headers_check(r->headers, r->n_headers);
}

int rf_bus_produce(rf_bus *bus, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                   int64_t at_ns)
{
    int err = check_record(record);
    if (err == 0) {
        err = bus->backend->produce(bus->self, record, fn, user, at_ns);
    }
    if (err == 0) {
        rf_metric_add(bus->produced, 1);
    }
    return err;
}

int rf_bus_flush(rf_bus *bus, int64_t at_ns)
{
    return bus->backend->flush(bus->self, at_ns);
}

void rf_bus_abandon(rf_bus *bus)
{
    if (bus->backend->abandon != NULL) {
        bus->backend->abandon(bus->self);
    }
}

rf_bus_error rf_bus_health(rf_bus *bus)
{
    return bus->backend->health(bus->self);
}

int rf_bus_lag(rf_bus *bus, const char *group, const char *topic, int64_t *ret)
{
    if (!name_valid(group, RF_BUS_MAX_GROUP) || !topic_valid(topic)) {
        return -EINVAL;
    }
    return bus->backend->lag(bus->self, group, topic, ret);
}

/* ---- consuming ---- */

static bool sub_config_valid(const rf_bus_sub_config *c)
{
    bool ok = c->n_topics > 0 && c->n_topics <= RF_BUS_MAX_TOPICS &&
              (c->group == NULL || name_valid(c->group, RF_BUS_MAX_GROUP));
    for (size_t i = 0; ok && i < c->n_topics; i++) {
        ok = topic_valid(c->topics[i]);
        for (size_t j = 0; ok && j < i; j++) {
            ok = strcmp(c->topics[i], c->topics[j]) != 0;
        }
    }
    return ok;
}

int rf_bus_subscribe(rf_bus *bus, const rf_bus_sub_config *config, rf_bus_sub **ret)
{
    if (!sub_config_valid(config)) {
        return -EINVAL;
    }
    void *self = NULL;
    int err = bus->backend->subscribe(bus->self, config, &self);
    if (err < 0) {
        return err;
    }
    rf_bus_sub *sub = RF_NEW(rf_bus_sub);
    *sub = (rf_bus_sub){.bus = bus, .self = self};
    *ret = sub;
    return 0;
}

rf_bus_sub *rf_bus_unsubscribe(rf_bus_sub *sub)
{
    if (sub != NULL) {
        sub->bus->backend->unsubscribe(sub->self);
        free(sub);
    }
    return NULL;
}

int rf_bus_next(rf_bus_sub *sub, rf_bus_message **ret, int64_t at_ns)
{
    int err = sub->bus->backend->next(sub->self, ret, at_ns);
    if (err == 0) {
        rf_metric_add(sub->bus->consumed, 1);
    }
    return err;
}

int rf_bus_sub_fd(const rf_bus_sub *sub)
{
    return sub->bus->backend->fd(sub->self);
}

rf_bus_message *rf_bus_message_free(rf_bus_message *message)
{
    if (message != NULL) {
        rf_bus_box *box = (rf_bus_box *)message;
        box->free(box);
    }
    return NULL;
}

const rf_bus_header *rf_bus_message_header(const rf_bus_message *message, const char *name)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        if (strcmp(message->headers[i].name, name) == 0) {
            return &message->headers[i];
        }
    }
    return NULL;
}

int rf_bus_commit(rf_bus_sub *sub, const rf_bus_message *message)
{
    return sub->bus->backend->commit(sub->self, message);
}

int rf_bus_commit_wait(rf_bus_sub *sub, int64_t at_ns)
{
    return sub->bus->backend->commit_wait(sub->self, at_ns);
}

int rf_bus_pause(rf_bus_sub *sub, const char *topic, int partition)
{
    return sub->bus->backend->pause(sub->self, topic, partition, true);
}

int rf_bus_resume(rf_bus_sub *sub, const char *topic, int partition)
{
    return sub->bus->backend->pause(sub->self, topic, partition, false);
}

size_t rf_bus_assignment(rf_bus_sub *sub, rf_bus_partition *out, size_t max)
{
    return sub->bus->backend->assignment(sub->self, out, max);
}
