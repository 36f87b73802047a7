/* Producers and consumers killed with SIGKILL at random: nothing acknowledged is lost, what was not
 * committed comes again, order within a key holds. Processes talk through files that they append to
 * with one write(2) a line, which survives their death. */
#include "bus_fixture.h"
#include "rf_buf.h"
#include "rf_file.h"
#include "rf_id.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_IDS 2000000
#define JOURNAL_MAX (256u << 20)

static char journal_dir[] = "/tmp/rf-bus-journal-XXXXXX";

static void setup(void)
{
    bus_setup();
    cr_assert_not_null(mkdtemp(journal_dir));
}

static void teardown(void)
{
    RF_CLEANUP(rf_cleanup_free)
    char *acknowledged_path = rf_asprintf("%s/acknowledged", journal_dir);
    RF_CLEANUP(rf_cleanup_free) char *handled_path = rf_asprintf("%s/handled", journal_dir);
    unlink(acknowledged_path);
    unlink(handled_path);
    rmdir(journal_dir);
    bus_teardown();
}

TestSuite(crashes, .init = setup, .fini = teardown, .timeout = 150);

static char *journal(const char *name)
{
    return rf_asprintf("%s/%s", journal_dir, name);
}

static int open_journal(const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *path = journal(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    return fd;
}

static void note_line(int fd, int id)
{
    char line[16];
    int n = snprintf(line, sizeof(line), "%d\n", id);
    ssize_t written = write(fd, line, (size_t)n);
    cr_assert_eq(written, n);
}

/* Counts the ids of a journal; a last line cut by a kill is left out. */
static int read_journal(const char *name, uint8_t *counts)
{
    rf_buf text;
    rf_buf_init(&text, JOURNAL_MAX);
    RF_CLEANUP(rf_cleanup_free) char *path = journal(name);
    cr_assert_eq(rf_file_read(path, &text), 0);
    int n = 0;
    const char *p = rf_buf_str(&text);
    for (const char *end = strchr(p, '\n'); end != NULL; end = strchr(p, '\n')) {
        long id = strtol(p, NULL, 10);
        cr_assert(id >= 0 && id < MAX_IDS);
        counts[id] = (uint8_t)RF_MIN(counts[id] + 1, UINT8_MAX);
        p = end + 1;
        n++;
    }
    rf_buf_done(&text);
    return n;
}

/* ---- the processes ---- */

typedef struct acknowledged {
    int fd;
    int id;
} acknowledged;

static void note_delivery(const rf_bus_delivery *d, void *user)
{
    acknowledged *a = user;
    if (d->error.err == 0) {
        note_line(a->fd, a->id);
    }
    free(a);
}

#define IDS_PER_LANE 200000
#define IDS_PER_START 20000

static atomic_int ending; /* set by SIGTERM, on any thread */

static void end_soon(int signal_number)
{
    (void)signal_number;
    ending = 1;
}

/* Produces its ids from first on, until it is killed or told to end. */
static void run_producer(const char *topic, int first)
{
    rf_bus *bus = bus_open();
    int fd = open_journal("acknowledged");
    for (int id = first; id < first + IDS_PER_START && !ending; id++) {
        char value[16];
        char key[16];
        rf_bus_record r = {.topic = topic, .key = key, .value = value};
        r.value_len = (size_t)snprintf(value, sizeof(value), "%d", id);
        r.key_len = (size_t)snprintf(key, sizeof(key), "%d", id % 64);
        acknowledged *a = RF_NEW(acknowledged);
        *a = (acknowledged){fd, id};
        cr_assert_eq(rf_bus_produce(bus, &r, note_delivery, a, RF_NEVER_NS), 0);
        if (id % 16 == 0) {
            cr_assert_eq(rf_bus_flush(bus, RF_NEVER_NS), 0);
        }
    }
    while (!ending) { /* out of ids: only its end is awaited */
        usleep(1000);
    }
    rf_bus_close(bus);
}

/* Notes each message, then commits it. */
static void run_consumer(const char *group, const char *topic)
{
    rf_bus *bus = bus_open();
    int fd = open_journal("handled");
    rf_bus_sub *sub = bus_join(bus, group, topic);
    while (!ending) {
        rf_bus_message *m = NULL;
        if (rf_bus_next(sub, &m, BUS_MS(50)) == 0) {
            note_line(fd, bus_value(m));
            rf_bus_commit(sub, m);
            rf_bus_message_free(m);
        }
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

typedef struct peer {
    bool produces;
    int n_starts;
    int lane; /* its ids are lane * 200,000 + start * 20,000 + n */
    pid_t pid;
} peer;

static void start_peer(peer *p, const char *group, const char *topic)
{
    int first = p->lane * IDS_PER_LANE + p->n_starts * IDS_PER_START;
    cr_assert_lt(p->n_starts++, IDS_PER_LANE / IDS_PER_START);
    signal(SIGTERM, end_soon); /* before the fork: a peer may be told to end at once */
    p->pid = fork();
    if (p->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
        if (p->produces) {
            run_producer(topic, first);
        } else {
            run_consumer(group, topic);
        }
        _exit(0);
    }
}

static void kill_peer(const peer *p)
{
    kill(p->pid, SIGKILL);
    cr_assert_eq(waitpid(p->pid, NULL, 0), p->pid);
}

static void end_peer(const peer *p)
{
    int status = 0;
    kill(p->pid, SIGTERM);
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    cr_assert_eq(status, 0);
}

/* ---- tests ---- */

static uint8_t acked[MAX_IDS];
static uint8_t handled[MAX_IDS];

static void compare(void)
{
    int n_acked = read_journal("acknowledged", acked);
    int n_handled = read_journal("handled", handled);
    cr_assert_gt(n_acked, 0);
    for (int id = 0; id < MAX_IDS; id++) {
        cr_assert(acked[id] == 0 || handled[id] > 0, "%d was acknowledged and is lost (of %d, %d)",
                  id, n_acked, n_handled);
        cr_assert_leq(acked[id], 1, "%d was acknowledged twice", id);
    }
}

/* Reads what is left in this process. */
static void drain(const char *group, const char *topic)
{
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    int fd = open_journal("handled");
    rf_bus_message *m = NULL;
    const int64_t until = BUS_SOON_NS; /* Kafka misses the killed ones when their sessions end */
    do {
        while (rf_bus_next(sub, &m, BUS_MS(1000)) == 0) {
            note_line(fd, bus_value(m));
            cr_assert_eq(rf_bus_commit(sub, m), 0);
            rf_bus_message_free(m);
        }
        cr_assert_eq(rf_bus_commit_wait(sub, BUS_SOON_NS), 0);
    } while (bus_lag(bus, group, topic) > 0 && rf_time_ns() < until);
    cr_assert_eq(bus_lag(bus, group, topic), 0);
    close(fd);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

static void storm(int n_producers, int n_consumers, int n_kills)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    peer peers[10] = {0};
    int n = n_producers + n_consumers;
    for (int i = 0; i < n; i++) {
        peers[i].produces = i < n_producers;
        peers[i].lane = i;
        start_peer(&peers[i], group, topic);
    }
    for (int k = 0; k < n_kills; k++) {
        usleep((useconds_t)(20000 + rf_random_u64(80000)));
        peer *p = &peers[rf_random_u64((uint64_t)n)];
        if (p->n_starts < IDS_PER_LANE / IDS_PER_START) {
            kill_peer(p);
            start_peer(p, group, topic);
        }
    }
    for (int i = 0; i < n; i++) {
        end_peer(&peers[i]);
    }
    drain(group, topic);
    compare();
}

Test(crashes, killed_producers_lose_nothing_acknowledged)
{
    storm(3, 1, 12);
}

Test(crashes, killed_consumers_lose_nothing)
{
    storm(1, 4, 20);
}

Test(crashes, all_killed_in_any_order)
{
    storm(4, 4, 40);
}

/* Waits until something more was acknowledged than size bytes of journal tell. */
static off_t wait_for_more(off_t size)
{
    RF_CLEANUP(rf_cleanup_free) char *path = journal("acknowledged");
    struct stat st = {0};
    int64_t until = BUS_SOON_NS;
    while ((stat(path, &st) < 0 || st.st_size <= size) && rf_time_ns() < until) {
        usleep(2000);
    }
    cr_assert_gt(st.st_size, size);
    return st.st_size;
}

/* Every process dies at once, as when the machine's supervisor is killed. */
Test(crashes, everything_killed_together_goes_on)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    peer peers[4] = {
        {.produces = true, .lane = 0}, {.produces = true, .lane = 1}, {.lane = 2}, {.lane = 3}};
    off_t size = 0;
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(peers); i++) {
            start_peer(&peers[i], group, topic);
        }
        size = wait_for_more(size);
        usleep((useconds_t)rf_random_u64(100000));
        for (size_t i = 0; i < RF_ARRAY_LEN(peers); i++) {
            kill(peers[i].pid, SIGKILL);
        }
        for (size_t i = 0; i < RF_ARRAY_LEN(peers); i++) {
            waitpid(peers[i].pid, NULL, 0);
        }
    }
    drain(group, topic);
    compare();
}

/* What was handed to a consumer and not committed comes again, to whoever is next. */
Test(crashes, a_message_without_commit_comes_until_it_is_committed)
{
    const char *topic = bus_fresh("t");
    const char *group = bus_fresh("g");
    rf_bus *bus = bus_open();
    bus_put(bus, topic, NULL, "poison");
    rf_bus_close(bus);
    for (int i = 0; i < 5; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            rf_bus_sub *sub = bus_join(bus_open(), group, topic);
            rf_bus_message *m = bus_take(sub);
            cr_assert_str_eq(bus_text(m), "poison");
            raise(SIGKILL);
        }
        int status = 0;
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, group, topic);
    bus_expect(sub, "poison", true);
    rf_bus_unsubscribe(sub);
    sub = bus_join(bus, group, topic);
    bus_expect_none(sub, bus_is_kafka() ? 3000 : 100);
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}

/* A process that dies in the middle of writing leaves no half of a record. */
Test(crashes, a_killed_writer_leaves_whole_records)
{
    const char *topic = bus_fresh("t");
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            static char value[RF_BUS_MAX_VALUE];
            rf_bus *bus = bus_open();
            memset(value, 'a' + i, sizeof(value));
            rf_bus_record r = {.topic = topic, .value = value, .value_len = sizeof(value)};
            while (rf_bus_produce(bus, &r, NULL, NULL, RF_NEVER_NS) == 0) {
            }
            _exit(1);
        }
        usleep((useconds_t)(10000 + rf_random_u64(30000)));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    rf_bus *bus = bus_open();
    rf_bus_sub *sub = bus_join(bus, bus_fresh("g"), topic);
    rf_bus_message *m = NULL;
    int64_t next[RF_BUS_MAX_PARTITIONS] = {0};
    while (rf_bus_next(sub, &m, BUS_MS(bus_is_kafka() ? 4000 : 500)) == 0) {
        const char *value = m->value;
        cr_assert_eq(m->value_len, RF_BUS_MAX_VALUE);
        cr_assert_eq(memcmp(value, value + 1, RF_BUS_MAX_VALUE - 1), 0, "bytes of one writer only");
        cr_assert_eq(m->offset, next[m->partition]++);
        rf_bus_message_free(m);
    }
    rf_bus_unsubscribe(sub);
    rf_bus_close(bus);
}
