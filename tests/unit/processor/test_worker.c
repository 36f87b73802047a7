/* Claims, slots and results, on a real local bus, with a job side that writes down what it hears.
 */
#include "world.h"

#include "processor_worker.h"
#include "rf_bus_topics.h"
#include "rf_metric.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <reflection/job/v1/events.pb-c.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "uploads/11111111-1111-4111-8111-111111111111"
#define NOOP                                                                                       \
    "{\"inputs\":{},\"modules\":[{\"id\":\"n\",\"use\":\"noop\"}],"                                \
    "\"outputs\":{\"t\":{\"from\":\"n.text\",\"format\":\"string\"}}}"
#define SLOTS 2

static world w;
static rf_bus *bus;
static processor_worker *worker;

static void setup(void)
{
    world_open(&w);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("local:%s/bus", w.dir);
    const rf_bus_config config = {.url = url};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
}

static void teardown(void)
{
    processor_worker_stop(worker);
    rf_bus_close(bus);
    world_close(&w);
}

TestSuite(worker, .init = setup, .fini = teardown, .timeout = 60);

static void start(void)
{
    const processor_worker_config config = {
        .pool = "cpu", .slots = SLOTS, .heartbeat_ns = 100 * RF_NS_PER_MS};
    cr_assert_eq(processor_worker_start(&config, &w.env, bus, &worker), 0);
}

static void add(processor_claim *c)
{
    pthread_mutex_lock(&w.board.lock);
    w.board.ready[w.board.n_ready++] = c;
    pthread_mutex_unlock(&w.board.lock);
}

static void produce(const void *value, size_t len)
{
    const rf_bus_record record = {
        .topic = RF_TOPIC_JOB_READY_CPU, .value = value, .value_len = len};
    cr_assert_eq(rf_bus_produce(bus, &record, NULL, NULL, RF_NEVER_NS), 0);
    cr_assert_eq(rf_bus_flush(bus, RF_NEVER_NS), 0);
}

/* A JobReady: field 2 is the job's id. */
static void hint(const char *job_id)
{
    char value[2 + 36];
    value[0] = 0x12;
    value[1] = 36;
    memcpy(value + 2, job_id, 36);
    produce(value, sizeof(value));
}

static size_t kept(void)
{
    pthread_mutex_lock(&w.board.lock);
    size_t n = w.board.n_kept;
    pthread_mutex_unlock(&w.board.lock);
    return n;
}

static size_t claims(void)
{
    pthread_mutex_lock(&w.board.lock);
    size_t n = w.board.n_claims;
    pthread_mutex_unlock(&w.board.lock);
    return n;
}

static void wait_kept(size_t n)
{
    for (int i = 0; i < 3000 && kept() < n; i++) {
        usleep(10000);
    }
    cr_assert_eq(kept(), n);
}

static processor_claim *heavy(unsigned seconds)
{
    static bool is_put;
    if (!is_put) {
        int16_t *noise = world_noise(2, (size_t)seconds * 44100);
        world_put_wav(&w, KEY, 44100, 2, noise, (size_t)seconds * 44100);
        free(noise);
        is_put = true;
    }
    processor_claim *c = world_claim("music-ai/music-analysis", "{\"inputUrl\":\"x\"}");
    world_input(c, "inputUrl", PROCESSOR_INPUT_OBJECT, KEY);
    return c;
}

static size_t count(processor_outcome outcome)
{
    size_t n = 0;
    pthread_mutex_lock(&w.board.lock);
    for (size_t i = 0; i < w.board.n_kept; i++) {
        n += w.board.kept[i].outcome == outcome;
    }
    pthread_mutex_unlock(&w.board.lock);
    return n;
}

Test(worker, takes_what_waits_at_start_without_a_message)
{
    add(world_claim(NOOP, "{}"));
    start();
    wait_kept(1);
    cr_assert_eq(count(PROCESSOR_SUCCEEDED), 1);
}

Test(worker, a_message_wakes_it)
{
    start();
    usleep(200000);
    processor_claim *c = world_claim(NOOP, "{}");
    char id[RF_UUID_LEN];
    rf_copy_str(id, sizeof(id), c->job_id);
    add(c);
    int64_t begin_ns = rf_time_ns();
    hint(id);
    wait_kept(1);
    cr_assert_lt(rf_time_ns() - begin_ns, RF_NS_PER_S);
}

Test(worker, inline_jobs_are_claimed_by_the_hundred)
{
    enum { JOBS = 3000 };
    for (size_t i = 0; i < JOBS; i++) {
        add(world_claim(NOOP, "{}"));
    }
    start();
    wait_kept(JOBS);
    cr_assert_eq(count(PROCESSOR_SUCCEEDED), JOBS);
    cr_assert_leq(claims(), 7 + JOBS / 256 + 2, "%zu claims", claims());
}

/* K4 */
Test(worker, takes_no_more_heavy_jobs_than_it_has_slots)
{
    for (size_t i = 0; i < 3 * SLOTS; i++) {
        add(heavy(4));
    }
    start();
    wait_kept(3 * SLOTS);
    cr_assert_eq(count(PROCESSOR_SUCCEEDED), 3 * SLOTS);
    for (size_t i = 0; i < w.board.n_claims; i++) {
        cr_expect_leq(w.board.asked[i], SLOTS);
    }
}

/* After a run of inline jobs more is claimed than slots are there: the surplus goes back at once.
 */
Test(worker, what_has_no_slot_is_given_back)
{
    for (size_t i = 0; i < 100; i++) {
        add(world_claim(NOOP, "{}"));
    }
    for (size_t i = 0; i < 20; i++) {
        add(heavy(60));
    }
    start();
    for (int i = 0; i < 1000 && count(PROCESSOR_RELEASED) == 0; i++) {
        usleep(10000);
    }
    cr_assert_gt(count(PROCESSOR_RELEASED), 0);
    cr_assert_eq(count(PROCESSOR_FAILED), 0);
}

/* E6 */
Test(worker, shutdown_gives_up_what_runs)
{
    add(heavy(60));
    start();
    usleep(300000);
    cr_assert_not(processor_worker_is_idle(worker));
    worker = processor_worker_stop(worker);
    cr_assert_eq(count(PROCESSOR_RELEASED), 1);
}

/* E6 */
Test(worker, drained_it_claims_no_more)
{
    start();
    usleep(100000);
    processor_worker_drain(worker);
    usleep(100000);
    size_t before = claims();
    processor_claim *c = world_claim(NOOP, "{}");
    hint(c->job_id);
    add(c);
    usleep(300000);
    cr_assert_eq(claims(), before);
    cr_assert(processor_worker_is_idle(worker));
}

Test(worker, results_survive_an_outage_of_the_job_side)
{
    add(heavy(4));
    start();
    for (int i = 0; i < 500 && claims() == 0; i++) {
        usleep(10000);
    }
    usleep(100000);
    atomic_store(&w.board.is_down, true);
    usleep(1500000);
    atomic_store(&w.board.is_down, false);
    wait_kept(1);
    cr_assert_eq(count(PROCESSOR_SUCCEEDED), 1);
}

/* ---- dead letters (K2) ---- */

static void add_and_hint(void)
{
    processor_claim *c = world_claim(NOOP, "{}");
    char id[RF_UUID_LEN];
    rf_copy_str(id, sizeof(id), c->job_id);
    add(c);
    hint(id);
}

/* A topic that is not there yet has no records. */
static int64_t lag_of(const char *group, const char *topic)
{
    int64_t lag = 0;
    int err = rf_bus_lag(bus, group, topic, &lag);
    cr_assert(err == 0 || err == -ENOENT, "lag of %s: %s", topic, strerror(-err));
    return lag;
}

static void wait_lag(const char *group, const char *topic, int64_t lag)
{
    for (int i = 0; i < 2000 && lag_of(group, topic) != lag; i++) {
        usleep(10000);
    }
    cr_assert_eq(lag_of(group, topic), lag, "%s: %lld", topic, (long long)lag_of(group, topic));
}

/* No further topic can be made, as the dead letters' is by their first, while these stand in the
 * place of the files that wake its readers. */
static void obstruct_new_topics(bool does)
{
    for (int id = 2; id < 10; id++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/bus/wake/t%d", w.dir, id);
        cr_assert_eq(does ? mkdir(path, 0700) : rmdir(path), 0, "%s: %s", path, strerror(errno));
    }
}

static void wait_refusal(void)
{
    int err = 0;
    for (int i = 0; i < 20000 && err == 0; i++) {
        err = rf_bus_health(bus).err;
        usleep(1000);
    }
    cr_assert_eq(err, -EISDIR);
}

/* The first dead letter; the caller frees. */
static Job__V1__DeadLetter *dead_letter(void)
{
    static const char *const topics[] = {RF_TOPIC_JOB_DLQ};
    const rf_bus_sub_config config = {
        .group = "operators", .topics = topics, .n_topics = 1, .start = RF_BUS_EARLIEST};
    rf_bus_message *m = NULL;
    rf_bus_sub *sub = NULL;
    cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), 0);
    cr_assert_eq(rf_bus_next(sub, &m, rf_time_ns() + 30 * RF_NS_PER_S), 0, "no dead letter");
    Job__V1__DeadLetter *letter = job__v1__dead_letter__unpack(NULL, m->value_len, m->value);
    rf_bus_message_free(m);
    rf_bus_unsubscribe(sub);
    return letter;
}

static void note_delivery(const rf_bus_delivery *delivery, void *user)
{
    *(rf_bus_delivery *)user = *delivery;
}

/* With topic, partition and offset; the consumer goes on. */
Test(worker, an_unreadable_message_goes_to_the_dead_letters_and_blocks_nothing_K2)
{
    rf_bus_delivery at = {.offset = -1};
    const rf_bus_record garbage = {
        .topic = RF_TOPIC_JOB_READY_CPU, .value = "\xff\xff garbage", .value_len = 10};
    char id[RF_UUID_LEN];
    start();
    for (int i = 0; i < 3; i++) { /* so that its offset is not 0 everywhere */
        hint(rf_uuid4(id));
    }
    cr_assert_eq(rf_bus_produce(bus, &garbage, note_delivery, &at, RF_NEVER_NS), 0);
    cr_assert_eq(rf_bus_flush(bus, RF_NEVER_NS), 0);
    add_and_hint();
    wait_kept(1);
    wait_lag(RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_CPU, 0);
    Job__V1__DeadLetter *letter = dead_letter();
    cr_assert_not_null(letter);
    cr_assert_str_eq(letter->topic, RF_TOPIC_JOB_READY_CPU);
    cr_assert_eq(letter->partition, at.partition);
    cr_assert_eq((int64_t)letter->offset, at.offset);
    cr_assert_str_not_empty(letter->reason);
    job__v1__dead_letter__free_unpacked(letter, NULL);
}

Test(worker, an_unreadable_message_is_not_committed_before_its_letter_is_durable_K2)
{
    start();
    obstruct_new_topics(true);
    produce("\xff\xff garbage", 10);
    wait_refusal();
    add_and_hint();
    wait_kept(1); /* the others go on */
    worker = processor_worker_stop(worker);
    cr_assert_geq(lag_of(RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_CPU), 1);
    obstruct_new_topics(false);
    start(); /* it comes again */
    wait_lag("operators", RF_TOPIC_JOB_DLQ, 1);
    wait_lag(RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_CPU, 0);
}

Test(worker, a_dead_letter_that_was_refused_is_sent_again_K2)
{
    start();
    obstruct_new_topics(true);
    for (int i = 0; i < 3; i++) {
        produce("\xff\xff garbage", 10);
    }
    wait_refusal();
    obstruct_new_topics(false);
    wait_lag("operators", RF_TOPIC_JOB_DLQ, 3);
    wait_lag(RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_CPU, 0);
}

/* More than the worker holds at once: it takes no more meanwhile, and all once it can. */
Test(worker, many_unreadable_messages_wait_for_their_letters_K2)
{
    enum { MANY = 600 };
    start();
    obstruct_new_topics(true);
    for (int i = 0; i < MANY; i++) {
        const rf_bus_record record = {
            .topic = RF_TOPIC_JOB_READY_CPU, .value = "\xff", .value_len = 1};
        cr_assert_eq(rf_bus_produce(bus, &record, NULL, NULL, RF_NEVER_NS), 0);
    }
    wait_refusal();
    obstruct_new_topics(false);
    wait_lag("operators", RF_TOPIC_JOB_DLQ, MANY);
    wait_lag(RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_CPU, 0);
}

/* A message is a hint (K3): one that comes twice, late, or for nobody starts nothing and is over.
 */
Test(worker, K1_repeated_and_late_references_are_harmless)
{
    processor_claim *c = world_claim(NOOP, "{}");
    char id[RF_UUID_LEN];
    rf_copy_str(id, sizeof(id), c->job_id);
    start();
    hint(id); /* before the job can be claimed */
    add(c);
    hint(id);
    wait_kept(1);
    for (int i = 0; i < 5; i++) {
        hint(id);
    }
    wait_lag(RF_TOPIC_JOB_READY_CPU, RF_TOPIC_JOB_READY_CPU, 0);
    cr_assert_eq(kept(), 1);
}

/* K4: the others take a member for dead whose lock file is gone, as after a long stop. */
static void lose_membership(void)
{
    static const char *const topics[] = {RF_TOPIC_JOB_READY_CPU};
    const rf_bus_sub_config config = {
        .group = RF_TOPIC_JOB_READY_CPU, .topics = topics, .n_topics = 1, .start = RF_BUS_EARLIEST};
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -f '%s'/bus/members/*", w.dir);
    rf_bus_sub *other = NULL;
    cr_assert_eq(system(command), 0);
    cr_assert_eq(rf_bus_subscribe(bus, &config, &other), 0); /* looks at the members */
    rf_bus_unsubscribe(other);
}

Test(worker, it_joins_again_when_its_membership_was_lost)
{
    start();
    usleep(200000);
    for (size_t round = 1; round <= 3; round++) {
        lose_membership();
        usleep(1200000); /* it looks at its membership each second */
        for (size_t i = 1; i <= 2; i++) {
            processor_claim *c = world_claim(NOOP, "{}");
            char id[RF_UUID_LEN];
            rf_copy_str(id, sizeof(id), c->job_id);
            add(c);
            hint(id);
            wait_kept((round - 1) * 2 + i);
        }
    }
}

/* Section 8, reflection_kafka_rebalances_total{pool}. */
Test(worker, counts_how_often_its_partitions_were_shared_out_anew)
{
    processor_worker *second = NULL;
    rf_metric *n = rf_metric_counter("reflection_kafka_rebalances_total", "", "pool=\"cpu\"");
    const processor_worker_config config = {
        .pool = "cpu", .slots = SLOTS, .heartbeat_ns = 100 * RF_NS_PER_MS};
    start();
    usleep(2500000); /* it looks at its partitions each second */
    double before = rf_metric_value(n);
    cr_assert_eq(processor_worker_start(&config, &w.env, bus, &second), 0);
    for (int i = 0; i < 20000 && rf_metric_value(n) <= before; i++) {
        usleep(1000);
    }
    cr_assert_gt(rf_metric_value(n), before);
    processor_worker_drain(second);
    processor_worker_stop(second);
}

/* Section 5, events: whoever listens hears of progress before the next renewal. */
Test(worker, tells_of_progress_within_about_a_second)
{
    const processor_worker_config config = {
        .pool = "cpu", .slots = SLOTS, .heartbeat_ns = 600 * RF_NS_PER_S};
    enum { JOBS = 12 }; /* more than are over within two looks at their progress */
    for (int i = 0; i < JOBS; i++) {
        add(heavy(300));
    }
    cr_assert_eq(processor_worker_start(&config, &w.env, bus, &worker), 0);
    usleep(500000); /* it has started, and told of its slots */
    unsigned before = atomic_load(&w.board.n_heartbeats);
    for (int i = 0; i < 40000 && atomic_load(&w.board.n_heartbeats) < before + 2; i++) {
        usleep(1000);
    }
    cr_assert_geq(atomic_load(&w.board.n_heartbeats), before + 2);
    cr_assert_lt(kept(), JOBS, "some still run");
}
