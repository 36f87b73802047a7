/* Which partitions a subscription owns and which of them rest. */
#include "rf_bus_kafka_sub.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define HAND_OVER_NS (5 * RF_NS_PER_S) /* for the last commits of partitions that go */
#define ANSWER_MS 5000

typedef rd_kafka_topic_partition_list_t partition_list;

/* ---- slots; the mutex is held ---- */

static void add_slots(rf_bus_kafka_sub_topic *t, uint32_t n)
{
    t->slots = rf_grow(t->slots, n, sizeof(*t->slots));
    for (uint32_t p = t->n_slots; p < n; p++) {
        t->slots[p] =
            (rf_bus_kafka_slot){.first = -1, .stored = -1, .committed = -1, .paused = t->paused};
        t->slots[p].place = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(t->slots[p].place, t->name, (int32_t)p);
    }
    t->n_slots = n;
}

rf_bus_kafka_slot *rf_bus_kafka_slot_of(rf_bus_kafka_sub *s, const char *topic, int32_t partition,
                                        size_t *ret_topic)
{
    for (size_t i = 0; i < s->n_topics; i++) {
        size_t at = (s->last_topic + i) % s->n_topics;
        rf_bus_kafka_sub_topic *t = &s->topics[at];
        if (strcmp(t->name, topic) == 0 && partition >= 0) {
            if ((uint32_t)partition >= t->n_slots) {
                add_slots(t, (uint32_t)partition + 1);
            }
            s->last_topic = at;
            if (ret_topic != NULL) {
                *ret_topic = at;
            }
            return &t->slots[partition];
        }
    }
    return NULL;
}

/* ---- pausing ---- */

/* Tells librdkafka which of the partitions stand, where it does not know. A partition that does not
 * stand must not be resumed: librdkafka before 2.2 would read it again from where it last began.
 * The mutex is held for all of it, so that the flags and librdkafka stay of one mind. */
static void settle(rf_bus_kafka_sub *s)
{
    partition_list *stop = rd_kafka_topic_partition_list_new(8);
    partition_list *go_on = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < s->n_topics; i++) {
        for (uint32_t p = 0; p < s->topics[i].n_slots; p++) {
            rf_bus_kafka_slot *slot = &s->topics[i].slots[p];
            if (slot->owned && slot->stands != slot->paused) {
                rd_kafka_topic_partition_list_add(slot->paused ? stop : go_on, s->topics[i].name,
                                                  (int32_t)p);
                slot->stands = slot->paused;
            }
        }
    }
    if (stop->cnt > 0) {
        rd_kafka_pause_partitions(s->consumer, stop);
    }
    if (go_on->cnt > 0) {
        rd_kafka_resume_partitions(s->consumer, go_on);
    }
    rd_kafka_topic_partition_list_destroy(stop);
    rd_kafka_topic_partition_list_destroy(go_on);
}

int rf_bus_kafka_pause(void *self, const char *topic, int partition, bool paused)
{
    rf_bus_kafka_sub *s = self;
    bool found = topic == NULL;
    pthread_mutex_lock(&s->mutex);
    s->paused_all = topic == NULL ? paused : s->paused_all;
    for (size_t i = 0; i < s->n_topics; i++) {
        rf_bus_kafka_sub_topic *t = &s->topics[i];
        if (topic != NULL && strcmp(t->name, topic) != 0) {
            continue;
        }
        t->paused = topic == NULL || partition < 0 ? paused : t->paused;
        for (uint32_t p = 0; p < t->n_slots; p++) {
            if (topic == NULL || partition < 0 || p == (uint32_t)partition) {
                found = true;
                t->slots[p].paused = paused;
            }
        }
    }
    settle(s);
    pthread_mutex_unlock(&s->mutex);
    return found ? 0 : -ENOENT;
}

size_t rf_bus_kafka_assignment(void *self, rf_bus_partition *out, size_t max)
{
    rf_bus_kafka_sub *s = self;
    size_t n = 0;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n_topics; i++) {
        for (uint32_t p = 0; p < s->topics[i].n_slots; p++) {
            if (s->topics[i].slots[p].owned) {
                if (n < max) {
                    out[n] = (rf_bus_partition){s->topics[i].name, p};
                }
                n++;
            }
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return n;
}

/* ---- coming ---- */

/* A group that has no offset begins where it was when the subscription was made. */
static void begin_where_told(rf_bus_kafka_sub *s, partition_list *list)
{
    bool told = false;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        const rf_bus_kafka_slot *slot = rf_bus_kafka_slot_of(s, p->topic, p->partition, NULL);
        told = told || (slot != NULL && slot->first >= 0);
    }
    if (!told || rd_kafka_committed(s->consumer, list, ANSWER_MS) != 0) {
        return;
    }
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        const rf_bus_kafka_slot *slot = rf_bus_kafka_slot_of(s, p->topic, p->partition, NULL);
        if (p->offset == RD_KAFKA_OFFSET_INVALID && slot != NULL && slot->first >= 0) {
            p->offset = slot->first;
        }
    }
}

static void own(rf_bus_kafka_sub *s, const rd_kafka_topic_partition_t *p)
{
    rf_bus_kafka_slot *slot = rf_bus_kafka_slot_of(s, p->topic, p->partition, NULL);
    if (slot == NULL) {
        return;
    }
    slot->owned = true;
    slot->paused = slot->paused || s->paused_all;
    slot->generation = ++s->generation;
    slot->stored = slot->committed = -1;
    if (s->is_member && p->offset >= 0 && p->offset == slot->first) {
        slot->stored = slot->first; /* so that whoever owns it next begins there too */
        slot->place->elems[0].offset = slot->first;
        rd_kafka_offsets_store(s->consumer, slot->place);
    }
}

static void come(rf_bus_kafka_sub *s, partition_list *list)
{
    pthread_mutex_lock(&s->mutex);
    s->was_shared_out = true;
    begin_where_told(s, list);
    int err = rf_bus_kafka_errno(rd_kafka_incremental_assign(s->consumer, list));
    for (int i = 0; err == 0 && i < list->cnt; i++) {
        own(s, &list->elems[i]);
    }
    settle(s);
    pthread_mutex_unlock(&s->mutex);
    if (err < 0) {
        RF_LOG_WARN("partitions not taken over", RF_STR("why", strerror(-err)));
    }
}

int rf_bus_kafka_read_alone(rf_bus_kafka_sub *s)
{
    partition_list *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < s->n_topics; i++) {
        for (uint32_t p = 0; p < s->topics[i].n_slots; p++) {
            rd_kafka_topic_partition_list_add(list, s->topics[i].name, (int32_t)p)->offset =
                s->topics[i].slots[p].first;
            s->topics[i].slots[p].owned = true;
        }
    }
    int err = rf_bus_kafka_error(rd_kafka_assign(s->consumer, list)).err;
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

/* ---- going ---- */

static void disown(rf_bus_kafka_sub *s, const partition_list *list)
{
    for (int i = 0; i < list->cnt; i++) {
        rf_bus_kafka_slot *slot =
            rf_bus_kafka_slot_of(s, list->elems[i].topic, list->elems[i].partition, NULL);
        if (slot != NULL) {
            s->refused = s->refused || (slot->owned && slot->stored > slot->committed);
            slot->owned = false;
        }
    }
}

/* A consumer that is being closed must not be kept waiting: librdkafka ends it with the answer to
 * the last commit, and then forgets, without an answer, what it is asked at that moment. */
static void go(rf_bus_kafka_sub *s, const partition_list *list)
{
    if (!s->is_leaving && !rd_kafka_assignment_lost(s->consumer)) {
        int err = rf_bus_kafka_commit_stored(s, list, rf_time_ns() + HAND_OVER_NS);
        if (err < 0) {
            RF_LOG_WARN("offsets not handed over", RF_STR("why", strerror(-err)));
        }
    }
    pthread_mutex_lock(&s->mutex);
    disown(s, list);
    int err = rd_kafka_consumer_closed(s->consumer)
                  ? 0
                  : rf_bus_kafka_errno(rd_kafka_incremental_unassign(s->consumer, list));
    pthread_mutex_unlock(&s->mutex);
    if (err < 0) {
        RF_LOG_WARN("partitions not given up", RF_STR("why", strerror(-err)));
    }
}

void rf_bus_kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, partition_list *partitions,
                            void *user)
{
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        come(user, partitions);
    } else if (err == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        go(user, partitions);
    } else {
        rd_kafka_assign(rk, NULL);
    }
}
