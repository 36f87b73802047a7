/* Calls that may block run on a thread of their own, and come back to the owner loop. */
#include "recorder_worker.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <pthread.h>

typedef struct job {
    recorder_errand task;
    rf_loop *loop;
    pthread_t worker;
    pthread_t owner;
    int *order;
    int place;
    bool last;
} job;

static void work(void *user)
{
    job *j = user;
    j->worker = pthread_self();
}

static void done(void *user)
{
    job *j = user;
    j->owner = pthread_self();
    j->place = (*j->order)++;
    if (j->last) {
        rf_loop_stop(j->loop);
    }
}

static void fill(job *jobs, int n, rf_loop *loop, int *order, recorder_worker *worker)
{
    for (int i = 0; i < n; i++) {
        jobs[i] = (job){.loop = loop, .order = order, .place = -1, .last = i == n - 1};
        jobs[i].task = (recorder_errand){.work = work, .done = done, .user = &jobs[i]};
        recorder_worker_run(worker, &jobs[i].task);
    }
}

Test(worker, tasks_run_in_order_and_come_back_to_the_owner)
{
    rf_loop *loop = rf_loop_new();
    recorder_worker *worker = recorder_worker_new(loop);
    job jobs[50];
    int order = 0;
    fill(jobs, 50, loop, &order, worker);
    cr_expect_eq(recorder_worker_n(worker), 50u);
    cr_assert_eq(rf_loop_run(loop), 0);
    cr_expect_eq(recorder_worker_n(worker), 0u);
    for (int i = 0; i < 50; i++) {
        cr_expect_eq(jobs[i].place, i);
        cr_expect(pthread_equal(jobs[i].owner, pthread_self()));
        cr_expect_not(pthread_equal(jobs[i].worker, pthread_self()));
    }
    recorder_worker_free(worker);
    rf_loop_free(loop);
}

Test(worker, what_is_left_is_finished_when_it_is_freed)
{
    rf_loop *loop = rf_loop_new();
    recorder_worker *worker = recorder_worker_new(loop);
    job jobs[20];
    int order = 0;
    fill(jobs, 20, loop, &order, worker);
    cr_expect_null(recorder_worker_free(worker));
    cr_expect_eq(order, 20);
    rf_loop_free(loop);
}
