/* Making and ending a subscription. */
#include "rf_bus_kafka_sub.h"

#include "rf_id.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define CLOSE_NS (5 * RF_NS_PER_S)
#define CLOSE_POLL_MS 50
#define FIRST_ANSWER_NS (10 * RF_NS_PER_S)
#define FIXED_VERSION 0x02030000
#define LOOK_S 1

/* ---- names of static members ---- */

static unsigned free_number(const rf_bus_kafka *bus, const char *group)
{
    for (unsigned n = 1;; n++) {
        const rf_bus_kafka_instance *i = bus->instances;
        while (i != NULL && (i->number != n || strcmp(i->group, group) != 0)) {
            i = i->next;
        }
        if (i == NULL) {
            return n;
        }
    }
}

static rf_bus_kafka_instance *instance_take(rf_bus_kafka *bus, const char *group)
{
    size_t size = strlen(group) + 1;
    rf_bus_kafka_instance *i = rf_alloc(sizeof(*i) + size);
    memcpy(i->group, group, size);
    pthread_mutex_lock(&bus->mutex);
    i->number = free_number(bus, group);
    i->next = bus->instances;
    bus->instances = i;
    pthread_mutex_unlock(&bus->mutex);
    return i;
}

static void instance_give_back(rf_bus_kafka *bus, rf_bus_kafka_instance *instance)
{
    pthread_mutex_lock(&bus->mutex);
    rf_bus_kafka_instance **at = &bus->instances;
    while (*at != NULL && *at != instance) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = instance->next;
    }
    pthread_mutex_unlock(&bus->mutex);
    free(instance);
}

static char *instance_name(rf_bus_kafka_sub *s, const char *group)
{
    const char *given = s->bus->url.group_instance_id;
    if (given == NULL || !s->is_member) {
        return NULL;
    }
    s->instance = instance_take(s->bus, group);
    return s->instance->number == 1 ? rf_strdup(given)
                                    : rf_asprintf("%s-%u", given, s->instance->number);
}

/* ---- the consumer ---- */

/* Who reads without a group has a name for one that is never joined. */
static int open_consumer(rf_bus_kafka_sub *s, const char *group)
{
    char why[256];
    char id[RF_UUID_LEN];
    RF_CLEANUP(rf_cleanup_free)
    char *name =
        group != NULL ? rf_strdup(group) : rf_asprintf("reflection-reader-%s", rf_uuid4(id));
    RF_CLEANUP(rf_cleanup_free) char *instance = instance_name(s, name);
    rd_kafka_conf_t *conf = rf_bus_kafka_consumer_conf(s->bus, name, s->is_member, instance);
    if (conf == NULL) {
        return -EINVAL;
    }
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_rebalance_cb(conf, rf_bus_kafka_rebalance);
    s->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (s->consumer == NULL) {
        rd_kafka_conf_destroy(conf);
        RF_LOG_ERROR("Kafka cannot be used", RF_STR("setting", "bus.url"), RF_STR("why", why));
        return -EINVAL;
    }
    rd_kafka_poll_set_consumer(s->consumer);
    s->queue = rd_kafka_queue_get_consumer(s->consumer);
    uint64_t one = 1;
    rd_kafka_queue_io_event_enable(s->queue, s->wake_fd, &one, sizeof(one));
    return 0;
}

static int epoll_add(const rf_bus_kafka_sub *s, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_fds(rf_bus_kafka_sub *s)
{
    const struct itimerspec each = {.it_interval = {.tv_sec = LOOK_S},
                                    .it_value = {.tv_sec = LOOK_S}};
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->wake_fd < 0 || s->timer_fd < 0 ||
        timerfd_settime(s->timer_fd, 0, &each, NULL) < 0) {
        return -errno;
    }
    int err = epoll_add(s, s->wake_fd);
    return err == 0 ? epoll_add(s, s->timer_fd) : err;
}

/* ---- topics ---- */

static int make_topics(rf_bus_kafka_sub *s, const rf_bus_sub_config *config)
{
    uint32_t n_partitions[RF_BUS_MAX_TOPICS];
    int err = rf_bus_kafka_make(s->bus, config->topics, config->n_topics,
                                s->bus->config.n_partitions, n_partitions);
    s->topics = RF_NEW_ARRAY(rf_bus_kafka_sub_topic, config->n_topics);
    for (size_t i = 0; err == 0 && i < config->n_topics; i++) {
        s->topics[i].name = rf_strdup(config->topics[i]);
        s->n_topics = i + 1;
        (void)rf_bus_kafka_slot_of(s, config->topics[i], (int32_t)n_partitions[i] - 1, NULL);
    }
    return err;
}

/* Notes where the logs end now. */
static int note_ends(rf_bus_kafka_sub *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < s->n_topics; i++) {
        rd_kafka_topic_partition_list_add_range(list, s->topics[i].name, 0,
                                                (int32_t)s->topics[i].n_slots - 1);
    }
    int err = rf_bus_kafka_edge(s->consumer, list, RD_KAFKA_OFFSET_END);
    for (int i = 0; err == 0 && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        rf_bus_kafka_slot_of(s, p->topic, p->partition, NULL)->first = p->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

static int join(rf_bus_kafka_sub *s)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->n_topics);
    for (size_t i = 0; i < s->n_topics; i++) {
        rd_kafka_topic_partition_list_add(list, s->topics[i].name, RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t err = rd_kafka_subscribe(s->consumer, list);
    s->is_joining = err == 0;
    rd_kafka_topic_partition_list_destroy(list);
    return rf_bus_kafka_error(err).err;
}

/* ---- ending ---- */

static void serve(rf_bus_kafka_sub *s)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(s->consumer, CLOSE_POLL_MS);
    if (m != NULL) {
        rd_kafka_message_destroy(m);
    }
}

/* librdkafka before 2.3 aborts when it destroys a member that joined and had no answer yet. So the
 * answer is waited for; a member that gets none is kept until the process ends. */
static bool may_destroy(rf_bus_kafka_sub *s)
{
    int64_t until_ns = rf_time_ns() + FIRST_ANSWER_NS;
    while (s->is_joining && !s->was_shared_out && rf_time_ns() < until_ns) {
        serve(s);
    }
    return !s->is_joining || s->was_shared_out || rd_kafka_version() >= FIXED_VERSION;
}

/* Leaves the group; a group that does not answer learns it by the session's timeout. */
static void leave(rf_bus_kafka_sub *s)
{
    int64_t until_ns = rf_time_ns() + CLOSE_NS;
    int err = rf_bus_kafka_commit_stored(s, NULL, until_ns);
    if (err == 0) {
        s->is_leaving = true;
        err = rf_bus_kafka_errno(rd_kafka_consumer_close_queue(s->consumer, s->queue));
    }
    while (err == 0 && !rd_kafka_consumer_closed(s->consumer)) {
        serve(s);
        err = rf_time_ns() < until_ns ? 0 : -ETIMEDOUT;
    }
    if (err < 0) {
        RF_LOG_WARN("bus member could not leave", RF_STR("why", strerror(-err)));
    }
}

static void free_topics(rf_bus_kafka_sub *s)
{
    for (size_t i = 0; i < s->n_topics; i++) {
        for (uint32_t p = 0; p < s->topics[i].n_slots; p++) {
            rd_kafka_topic_partition_list_destroy(s->topics[i].slots[p].place);
        }
        free(s->topics[i].slots);
        free(s->topics[i].name);
    }
    free(s->topics);
}

/* The lists of the slots hold on to librdkafka's partitions, so they go before it. */
static void close_consumer(rf_bus_kafka_sub *s)
{
    if (s->consumer == NULL) {
        free_topics(s);
        return;
    }
    rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
    bool destroys = may_destroy(s);
    if (s->is_joining) {
        leave(s);
    }
    free_topics(s);
    rd_kafka_queue_destroy(s->queue);
    if (destroys) {
        rd_kafka_destroy_flags(s->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    } else {
        RF_LOG_WARN("bus member ends without an answer of its group");
    }
}

void rf_bus_kafka_unsubscribe(void *self)
{
    rf_bus_kafka_sub *s = self;
    close_consumer(s);
    if (s->instance != NULL) {
        instance_give_back(s->bus, s->instance);
    }
    rf_close(&s->timer_fd);
    rf_close(&s->wake_fd);
    rf_close(&s->epoll_fd);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int rf_bus_kafka_subscribe(void *bus, const rf_bus_sub_config *config, void **ret_sub)
{
    rf_bus_kafka_sub *s = RF_NEW(rf_bus_kafka_sub);
    s->bus = bus;
    s->is_member = config->group != NULL;
    s->epoll_fd = s->wake_fd = s->timer_fd = -1;
    pthread_mutex_init(&s->mutex, NULL);
    int err = open_fds(s);
    err = err == 0 ? make_topics(s, config) : err;
    err = err == 0 ? open_consumer(s, config->group) : err;
    if (err == 0 && (!s->is_member || config->start == RF_BUS_LATEST)) {
        err = note_ends(s);
    }
    err = err == 0 ? (s->is_member ? join(s) : rf_bus_kafka_read_alone(s)) : err;
    if (err < 0) {
        rf_bus_kafka_unsubscribe(s);
        return err;
    }
    *ret_sub = s;
    return 0;
}
