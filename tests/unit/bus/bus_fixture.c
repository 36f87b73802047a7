#include "bus_fixture.h"

#include "rf_id.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char bus_url[512];
char bus_dir[256];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void bus_setup(void)
{
    const char *given = getenv("REFLECTION_BUS_URL");
    if (given != NULL && given[0] != '\0') {
        snprintf(bus_url, sizeof(bus_url), "%s", given);
        bus_dir[0] = '\0';
        return;
    }
    const char *temp = getenv("TMPDIR");
    snprintf(bus_dir, sizeof(bus_dir), "%s/rf-bus-XXXXXX", temp == NULL ? "/tmp" : temp);
    cr_assert_not_null(mkdtemp(bus_dir));
    snprintf(bus_url, sizeof(bus_url), "local:%s", bus_dir);
}

void bus_setup_deathless(void)
{
    bus_setup();
    if (bus_is_kafka()) { /* of settings that come twice the last one holds */
        size_t len = strlen(bus_url);
        int n = snprintf(bus_url + len, sizeof(bus_url) - len, "%csession.timeout.ms=30000",
                         strchr(bus_url, '?') == NULL ? '?' : '&');
        cr_assert_lt((size_t)n, sizeof(bus_url) - len);
    }
}

void bus_teardown(void)
{
    if (bus_dir[0] != '\0') {
        nftw(bus_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

bool bus_is_kafka(void)
{
    return strncmp(bus_url, "kafka:", 6) == 0;
}

const char *bus_fresh(const char *prefix)
{
    static char names[8][RF_BUS_MAX_TOPIC];
    static unsigned turn;
    char id[RF_UUID_LEN];
    char *name = names[turn++ % 8];
    snprintf(name, RF_BUS_MAX_TOPIC, "%s-%s", prefix, rf_uuid4(id));
    return name;
}

rf_bus *bus_open(void)
{
    rf_bus *bus = NULL;
    rf_bus_config config = {.url = bus_url};
    int err = rf_bus_open(&config, &bus);
    cr_assert_eq(err, 0, "open: %s", strerror(-err));
    return bus;
}

rf_bus_sub *bus_join_at(rf_bus *bus, const char *group, const char *topic, rf_bus_start start)
{
    rf_bus_sub *sub = NULL;
    rf_bus_sub_config config = {.group = group, .topics = &topic, .n_topics = 1, .start = start};
    int err = rf_bus_subscribe(bus, &config, &sub);
    cr_assert_eq(err, 0, "subscribe: %s", strerror(-err));
    return sub;
}

rf_bus_sub *bus_join(rf_bus *bus, const char *group, const char *topic)
{
    return bus_join_at(bus, group, topic, RF_BUS_EARLIEST);
}

void bus_put(rf_bus *bus, const char *topic, const char *key, const char *value)
{
    rf_bus_record r = {.topic = topic, .key = key, .value = value};
    r.key_len = key == NULL ? 0 : strlen(key);
    r.value_len = strlen(value);
    int err = rf_bus_produce(bus, &r, NULL, NULL, BUS_SOON_NS);
    cr_assert_eq(err, 0, "produce: %s", strerror(-err));
}

void bus_put_numbers(rf_bus *bus, const char *topic, int from, int to)
{
    for (int i = from; i < to; i++) {
        char value[16];
        snprintf(value, sizeof(value), "%d", i);
        bus_put(bus, topic, value, value);
    }
}

void bus_flush(rf_bus *bus)
{
    int err = rf_bus_flush(bus, BUS_SOON_NS);
    cr_assert_eq(err, 0, "flush: %s", strerror(-err));
}

rf_bus_message *bus_take(rf_bus_sub *sub)
{
    rf_bus_message *m = NULL;
    int err = rf_bus_next(sub, &m, BUS_SOON_NS);
    cr_assert_eq(err, 0, "next: %s", strerror(-err));
    return m;
}

int bus_next_at(rf_bus_sub *sub, rf_bus_message **ret, int64_t at_ns)
{
    int64_t until = BUS_SOON_NS;
    int err = rf_bus_next(sub, ret, at_ns);
    while (bus_is_kafka() && (err == -EAGAIN || err == -ETIMEDOUT) && rf_time_ns() < until) {
        usleep(1000);
        err = rf_bus_next(sub, ret, at_ns);
    }
    return err;
}

const char *bus_text(const rf_bus_message *m)
{
    static char text[RF_BUS_MAX_VALUE + 1];
    cr_assert_leq(m->value_len, RF_BUS_MAX_VALUE);
    memcpy(text, m->value, m->value_len);
    text[m->value_len] = '\0';
    return text;
}

int bus_value(const rf_bus_message *m)
{
    return atoi(bus_text(m));
}

void bus_expect(rf_bus_sub *sub, const char *value, bool commit)
{
    rf_bus_message *m = bus_take(sub);
    cr_assert_str_eq(bus_text(m), value);
    if (commit) {
        cr_assert_eq(rf_bus_commit(sub, m), 0);
    }
    rf_bus_message_free(m);
}

void bus_expect_none(rf_bus_sub *sub, int ms)
{
    rf_bus_message *m = NULL;
    int err = rf_bus_next(sub, &m, BUS_MS(ms));
    cr_assert_eq(err, -ETIMEDOUT, "expected nothing, got %d, %s", err,
                 err == 0 ? bus_text(m) : strerror(-err));
}

/* Takes what every subscription has now. */
static int drain_now(rf_bus_sub **subs, size_t n_subs, int *taken, int *counts, int n)
{
    int total = 0;
    for (size_t i = 0; i < n_subs; i++) {
        rf_bus_message *m = NULL;
        while (rf_bus_next(subs[i], &m, 0) == 0) {
            int value = bus_value(m);
            if (counts != NULL && value >= 0 && value < n) {
                counts[value]++;
            }
            rf_bus_commit(subs[i], m);
            rf_bus_message_free(m);
            taken[i]++;
            total++;
        }
    }
    return total;
}

int bus_drain_all(rf_bus_sub **subs, size_t n_subs, int *taken, int least, int *counts, int n)
{
    const int64_t quiet_ns = (bus_is_kafka() ? 1000 : 100) * RF_NS_PER_MS;
    const int64_t until = BUS_SOON_NS;
    int64_t last_ns = rf_time_ns();
    int total = 0;
    while (total < least ? rf_time_ns() < until : rf_time_ns() - last_ns < quiet_ns) {
        int now = drain_now(subs, n_subs, taken, counts, n);
        total += now;
        if (now > 0) {
            last_ns = rf_time_ns();
        } else {
            usleep(1000);
        }
    }
    return total;
}

int bus_drain(rf_bus_sub *sub, int least, int *counts, int n)
{
    int taken = 0;
    return bus_drain_all(&sub, 1, &taken, least, counts, n);
}

size_t bus_owned(rf_bus_sub *sub)
{
    rf_bus_message *m = NULL;
    int64_t until = BUS_SOON_NS;
    rf_bus_pause(sub, NULL, -1);
    do {
        int err = rf_bus_next(sub, &m, bus_is_kafka() ? BUS_MS(20) : 0);
        cr_assert_eq(err, bus_is_kafka() ? -ETIMEDOUT : -EAGAIN);
    } while (bus_is_kafka() && rf_bus_assignment(sub, NULL, 0) == 0 && rf_time_ns() < until);
    rf_bus_resume(sub, NULL, -1);
    return rf_bus_assignment(sub, NULL, 0);
}

/* With every message held back; resumed by who asked. */
static size_t owned_now(rf_bus_sub *sub)
{
    rf_bus_message *m = NULL;
    rf_bus_pause(sub, NULL, -1);
    cr_assert_eq(rf_bus_next(sub, &m, 0), -EAGAIN);
    rf_bus_resume(sub, NULL, -1);
    return rf_bus_assignment(sub, NULL, 0);
}

/* Polls all in turn until they own n_partitions, evenly if told so. */
static void settle(rf_bus_sub **subs, size_t n_subs, size_t n_partitions, bool evenly)
{
    int64_t until = BUS_SOON_NS;
    size_t total = 0;
    do {
        size_t least = SIZE_MAX;
        size_t most = 0;
        total = 0;
        for (size_t i = 0; i < n_subs; i++) {
            size_t n = owned_now(subs[i]);
            least = RF_MIN(least, n);
            most = RF_MAX(most, n);
            total += n;
        }
        if (total == n_partitions && (!evenly || most - least <= 1)) {
            return;
        }
        usleep(1000);
    } while (rf_time_ns() < until);
    cr_assert_fail("%zu of %zu partitions are owned", total, n_partitions);
}

void bus_settle(rf_bus_sub **subs, size_t n_subs, size_t n_partitions)
{
    settle(subs, n_subs, n_partitions, true);
}

void bus_settle_somehow(rf_bus_sub **subs, size_t n_subs, size_t n_partitions)
{
    settle(subs, n_subs, n_partitions, false);
}

double bus_processor_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / (double)RF_NS_PER_S;
}

int64_t bus_lag(rf_bus *bus, const char *group, const char *topic)
{
    int64_t lag = -1;
    int err = rf_bus_lag(bus, group, topic, &lag);
    cr_assert_eq(err, 0, "lag: %s", strerror(-err));
    return lag;
}
