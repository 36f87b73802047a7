/* From the outbox to the bus: at least once, in order per key, the same id each time. */
#include "outbox_fixture.h"

#include "rf_id.h"
#include "rf_outbox_relay.h"
#include "rf_time.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC "reflection.recordings"
#define WAIT_NS (10 * RF_NS_PER_S)

static char bus_url[300];
static char queue_dir[300];

static void setup(void)
{
    outbox_setup();
    outbox = rf_outbox_close(outbox);
    snprintf(bus_url, sizeof(bus_url), "local:%s/bus", outbox_dir);
    snprintf(queue_dir, sizeof(queue_dir), "%s/outbox", outbox_dir);
    outbox_config.dir = queue_dir;
    outbox_reopen();
}

TestSuite(relay, .init = setup, .fini = outbox_teardown, .timeout = 110);

static rf_bus *open_bus(void)
{
    rf_bus *bus = NULL;
    rf_bus_config config = {.url = bus_url};
    cr_assert_eq(rf_bus_open(&config, &bus), 0);
    return bus;
}

static rf_bus_sub *subscribe(rf_bus *bus)
{
    static const char *const topics[] = {TOPIC};
    rf_bus_sub *sub = NULL;
    rf_bus_sub_config config = {.group = "test", .topics = topics, .n_topics = 1};
    config.start = RF_BUS_EARLIEST;
    cr_assert_eq(rf_bus_subscribe(bus, &config, &sub), 0);
    return sub;
}

static void wait_until_empty(void)
{
    for (int i = 0; i < 2000 && outbox_n_events(RF_OUTBOX_BUS) > 0; i++) {
        usleep(5000);
    }
    cr_assert_eq(outbox_n_events(RF_OUTBOX_BUS), 0);
}

Test(relay, carries_id_key_and_bytes)
{
    rf_bus *bus = open_bus();
    rf_outbox_relay *relay = NULL;
    rf_bus_message *m = NULL;
    rf_outbox_event e = outbox_bus_event("evt-1", "session-1", "the bytes");
    outbox_put(&e); /* before there is a relay */
    cr_assert_eq(rf_outbox_relay_start(outbox, bus, &relay), 0);
    rf_bus_sub *sub = subscribe(bus);
    cr_assert_eq(rf_bus_next(sub, &m, rf_time_ns() + WAIT_NS), 0);
    const rf_bus_header *id = rf_bus_message_header(m, RF_BUS_MESSAGE_ID);
    cr_assert_eq(id->value_len, 5);
    cr_assert_eq(memcmp(id->value, "evt-1", 5), 0);
    cr_assert_eq(memcmp(m->key, "session-1", m->key_len), 0);
    cr_assert_eq(m->value_len, 9);
    cr_assert_eq(memcmp(m->value, "the bytes", 9), 0);
    rf_bus_message_free(m);
    e.id = "evt-2";
    outbox_put(&e); /* while it waits */
    cr_assert_eq(rf_bus_next(sub, &m, rf_time_ns() + WAIT_NS), 0);
    cr_assert_eq(memcmp(rf_bus_message_header(m, RF_BUS_MESSAGE_ID)->value, "evt-2", 5), 0);
    rf_bus_message_free(m);
    wait_until_empty();
    rf_bus_unsubscribe(sub);
    rf_outbox_relay_stop(relay);
    rf_bus_close(bus);
}

/* ---- a relay killed again and again ---- */

enum { KEYS = 5 };

/* Appends 1, 2, 3, ... to every key and tells what is durable. */
static void append_and_relay(int pipe_fd, uint32_t next[KEYS])
{
    rf_bus *bus = NULL;
    rf_bus_config config = {.url = bus_url};
    rf_outbox_relay *relay = NULL;
    if (rf_outbox_open(&outbox_config, &outbox) < 0 || rf_bus_open(&config, &bus) < 0 ||
        rf_outbox_relay_start(outbox, bus, &relay) < 0) {
        _exit(1);
    }
    for (uint32_t k = 0;; k = (k + 1) % KEYS) {
        char id[32], key[8], body[16];
        snprintf(key, sizeof(key), "k%u", k);
        snprintf(body, sizeof(body), "%u", next[k]);
        snprintf(id, sizeof(id), "%s-%s", key, body);
        rf_outbox_event e = outbox_bus_event(id, key, body);
        if (rf_outbox_append(outbox, &e, 1, NULL, NULL) < 0 ||
            rf_outbox_flush(outbox, RF_NEVER_NS) < 0) {
            _exit(2);
        }
        uint32_t message[2] = {k, next[k]++};
        (void)!write(pipe_fd, message, sizeof(message));
    }
}

/* What is on disk but was not told goes on from the next number too. */
static void run_and_kill(uint32_t durable[KEYS], uint32_t next[KEYS])
{
    int fds[2];
    uint32_t message[2];
    cr_assert_eq(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        append_and_relay(fds[1], next);
    }
    close(fds[1]);
    usleep((useconds_t)(60000 + rf_random_u64(150000)));
    kill(pid, SIGKILL);
    while (read(fds[0], message, sizeof(message)) == sizeof(message)) {
        durable[message[0]] = message[1];
        next[message[0]] = message[1] + 1;
    }
    close(fds[0]);
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status), "exit %d", WEXITSTATUS(status));
}

/* Repeats are allowed, also of the number that was durable but not told; holes are not. */
static void read_topic(rf_bus *bus, uint32_t last[KEYS], int *ret_n)
{
    rf_bus_message *m = NULL;
    rf_bus_sub *sub = subscribe(bus);
    while (rf_bus_next(sub, &m, rf_time_ns() + RF_NS_PER_S) == 0) {
        char body[16] = "", expected[32];
        memcpy(body, m->value, RF_MIN(m->value_len, sizeof(body) - 1));
        uint32_t key = (uint32_t)(((const char *)m->key)[1] - '0');
        uint32_t number = (uint32_t)atoi(body);
        snprintf(expected, sizeof(expected), "k%u-%u", key, number);
        const rf_bus_header *id = rf_bus_message_header(m, RF_BUS_MESSAGE_ID);
        cr_assert_eq(memcmp(id->value, expected, id->value_len), 0);
        cr_assert_leq(number, last[key] + 1, "k%u: %u after %u", key, number, last[key]);
        last[key] = RF_MAX(last[key], number);
        rf_bus_message_free(m);
        ++*ret_n;
    }
    rf_bus_unsubscribe(sub);
}

Test(relay, kills_lose_nothing_and_keep_the_order)
{
    enum { ROUNDS = 20 };
    uint32_t durable[KEYS] = {0};
    uint32_t next[KEYS] = {1, 1, 1, 1, 1};
    uint32_t last[KEYS] = {0};
    int n = 0;
    rf_outbox_relay *relay = NULL;
    outbox = rf_outbox_close(outbox);
    for (int i = 0; i < ROUNDS; i++) {
        run_and_kill(durable, next);
    }
    outbox_reopen();
    rf_bus *bus = open_bus();
    cr_assert_eq(rf_outbox_relay_start(outbox, bus, &relay), 0);
    wait_until_empty();
    read_topic(bus, last, &n);
    for (int k = 0; k < KEYS; k++) {
        cr_assert_geq(last[k], durable[k], "k%d: %u of %u", k, last[k], durable[k]);
    }
    cr_assert_gt(n, 100, "%d messages", n);
    rf_outbox_relay_stop(relay);
    rf_bus_close(bus);
}
