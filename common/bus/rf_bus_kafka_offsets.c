#include "rf_bus_kafka_sub.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define BUSY_MS 50 /* until a group that is being shared out is asked again */

typedef rd_kafka_topic_partition_list_t offset_list;

/* ---- storing ---- */

int rf_bus_kafka_commit(void *self, const rf_bus_message *message)
{
    rf_bus_kafka_sub *s = self;
    const rf_bus_kafka_held *h = (const rf_bus_kafka_held *)message;
    int err = 0;
    if (!s->is_member) {
        return 0;
    }
    pthread_mutex_lock(&s->mutex);
    rf_bus_kafka_slot *slot =
        h->generation < 0 ? NULL : &s->topics[h->topic].slots[message->partition];
    if (slot == NULL || !slot->owned || slot->generation != h->generation) {
        err = -ESTALE;
    } else if (message->offset + 1 > slot->stored) {
        slot->stored = message->offset + 1;
        slot->place->elems[0].offset = slot->stored;
        err = rf_bus_kafka_error(rd_kafka_offsets_store(s->consumer, slot->place)).err;
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}

/* ---- making durable ---- */

static void add_stored(rf_bus_kafka_sub *s, const offset_list *only, offset_list *to)
{
    for (size_t t = 0; t < s->n_topics; t++) {
        rf_bus_kafka_sub_topic *topic = &s->topics[t];
        for (uint32_t p = 0; p < topic->n_slots; p++) {
            const rf_bus_kafka_slot *slot = &topic->slots[p];
            if (slot->owned && slot->stored > slot->committed &&
                (only == NULL || rd_kafka_topic_partition_list_find((offset_list *)(uintptr_t)only,
                                                                    topic->name, (int32_t)p))) {
                rd_kafka_topic_partition_list_add(to, topic->name, (int32_t)p)->offset =
                    slot->stored;
            }
        }
    }
}

static bool is_busy(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS || err == RD_KAFKA_RESP_ERR__WAIT_COORD ||
           err == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           err == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           err == RD_KAFKA_RESP_ERR_NOT_COORDINATOR || err == RD_KAFKA_RESP_ERR__TRANSPORT ||
           err == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

/* Returns 0, -EAGAIN to try again, or the errno. */
static int take_outcome(rf_bus_kafka_sub *s, rd_kafka_event_t *event)
{
    const offset_list *list = rd_kafka_event_topic_partition_list(event);
    rd_kafka_resp_err_t whole = rd_kafka_event_error(event);
    int res = 0;
    pthread_mutex_lock(&s->mutex);
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        rd_kafka_resp_err_t err = whole != 0 ? whole : p->err;
        rf_bus_kafka_slot *slot = rf_bus_kafka_slot_of(s, p->topic, p->partition, NULL);
        int mapped = is_busy(err) ? -EAGAIN : rf_bus_kafka_error(err).err;
        if (mapped == 0 || mapped == -ESTALE) {
            slot->committed = RF_MAX(slot->committed, p->offset);
            s->refused = s->refused || mapped == -ESTALE;
        } else {
            res = res == 0 || res == -EAGAIN ? mapped : res;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return res;
}

static int commit_list(rf_bus_kafka_sub *s, const offset_list *list, int64_t at_ns)
{
    rd_kafka_queue_t *answers = rd_kafka_queue_new(s->consumer);
    rd_kafka_event_t *event = NULL;
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(s->consumer, list, answers, NULL, NULL);
    int res = rf_bus_kafka_error(err).err;
    while (err == 0 && (event = rd_kafka_queue_poll(answers, rf_bus_kafka_ms(at_ns))) == NULL &&
           rf_time_ns() < at_ns) {
    }
    if (err == 0) {
        res = event == NULL ? -ETIMEDOUT : take_outcome(s, event);
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answers);
    return res;
}

int rf_bus_kafka_commit_stored(rf_bus_kafka_sub *s, const offset_list *only, int64_t at_ns)
{
    offset_list *list = rd_kafka_topic_partition_list_new(8);
    pthread_mutex_lock(&s->mutex);
    add_stored(s, only, list);
    pthread_mutex_unlock(&s->mutex);
    int err = list->cnt == 0 ? 0 : commit_list(s, list, at_ns);
    while (err == -EAGAIN && rf_time_ns() < at_ns) {
        struct timespec pause = {.tv_nsec = BUSY_MS * RF_NS_PER_MS};
        nanosleep(&pause, NULL);
        err = commit_list(s, list, at_ns);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err == -EAGAIN ? -ETIMEDOUT : err;
}

int rf_bus_kafka_commit_wait(void *self, int64_t at_ns)
{
    rf_bus_kafka_sub *s = self;
    int err = s->is_member ? rf_bus_kafka_commit_stored(s, NULL, at_ns) : 0;
    pthread_mutex_lock(&s->mutex);
    if (err == 0 && s->refused) {
        err = -ESTALE;
        s->refused = false;
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}
