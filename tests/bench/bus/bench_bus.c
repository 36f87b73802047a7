/*
 * Produces or consumes so many messages through rf_bus.h and prints how long that took.
 *
 *     bench_bus produce URL TOPIC N SIZE IN_FLIGHT
 *     bench_bus consume URL TOPIC N
 *
 * IN_FLIGHT is the bound of the bus's own queue, which the producer waits for.
 * Prints one line of JSON: the seconds from the first message to the last delivery (produce) or
 * from the first message to the last durable commit (consume), the processor time of that span, and
 * how many messages failed.
 */
#include "rf_bus.h"
#include "rf_time.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SIZE_MAX_BYTES 60000
#define WAIT_NS (120 * RF_NS_PER_S)

static atomic_long n_failed;

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what, int err)
{
    fprintf(stderr, "bench_bus: %s: %s\n", what, strerror(-err));
    exit(1);
}

static void print(int64_t from_ns, double from_cpu_s)
{
    printf("{\"seconds\": %.6f, \"cpu_s\": %.6f, \"failed\": %ld}\n",
           (double)(rf_time_ns() - from_ns) / 1e9, cpu_s() - from_cpu_s, atomic_load(&n_failed));
}

static void delivered(const rf_bus_delivery *delivery, void *user)
{
    (void)user;
    if (delivery->error.err != 0) {
        atomic_fetch_add(&n_failed, 1);
    }
}

static void produce(rf_bus *bus, const char *topic, long n, size_t size)
{
    static char value[SIZE_MAX_BYTES];
    const rf_bus_record record = {.topic = topic, .value = value, .value_len = size};
    memset(value, 'x', size);
    int64_t from_ns = rf_time_ns();
    double from_cpu_s = cpu_s();
    for (long i = 0; i < n; i++) {
        int err = rf_bus_produce(bus, &record, delivered, NULL, from_ns + WAIT_NS);
        if (err < 0) {
            fail("produce", err);
        }
    }
    int err = rf_bus_flush(bus, rf_time_ns() + WAIT_NS);
    if (err < 0) {
        fail("flush", err);
    }
    print(from_ns, from_cpu_s);
}

static void consume(rf_bus *bus, const char *topic, long n)
{
    const rf_bus_sub_config config = {
        .group = "bench", .topics = &topic, .n_topics = 1, .start = RF_BUS_EARLIEST};
    rf_bus_sub *sub = NULL;
    int64_t from_ns = 0;
    double from_cpu_s = 0;
    int err = rf_bus_subscribe(bus, &config, &sub);
    int64_t until_ns = rf_time_ns() + WAIT_NS;
    for (long i = 0; i < n && err == 0; i++) {
        rf_bus_message *message = NULL;
        err = rf_bus_next(sub, &message, until_ns);
        if (i == 0) {
            from_ns = rf_time_ns();
            from_cpu_s = cpu_s();
        }
        err = err == 0 ? rf_bus_commit(sub, message) : err;
        rf_bus_message_free(message);
    }
    err = err == 0 ? rf_bus_commit_wait(sub, rf_time_ns() + WAIT_NS) : err;
    if (err < 0) {
        fail("consume", err);
    }
    print(from_ns, from_cpu_s);
    rf_bus_unsubscribe(sub);
}

int main(int argc, char **argv)
{
    rf_bus *bus = NULL;
    bool produces = argc == 7 && strcmp(argv[1], "produce") == 0;
    if (!produces && !(argc == 5 && strcmp(argv[1], "consume") == 0)) {
        fprintf(stderr, "usage: bench_bus produce URL TOPIC N SIZE IN_FLIGHT\n"
                        "       bench_bus consume URL TOPIC N\n");
        return 2;
    }
    const rf_bus_config config = {.url = argv[2],
                                  .retention_bytes = (int64_t)4 << 30,
                                  .queue_records = produces ? strtoul(argv[6], NULL, 10) : 0,
                                  .queue_bytes = (size_t)1 << 30};
    int err = rf_bus_open(&config, &bus);
    if (err < 0) {
        fail("open", err);
    }
    long n = strtol(argv[4], NULL, 10);
    if (produces) {
        size_t size = (size_t)strtoul(argv[5], NULL, 10);
        produce(bus, argv[3], n, RF_MIN(size, (size_t)SIZE_MAX_BYTES));
    } else {
        consume(bus, argv[3], n);
    }
    rf_bus_close(bus);
    return 0;
}
