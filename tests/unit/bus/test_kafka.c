/* What only Kafka has: brokers that die, static members, rebalances, long work, TLS and SASL, and
 * what is said about a URL that is wrong. Runs under tests/servers/with kafka secure=1. */
#include "bus_fixture.h"
#include "server_control.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(kafka, .init = bus_setup, .fini = bus_teardown, .timeout = 100);

static rf_bus *open_with(const char *more)
{
    rf_bus *bus = NULL;
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("%s&%s", bus_url, more);
    const rf_bus_config config = {.url = url};
    int err = rf_bus_open(&config, &bus);
    cr_assert_eq(err, 0, "%s: %s", more, strerror(-err));
    return bus;
}

/* ---- a broker dies ---- */

enum { UNDER_LOAD = 20000 };

typedef struct load {
    rf_bus *bus;
    const char *topic;
    atomic_int n_called;
    atomic_int n_failed;
    atomic_int n_twice;
    atomic_bool was_called[UNDER_LOAD];
} load;

typedef struct loaded {
    load *load;
    int number;
} loaded;

static load under;

static void count_delivery(const rf_bus_delivery *d, void *user)
{
    loaded *l = user;
    atomic_fetch_add(&l->load->n_failed, d->error.err < 0);
    atomic_fetch_add(&l->load->n_twice, atomic_exchange(&l->load->was_called[l->number], true));
    atomic_fetch_add(&l->load->n_called, 1);
}

static void *put_load(void *arg)
{
    static loaded each[UNDER_LOAD];
    load *l = arg;
    for (int i = 0; i < UNDER_LOAD; i++) {
        char value[16];
        each[i] = (loaded){l, i};
        rf_bus_record r = {.topic = l->topic, .value = value};
        r.value_len = (size_t)snprintf(value, sizeof(value), "%d", i);
        cr_assert_eq(rf_bus_produce(l->bus, &r, count_delivery, &each[i], RF_NEVER_NS), 0);
        if (i % 100 == 0) {
            usleep(10000);
        }
    }
    return NULL;
}

/* Every number once, though the producer sent again what a dead broker had not acknowledged. */
static void expect_each_once(rf_bus *bus, const char *topic)
{
    static int counts[UNDER_LOAD];
    memset(counts, 0, sizeof(counts));
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    for (int i = 0; i < UNDER_LOAD; i++) {
        rf_bus_message *m = NULL;
        int err = rf_bus_next(sub, &m, BUS_SOON_NS);
        cr_assert_eq(err, 0, "record %d of %d: %s; lag %lld", i, UNDER_LOAD, strerror(-err),
                     (long long)bus_lag(bus, bus_fresh("nobody"), topic));
        counts[bus_value(m)]++;
        rf_bus_message_free(m);
    }
    for (int i = 0; i < UNDER_LOAD; i++) {
        cr_assert_eq(counts[i], 1, "record %d came %d times", i, counts[i]);
    }
    bus_expect_none(sub, 1000);
    rf_bus_unsubscribe(sub);
}

Test(kafka, a_broker_killed_under_load_loses_and_doubles_nothing_K1)
{
    pthread_t thread;
    under.bus = bus_open();
    under.topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(under.bus, under.topic, 4), 0);
    cr_assert_eq(pthread_create(&thread, NULL, put_load, &under), 0);
    usleep(300000);
    server_say("kill");
    server_say("start");
    pthread_join(thread, NULL);
    cr_assert_eq(rf_bus_flush(under.bus, rf_time_ns() + 60 * RF_NS_PER_S), 0);
    cr_assert_eq(atomic_load(&under.n_called), UNDER_LOAD);
    cr_assert_eq(atomic_load(&under.n_failed), 0);
    cr_assert_eq(atomic_load(&under.n_twice), 0);
    expect_each_once(under.bus, under.topic);
    rf_bus_close(under.bus);
}

/* Were the second record sent meanwhile, the broker would take it for the first of this producer,
 * and librdkafka would infer that the first was written. */
Test(kafka, a_record_refused_at_first_is_neither_lost_nor_overtaken_K1)
{
    rf_bus *bus = NULL;
    const rf_bus_config config = {.url = getenv("KAFKA_DOOR_URL")};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    const char *topic = bus_fresh("t");
    cr_assert_eq(rf_bus_topic(bus, topic, 1), 0);
    bus_put(bus, topic, NULL, "first");
    usleep(50000); /* it is on its way alone */
    bus_put(bus, topic, NULL, "second");
    cr_assert_eq(rf_bus_flush(bus, BUS_SOON_NS), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_expect(sub, "first", true);
    bus_expect(sub, "second", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

Test(kafka, a_first_record_for_a_new_topic_waits_for_a_broker_that_is_away)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    server_say("kill");
    int64_t begin_ns = rf_time_ns();
    bus_put(bus, topic, "k", "first");
    bus_put(bus, topic, "k", "second");
    cr_assert_lt(rf_time_ns() - begin_ns, 5 * RF_NS_PER_S, "producing waits for nobody");
    double cpu_s = bus_processor_s();
    cr_assert_eq(rf_bus_flush(bus, BUS_MS(2000)), -ETIMEDOUT);
    cr_assert_lt(bus_processor_s() - cpu_s, 1.0, "waiting costs no processor");
    server_say("start");
    cr_assert_eq(rf_bus_flush(bus, rf_time_ns() + 60 * RF_NS_PER_S), 0);
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_expect(sub, "first", true);
    bus_expect(sub, "second", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

static void note_error(const rf_bus_delivery *d, void *user)
{
    atomic_store((atomic_int *)user, d->error.err);
}

Test(kafka, what_cannot_be_delivered_is_called_back_when_abandoned)
{
    rf_bus *bus = bus_open();
    const char *topics[] = {bus_fresh("known"), bus_fresh("new")};
    atomic_int errs[2] = {0, 0};
    cr_assert_eq(rf_bus_topic(bus, topics[0], 1), 0);
    server_say("kill");
    for (int i = 0; i < 2; i++) {
        rf_bus_record r = {.topic = topics[i], .value = "x", .value_len = 1};
        cr_assert_eq(rf_bus_produce(bus, &r, note_error, &errs[i], 0), 0);
    }
    rf_bus_abandon(bus);
    cr_assert_eq(rf_bus_flush(bus, BUS_SOON_NS), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(atomic_load(&errs[i]), -ECANCELED, "record %d: %d", i, atomic_load(&errs[i]));
    }
    server_say("start");
    rf_bus_close(bus);
}

Test(kafka, a_member_goes_on_after_its_broker_came_back)
{
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus_sub *sub = bus_join(bus, group, topic);
    bus_put(bus, topic, NULL, "before");
    bus_expect(sub, "before", true);
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    server_say("kill");
    bus_expect_none(sub, 500);
    server_say("start");
    bus_put(bus, topic, NULL, "after");
    bus_expect(sub, "after", true);
    cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* ---- members ---- */

Test(kafka, a_rebalance_takes_from_a_member_only_what_goes_to_another)
{
    enum { PARTS = 8 };
    rf_bus *bus = bus_open();
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    cr_assert_eq(rf_bus_topic(bus, topic, PARTS), 0);
    rf_bus_sub *subs[2] = {bus_join(bus, group, topic), NULL};
    bus_settle(subs, 1, PARTS);
    for (int i = 0; i < PARTS; i++) {
        bus_put(bus, topic, NULL, "x");
    }
    rf_bus_message *held[PARTS];
    for (int i = 0; i < PARTS; i++) {
        held[i] = bus_take(subs[0]);
    }
    subs[1] = bus_join(bus, group, topic);
    bus_settle(subs, 2, PARTS);
    int kept = 0;
    for (int i = 0; i < PARTS; i++) { /* what stayed was never given up: it can be committed */
        kept += rf_bus_commit(subs[0], held[i]) == 0 ? 1 : 0;
        rf_bus_message_free(held[i]);
    }
    cr_assert_eq(kept, PARTS / 2);
    rf_bus_unsubscribe(subs[0]);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(bus);
}

Test(kafka, a_static_member_that_comes_back_finds_its_partitions)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus *one = open_with("group.instance.id=one&session.timeout.ms=20000");
    rf_bus *two = open_with("group.instance.id=two&session.timeout.ms=20000");
    rf_bus_sub *subs[2] = {bus_join(one, group, topic), bus_join(two, group, topic)};
    bus_settle(subs, 2, 8);
    rf_bus_partition before[8];
    rf_bus_partition after[8];
    size_t n = rf_bus_assignment(subs[0], before, 8);
    rf_bus_unsubscribe(subs[0]);
    rf_bus_message *m = NULL;
    for (int i = 0; i < 20; i++) { /* the other one gets nothing meanwhile */
        cr_assert_eq(rf_bus_next(subs[1], &m, BUS_MS(100)), -ETIMEDOUT);
        cr_assert_eq(rf_bus_assignment(subs[1], NULL, 0), 4);
    }
    subs[0] = bus_join(one, group, topic);
    cr_assert_eq(bus_owned(subs[0]), n);
    cr_assert_eq(rf_bus_assignment(subs[0], after, 8), n);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(after[i].partition, before[i].partition);
    }
    rf_bus_unsubscribe(subs[0]);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(one);
    rf_bus_close(two);
}

Test(kafka, two_subscriptions_of_one_process_are_two_static_members)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus *bus = open_with("group.instance.id=both");
    rf_bus_sub *subs[2] = {bus_join(bus, group, topic), bus_join(bus, group, topic)};
    bus_settle(subs, 2, 8);
    rf_bus_unsubscribe(subs[0]);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(bus);
}

/* K4: the job runs for longer than max.poll.interval.ms, polls go on with all partitions paused. */
Test(kafka, long_work_with_all_paused_causes_no_rebalance_K4)
{
    rf_bus *bus = open_with("max.poll.interval.ms=3000");
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus_sub *subs[2] = {bus_join(bus, group, topic), bus_join(bus, group, topic)};
    bus_settle(subs, 2, 8);
    bus_put_numbers(bus, topic, 0, 64);
    rf_bus_message *job = bus_take(subs[0]);
    cr_assert_eq(rf_bus_pause(subs[0], NULL, -1), 0);
    int64_t until = BUS_MS(8000);
    while (rf_time_ns() < until) { /* both poll each second */
        rf_bus_message *m = NULL;
        cr_assert_eq(rf_bus_next(subs[0], &m, BUS_MS(1000)), -ETIMEDOUT);
        cr_assert_eq(rf_bus_assignment(subs[0], NULL, 0), 4);
        while (rf_bus_next(subs[1], &m, 0) == 0) {
            cr_assert(m->offset != job->offset || m->partition != job->partition,
                      "a second attempt");
            rf_bus_message_free(m);
        }
        cr_assert_eq(rf_bus_assignment(subs[1], NULL, 0), 4);
    }
    cr_assert_eq(rf_bus_commit(subs[0], job), 0, "it is still this member's");
    cr_assert_eq(rf_bus_commit_wait(subs[0], BUS_SOON_NS), 0);
    rf_bus_message_free(job);
    rf_bus_unsubscribe(subs[0]);
    rf_bus_unsubscribe(subs[1]);
    rf_bus_close(bus);
}

/* Who does not poll loses its partitions, is told so at its commit, and gets new ones by polling.
 */
Test(kafka, a_member_that_stands_still_too_long_is_told_at_its_commit)
{
    rf_bus *bus = open_with("max.poll.interval.ms=2000");
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, NULL, "slow");
    rf_bus_message *m = bus_take(sub);
    sleep(4);
    rf_bus_message *again = bus_take(sub); /* given again after the membership was lost */
    cr_assert_str_eq(bus_text(again), "slow");
    cr_assert_eq(rf_bus_commit(sub, m), -ESTALE);
    cr_assert_eq(rf_bus_commit(sub, again), 0);
    rf_bus_message_free(m);
    rf_bus_message_free(again);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* ---- TLS, SASL, URLs ---- */

static char *properties_file(const char *password)
{
    char *path = rf_asprintf("/tmp/rf-bus-properties-%d", (int)getpid());
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fprintf(f, "# of a test\nsasl.username = %s\nsasl.password=%s\n\n", getenv("KAFKA_USER"),
            password);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(path, 0600), 0);
    return path;
}

static int open_secure(const char *password, rf_bus **ret)
{
    RF_CLEANUP(rf_cleanup_free) char *file = properties_file(password);
    RF_CLEANUP(rf_cleanup_free)
    char *url = rf_asprintf("%s?security.protocol=SASL_SSL&sasl.mechanism=PLAIN&ssl.ca.location=%s"
                            "&properties.file=%s",
                            getenv("KAFKA_SECURE_URL"), getenv("KAFKA_CA"), file);
    const rf_bus_config config = {.url = url};
    int err = rf_bus_open(&config, ret);
    unlink(file);
    return err;
}

Test(kafka, sasl_over_tls_with_the_password_in_a_file)
{
    rf_bus *bus = NULL;
    int err = open_secure(getenv("KAFKA_PASSWORD"), &bus);
    cr_assert_eq(err, 0, "%s", strerror(-err));
    const char *topic = bus_fresh("t");
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    bus_put(bus, topic, "k", "secret");
    bus_expect(sub, "secret", true);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* What is logged while fn runs. */
static const char *log_of(int (*fn)(void *), void *arg, int *ret)
{
    static char text[65536];
    char path[] = "/tmp/rf-bus-log-XXXXXX";
    int fd = mkstemp(path);
    int before = dup(STDERR_FILENO);
    cr_assert(fd >= 0 && before >= 0);
    dup2(fd, STDERR_FILENO);
    *ret = fn(arg);
    dup2(before, STDERR_FILENO);
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    text[RF_MAX(n, 0)] = '\0';
    close(before);
    close(fd);
    unlink(path);
    return text;
}

static int try_secure(void *password)
{
    rf_bus *bus = NULL;
    return open_secure(password, &bus);
}

static int try_url(void *url)
{
    rf_bus *bus = NULL;
    const rf_bus_config config = {.url = url};
    return rf_bus_open(&config, &bus);
}

Test(kafka, a_wrong_password_is_told_and_not_repeated)
{
    int err = 0;
    char password[] = "not-the-password";
    const char *log = log_of(try_secure, password, &err);
    cr_assert_eq(err, -EACCES, "%s", strerror(-err));
    cr_assert(strstr(log, "setting=bus.url") != NULL && strstr(log, "uthentication") != NULL, "%s",
              log);
    cr_assert_null(strstr(log, password));
}

Test(kafka, a_certificate_of_somebody_else_is_told)
{
    int err = 0;
    RF_CLEANUP(rf_cleanup_free)
    char *url = rf_asprintf("%s?security.protocol=SSL&ssl.ca.location=%s",
                            getenv("KAFKA_SECURE_URL"), "/etc/ssl/certs/ca-certificates.crt");
    const char *log = log_of(try_url, url, &err);
    cr_assert_eq(err, -EPROTO, "%s", strerror(-err));
    cr_assert(strstr(log, "setting=bus.url") != NULL && strstr(log, "certificate") != NULL, "%s",
              log);
}

Test(kafka, wrong_urls_are_told_with_the_property_and_without_its_value)
{
    static const struct {
        const char *url;
        const char *word; /* of the log */
    } table[] = {
        {"kafka:localhost:9092", "kafka://host:port"},
        {"kafka://", "host:port"},
        {"kafka://localhost", "host:port"},
        {"kafka://localhost:0", "host:port"},
        {"kafka://localhost:65536", "host:port"},
        {"kafka://a:1,,b:2", "host:port"},
        {"kafka://u:geheim@localhost:9092", "host:port"},
        {"kafka://localhost:9092?acks=1", "acks"},
        {"kafka://localhost:9092?max.in.flight=2", "max.in.flight"},
        {"kafka://localhost:9092?max.in.flight.requests.per.connection=2", "max.in.flight"},
        {"kafka://localhost:9092?group.id=geheim", "group.id"},
        {"kafka://localhost:9092?plugin.library.paths=geheim", "plugin.library.paths"},
        {"kafka://localhost:9092?no.such=geheim", "no.such"},
        {"kafka://localhost:9092?linger.ms=geheim", "linger.ms"},
        {"kafka://localhost:9092?linger.ms", "name=value"},
        {"kafka://localhost:9092?sasl.password=geheim%zz", "sasl.password"},
        {"kafka://localhost:9092?replication.factor=0", "replication.factor"},
        {"kafka://localhost:9092?min.insync.replicas=x", "min.insync.replicas"},
        {"kafka://localhost:9092?properties.file=/nowhere/geheim", "No such file"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        int err = 0;
        const char *log = log_of(try_url, (void *)(uintptr_t)table[i].url, &err);
        cr_assert_lt(err, 0, "%s", table[i].url);
        cr_assert_not_null(strstr(log, "setting=bus.url"), "%s: %s", table[i].url, log);
        cr_assert_not_null(strstr(log, table[i].word), "%s: %s", table[i].url, log);
        cr_assert_null(strstr(log, "geheim"), "%s: %s", table[i].url, log);
    }
}

Test(kafka, topics_are_made_with_the_replication_told_or_refused)
{
    rf_bus *bus = open_with("replication.factor=3");
    int err = rf_bus_topic(bus, bus_fresh("t"), 1);
    cr_assert_eq(err, -EINVAL, "one broker cannot keep three replicas: %s", strerror(-err));
    rf_bus_close(bus);
}
