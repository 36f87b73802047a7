/*
 * The relay between store and bus (spec jobs.md K1-K3).
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "job_relay.h"
#include "rf_bus_topics.h"
#include "rf_time.h"

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s/bus'", f.dir);
    cr_assert_eq(system(command), 0);
    fixture_close(&f);
}

TestSuite(relay, .init = set_up, .fini = tear_down);

typedef struct relay_bench {
    rf_bus *bus;
    rf_bus_sub *sub;
    job_workers *workers;
    job_relay *relay;
} relay_bench;

static void open_relay(relay_bench *b)
{
    static const char *const topics[] = {RF_TOPIC_JOB_READY_CPU};
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("local:%s/bus", f.dir);
    const rf_bus_config config = {.url = url};
    const rf_bus_sub_config sub = {
        .group = "test", .topics = topics, .n_topics = 1, .start = RF_BUS_EARLIEST};
    cr_assert_eq(rf_bus_open(&config, &b->bus), 0);
    cr_assert_eq(rf_bus_subscribe(b->bus, &sub, &b->sub), 0);
    b->workers = job_workers_new();
    cr_assert_eq(job_relay_start(f.store, b->workers, b->bus, &b->relay), 0);
}

static void close_relay(relay_bench *b)
{
    job_relay_stop(b->relay);
    job_workers_free(b->workers);
    rf_bus_unsubscribe(b->sub);
    rf_bus_close(b->bus);
}

/* One message whose key is the job id, waiting at most a while of the real clock. */
static bool receive(relay_bench *b, char id[RF_UUID_LEN])
{
    rf_bus_message *m = NULL;
    for (int i = 0; i < 500; i++) {
        if (rf_bus_next(b->sub, &m, 0) == 0) {
            cr_assert_leq(m->value_len, RF_TOPIC_VALUE_MAX, "K2");
            cr_assert_not_null(rf_bus_message_header(m, RF_BUS_MESSAGE_ID));
            cr_assert_eq(m->key_len, RF_UUID_LEN - 1);
            memcpy(id, m->key, m->key_len);
            id[m->key_len] = '\0';
            rf_bus_message_free(m);
            return true;
        }
        fixture_advance(20);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

Test(relay, the_relay_publishes_references_once_slots_are_free)
{
    relay_bench b;
    char id[RF_UUID_LEN];
    char got[RF_UUID_LEN] = "";
    open_relay(&b);
    fixture_create(&f, id);
    job_relay_wake(b.relay);
    rf_bus_message *none;
    cr_assert_eq(rf_bus_next(b.sub, &none, 0), -EAGAIN);
    job_workers_set(b.workers, "w", JOB_POOL_CPU, 1);
    job_relay_wake(b.relay);
    cr_assert(receive(&b, got));
    cr_assert_str_eq(got, id);
    close_relay(&b);
}
