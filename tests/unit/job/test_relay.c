/*
 * The relay between store and bus (spec jobs.md K1-K3), on a real local bus: what is published, in
 * which order, how often, and what happens while the bus stands still. The clock is driven.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "job_events.h"
#include "job_relay.h"
#include "job_retry.h"
#include "rf_bus_topics.h"
#include "rf_time.h"

#define MESSAGES_MAX 2000

/* A message as a consumer sees it. */
typedef struct heard {
    char topic[RF_BUS_MAX_TOPIC];
    char job[RF_UUID_LEN];
    char message_id[96];
    uint8_t value[RF_TOPIC_VALUE_MAX];
    size_t value_len;
} heard;

static fixture f;
static rf_bus *bus;
static rf_bus_sub *sub;
static job_workers *workers;
static job_relay *relay;
static heard messages[MESSAGES_MAX];
static size_t n_messages;

static void set_up(void)
{
    static const char *const topics[] = {RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_GPU,
                                         RF_TOPIC_JOB_EVENTS};
    rf_time_drive();
    fixture_open(&f);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("local:%s/bus", f.dir);
    const rf_bus_config config = {.url = url};
    const rf_bus_sub_config from_the_start = {.group = "test",
                                              .topics = topics,
                                              .n_topics = RF_ARRAY_LEN(topics),
                                              .start = RF_BUS_EARLIEST};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    cr_assert_eq(rf_bus_topics_make(bus), 0);
    cr_assert_eq(rf_bus_subscribe(bus, &from_the_start, &sub), 0);
    workers = job_workers_new();
}

static void stop(void)
{
    relay = job_relay_stop(relay);
}

static void tear_down(void)
{
    stop();
    job_workers_free(workers);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s/bus'", f.dir);
    cr_assert_eq(system(command), 0);
    fixture_close(&f);
}

TestSuite(relay, .init = set_up, .fini = tear_down, .timeout = 60);

static void start(void)
{
    cr_assert_eq(job_relay_start(f.store, workers, bus, &relay), 0);
}

static void slots(uint32_t n)
{
    job_workers_set(workers, "w", JOB_POOL_CPU, n);
    job_relay_wake(relay);
}

static void keep(const rf_bus_message *m)
{
    const rf_bus_header *id = rf_bus_message_header(m, RF_BUS_MESSAGE_ID);
    heard *h = &messages[n_messages++];
    cr_assert_lt(n_messages, MESSAGES_MAX);
    cr_assert_leq(m->value_len, RF_TOPIC_VALUE_MAX, "K2");
    cr_assert_eq(m->key_len, RF_UUID_LEN - 1);
    cr_assert_not_null(id);
    rf_copy_str(h->topic, sizeof(h->topic), m->topic);
    snprintf(h->job, sizeof(h->job), "%.*s", (int)m->key_len, (const char *)m->key);
    snprintf(h->message_id, sizeof(h->message_id), "%.*s", (int)id->value_len,
             (const char *)id->value);
    memcpy(h->value, m->value, m->value_len);
    h->value_len = m->value_len;
}

/* Takes what is there; returns how many were of the topic. */
static size_t take(const char *topic)
{
    rf_bus_message *m = NULL;
    size_t found = 0;
    while (rf_bus_next(sub, &m, 0) == 0) {
        keep(m);
        found += strcmp(m->topic, topic) == 0;
        rf_bus_message_free(m);
    }
    return found;
}

/* Takes messages, while the clock goes on, until n of the topic came, which may take its time, and
 * then for half a second in which no more is expected. Returns how many of the topic came. */
static size_t listen(const char *topic, size_t n)
{
    enum { TURN_NS = 10000000, TURNS_AT_MOST = 2500, TURNS_QUIET = 50 };
    size_t found = 0;
    int quiet = 0;
    for (int i = 0; i < TURNS_AT_MOST && quiet < TURNS_QUIET; i++) {
        size_t now = take(topic);
        found += now;
        quiet = found >= n && now == 0 ? quiet + 1 : 0;
        fixture_advance(20);
        nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
    }
    return found;
}

/* The k-th message of the topic so far. */
static const heard *nth(const char *topic, size_t k)
{
    for (size_t i = 0; i < n_messages; i++) {
        if (strcmp(messages[i].topic, topic) == 0 && k-- == 0) {
            return &messages[i];
        }
    }
    cr_assert_fail("there is no such message");
    return NULL;
}

static bool holds(const heard *h, const char *text)
{
    return memmem(h->value, h->value_len, text, strlen(text)) != NULL;
}

/* Whether the store still has references that were not marked as sent. */
static size_t n_unsent(void)
{
    job_op_outbox_next *op = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    op->allowed[JOB_POOL_CPU] = 1000;
    op->republish_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    size_t n = op->n_ready;
    job_op_free(&op->op);
    return n;
}

static void wait_until_marked(void)
{
    for (int i = 0; i < 2500 && n_unsent() > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    cr_assert_eq(n_unsent(), 0);
}

/* ---- what goes out ---- */

Test(relay, k3_references_go_out_once_slots_are_free)
{
    char id[RF_UUID_LEN];
    start();
    fixture_create(&f, id);
    job_relay_wake(relay);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 0), 0, "nobody could take it");
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    cr_assert_str_eq(nth(RF_TOPIC_JOB_READY_CPU, 0)->job, id);
    cr_assert(holds(nth(RF_TOPIC_JOB_READY_CPU, 0), id));
}

Test(relay, k3_two_references_a_slot_are_out_and_each_claim_lets_one_more_go)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < 8; i++) {
        fixture_create(&f, id);
    }
    start();
    slots(2);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 4), 4);
    fixture_claim_one(&f, "w", id);
    slots(2);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    slots(4);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 3), 3);
}

Test(relay, k2_a_message_holds_references_and_nothing_a_user_wrote)
{
    static const char *const secrets[] = {"a name of mine", "https://h/private?token=1",
                                          "metadata of mine", "fixture"};
    job_op_create *op = fixture_request(&f);
    const job_input input = {.param = "inputUrl", .url = secrets[1]};
    op->name = secrets[0];
    op->params = "{\"inputUrl\":\"https://h/private?token=1\"}";
    op->metadata = "{\"k\":\"metadata of mine\"}";
    op->inputs = &input;
    op->n_inputs = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    start();
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    for (size_t i = 0; i < n_messages; i++) {
        cr_assert_str_eq(messages[i].job, op->id);
        cr_assert_lt(messages[i].value_len, 200);
        for (size_t k = 0; k < RF_ARRAY_LEN(secrets); k++) {
            cr_assert_not(holds(&messages[i], secrets[k]), "%s", secrets[k]);
        }
    }
    cr_assert(holds(nth(RF_TOPIC_JOB_READY_CPU, 0), "cpu"));
    job_op_free(&op->op);
}

/* Whether a reference comes, while the clock stands still. */
static bool comes(void)
{
    bool found = false;
    for (int tries = 0; tries < 300 && !found; tries++) {
        found = take(RF_TOPIC_JOB_READY_CPU) > 0;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return found;
}

/* One that looks as the clock is moved looks again 100 ms later only; most do not. */
Test(relay, K1_without_being_woken_it_looks_every_100_ms)
{
    enum { JOBS = 5 };
    char id[RF_UUID_LEN];
    int late = 0;
    start();
    slots(1);
    for (int i = 0; i < JOBS; i++) {
        fixture_create(&f, id);
        fixture_advance(100);
        if (!comes()) {
            late++;
            fixture_advance(100);
            cr_assert(comes(), "job %d", i);
        }
        uint64_t fence = fixture_claim_one(&f, "w", id);
        cr_assert(fixture_succeed(&f, id, fence));
    }
    cr_assert_leq(late, JOBS / 2);
}

/* K2 */
Test(relay, each_pool_has_its_topic)
{
    job_op_create *op = fixture_request(&f);
    op->pool = JOB_POOL_GPU;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    start();
    slots(4);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 0), 0);
    job_workers_set(workers, "g", JOB_POOL_GPU, 1);
    job_relay_wake(relay);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_GPU, 1), 1);
    cr_assert_str_eq(nth(RF_TOPIC_JOB_READY_GPU, 0)->job, op->id);
    job_op_free(&op->op);
}

Test(relay, a_retry_is_another_message)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    start();
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_fail(&f, id, fence, JOB_CODE_INTERNAL, "x"));
    fixture_advance(FIXTURE_HOUR_MS);
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    cr_assert_str_neq(nth(RF_TOPIC_JOB_READY_CPU, 0)->message_id,
                      nth(RF_TOPIC_JOB_READY_CPU, 1)->message_id);
}

/* ---- events ---- */

Test(relay, events_need_no_worker_and_come_in_the_order_of_the_job)
{
    static const char *const kinds[] = {"queued", "started", "succeeded", "deleted"};
    char id[RF_UUID_LEN];
    start();
    fixture_create(&f, id);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    cr_assert_eq(fixture_delete(&f, id, false), 0);
    job_relay_wake(relay);
    cr_assert_eq(listen(RF_TOPIC_JOB_EVENTS, RF_ARRAY_LEN(kinds)), RF_ARRAY_LEN(kinds));
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        const heard *h = nth(RF_TOPIC_JOB_EVENTS, i);
        cr_assert(holds(h, kinds[i]), "event %zu is no '%s'", i, kinds[i]);
        cr_assert_str_eq(h->job, id);
        for (size_t k = 0; k < i; k++) {
            cr_assert_str_neq(h->message_id, nth(RF_TOPIC_JOB_EVENTS, k)->message_id);
        }
    }
}

Test(relay, more_events_than_one_round_takes_go_out_in_several)
{
    enum { N = 350 }; /* a round takes 1,000 events */
    char id[RF_UUID_LEN];
    for (int i = 0; i < N; i++) {
        fixture_create(&f, id);
        cr_assert_eq(fixture_delete(&f, id, false), 0); /* queued, failed, deleted */
    }
    start();
    cr_assert_eq(listen(RF_TOPIC_JOB_EVENTS, 3 * N), 3 * N);
}

/* ---- again and again ---- */

/* What a process publishes that dies before it can mark the row. */
static void publish_and_die(void)
{
    job_op_outbox_next *op = JOB_OP_NEW(JOB_OP_OUTBOX_NEXT, job_op_outbox_next, NULL, NULL);
    op->allowed[JOB_POOL_CPU] = 10;
    op->republish_ms = FIXTURE_DAY_MS;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    for (size_t i = 0; i < op->n_ready; i++) {
        cr_assert_eq(job_events_ready(bus, &op->ready[i], NULL, NULL), 0);
    }
    for (size_t i = 0; i < op->n_events; i++) {
        cr_assert_eq(job_events_changed(bus, &op->events[i], NULL, NULL), 0);
    }
    cr_assert_eq(rf_bus_flush(bus, RF_NEVER_NS), 0);
    job_op_free(&op->op);
}

Test(relay, k1_what_was_published_before_a_crash_comes_again_under_the_same_id)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    publish_and_die();
    start();
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 2), 2);
    cr_assert_eq(listen(RF_TOPIC_JOB_EVENTS, 0) + listen(RF_TOPIC_JOB_READY_CPU, 0), 0);
    cr_assert_str_eq(nth(RF_TOPIC_JOB_READY_CPU, 0)->message_id,
                     nth(RF_TOPIC_JOB_READY_CPU, 1)->message_id);
    cr_assert_str_eq(nth(RF_TOPIC_JOB_EVENTS, 0)->message_id,
                     nth(RF_TOPIC_JOB_EVENTS, 1)->message_id);
}

/* K5 */
Test(relay, a_reference_that_nobody_claimed_comes_again_after_a_minute_under_the_same_id)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    start();
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 0), 0);
    fixture_advance(60000);
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    cr_assert_str_eq(nth(RF_TOPIC_JOB_READY_CPU, 0)->message_id,
                     nth(RF_TOPIC_JOB_READY_CPU, 1)->message_id);
}

Test(relay, what_was_marked_stays_marked_over_a_restart)
{
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
    start();
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    wait_until_marked();
    stop();
    fixture_reopen(&f);
    start();
    slots(1);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 0), 0);
}

/* ---- a bus that stands still ---- */

/* Whoever holds this file keeps every writer of the local bus waiting. */
static int hold_bus(void)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/bus/writer.lock", f.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    return fd;
}

Test(relay, k1_jobs_are_accepted_while_the_bus_stands_still_and_told_afterwards)
{
    enum { N = 20 };
    char ids[N][RF_UUID_LEN];
    start();
    slots(N);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 0), 0);
    int fd = hold_bus();
    for (int i = 0; i < N; i++) {
        fixture_create(&f, ids[i]);
    }
    slots(N);
    cr_assert_eq(listen(RF_TOPIC_JOB_READY_CPU, 0), 0);
    cr_assert_eq(n_unsent(), N, "what was not acknowledged is not marked");
    close(fd);
    slots(N);
    cr_assert_geq(listen(RF_TOPIC_JOB_READY_CPU, N), N);
    for (int i = 0; i < N; i++) {
        bool told = false;
        for (size_t k = 0; k < n_messages; k++) {
            told = told || strcmp(messages[k].job, ids[i]) == 0;
        }
        cr_assert(told, "job %d", i);
    }
}

Test(relay, a_claim_meanwhile_takes_the_reference_back)
{
    char id[RF_UUID_LEN];
    int fd = hold_bus();
    start();
    fixture_create(&f, id);
    slots(1);
    uint64_t fence = fixture_claim_one(&f, "w", id);
    cr_assert(fixture_succeed(&f, id, fence));
    close(fd);
    (void)listen(RF_TOPIC_JOB_READY_CPU, 0); /* a hint for a job that is done harms nobody */
    job_op_claim *none = fixture_claim(&f, "w", 10);
    cr_assert_eq(none->n_claims, 0);
    job_op_free(&none->op);
    wait_until_marked();
}

/* ---- its life ---- */

Test(relay, it_stops_with_nothing_to_do_and_with_much)
{
    char id[RF_UUID_LEN];
    start();
    stop();
    for (int i = 0; i < 50; i++) {
        fixture_create(&f, id);
    }
    start();
    slots(50);
    stop();
    start();
    slots(50);
    cr_assert_geq(listen(RF_TOPIC_JOB_READY_CPU, 1), 1);
    stop();
    job_relay_wake(NULL);
    cr_assert_null(job_relay_stop(NULL));
}
