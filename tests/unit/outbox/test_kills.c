/* A process killed before and after each system call of the outbox, and at random: what was
 * acknowledged is there, what comes is whole. The linker wraps the calls (--wrap). */
#include "outbox_fixture.h"

#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(outbox_kills, .init = outbox_setup, .fini = outbox_teardown, .timeout = 110);

/* ---- steps, and faults ---- */

static atomic_int n_steps;
static int kill_at; /* 0: never */
static bool kill_late;
static atomic_int n_sync_faults; /* this many syncs fail from now on */

static void before_step(int step)
{
    if (step == kill_at && !kill_late) {
        raise(SIGKILL);
    }
}

static void after_step(int step)
{
    if (step == kill_at && kill_late) {
        raise(SIGKILL);
    }
}

/* clang-format off */
#define WRAP(ret, name, params, args)                       \
    ret __real_##name params;                               \
    ret __wrap_##name params;                               \
    ret __wrap_##name params                                \
    {                                                       \
        int step = atomic_fetch_add(&n_steps, 1) + 1;       \
        before_step(step);                                  \
        ret result = __real_##name args;                    \
        after_step(step);                                   \
        return result;                                      \
    }
WRAP(int, fsync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t len), (fd, len))
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
/* clang-format on */

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    int step = atomic_fetch_add(&n_steps, 1) + 1;
    before_step(step);
    if (atomic_load(&n_sync_faults) > 0) {
        atomic_fetch_sub(&n_sync_faults, 1);
        errno = EIO;
        return -1;
    }
    int result = __real_fdatasync(fd);
    after_step(step);
    return result;
}

/* ---- the process that dies ---- */

enum { PAIRS = 24 };

/* What the dying process tells; shared memory would do as well, a pipe survives anything. */
static void tell(int pipe_fd, uint8_t what, uint8_t number)
{
    uint8_t message[2] = {what, number};
    (void)!__real_write(pipe_fd, message, 2);
}

/* Appends pairs of events; settles the older ones while it goes. */
static void work(int pipe_fd)
{
    static char body[900];
    memset(body, 'b', sizeof(body) - 1);
    for (int i = 0; i < PAIRS; i++) {
        char id[2][16];
        snprintf(id[0], sizeof(id[0]), "%d-a", i);
        snprintf(id[1], sizeof(id[1]), "%d-b", i);
        rf_outbox_event e[2] = {outbox_bus_event(id[0], id[0], body),
                                outbox_hook_event(id[1], "https://a.example/", body)};
        if (rf_outbox_append(outbox, e, 2, NULL, NULL) < 0 ||
            rf_outbox_flush(outbox, RF_NEVER_NS) < 0) {
            _exit(1);
        }
        tell(pipe_fd, 'A', (uint8_t)i);
        rf_outbox_item *item = NULL;
        int64_t due_ms = 0;
        if (i % 3 == 2 && rf_outbox_take(outbox, RF_OUTBOX_BUS, LATE, &item, &due_ms) == 0) {
            tell(pipe_fd, 'D', (uint8_t)atoi(item->event.id)); /* sent: may be gone from here on */
            rf_outbox_done(outbox, item);
        }
        if (i % 4 == 3 && rf_outbox_take(outbox, RF_OUTBOX_HOOK, LATE, &item, &due_ms) == 0) {
            rf_outbox_retry(outbox, item, 1000);
        }
    }
}

typedef struct told {
    bool appended[PAIRS];
    bool sent[PAIRS];
} told;

static bool run_and_die(int at, bool late, told *ret)
{
    int fds[2];
    uint8_t message[2];
    *ret = (told){0};
    cr_assert_eq(pipe(fds), 0);
    outbox = rf_outbox_close(outbox);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        if (rf_outbox_open(&outbox_config, &outbox) < 0) {
            _exit(1);
        }
        atomic_store(&n_steps, 0);
        kill_late = late;
        kill_at = at;
        work(fds[1]);
        outbox = rf_outbox_close(outbox);
        _exit(0);
    }
    close(fds[1]);
    while (read(fds[0], message, 2) == 2) {
        (message[0] == 'A' ? ret->appended : ret->sent)[message[1]] = true;
    }
    close(fds[0]);
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void drain(rf_outbox_route route, bool found[PAIRS])
{
    rf_outbox_item *item = NULL;
    int64_t due_ms = 0;
    while (rf_outbox_take(outbox, route, LATE, &item, &due_ms) == 0) {
        int i = atoi(item->event.id);
        cr_assert(!found[i], "event %s twice", item->event.id);
        cr_assert_eq(item->event.body_len, 899);
        found[i] = true;
        rf_outbox_done(outbox, item);
    }
}

static void expect_all(const told *t)
{
    bool bus[PAIRS] = {0};
    bool hook[PAIRS] = {0};
    outbox_reopen();
    drain(RF_OUTBOX_BUS, bus);
    drain(RF_OUTBOX_HOOK, hook);
    for (int i = 0; i < PAIRS; i++) {
        cr_assert(!t->appended[i] || hook[i], "%d-b was acknowledged and is lost", i);
        cr_assert(!t->appended[i] || t->sent[i] || bus[i], "%d-a is lost", i);
        cr_assert(t->sent[i] || bus[i] == hook[i], "half of an append: %d", i);
    }
}

Test(outbox_kills, at_every_step_lose_no_acknowledged_event)
{
    outbox_config.rotate_bytes = 4000; /* several files, some of them compacted */
    for (int late = 0; late < 2; late++) {
        int at = 1;
        bool killed = true;
        for (; killed; at++) {
            told t;
            killed = run_and_die(at, late == 1, &t);
            expect_all(&t);
        }
        cr_assert_gt(at, 50, "only %d steps", at);
    }
}

/* ---- failing syncs ---- */

static atomic_int n_failed;

static void count_failed(int err, void *user)
{
    (void)user;
    atomic_fetch_add(&n_failed, err < 0 ? 1 : 0);
}

Test(outbox_kills, a_failed_sync_goes_to_a_new_file)
{
    rf_outbox_stats before, after;
    rf_outbox_event e = outbox_bus_event("1", "a", "x");
    outbox_put(&e);
    rf_outbox_get_stats(outbox, &before);
    atomic_store(&n_sync_faults, 1);
    e.id = "2";
    outbox_put(&e);
    rf_outbox_get_stats(outbox, &after);
    cr_assert_eq(after.n_files, before.n_files + 1);
    outbox_reopen();
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "1"));
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "2"));
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
}

Test(outbox_kills, when_nothing_can_be_synced_the_append_fails_and_later_ones_work)
{
    rf_outbox_event e = outbox_bus_event("1", "a", "x");
    atomic_store(&n_sync_faults, 4); /* two files, each synced once more when it is cut */
    cr_assert_eq(rf_outbox_append(outbox, &e, 1, count_failed, NULL), 0);
    cr_assert_eq(rf_outbox_flush(outbox, RF_NEVER_NS), -EIO);
    cr_assert_eq(atomic_load(&n_failed), 1);
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
    atomic_store(&n_sync_faults, 0);
    e.id = "2";
    outbox_put(&e);
    outbox_reopen();
    rf_outbox_done(outbox, outbox_expect(RF_OUTBOX_BUS, LATE, "2"));
    outbox_expect(RF_OUTBOX_BUS, LATE, NULL);
}
