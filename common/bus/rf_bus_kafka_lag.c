#include "rf_bus_kafka.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define ANSWER_MS 10000
#define AGAIN_MS 50 /* a topic that was just made may have no leader yet */

typedef rd_kafka_topic_partition_list_t offset_list;

static void cleanup_list(offset_list **list)
{
    if (*list != NULL) {
        rd_kafka_topic_partition_list_destroy(*list);
    }
}

/* The first error of a list. */
static rd_kafka_resp_err_t first_error(const offset_list *list, rd_kafka_resp_err_t whole)
{
    for (int i = 0; whole == 0 && i < list->cnt; i++) {
        whole = list->elems[i].err;
    }
    return whole;
}

static rd_kafka_resp_err_t ask_edge(rd_kafka_t *rk, offset_list *list, int64_t end)
{
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = end; /* in place of a time */
    }
    return first_error(list, rd_kafka_offsets_for_times(rk, list, ANSWER_MS));
}

int rf_bus_kafka_edge(rd_kafka_t *rk, offset_list *list, int64_t end)
{
    int64_t until_ns = rf_time_ns() + ANSWER_MS * RF_NS_PER_MS;
    rd_kafka_resp_err_t err = ask_edge(rk, list, end);
    while (err != 0 && rf_bus_kafka_error(err).retriable && rf_time_ns() < until_ns) {
        struct timespec pause = {.tv_nsec = AGAIN_MS * RF_NS_PER_MS};
        nanosleep(&pause, NULL);
        err = ask_edge(rk, list, end);
    }
    if (err != 0) {
        RF_LOG_WARN("offsets not told", RF_STR("why", rd_kafka_err2str(err)));
    }
    return rf_bus_kafka_error(err).err;
}

static int known_partitions(rf_bus_kafka *bus, const char *topic, uint32_t *ret)
{
    pthread_mutex_lock(&bus->mutex);
    *ret = 0;
    for (size_t i = 0; i < bus->n_topics; i++) {
        if (bus->topics[i]->state == RF_BUS_KAFKA_READY &&
            strcmp(bus->topics[i]->name, topic) == 0) {
            *ret = bus->topics[i]->n_partitions;
        }
    }
    pthread_mutex_unlock(&bus->mutex);
    return *ret > 0 ? 0 : rf_bus_kafka_look(bus, topic, ret);
}

/* Takes over the offsets that the group committed. */
static int read_committed(rd_kafka_event_t *event, offset_list *list)
{
    size_t n = 0;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    if (err != 0) {
        return rf_bus_kafka_error(err).err;
    }
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
    const rd_kafka_error_t *error = n > 0 ? rd_kafka_group_result_error(groups[0]) : NULL;
    if (n == 0 || error != NULL) {
        return n == 0 ? -EIO : rf_bus_kafka_error(rd_kafka_error_code(error)).err;
    }
    const offset_list *committed = rd_kafka_group_result_partitions(groups[0]);
    for (int i = 0; committed != NULL && i < committed->cnt; i++) {
        const rd_kafka_topic_partition_t *c = &committed->elems[i];
        rd_kafka_topic_partition_list_set_offset(list, c->topic, c->partition, c->offset);
    }
    return 0;
}

static int ask_committed(rf_bus_kafka *bus, const char *group, offset_list *list)
{
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_queue_t *answers = rd_kafka_queue_new(bus->producer);
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    }
    rd_kafka_ListConsumerGroupOffsets(bus->producer, &request, 1, NULL, answers);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, ANSWER_MS);
    int err = event == NULL ? -ETIMEDOUT : read_committed(event, list);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answers);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    return err;
}

static int64_t behind(const offset_list *committed, const offset_list *low, const offset_list *high)
{
    int64_t lag = 0;
    for (int i = 0; i < high->cnt; i++) {
        int64_t from = RF_MAX(committed->elems[i].offset, low->elems[i].offset);
        lag += RF_MAX(high->elems[i].offset - from, 0);
    }
    return lag;
}

int rf_bus_kafka_lag(void *self, const char *group, const char *topic, int64_t *ret)
{
    rf_bus_kafka *bus = self;
    uint32_t n_partitions = 0;
    int err = known_partitions(bus, topic, &n_partitions);
    if (err < 0) {
        return err;
    }
    RF_CLEANUP(cleanup_list)
    offset_list *committed = rd_kafka_topic_partition_list_new((int)n_partitions);
    for (uint32_t p = 0; p < n_partitions; p++) {
        rd_kafka_topic_partition_list_add(committed, topic, (int32_t)p);
    }
    RF_CLEANUP(cleanup_list) offset_list *low = rd_kafka_topic_partition_list_copy(committed);
    RF_CLEANUP(cleanup_list) offset_list *high = rd_kafka_topic_partition_list_copy(committed);
    err = ask_committed(bus, group, committed);
    err = err == 0 ? rf_bus_kafka_edge(bus->producer, low, RD_KAFKA_OFFSET_BEGINNING) : err;
    err = err == 0 ? rf_bus_kafka_edge(bus->producer, high, RD_KAFKA_OFFSET_END) : err;
    if (err == 0) {
        *ret = behind(committed, low, high);
    }
    return err;
}
