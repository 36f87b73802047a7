#include "rf_bus_kafka.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ASK_MS 5000
#define LOOK_MS 2000
#define AGAIN_NS (500 * RF_NS_PER_MS)
#define SEEN_NS (10 * RF_NS_PER_S)
#define WAIT_NS (300 * RF_NS_PER_S) /* of a record for its topic, as message.timeout.ms */

rf_bus_kafka_topic *rf_bus_kafka_find(rf_bus_kafka *bus, const char *name)
{
    if (bus->last_topic != NULL && strcmp(bus->last_topic->name, name) == 0) {
        return bus->last_topic;
    }
    for (size_t i = 0; i < bus->n_topics; i++) {
        if (strcmp(bus->topics[i]->name, name) == 0) {
            return bus->last_topic = bus->topics[i];
        }
    }
    rf_bus_kafka_topic *t = RF_NEW(rf_bus_kafka_topic);
    rf_copy_str(t->name, sizeof(t->name), name);
    t->waiting_tail = &t->waiting;
    t->handle = rd_kafka_topic_new(bus->producer, name, NULL);
    bus->topics = rf_grow(bus->topics, bus->n_topics + 1, sizeof(*bus->topics));
    bus->topics[bus->n_topics++] = t;
    return bus->last_topic = t;
}

void rf_bus_kafka_topics_free(rf_bus_kafka *bus)
{
    for (size_t i = 0; i < bus->n_topics; i++) {
        rd_kafka_topic_destroy(bus->topics[i]->handle);
        free(bus->topics[i]);
    }
    free(bus->topics);
}

/* ---- asking ---- */

static void set_retention(const rf_bus_kafka *bus, rd_kafka_NewTopic_t *new_topic)
{
    char number[24];
    snprintf(number, sizeof(number), "%lld", (long long)bus->config.retention_ms);
    rd_kafka_NewTopic_set_config(new_topic, "retention.ms", number);
    snprintf(number, sizeof(number), "%lld", (long long)bus->config.retention_bytes);
    rd_kafka_NewTopic_set_config(new_topic, "retention.bytes", number);
    if (bus->url.min_in_sync != NULL) {
        rd_kafka_NewTopic_set_config(new_topic, "min.insync.replicas", bus->url.min_in_sync);
    }
}

void rf_bus_kafka_want(rf_bus_kafka *bus, rf_bus_kafka_topic *t, uint32_t n_partitions)
{
    if (t->state == RF_BUS_KAFKA_UNKNOWN) {
        t->state = RF_BUS_KAFKA_WANTED;
        t->n_partitions = n_partitions;
        rd_kafka_queue_yield(bus->events);
    }
}

static void ask(rf_bus_kafka *bus, rf_bus_kafka_topic *t)
{
    rd_kafka_NewTopic_t *new_topic =
        rd_kafka_NewTopic_new(t->name, (int)t->n_partitions, bus->url.replication, NULL, 0);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(bus->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    set_retention(bus, new_topic);
    rd_kafka_AdminOptions_set_request_timeout(options, ASK_MS, NULL, 0);
    rd_kafka_AdminOptions_set_operation_timeout(options, ASK_MS, NULL, 0);
    rd_kafka_AdminOptions_set_opaque(options, t);
    t->state = RF_BUS_KAFKA_ASKED;
    rd_kafka_CreateTopics(bus->producer, &new_topic, 1, options, bus->events);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(new_topic);
}

static void set_answer(rf_bus_kafka_topic *t, rf_bus_error error)
{
    t->state = error.err == 0 ? RF_BUS_KAFKA_READY : RF_BUS_KAFKA_UNKNOWN;
    t->error = error;
    t->again_ns = rf_time_ns() + AGAIN_NS;
    t->n_answers++;
}

/* Records that wait have their topic wanted again, or are given up. */
static rf_bus_kafka_sent *serve_waiting(rf_bus_kafka *bus)
{
    rf_bus_kafka_sent *refused = NULL;
    rf_bus_kafka_sent **tail = &refused;
    int64_t now_ns = rf_time_ns();
    for (size_t i = 0; i < bus->n_topics; i++) {
        rf_bus_kafka_topic *t = bus->topics[i];
        if (t->waiting == NULL || t->state == RF_BUS_KAFKA_READY) {
            continue;
        }
        if (bus->abandons || now_ns - t->waits_since_ns > WAIT_NS) {
            rf_bus_error error = {bus->abandons ? -ECANCELED : -ETIMEDOUT, false, !bus->abandons};
            rf_bus_kafka_release(bus, t, error, &tail);
        } else {
            rf_bus_kafka_want(bus, t, t->n_partitions);
        }
    }
    bus->abandons = false;
    return refused;
}

static bool is_due(const rf_bus_kafka_topic *t)
{
    return t->state == RF_BUS_KAFKA_WANTED && rf_time_ns() >= t->again_ns;
}

/* Nothing is asked while no broker answers: librdkafka tries to connect without a pause as long as
 * such a request waits. The mutex is held, but let go of meanwhile. */
static void ask_wanted(rf_bus_kafka *bus)
{
    bool any = false;
    for (size_t i = 0; i < bus->n_topics; i++) {
        any = any || is_due(bus->topics[i]);
    }
    if (!any) {
        return;
    }
    pthread_mutex_unlock(&bus->mutex);
    rd_kafka_resp_err_t err = rf_bus_kafka_reach(bus, LOOK_MS);
    pthread_mutex_lock(&bus->mutex);
    for (size_t i = 0; i < bus->n_topics; i++) {
        rf_bus_kafka_topic *t = bus->topics[i];
        if (is_due(t) && err == 0) {
            ask(bus, t);
        } else if (is_due(t)) {
            set_answer(t, rf_bus_kafka_error(err));
        }
    }
    pthread_cond_broadcast(&bus->changed);
}

void rf_bus_kafka_serve_topics(rf_bus_kafka *bus)
{
    pthread_mutex_lock(&bus->mutex);
    rf_bus_kafka_sent *refused = serve_waiting(bus);
    ask_wanted(bus);
    pthread_mutex_unlock(&bus->mutex);
    rf_bus_kafka_settle(bus, refused);
}

/* ---- looking ---- */

static const rd_kafka_metadata_topic_t *find_metadata(const struct rd_kafka_metadata *m,
                                                      const char *name)
{
    for (int i = 0; i < m->topic_cnt; i++) {
        if (strcmp(m->topics[i].topic, name) == 0) {
            return &m->topics[i];
        }
    }
    return NULL;
}

/* All topics are listed: to ask for one that is not there might make it. */
int rf_bus_kafka_look(rf_bus_kafka *bus, const char *name, uint32_t *ret_n_partitions)
{
    const struct rd_kafka_metadata *m = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(bus->producer, 1, NULL, &m, LOOK_MS);
    if (err != 0) {
        return rf_bus_kafka_error(err).err;
    }
    const rd_kafka_metadata_topic_t *t = find_metadata(m, name);
    int res = t == NULL || t->partition_cnt == 0 ? -ENOENT : 0;
    for (int i = 0; res == 0 && i < t->partition_cnt; i++) {
        res = t->partitions[i].leader < 0 ? -EAGAIN : 0;
    }
    if (res == 0) {
        *ret_n_partitions = (uint32_t)t->partition_cnt;
    }
    rd_kafka_metadata_destroy(m);
    return res;
}

/* A topic just made may take a moment to be seen with leaders for all partitions. */
static int look_until_seen(rf_bus_kafka *bus, const char *name, uint32_t *ret_n_partitions)
{
    int64_t until_ns = rf_time_ns() + SEEN_NS;
    int err = 0;
    while ((err = rf_bus_kafka_look(bus, name, ret_n_partitions)) < 0 && rf_time_ns() < until_ns) {
        struct timespec pause = {.tv_nsec = 20 * RF_NS_PER_MS};
        nanosleep(&pause, NULL);
    }
    return err;
}

/* ---- the answer ---- */

static rd_kafka_resp_err_t answer_of(rd_kafka_event_t *event)
{
    size_t n = 0;
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics =
        err == 0 ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
    return n > 0 ? rd_kafka_topic_result_error(topics[0]) : err;
}

static void become_ready(rf_bus_kafka *bus, rf_bus_kafka_topic *t, rf_bus_error error,
                         uint32_t n_partitions)
{
    rf_bus_kafka_sent *refused = NULL;
    rf_bus_kafka_sent **tail = &refused;
    pthread_mutex_lock(&bus->mutex);
    t->n_partitions = error.err == 0 ? n_partitions : t->n_partitions;
    set_answer(t, error);
    if (error.err == 0 || !error.retriable) {
        rf_bus_kafka_release(bus, t, error, &tail);
    }
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->mutex);
    rf_bus_kafka_settle(bus, refused);
}

/* Who may not make topics may still use one that is there. */
void rf_bus_kafka_answered(rf_bus_kafka *bus, rd_kafka_event_t *event)
{
    rf_bus_kafka_topic *t = rd_kafka_event_opaque(event);
    rd_kafka_resp_err_t answer = answer_of(event);
    bool is_there = answer == 0 || answer == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    rf_bus_error error = is_there ? (rf_bus_error){0} : rf_bus_kafka_error(answer);
    uint32_t n_partitions = 0;
    if (is_there) {
        error.err = look_until_seen(bus, t->name, &n_partitions);
        error.retriable = error.err < 0;
    } else if (rf_bus_kafka_look(bus, t->name, &n_partitions) == 0) {
        error = (rf_bus_error){0};
    }
    if (error.err < 0) {
        RF_LOG_WARN("topic not made", RF_STR("topic", t->name),
                    RF_STR("why", rd_kafka_err2str(answer)));
    }
    become_ready(bus, t, error, n_partitions);
}

/* ---- waiting ---- */

/* Waits for one topic, asking until the answer is final. The mutex is held. */
static int wait_ready(rf_bus_kafka *bus, rf_bus_kafka_topic *t, uint32_t n_partitions,
                      int64_t until_ns)
{
    uint64_t n_answers = t->n_answers;
    while (t->state != RF_BUS_KAFKA_READY) {
        if (t->n_answers > n_answers && !t->error.retriable) {
            return t->error.err;
        }
        rf_bus_kafka_want(bus, t, n_partitions);
        if (rf_time_wait_until(&bus->changed, &bus->mutex, until_ns) < 0) {
            return t->n_answers > n_answers ? t->error.err : -ETIMEDOUT;
        }
    }
    return 0;
}

int rf_bus_kafka_make(rf_bus_kafka *bus, const char *const *names, size_t n, uint32_t n_partitions,
                      uint32_t *ret)
{
    int64_t wait_ms = bus->config.wait_ms;
    int64_t until_ns = rf_time_ns() + (wait_ms > 0 ? wait_ms * RF_NS_PER_MS : RF_BUS_KAFKA_CALL_NS);
    int err = 0;
    if (bus->has_thread && pthread_equal(pthread_self(), bus->thread)) {
        return -EDEADLK;
    }
    pthread_mutex_lock(&bus->mutex);
    for (size_t i = 0; i < n; i++) { /* all at once */
        rf_bus_kafka_topic *t = rf_bus_kafka_find(bus, names[i]);
        rf_bus_kafka_want(bus, t, n_partitions);
    }
    for (size_t i = 0; err == 0 && i < n; i++) {
        rf_bus_kafka_topic *t = rf_bus_kafka_find(bus, names[i]);
        err = wait_ready(bus, t, n_partitions, until_ns);
        if (err == 0 && ret != NULL) {
            ret[i] = t->n_partitions;
        }
    }
    pthread_mutex_unlock(&bus->mutex);
    return err;
}

int rf_bus_kafka_topic_make(void *self, const char *topic, uint32_t n_partitions)
{
    return rf_bus_kafka_make(self, &topic, 1, n_partitions, NULL);
}
