/* The render threads. */
#include "jam_pool.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LIMIT_NS (2 * RF_NS_PER_S)
#define N_TASKS 20

static rf_loop *loop;
static jam_pool *pool;

typedef struct job {
    jam_task task;
    sem_t *hold; /* waited for, when given */
    int order;   /* in which it was run */
    bool is_done, is_hung;
    _Atomic(bool) has_left;
    int nice;
} job;

static _Atomic(int) n_run;

static void run(jam_task *task)
{
    job *j = task->user;
    j->order = atomic_fetch_add(&n_run, 1);
    j->nice = getpriority(PRIO_PROCESS, 0);
    while (j->hold != NULL && sem_wait(j->hold) != 0) {
    }
}

static void done(jam_task *task)
{
    ((job *)task->user)->is_done = true;
}

static void hung(jam_task *task)
{
    ((job *)task->user)->is_hung = true;
}

static void left(jam_task *task)
{
    ((job *)task->user)->has_left = true;
}

static void make(job *j, jam_lane lane, int64_t due_ns)
{
    memset(j, 0, sizeof(*j));
    j->task = (jam_task){.run = run,
                         .done = done,
                         .hung = hung,
                         .left = left,
                         .user = j,
                         .lane = lane,
                         .due_ns = due_ns,
                         .limit_ns = LIMIT_NS};
}

static void open_pool(void)
{
    loop = rf_loop_new();
    pool = jam_pool_new(loop, 1, N_TASKS);
}

static void close_pool(void)
{
    pool = jam_pool_free(pool);
    loop = rf_loop_free(loop);
}

TestSuite(pool, .init = open_pool, .fini = close_pool, .timeout = 30);

static void wait_queued(jam_lane lane, size_t n)
{
    while (jam_pool_queued(pool, lane) != n) {
        usleep(100);
    }
}

Test(pool, what_is_due_earliest_goes_first)
{
    static const int64_t dues[] = {50, 10, 40, 20, 30, 15, 45, 5};
    job jobs[RF_ARRAY_LEN(dues)];
    job first;
    sem_t hold;
    sem_init(&hold, 0, 0);
    make(&first, JAM_LANE_REALTIME, 100);
    first.hold = &hold;
    cr_assert_eq(jam_pool_put(pool, &first.task), 0);
    wait_queued(JAM_LANE_REALTIME, 0); /* the only thread is taken */
    for (size_t i = 0; i < RF_ARRAY_LEN(dues); i++) {
        make(&jobs[i], JAM_LANE_REALTIME, dues[i]);
        cr_assert_eq(jam_pool_put(pool, &jobs[i].task), 0);
    }
    sem_post(&hold);
    jam_pool_settle(pool, LIMIT_NS);
    for (size_t i = 0; i < RF_ARRAY_LEN(dues); i++) {
        cr_assert(jobs[i].is_done);
        for (size_t k = 0; k < RF_ARRAY_LEN(dues); k++) {
            cr_assert_eq(dues[i] < dues[k], jobs[i].order < jobs[k].order);
        }
    }
}

Test(pool, lanes_do_not_wait_for_each_other)
{
    job held;
    job other;
    sem_t hold;
    sem_init(&hold, 0, 0);
    make(&held, JAM_LANE_REALTIME, 0);
    held.hold = &hold;
    make(&other, JAM_LANE_ASAP, 0);
    cr_assert_eq(jam_pool_put(pool, &held.task), 0);
    cr_assert_eq(jam_pool_put(pool, &other.task), 0);
    jam_pool_settle(pool, 200 * RF_NS_PER_MS);
    cr_assert(other.is_done);
    cr_assert_not(held.is_done);
    sem_post(&hold);
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert(held.is_done);
}

Test(pool, realtime_work_is_the_least_nice_and_renders_the_most)
{
    job jobs[JAM_N_LANES];
    for (size_t i = 0; i < JAM_N_LANES; i++) {
        make(&jobs[i], (jam_lane)i, 0);
        cr_assert_eq(jam_pool_put(pool, &jobs[i].task), 0);
    }
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert_lt(jobs[JAM_LANE_REALTIME].nice, jobs[JAM_LANE_ASAP].nice);
    cr_assert_lt(jobs[JAM_LANE_ASAP].nice, jobs[JAM_LANE_RENDER].nice);
}

Test(pool, a_queued_task_can_be_taken_back_and_a_running_one_not)
{
    job held;
    job queued;
    sem_t hold;
    sem_init(&hold, 0, 0);
    make(&held, JAM_LANE_REALTIME, 0);
    held.hold = &hold;
    make(&queued, JAM_LANE_REALTIME, 0);
    cr_assert_eq(jam_pool_put(pool, &held.task), 0);
    wait_queued(JAM_LANE_REALTIME, 0);
    cr_assert_eq(jam_pool_put(pool, &queued.task), 0);
    cr_assert(jam_pool_cancel(pool, &queued.task));
    cr_assert_not(jam_pool_cancel(pool, &queued.task));
    cr_assert_not(jam_pool_cancel(pool, &held.task));
    sem_post(&hold);
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert(held.is_done);
    cr_assert_not(queued.is_done);
}

Test(pool, a_lane_has_an_end)
{
    job held;
    job jobs[N_TASKS + 1];
    sem_t hold;
    sem_init(&hold, 0, 0);
    make(&held, JAM_LANE_REALTIME, 0);
    held.hold = &hold;
    cr_assert_eq(jam_pool_put(pool, &held.task), 0);
    wait_queued(JAM_LANE_REALTIME, 0);
    for (int i = 0; i <= N_TASKS; i++) {
        make(&jobs[i], JAM_LANE_REALTIME, i);
        cr_assert_eq(jam_pool_put(pool, &jobs[i].task), i < N_TASKS ? 0 : -EAGAIN);
    }
    sem_post(&hold);
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert_not(jam_pool_is_busy(pool));
}

Test(pool, a_task_that_hangs_loses_its_thread_and_others_go_on)
{
    job stuck;
    job next;
    sem_t hold;
    sem_init(&hold, 0, 0);
    rf_time_drive();
    make(&stuck, JAM_LANE_REALTIME, 0);
    stuck.hold = &hold;
    make(&next, JAM_LANE_REALTIME, 1);
    cr_assert_eq(jam_pool_put(pool, &stuck.task), 0);
    wait_queued(JAM_LANE_REALTIME, 0);
    cr_assert_eq(jam_pool_put(pool, &next.task), 0);
    rf_time_advance(LIMIT_NS + RF_NS_PER_S);
    jam_pool_settle(pool, LIMIT_NS); /* the clock stands: until all is done */
    cr_assert(stuck.is_hung);
    cr_assert_not(stuck.is_done);
    cr_assert(next.is_done);
    cr_assert_not(stuck.has_left);
    sem_post(&hold);
    while (!stuck.has_left) {
        usleep(100);
    }
}

/* Comes back while its owner is being told. */
static void hung_and_back(jam_task *task)
{
    job *j = task->user;
    sem_post(j->hold);
    usleep(50000);
    cr_expect_not(j->has_left, "the task is still in its owner's hands");
    j->is_hung = true;
}

Test(pool, a_thread_that_comes_back_leaves_when_its_owner_has_been_told)
{
    job stuck;
    sem_t hold;
    sem_init(&hold, 0, 0);
    rf_time_drive();
    make(&stuck, JAM_LANE_REALTIME, 0);
    stuck.hold = &hold;
    stuck.task.hung = hung_and_back;
    cr_assert_eq(jam_pool_put(pool, &stuck.task), 0);
    wait_queued(JAM_LANE_REALTIME, 0);
    rf_time_advance(LIMIT_NS + RF_NS_PER_S);
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert(stuck.is_hung);
    while (!stuck.has_left) {
        usleep(100);
    }
}

Test(pool, the_last_thread_waits_until_a_task_is_urgent)
{
    job held;
    job relaxed;
    sem_t hold;
    sem_init(&hold, 0, 0);
    rf_time_drive();
    close_pool();
    loop = rf_loop_new();
    pool = jam_pool_new(loop, 2, N_TASKS);
    make(&held, JAM_LANE_REALTIME, rf_time_ns() + 2 * RF_NS_PER_S); /* for the first thread */
    held.hold = &hold;
    make(&relaxed, JAM_LANE_REALTIME, rf_time_ns() + RF_NS_PER_S);
    cr_assert_eq(jam_pool_put(pool, &held.task), 0);
    wait_queued(JAM_LANE_REALTIME, 0);
    cr_assert_eq(jam_pool_put(pool, &relaxed.task), 0);
    usleep(20000);
    cr_assert_eq(jam_pool_earliest(pool, JAM_LANE_REALTIME), relaxed.task.due_ns, "not yet");
    rf_time_advance(RF_NS_PER_S - JAM_POOL_URGENT_NS);
    wait_queued(JAM_LANE_REALTIME, 0);
    sem_post(&hold);
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert(relaxed.is_done);
    cr_assert_eq(jam_pool_earliest(pool, JAM_LANE_REALTIME), RF_NEVER_NS);
}

Test(pool, the_cost_of_a_task_is_told)
{
    job j;
    make(&j, JAM_LANE_REALTIME, 0);
    cr_assert_eq(jam_pool_put(pool, &j.task), 0);
    jam_pool_settle(pool, LIMIT_NS);
    cr_assert_gt(j.task.cpu_ns, 0);
    cr_assert_geq(j.task.wall_ns, 0);
}
