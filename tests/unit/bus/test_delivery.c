/* Producing: callbacks, flush, full queues, many threads. */
#include "bus_fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(delivery, .init = bus_setup_deathless, .fini = bus_teardown);

typedef struct outcome {
    _Atomic(int) n;
    _Atomic(int) n_failed;
    _Atomic(int64_t) last_offset;
    _Atomic(int) partition;
    _Atomic(int) err;
} outcome;

static void note(const rf_bus_delivery *d, void *user)
{
    outcome *o = user;
    if (d->error.err == 0) {
        atomic_store(&o->last_offset, d->offset);
        atomic_store(&o->partition, (int)d->partition);
    } else {
        atomic_store(&o->err, d->error.err);
        atomic_fetch_add(&o->n_failed, 1);
    }
    atomic_fetch_add(&o->n, 1);
}

Test(delivery, every_record_is_called_back_once)
{
    rf_bus *bus = bus_open();
    outcome o = {0};
    rf_bus_record r = {
        .topic = bus_fresh("t"), .key = "k", .key_len = 1, .value = "v", .value_len = 1};
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(rf_bus_produce(bus, &r, note, &o, BUS_SOON_NS), 0);
    }
    bus_flush(bus);
    cr_assert_eq(atomic_load(&o.n), 1000);
    cr_assert_eq(atomic_load(&o.n_failed), 0);
    cr_assert_eq(atomic_load(&o.last_offset), 999);
    rf_bus_close(bus);
}

Test(delivery, the_callback_tells_where_the_record_is)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    for (int i = 0; i < 20; i++) {
        outcome o = {0};
        char key[16];
        snprintf(key, sizeof(key), "key-%d", i);
        rf_bus_record r = {.topic = topic, .key = key, .key_len = strlen(key)};
        cr_assert_eq(rf_bus_produce(bus, &r, note, &o, 0), 0);
        bus_flush(bus);
        rf_bus_message *m = bus_take(sub);
        cr_assert_eq(m->offset, atomic_load(&o.last_offset));
        cr_assert_eq((int)m->partition, atomic_load(&o.partition));
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(delivery, success_means_another_handle_sees_it)
{
    rf_bus *bus = bus_open();
    rf_bus *other = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    for (int i = 1; i <= 50; i++) {
        bus_put(bus, topic, NULL, "x");
        bus_flush(bus);
        cr_assert_eq(bus_lag(other, group, topic), i);
    }
    rf_bus_close(other);
    rf_bus_close(bus);
}

typedef struct order {
    int next[4];
    int broken;
} order;

typedef struct numbered {
    order *order;
    int lane;
    int number;
} numbered;

static void check_order(const rf_bus_delivery *d, void *user)
{
    const numbered *n = user;
    n->order->broken += d->error.err != 0 || n->order->next[n->lane] != n->number ? 1 : 0;
    n->order->next[n->lane]++;
}

Test(delivery, callbacks_come_in_the_order_of_produce)
{
    enum { EACH = 200 };
    static numbered all[4][EACH];
    static const char *const keys[4] = {"a", "b", "c", "d"};
    order o = {{0}, 0};
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    for (int i = 0; i < EACH; i++) {
        for (int lane = 0; lane < 4; lane++) {
            all[lane][i] = (numbered){&o, lane, i};
            rf_bus_record r = {.topic = topic, .key = keys[lane], .key_len = 1};
            cr_assert_eq(rf_bus_produce(bus, &r, check_order, &all[lane][i], BUS_SOON_NS), 0);
        }
    }
    bus_flush(bus);
    cr_assert_eq(o.broken, 0);
    for (int lane = 0; lane < 4; lane++) {
        cr_assert_eq(o.next[lane], EACH);
    }
    rf_bus_close(bus);
}

typedef struct gate {
    pthread_mutex_t mutex;
    rf_bus *bus;
    int flush_err;
} gate;

/* Holds the bus's own thread up until the test opens the gate. */
static void wait_at_gate(const rf_bus_delivery *d, void *user)
{
    (void)d;
    gate *g = user;
    pthread_mutex_lock(&g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

Test(delivery, a_full_queue_waits_or_tells)
{
    static const struct {
        size_t records;
        size_t bytes;
        int fits;
    } table[] = {{10, 0, 10}, {0, 1000, 10}, {1, 0, 1}, {0, 1, 1}};
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        rf_bus *bus = NULL;
        rf_bus_config config = {
            .url = bus_url, .queue_records = table[i].records, .queue_bytes = table[i].bytes};
        cr_assert_eq(rf_bus_open(&config, &bus), 0);
        gate g = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        char value[100] = {0};
        rf_bus_record r = {.topic = bus_fresh("t"), .value = value, .value_len = sizeof(value)};
        pthread_mutex_lock(&g.mutex);
        cr_assert_eq(rf_bus_produce(bus, &r, wait_at_gate, &g, 0), 0);
        int n = 1;
        while (rf_bus_produce(bus, &r, NULL, NULL, 0) == 0) {
            n++;
        }
        cr_assert_eq(n, table[i].fits, "row %zu took %d", i, n);
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, 0), -EAGAIN);
        int64_t begin_ns = rf_time_ns();
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_MS(30)), -ETIMEDOUT);
        cr_assert_geq(rf_time_ns() - begin_ns, 30 * RF_NS_PER_MS);
        cr_assert_eq(rf_bus_flush(bus, BUS_MS(20)), -ETIMEDOUT);
        pthread_mutex_unlock(&g.mutex);
        cr_assert_eq(rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS), 0);
        bus_flush(bus);
        rf_bus_close(bus);
    }
}

static void flush_inside(const rf_bus_delivery *d, void *user)
{
    (void)d;
    gate *g = user;
    g->flush_err = rf_bus_flush(g->bus, RF_NEVER_NS);
}

Test(delivery, a_flush_inside_a_callback_is_refused)
{
    gate g = {.bus = bus_open()};
    rf_bus_record r = {.topic = bus_fresh("t")};
    cr_assert_eq(rf_bus_produce(g.bus, &r, flush_inside, &g, 0), 0);
    bus_flush(g.bus);
    cr_assert_eq(g.flush_err, -EDEADLK);
    rf_bus_close(g.bus);
}

static void produce_inside(const rf_bus_delivery *d, void *user)
{
    const gate *g = user;
    if (d->error.err == 0) {
        rf_bus_record r = {.topic = "answers", .value = "again", .value_len = 5};
        cr_assert_eq(rf_bus_produce(g->bus, &r, NULL, NULL, 0), 0);
    }
}

Test(delivery, a_callback_may_produce)
{
    gate g = {.bus = bus_open()};
    rf_bus_sub *sub = bus_join(g.bus, bus_fresh("g"), "answers");
    rf_bus_record r = {.topic = bus_fresh("t")};
    cr_assert_eq(rf_bus_produce(g.bus, &r, produce_inside, &g, 0), 0);
    bus_expect(sub, "again", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(g.bus);
}

Test(delivery, a_flush_of_nothing_returns_at_once)
{
    rf_bus *bus = bus_open();
    cr_assert_eq(rf_bus_flush(bus, 0), 0);
    rf_bus_close(bus);
}

Test(delivery, a_healthy_bus_says_so)
{
    rf_bus *bus = bus_open();
    bus_put(bus, bus_fresh("t"), NULL, "x");
    bus_flush(bus);
    rf_bus_error e = rf_bus_health(bus);
    cr_assert_eq(e.err, 0);
    cr_assert_not(e.fatal);
    cr_assert_not(e.retriable);
    rf_bus_close(bus);
}

/* ---- threads ---- */

enum { THREADS = 8, EACH = 500 };

typedef struct producer {
    rf_bus *bus;
    const char *topic;
    int first;
    outcome outcome;
} producer;

static void *produce_numbers(void *arg)
{
    producer *p = arg;
    for (int i = p->first; i < p->first + EACH; i++) {
        char value[16];
        rf_bus_record r = {.topic = p->topic, .value = value};
        r.value_len = (size_t)snprintf(value, sizeof(value), "%d", i);
        int err = rf_bus_produce(p->bus, &r, note, &p->outcome, BUS_SOON_NS);
        cr_assert_eq(err, 0);
        if (i % 100 == 0) {
            cr_assert_eq(rf_bus_flush(p->bus, BUS_SOON_NS), 0);
        }
    }
    return NULL;
}

typedef struct consumer {
    rf_bus_sub *sub;
    _Atomic(int) *n_taken;
    _Atomic(int) *counts;
} consumer;

static void *consume_numbers(void *arg)
{
    consumer *c = arg;
    int64_t until = BUS_SOON_NS;
    while (atomic_load(c->n_taken) < THREADS * EACH && rf_time_ns() < until) {
        rf_bus_message *m = NULL;
        if (rf_bus_next(c->sub, &m, BUS_MS(20)) == 0) {
            char text[16] = {0};
            memcpy(text, m->value, RF_MIN(m->value_len, sizeof(text) - 1));
            atomic_fetch_add(&c->counts[atoi(text)], 1);
            atomic_fetch_add(c->n_taken, 1);
            rf_bus_commit(c->sub, m);
            rf_bus_message_free(m);
        }
    }
    return NULL;
}

Test(delivery, many_threads_share_one_bus, .timeout = 60)
{
    static _Atomic(int) counts[THREADS * EACH];
    static producer producers[THREADS];
    _Atomic(int) n_taken = 0;
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    consumer consumers[2];
    pthread_t threads[THREADS + 2];
    for (int i = 0; i < 2; i++) {
        consumers[i] = (consumer){bus_join(bus, group, topic), &n_taken, counts};
    }
    rf_bus_sub *subs[] = {consumers[0].sub, consumers[1].sub};
    bus_settle(subs, 2, 8);
    for (int i = 0; i < THREADS; i++) {
        producers[i].bus = bus;
        producers[i].topic = topic;
        producers[i].first = i * EACH;
        cr_assert_eq(pthread_create(&threads[i], NULL, produce_numbers, &producers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[THREADS + i], NULL, consume_numbers, &consumers[i]);
    }
    for (int i = 0; i < THREADS + 2; i++) {
        pthread_join(threads[i], NULL);
    }
    bus_flush(bus);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(atomic_load(&producers[i].outcome.n), EACH);
    }
    for (int i = 0; i < THREADS * EACH; i++) {
        cr_assert_eq(atomic_load(&counts[i]), 1, "message %d", i);
    }
    rf_bus_unsubscribe(subs[0]);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(bus);
}

typedef struct pauser {
    rf_bus_sub *sub;
    _Atomic(bool) stop;
} pauser;

static void *pause_and_resume(void *arg)
{
    pauser *p = arg;
    while (!atomic_load(&p->stop)) {
        rf_bus_pause(p->sub, NULL, -1);
        rf_bus_assignment(p->sub, NULL, 0);
        rf_bus_resume(p->sub, NULL, -1);
        usleep(bus_is_kafka() ? 50000 : 500); /* a resumed partition must get to a fetch */
    }
    return NULL;
}

Test(delivery, pausing_by_another_thread_loses_nothing)
{
    enum { N = 2000 };
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 1), 0);
    pauser p = {.sub = bus_join(bus, bus_fresh("g"), topic)};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, pause_and_resume, &p), 0);
    bus_put_numbers(bus, topic, 0, N);
    for (int i = 0; i < N; i++) {
        rf_bus_message *m = bus_take(p.sub);
        cr_assert_eq(bus_value(m), i);
        rf_bus_message_free(m);
    }
    atomic_store(&p.stop, true);
    pthread_join(thread, NULL);
    rf_bus_unsubscribe(p.sub);
    rf_bus_close(bus);
}
