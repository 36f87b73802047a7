/* Taking messages, and the descriptor that tells of them. */
#include "rf_bus_kafka_sub.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* An error in place of a message. librdkafka goes on by itself after most. */
static int take_error(rf_bus_kafka_sub *s, const rd_kafka_message_t *m)
{
    rf_bus_error error = rf_bus_kafka_error(m->err);
    if (error.fatal) { /* fenced: another process took the name of this static member */
        s->lost = -ESTALE;
        return -ESTALE;
    }
    if (m->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED || error.err == -EACCES) {
        RF_LOG_WARN("bus membership disturbed", RF_STR("why", rd_kafka_err2str(m->err)));
    }
    return error.err == -EACCES ? -EACCES : 0;
}

static rf_bus_message *take_message(rf_bus_kafka_sub *s, const rd_kafka_message_t *m)
{
    rf_bus_kafka_held *h = rf_bus_kafka_copy(m);
    pthread_mutex_lock(&s->mutex);
    const rf_bus_kafka_slot *slot =
        rf_bus_kafka_slot_of(s, h->box.message.topic, m->partition, &h->topic);
    h->generation = slot == NULL ? -1 : slot->generation;
    pthread_mutex_unlock(&s->mutex);
    return &h->box.message;
}

/* Serves librdkafka until it has a message, an error that counts, or nothing. */
static int poll_once(rf_bus_kafka_sub *s, rf_bus_message **ret)
{
    int err = 0;
    rd_kafka_message_t *m = NULL;
    while (err == 0 && (m = rd_kafka_consumer_poll(s->consumer, 0)) != NULL) {
        bool is_message = m->err == 0;
        if (is_message) {
            *ret = take_message(s, m);
        } else {
            err = take_error(s, m);
        }
        rd_kafka_message_destroy(m);
        if (is_message) {
            return 0;
        }
    }
    return err < 0 ? err : -EAGAIN;
}

/* librdkafka writes to wake_fd whenever something comes into its empty queue. So it may be cleared
 * only when the queue was seen empty, and is set again when the look after that finds something. */
static int step(rf_bus_kafka_sub *s, rf_bus_message **ret)
{
    uint64_t count = 0;
    int err = poll_once(s, ret);
    if (err != -EAGAIN) {
        return err;
    }
    ssize_t n = read(s->timer_fd, &count, sizeof(count));
    n = read(s->wake_fd, &count, sizeof(count));
    (void)n; /* there may be nothing to clear */
    err = poll_once(s, ret);
    if (err == 0) {
        eventfd_write(s->wake_fd, 1);
    }
    return err;
}

static void wait_for_news(const rf_bus_kafka_sub *s, int64_t at_ns)
{
    struct pollfd p = {.fd = s->epoll_fd, .events = POLLIN};
    poll(&p, 1, rf_bus_kafka_ms(at_ns));
}

int rf_bus_kafka_next(void *self, rf_bus_message **ret, int64_t at_ns)
{
    rf_bus_kafka_sub *s = self;
    for (;;) {
        int err = s->lost < 0 ? s->lost : step(s, ret);
        if (err != -EAGAIN || at_ns == 0) {
            return err;
        }
        if (rf_time_ns() >= at_ns) {
            return -ETIMEDOUT;
        }
        wait_for_news(s, at_ns);
    }
}

int rf_bus_kafka_fd(const void *self)
{
    const rf_bus_kafka_sub *s = self;
    return s->epoll_fd;
}
