/* The thread of a Kafka bus: everything the producer tells is told here. */
#include "rf_bus_kafka.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define POLL_MS 500
#define CLOSE_NS (5 * RF_NS_PER_S)

static void note_error(rf_bus_kafka *bus, rd_kafka_event_t *event)
{
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL) {
        RF_LOG_ERROR("kafka producer is of no more use",
                     RF_STR("why", rd_kafka_event_error_string(event)));
        pthread_mutex_lock(&bus->mutex);
        bus->fatal = true;
        bus->health = (rf_bus_error){.err = -EIO, .fatal = true};
        pthread_cond_broadcast(&bus->changed);
        pthread_mutex_unlock(&bus->mutex);
    }
}

static void serve(rf_bus_kafka *bus, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        rf_bus_kafka_delivered(bus, event);
        break;
    case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
        rf_bus_kafka_answered(bus, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        note_error(bus, event); /* others heal by themselves, and the log callback tells of them */
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
}

static bool may_end(rf_bus_kafka *bus)
{
    pthread_mutex_lock(&bus->mutex);
    bool end = bus->stop && bus->n_records == 0;
    pthread_mutex_unlock(&bus->mutex);
    return end;
}

static void *events_main(void *arg)
{
    rf_bus_kafka *bus = arg;
    while (!may_end(bus)) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(bus->events, POLL_MS);
        if (event != NULL) {
            serve(bus, event);
        }
        rf_bus_kafka_serve_topics(bus);
    }
    return NULL;
}

int rf_bus_kafka_start(rf_bus_kafka *bus)
{
    int err = pthread_create(&bus->thread, NULL, events_main, bus);
    bus->has_thread = err == 0;
    return -err;
}

/* Called back by librdkafka is what it holds, by the thread what waits for a topic. */
void rf_bus_kafka_abandon(void *self)
{
    rf_bus_kafka *bus = self;
    pthread_mutex_lock(&bus->mutex);
    bus->abandons = true;
    pthread_mutex_unlock(&bus->mutex);
    rd_kafka_purge(bus->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_queue_yield(bus->events);
}

void rf_bus_kafka_stop(rf_bus_kafka *bus)
{
    if (!bus->has_thread) {
        return;
    }
    int err = rf_bus_kafka_flush(bus, rf_time_ns() + CLOSE_NS);
    pthread_mutex_lock(&bus->mutex);
    bus->stop = true;
    pthread_mutex_unlock(&bus->mutex);
    if (err < 0) {
        rf_bus_kafka_abandon(bus);
    }
    rd_kafka_queue_yield(bus->events);
    pthread_join(bus->thread, NULL);
}
