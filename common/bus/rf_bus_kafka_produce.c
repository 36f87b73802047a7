#include "rf_bus_headers.h"
#include "rf_bus_kafka.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define CROWD 1000 /* records on their way */
#define CROWD_IN_TURN 250

/* ---- records on their way; the mutex is held ---- */

static size_t size_of(const rf_bus_record *r)
{
    return r->key_len + r->value_len + rf_bus_headers_size(r->headers, r->n_headers);
}

static void count(rf_bus_kafka *bus, rf_bus_kafka_sent *s)
{
    rf_bus_kafka_rounds *r = &bus->rounds;
    s->round = r->first + (uint32_t)r->n - 1;
    r->open[r->n - 1]++;
    bus->n_records++;
    bus->n_bytes += s->bytes;
}

static void discount(rf_bus_kafka *bus, const rf_bus_kafka_sent *s)
{
    bus->rounds.open[s->round - bus->rounds.first]--;
    bus->n_records--;
    bus->n_bytes -= s->bytes;
}

/* Leaves behind the rounds that are over. */
static void end_rounds(rf_bus_kafka_rounds *r)
{
    size_t n_over = 0;
    while (n_over + 1 < r->n && r->open[n_over] == 0) {
        n_over++;
    }
    if (n_over > 0) {
        r->n -= n_over;
        r->first += (uint32_t)n_over;
        memmove(r->open, r->open + n_over, r->n * sizeof(*r->open));
    }
}

static void begin_round(rf_bus_kafka_rounds *r)
{
    r->open = rf_grow(r->open, r->n + 1, sizeof(*r->open));
    r->open[r->n++] = 0;
}

/* Returns the newest round that has records, which no later record belongs to. */
static uint32_t close_round(rf_bus_kafka_rounds *r)
{
    if (r->open[r->n - 1] > 0) {
        begin_round(r);
    }
    return r->first + (uint32_t)r->n - 2;
}

static bool is_over(const rf_bus_kafka_rounds *r, uint32_t round)
{
    return (int32_t)(r->first - round) > 0;
}

/* More are allocated only when all that were ever on their way are so again. */
static void add_block(rf_bus_kafka *bus)
{
    rf_bus_kafka_block *b = aligned_alloc(_Alignof(rf_bus_kafka_block), sizeof(*b));
    if (b == NULL) {
        abort();
    }
    b->next = bus->blocks;
    bus->blocks = b;
    for (size_t i = RF_ARRAY_LEN(b->sent); i > 0; i--) {
        b->sent[i - 1].later = bus->spare;
        bus->spare = &b->sent[i - 1];
    }
}

static rf_bus_kafka_sent *take_spare(rf_bus_kafka *bus)
{
    if (bus->spare == NULL) {
        add_block(bus);
    }
    rf_bus_kafka_sent *s = bus->spare;
    bus->spare = s->later;
    return s;
}

static void put_spare(rf_bus_kafka *bus, rf_bus_kafka_sent *s)
{
    s->later = bus->spare;
    bus->spare = s;
}

void rf_bus_kafka_records_init(rf_bus_kafka *bus)
{
    begin_round(&bus->rounds);
}

void rf_bus_kafka_records_free(rf_bus_kafka *bus)
{
    while (bus->blocks != NULL) {
        rf_bus_kafka_block *b = bus->blocks;
        bus->blocks = b->next;
        free(b);
    }
    free(bus->rounds.open);
}

/* ---- handing to librdkafka ---- */

static rd_kafka_headers_t *convert_headers(const rf_bus_record *r)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(r->n_headers);
    for (size_t i = 0; i < r->n_headers; i++) {
        const rf_bus_header *h = &r->headers[i];
        rd_kafka_header_add(headers, h->name, -1, h->value == NULL ? "" : h->value,
                            (ssize_t)h->value_len);
    }
    return headers;
}

/* In turn; in a crowd several have the same turn, since records of one batch are made, sent and
 * called back quicker when they lie side by side in memory. */
static int32_t partition_for(const rf_bus_kafka *bus, rf_bus_kafka_topic *t, const rf_bus_record *r)
{
    if (r->key != NULL) {
        return RD_KAFKA_PARTITION_UA;
    }
    uint32_t most = bus->n_records < CROWD ? 1 : CROWD_IN_TURN;
    if (++t->n_in_turn >= most) {
        t->n_in_turn = 0;
        t->turn++;
    }
    return (int32_t)(t->turn % t->n_partitions);
}

static rd_kafka_resp_err_t hand_over(const rf_bus_kafka *bus, rf_bus_kafka_topic *t,
                                     const rf_bus_record *r, rf_bus_kafka_sent *s)
{
    void *value = (void *)(uintptr_t)(r->value == NULL ? "" : r->value);
    int32_t partition = partition_for(bus, t, r);
    if (r->n_headers == 0) {
        int res = rd_kafka_produce(t->handle, partition, RD_KAFKA_MSG_F_COPY, value, r->value_len,
                                   r->key, r->key_len, s);
        return res == 0 ? 0 : rd_kafka_last_error();
    }
    rd_kafka_headers_t *headers = convert_headers(r);
    rd_kafka_resp_err_t err =
        rd_kafka_producev(bus->producer, RD_KAFKA_V_RKT(t->handle), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(value, r->value_len), RD_KAFKA_V_KEY(r->key, r->key_len),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
    if (err != 0) {
        rd_kafka_headers_destroy(headers);
    }
    return err;
}

/* ---- records that wait for their topic ---- */

static char *put_bytes(char **to, const void *from, size_t len)
{
    char *at = *to;
    if (len > 0) {
        memcpy(at, from, len);
    }
    *to += len;
    return at;
}

static rf_bus_record *copy_record(const rf_bus_record *r)
{
    size_t headers_size = r->n_headers * sizeof(rf_bus_header);
    rf_bus_record *copy = rf_alloc(sizeof(*copy) + headers_size + size_of(r) + r->n_headers + 1);
    rf_bus_header *headers = (rf_bus_header *)(copy + 1);
    char *bytes = (char *)headers + headers_size;
    *copy = *r;
    copy->topic = NULL; /* the topic it waits for */
    copy->headers = headers;
    copy->key = r->key == NULL ? NULL : put_bytes(&bytes, r->key, r->key_len);
    copy->value = put_bytes(&bytes, r->value, r->value_len);
    for (size_t i = 0; i < r->n_headers; i++) {
        const rf_bus_header *h = &r->headers[i];
        headers[i].name = put_bytes(&bytes, h->name, strlen(h->name) + 1);
        headers[i].value = put_bytes(&bytes, h->value, h->value_len);
        headers[i].value_len = h->value_len;
    }
    return copy;
}

static void let_wait(rf_bus_kafka *bus, rf_bus_kafka_topic *t, const rf_bus_record *r,
                     rf_bus_kafka_sent *s)
{
    s->record = copy_record(r);
    if (t->waiting == NULL) {
        t->waits_since_ns = rf_time_ns();
    }
    *t->waiting_tail = s;
    t->waiting_tail = &s->later;
    rf_bus_kafka_want(bus, t, bus->config.n_partitions);
}

void rf_bus_kafka_release(rf_bus_kafka *bus, rf_bus_kafka_topic *t, rf_bus_error error,
                          rf_bus_kafka_sent ***refused)
{
    rf_bus_kafka_sent *s = t->waiting;
    t->waiting = NULL;
    t->waiting_tail = &t->waiting;
    while (s != NULL) {
        rf_bus_kafka_sent *later = s->later;
        rf_bus_record *record = RF_STEAL(s->record);
        s->later = NULL;
        s->outcome.error = error;
        if (error.err == 0) {
            s->outcome.error = rf_bus_kafka_error(hand_over(bus, t, record, s));
        }
        if (s->outcome.error.err < 0) {
            **refused = s;
            *refused = &s->later;
        }
        free(record);
        s = later;
    }
}

/* ---- producing ---- */

static int wait_for_room(rf_bus_kafka *bus, size_t bytes, int64_t at_ns)
{
    while (bus->n_records > 0 && (bus->n_records >= bus->config.queue_records ||
                                  bus->n_bytes + bytes > bus->config.queue_bytes)) {
        if (at_ns == 0 || pthread_equal(pthread_self(), bus->thread)) {
            return -EAGAIN;
        }
        if (rf_time_wait_until(&bus->changed, &bus->mutex, at_ns) < 0) {
            return -ETIMEDOUT;
        }
    }
    return 0;
}

/* The mutex is held. Returns what librdkafka says. */
static rd_kafka_resp_err_t produce(rf_bus_kafka *bus, const rf_bus_record *r, rf_bus_kafka_sent *s)
{
    rf_bus_kafka_topic *t = rf_bus_kafka_find(bus, r->topic);
    count(bus, s);
    if (t->state != RF_BUS_KAFKA_READY) {
        let_wait(bus, t, r, s);
        return 0;
    }
    rd_kafka_resp_err_t err = hand_over(bus, t, r, s);
    if (err != 0) {
        discount(bus, s);
    }
    return err;
}

int rf_bus_kafka_produce(void *self, const rf_bus_record *record, rf_bus_delivery_fn fn, void *user,
                         int64_t at_ns)
{
    rf_bus_kafka *bus = self;
    size_t bytes = size_of(record);
    pthread_mutex_lock(&bus->mutex);
    int err = wait_for_room(bus, bytes, at_ns);
    if (err == 0 && bus->fatal) {
        err = -EIO;
    }
    if (err == 0) {
        rf_bus_kafka_sent *s = take_spare(bus);
        *s = (rf_bus_kafka_sent){.bytes = (uint32_t)bytes, .fn = fn, .user = user};
        err = rf_bus_kafka_error(produce(bus, record, s)).err;
        if (err < 0) {
            put_spare(bus, s);
        }
    }
    pthread_mutex_unlock(&bus->mutex);
    return err;
}

int rf_bus_kafka_flush(void *self, int64_t at_ns)
{
    rf_bus_kafka *bus = self;
    int err = 0;
    if (pthread_equal(pthread_self(), bus->thread)) {
        return -EDEADLK;
    }
    pthread_mutex_lock(&bus->mutex);
    uint32_t round = close_round(&bus->rounds);
    while (err == 0 && !is_over(&bus->rounds, round)) {
        err = rf_time_wait_until(&bus->changed, &bus->mutex, at_ns);
    }
    pthread_mutex_unlock(&bus->mutex);
    return err;
}

/* ---- called back ---- */

void rf_bus_kafka_settle(rf_bus_kafka *bus, rf_bus_kafka_sent *chain)
{
    rf_bus_kafka_sent *last = NULL;
    for (rf_bus_kafka_sent *s = chain; s != NULL; s = s->later) {
        if (s->fn != NULL) {
            s->fn(&s->outcome, s->user);
        }
        last = s;
    }
    if (last == NULL) {
        return;
    }
    pthread_mutex_lock(&bus->mutex);
    bus->health = bus->fatal ? bus->health : last->outcome.error;
    for (const rf_bus_kafka_sent *s = chain; s != NULL; s = s->later) {
        discount(bus, s);
    }
    last->later = bus->spare;
    bus->spare = chain;
    end_rounds(&bus->rounds);
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->mutex);
}

void rf_bus_kafka_delivered(rf_bus_kafka *bus, rd_kafka_event_t *event)
{
    rf_bus_kafka_sent *chain = NULL;
    rf_bus_kafka_sent **tail = &chain;
    for (const rd_kafka_message_t *m = rd_kafka_event_message_next(event); m != NULL;
         m = rd_kafka_event_message_next(event)) {
        rf_bus_kafka_sent *s = m->_private;
        s->outcome =
            (rf_bus_delivery){rf_bus_kafka_error(m->err), (uint32_t)m->partition, m->offset};
        *tail = s;
        tail = &s->later;
    }
    rf_bus_kafka_settle(bus, chain);
}
