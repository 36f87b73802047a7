/* The library's own thread: timers in their order, set, moved and disarmed; tasks; the memory that
 * is used again. */
#include "rf_rpc_pool.h"
#include "rf_rpc_timer.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

/* What has run, in order. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n;
    size_t order[4096];
} ran = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

typedef struct entry {
    rf_rpc_timer timer;
    rf_rpc_task task;
    size_t number;
} entry;

static void note(void *user)
{
    (void)pthread_mutex_lock(&ran.mutex);
    ran.order[ran.n++] = ((entry *)user)->number;
    (void)pthread_cond_broadcast(&ran.changed);
    (void)pthread_mutex_unlock(&ran.mutex);
}

static void entry_init(entry *e, size_t number)
{
    *e = (entry){.timer.fn = note, .task.fn = note, .number = number};
    e->timer.user = e->task.user = e;
}

/* In real time, whatever the driven clock says. */
static bool ran_wait(size_t n)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    int err = 0;
    (void)pthread_mutex_lock(&ran.mutex);
    while (ran.n < n && err == 0) {
        err = pthread_cond_timedwait(&ran.changed, &ran.mutex, &until);
    }
    bool ok = ran.n >= n;
    (void)pthread_mutex_unlock(&ran.mutex);
    return ok;
}

static size_t n_ran(void)
{
    (void)pthread_mutex_lock(&ran.mutex);
    size_t n = ran.n;
    (void)pthread_mutex_unlock(&ran.mutex);
    return n;
}

/* Everything that was due has run: a task that is posted now runs after it. */
static void settle(void)
{
    static entry marks[64];
    static size_t n_marks;
    for (int i = 0; i < 2; i++) { /* the first may overtake timers that are due */
        entry *e = &marks[n_marks++];
        size_t before = n_ran();
        entry_init(e, 9999);
        rf_rpc_task_post(&e->task);
        cr_assert(ran_wait(before + 1));
    }
}

Test(timer, runs_when_its_time_comes_and_not_before)
{
    entry e;
    rf_time_drive();
    entry_init(&e, 1);
    cr_assert_eq(rf_rpc_timer_set(&e.timer, rf_time_ns() + 100), 1);
    rf_time_advance(99);
    settle();
    cr_assert_eq(n_ran(), 2, "nothing but the marks");
    rf_time_advance(1);
    cr_assert(ran_wait(3));
    cr_assert_eq(rf_rpc_timer_set(&e.timer, RF_NEVER_NS), 0, "once a set");
}

Test(timer, that_is_due_already_runs_at_once)
{
    entry e[2];
    rf_time_drive();
    entry_init(&e[0], 1);
    entry_init(&e[1], 2);
    cr_assert_eq(rf_rpc_timer_set(&e[0].timer, 0), 1);
    cr_assert(ran_wait(1));
    cr_assert_eq(rf_rpc_timer_set(&e[1].timer, rf_time_ns()), 1);
    cr_assert(ran_wait(2));
}

Test(timer, says_what_changed)
{
    entry e;
    rf_time_drive();
    int64_t now_ns = rf_time_ns();
    entry_init(&e, 1);
    cr_assert_eq(rf_rpc_timer_set(&e.timer, RF_NEVER_NS), 0, "was not armed, is not armed");
    cr_assert_eq(rf_rpc_timer_set(&e.timer, now_ns + 1000), 1, "armed");
    cr_assert_eq(rf_rpc_timer_set(&e.timer, now_ns + 2000), 0, "moved");
    cr_assert_eq(rf_rpc_timer_set(&e.timer, RF_NEVER_NS), -1, "disarmed");
    cr_assert_eq(rf_rpc_timer_set(&e.timer, RF_NEVER_NS), 0);
    rf_time_advance(5000);
    settle();
    cr_assert_eq(n_ran(), 2);
}

/* A few thousand timers set, moved and disarmed at random run in the order of their times. */
Test(timer, many_run_in_the_order_of_their_times)
{
    enum { N = 2000 };
    static entry e[N];
    static int64_t at_ns[N];
    uint32_t seed = 7;
    size_t armed = 0;
    rf_time_drive();
    int64_t now_ns = rf_time_ns();
    for (size_t i = 0; i < N; i++) {
        entry_init(&e[i], i);
        at_ns[i] = RF_NEVER_NS;
    }
    for (size_t step = 0; step < 4 * N; step++) {
        seed = seed * 1664525u + 1013904223u;
        size_t i = (seed >> 8) % N;
        seed = seed * 1664525u + 1013904223u;
        int64_t next_ns = (seed & 0x700) == 0 ? RF_NEVER_NS : now_ns + 1 + (seed >> 12) % 100000;
        int change = rf_rpc_timer_set(&e[i].timer, next_ns);
        cr_assert_eq(change, (next_ns != RF_NEVER_NS) - (at_ns[i] != RF_NEVER_NS));
        at_ns[i] = next_ns;
    }
    for (size_t i = 0; i < N; i++) {
        armed += at_ns[i] != RF_NEVER_NS ? 1 : 0;
    }
    rf_time_advance(200000);
    cr_assert(ran_wait(armed));
    settle();
    cr_assert_eq(n_ran(), armed + 2);
    for (size_t i = 1; i < armed; i++) {
        cr_assert_leq(at_ns[ran.order[i - 1]], at_ns[ran.order[i]]);
    }
}

static void again(void *user)
{
    entry *e = (entry *)user;
    note(e);
    if (e->number++ < 9) {
        (void)rf_rpc_timer_set(&e->timer, rf_time_ns() + 10);
    }
}

Test(timer, may_be_set_again_where_it_runs)
{
    entry e;
    rf_time_drive();
    entry_init(&e, 0);
    e.timer.fn = again;
    (void)rf_rpc_timer_set(&e.timer, rf_time_ns() + 10);
    for (size_t i = 0; i < 10; i++) {
        rf_time_advance(10);
        cr_assert(ran_wait(i + 1), "%zu", i);
        settle();
        ran.n = i + 1;
    }
    rf_time_advance(1000);
    settle();
    cr_assert_eq(n_ran(), 12);
}

Test(task, run_once_in_the_order_they_were_posted)
{
    enum { N = 1000 };
    static entry e[N];
    for (size_t i = 0; i < N; i++) {
        entry_init(&e[i], i);
        rf_rpc_task_post(&e[i].task);
    }
    cr_assert(ran_wait(N));
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(ran.order[i], i);
    }
}

static void *post_some(void *arg)
{
    entry *e = (entry *)arg;
    for (size_t i = 0; i < 500; i++) {
        rf_rpc_task_post(&e[i].task);
    }
    return NULL;
}

Test(task, come_from_any_thread)
{
    static entry e[4][500];
    pthread_t threads[4];
    for (size_t t = 0; t < 4; t++) {
        for (size_t i = 0; i < 500; i++) {
            entry_init(&e[t][i], t * 500 + i);
        }
        cr_assert_eq(pthread_create(&threads[t], NULL, post_some, e[t]), 0);
    }
    for (size_t t = 0; t < 4; t++) {
        (void)pthread_join(threads[t], NULL);
    }
    cr_assert(ran_wait(2000));
    size_t last[4] = {0};
    for (size_t i = 0; i < 2000; i++) {
        size_t t = ran.order[i] / 500;
        cr_assert_geq(ran.order[i], last[t], "those of one thread in order");
        last[t] = ran.order[i];
    }
}

/* ---- memory ---- */

Test(pool, gives_what_was_asked_for_at_every_size)
{
    static const size_t sizes[] = {
        1,     2,      100,    32767,   32768,         32769,   65535,    65536,
        65537, 131072, 131073, 1 << 20, (1 << 20) + 1, 5 << 20, 16 << 20, (16 << 20) + 1};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
            uint8_t *block = (uint8_t *)rf_rpc_pool_get(sizes[i]);
            cr_assert_not_null(block);
            memset(block, 0xa5, sizes[i]); /* a sanitizer sees a block that is too small */
            rf_rpc_pool_put(block, sizes[i]);
            cr_assert_leq(rf_rpc_pool_kept(), (size_t)32 << 20);
        }
    }
}

Test(pool, two_blocks_are_never_the_same)
{
    enum { N = 50 };
    uint8_t *blocks[N];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < N; i++) {
            blocks[i] = (uint8_t *)rf_rpc_pool_get(70000 + i);
            memset(blocks[i], (int)i, 70000 + i);
        }
        for (size_t i = 0; i < N; i++) {
            cr_assert(blocks[i][0] == i && blocks[i][70000 + i - 1] == i);
            rf_rpc_pool_put(blocks[i], 70000 + i);
        }
    }
}

Test(pool, small_and_huge_blocks_are_not_kept)
{
    static const size_t sizes[] = {1, 100, 32767};
    for (size_t i = 0; i < RF_ARRAY_LEN(sizes); i++) {
        rf_rpc_pool_put(rf_rpc_pool_get(sizes[i]), sizes[i]);
        cr_assert_eq(rf_rpc_pool_kept(), 0);
    }
    rf_rpc_pool_put(rf_rpc_pool_get((size_t)40 << 20), (size_t)40 << 20);
    cr_assert_eq(rf_rpc_pool_kept(), 0, "64 MiB are more than is kept in all");
    rf_rpc_pool_put(NULL, 1 << 20);
    cr_assert_eq(rf_rpc_pool_kept(), 0);
}
