#include "rf_bus_kafka.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define CONNECT_NS (10 * RF_NS_PER_S)
#define CONNECT_TRY_MS 250

/* ---- connecting ---- */

/* Takes the events so far; the last one that says more than that nothing is reachable wins, and
 * that says no more than its error. */
static void read_errors(rf_bus_kafka *bus, rd_kafka_resp_err_t *err, char *why, size_t size)
{
    rd_kafka_event_t *event = NULL;
    while ((event = rd_kafka_queue_poll(bus->events, 0)) != NULL) {
        rd_kafka_resp_err_t e = rd_kafka_event_error(event);
        bool is_error = rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR;
        if (is_error && (e != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || why[0] == '\0')) {
            *err = e;
            rf_copy_str(
                why, size,
                e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ? "" : rd_kafka_event_error_string(event));
        }
        rd_kafka_event_destroy(event);
    }
}

/* A wrong password or certificate is not waited for. */
static bool is_final(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__SSL;
}

rd_kafka_resp_err_t rf_bus_kafka_reach(rf_bus_kafka *bus, int wait_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(bus->producer, 0, NULL, &metadata, wait_ms);
    if (err == 0) {
        rd_kafka_metadata_destroy(metadata);
    }
    return err;
}

static int connect_to(rf_bus_kafka *bus)
{
    int64_t wait_ms = bus->config.wait_ms;
    int64_t until_ns = rf_time_ns() + (wait_ms > 0 ? wait_ms * RF_NS_PER_MS : CONNECT_NS);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TRANSPORT;
    char why[256] = "";
    do {
        if (rf_bus_kafka_reach(bus, CONNECT_TRY_MS) == 0) {
            return 0;
        }
        read_errors(bus, &err, why, sizeof(why));
    } while (!is_final(err) && rf_time_ns() < until_ns);
    RF_LOG_ERROR(
        "Kafka cannot be used", RF_STR("setting", "bus.url"), RF_STR("brokers", bus->url.brokers),
        RF_STR("why", why[0] == '\0' ? "no broker answers; does it want another security.protocol?"
                                     : why));
    return rf_bus_kafka_error(err).err;
}

static int open_producer(rf_bus_kafka *bus)
{
    char why[256];
    rd_kafka_conf_t *conf = rf_bus_kafka_producer_conf(bus);
    if (conf == NULL) {
        return -EINVAL;
    }
    bus->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (bus->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        RF_LOG_ERROR("Kafka cannot be used", RF_STR("setting", "bus.url"), RF_STR("why", why));
        return -EINVAL;
    }
    bus->events = rd_kafka_queue_get_main(bus->producer);
    return connect_to(bus);
}

/* ---- opening, closing ---- */

static void kafka_close(void *self)
{
    rf_bus_kafka *bus = self;
    rf_bus_kafka_stop(bus);
    rf_bus_kafka_topics_free(bus);
    rf_bus_kafka_records_free(bus);
    if (bus->producer != NULL) {
        rd_kafka_queue_destroy(bus->events);
        rd_kafka_destroy(bus->producer);
    }
    rf_bus_kafka_url_done(&bus->url);
    pthread_cond_destroy(&bus->changed);
    pthread_mutex_destroy(&bus->mutex);
    free(bus);
}

static int kafka_open(const rf_bus_config *config, const char *address, void **ret)
{
    rf_bus_kafka *bus = RF_NEW(rf_bus_kafka);
    bus->config = *config;
    bus->config.url = NULL;
    pthread_mutex_init(&bus->mutex, NULL);
    rf_cond_init(&bus->changed);
    rf_bus_kafka_records_init(bus);
    int err = rf_bus_kafka_url_parse(address, &bus->url);
    err = err == 0 ? open_producer(bus) : err;
    err = err == 0 ? rf_bus_kafka_start(bus) : err;
    if (err < 0) {
        kafka_close(bus);
        return err;
    }
    *ret = bus;
    return 0;
}

static rf_bus_error kafka_health(void *self)
{
    rf_bus_kafka *bus = self;
    pthread_mutex_lock(&bus->mutex);
    rf_bus_error health = bus->health;
    pthread_mutex_unlock(&bus->mutex);
    return health;
}

const rf_bus_backend rf_bus_kafka_backend = {
    .version = RF_BUS_BACKEND_VERSION,
    .scheme = "kafka",
    .prefetch_bytes = (size_t)16 << 20,
    .open = kafka_open,
    .close = kafka_close,
    .topic = rf_bus_kafka_topic_make,
    .produce = rf_bus_kafka_produce,
    .flush = rf_bus_kafka_flush,
    .abandon = rf_bus_kafka_abandon,
    .health = kafka_health,
    .lag = rf_bus_kafka_lag,
    .subscribe = rf_bus_kafka_subscribe,
    .unsubscribe = rf_bus_kafka_unsubscribe,
    .next = rf_bus_kafka_next,
    .fd = rf_bus_kafka_fd,
    .commit = rf_bus_kafka_commit,
    .commit_wait = rf_bus_kafka_commit_wait,
    .pause = rf_bus_kafka_pause,
    .assignment = rf_bus_kafka_assignment,
};
