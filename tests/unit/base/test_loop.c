#include "rf_loop.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#define POSTS 20000

typedef struct fixture {
    rf_loop *loop;
    rf_timer *timers[8];
    rf_loop_fd *watches[2];
    int order[16];
    int n;
    _Atomic(int) posted;
    int64_t begin_ns;
    int64_t round_ns;
} fixture;

static void stop(void *user)
{
    rf_loop_stop(((fixture *)user)->loop);
}

static void note_first(void *user)
{
    fixture *f = user;
    f->order[f->n++] = 1;
}

static void note_second(void *user)
{
    fixture *f = user;
    f->order[f->n++] = 2;
}

Test(loop, timers_fire_in_order_of_time)
{
    fixture f = {.loop = rf_loop_new()};
    int64_t now = rf_time_ns();
    f.timers[0] = rf_timer_new(f.loop, stop, &f);
    f.timers[1] = rf_timer_new(f.loop, note_second, &f);
    f.timers[2] = rf_timer_new(f.loop, note_first, &f);
    rf_timer_set(f.timers[0], now + 3 * RF_NS_PER_MS);
    rf_timer_set(f.timers[1], now + 2 * RF_NS_PER_MS);
    rf_timer_set(f.timers[2], now + 1 * RF_NS_PER_MS);
    cr_assert_eq(rf_loop_run(f.loop), 0);
    cr_assert_eq(f.n, 2);
    cr_assert_eq(f.order[0], 1);
    cr_assert_eq(f.order[1], 2);
    for (int i = 0; i < 3; i++) {
        rf_timer_free(f.timers[i]);
    }
    rf_loop_free(f.loop);
}

Test(loop, timers_are_moved_and_disarmed)
{
    fixture f = {.loop = rf_loop_new()};
    int64_t now = rf_time_ns();
    f.timers[0] = rf_timer_new(f.loop, note_first, &f);
    f.timers[1] = rf_timer_new(f.loop, note_second, &f);
    f.timers[2] = rf_timer_new(f.loop, stop, &f);
    rf_timer_set(f.timers[0], now);
    rf_timer_set(f.timers[0], RF_NEVER_NS);
    rf_timer_set(f.timers[1], now + RF_NS_PER_S);
    rf_timer_set(f.timers[1], now + RF_NS_PER_MS);
    rf_timer_set(f.timers[2], now + 2 * RF_NS_PER_MS);
    rf_loop_run(f.loop);
    cr_assert_eq(f.n, 1);
    cr_assert_eq(f.order[0], 2);
    for (int i = 0; i < 3; i++) {
        rf_timer_free(f.timers[i]);
    }
    rf_loop_free(f.loop);
}

static void count_post(void *user)
{
    fixture *f = user;
    if (atomic_fetch_add(&f->posted, 1) + 1 == 4 * POSTS) {
        rf_loop_stop(f->loop);
    }
}

static void *post_many(void *user)
{
    fixture *f = user;
    for (int i = 0; i < POSTS; i++) {
        rf_loop_post(f->loop, count_post, f);
    }
    return NULL;
}

Test(loop, posts_of_four_threads_all_run)
{
    fixture f = {.loop = rf_loop_new()};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, post_many, &f), 0);
    }
    rf_loop_run(f.loop);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(atomic_load(&f.posted), 4 * POSTS);
    rf_loop_free(f.loop);
}

typedef struct lazy {
    fixture f;
    int64_t slack_ns;
    int64_t due_ns;   /* of the loop's timer */
    int64_t ran_ns;   /* when what was posted ran, */
    int64_t woken_ns; /* and the timer */
} lazy;

static void note_ran(void *user)
{
    lazy *l = user;
    l->ran_ns = rf_time_ns();
    note_first(&l->f);
}

static void note_woken(void *user)
{
    lazy *l = user;
    l->woken_ns = rf_time_ns();
    stop(&l->f);
}

/* Once the loop sleeps. */
static void *post_lazily(void *user)
{
    lazy *l = user;
    usleep(20000);
    rf_loop_post_within(l->f.loop, note_ran, l, l->slack_ns);
    return NULL;
}

static lazy run_lazy(int64_t timer_ns, int64_t slack_ns)
{
    lazy l = {.f = {.loop = rf_loop_new()}, .slack_ns = slack_ns};
    pthread_t thread;
    l.f.timers[0] = rf_timer_new(l.f.loop, note_woken, &l);
    l.due_ns = rf_time_ns() + timer_ns;
    rf_timer_set(l.f.timers[0], l.due_ns);
    cr_assert_eq(pthread_create(&thread, NULL, post_lazily, &l), 0);
    rf_loop_run(l.f.loop);
    pthread_join(thread, NULL);
    rf_timer_free(l.f.timers[0]);
    rf_loop_free(l.f.loop);
    return l;
}

Test(loop, what_may_wait_comes_with_the_next_timer_and_not_later)
{
    lazy l = run_lazy(400 * RF_NS_PER_MS, RF_NS_PER_S);
    cr_assert_eq(l.f.n, 1);
    cr_assert_geq(l.ran_ns, l.due_ns);
    cr_assert_leq(l.ran_ns, l.woken_ns);
}

Test(loop, what_may_not_wait_so_long_wakes_the_loop)
{
    lazy l = run_lazy(2 * RF_NS_PER_S, 10 * RF_NS_PER_MS);
    cr_assert_eq(l.f.n, 1);
    cr_assert_lt(l.ran_ns, l.due_ns - RF_NS_PER_S);
}

static void post_quietly(void *user)
{
    fixture *f = user;
    rf_loop_post_within(f->loop, note_first, f, RF_NS_PER_S);
    rf_loop_post(f->loop, note_second, f);
    rf_loop_post(f->loop, stop, f);
}

Test(loop, posts_that_may_wait_keep_their_order)
{
    fixture f = {.loop = rf_loop_new()};
    rf_loop_post(f.loop, post_quietly, &f);
    rf_loop_run(f.loop);
    cr_assert(f.n == 2 && f.order[0] == 1 && f.order[1] == 2);
    rf_loop_free(f.loop);
}

/* Two descriptors that are ready and stay so. */
static void watch_two(fixture *f, int fds[2][2], rf_loop_fd_fn fn)
{
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pipe(fds[i]), 0);
        cr_assert_eq(write(fds[i][1], "x", 1), 1);
        f->watches[i] = rf_loop_add(f->loop, fds[i][0], EPOLLIN, fn, f);
        cr_assert_not_null(f->watches[i]);
    }
}

static void note_third(void *user)
{
    fixture *f = user;
    f->order[f->n++] = 3;
}

/* Both descriptors stay ready, so that the second round finds them before what has woken the loop:
 * the first is what ends it. */
static void note_ready(uint32_t events, void *user)
{
    fixture *f = user;
    cr_expect(events & EPOLLIN);
    if (f->n >= 4) {
        rf_loop_stop(f->loop);
        return;
    }
    cr_expect(f->n == 0 || f->round_ns == rf_loop_now_ns(f->loop), "one time for a round");
    f->round_ns = rf_loop_now_ns(f->loop);
    cr_expect(f->round_ns >= f->begin_ns && f->round_ns <= rf_time_ns());
    note_first(f);
    rf_loop_post(f->loop, note_third, f);
}

Test(loop, a_round_ends_after_its_events_and_before_timers)
{
    fixture f = {.loop = rf_loop_new(), .begin_ns = rf_time_ns()};
    int fds[2][2];
    rf_loop_at_round_end(f.loop, note_second, &f);
    f.timers[0] = rf_timer_new(f.loop, note_third, &f);
    rf_timer_set(f.timers[0], rf_time_ns());
    watch_two(&f, fds, note_ready);
    rf_loop_run(f.loop);
    cr_expect(f.n == 5 && f.order[0] == 1 && f.order[1] == 1 && f.order[2] == 2 &&
              f.order[3] == 3 && f.order[4] == 2);
    for (int i = 0; i < 2; i++) {
        rf_loop_remove(f.watches[i]);
        close(fds[i][0]);
        close(fds[i][1]);
    }
    rf_timer_free(f.timers[0]);
    rf_loop_free(f.loop);
}

/* Either of two ready descriptors removes both: the other's event is already in hand. */
static void remove_both(uint32_t events, void *user)
{
    fixture *f = user;
    cr_expect(events & EPOLLIN);
    f->n++;
    rf_loop_remove(f->watches[0]);
    rf_loop_remove(f->watches[1]);
    rf_loop_post(f->loop, stop, f);
}

Test(loop, removed_watches_are_not_called_again)
{
    fixture f = {.loop = rf_loop_new()};
    int fds[2][2];
    watch_two(&f, fds, remove_both);
    rf_loop_run(f.loop);
    cr_assert_eq(f.n, 1);
    rf_loop_free(f.loop);
}

static void *advance(void *user)
{
    (void)user;
    rf_time_advance(3600 * RF_NS_PER_S);
    return NULL;
}

Test(loop, timers_follow_a_driven_clock)
{
    rf_time_drive();
    fixture f = {.loop = rf_loop_new()};
    pthread_t thread;
    f.timers[0] = rf_timer_new(f.loop, stop, &f);
    rf_timer_set(f.timers[0], rf_time_ns() + 3600 * RF_NS_PER_S);
    cr_assert_eq(pthread_create(&thread, NULL, advance, NULL), 0);
    cr_assert_eq(rf_loop_run(f.loop), 0);
    pthread_join(thread, NULL);
    rf_timer_free(f.timers[0]);
    rf_loop_free(f.loop);
}

static void note_then_second(void *user)
{
    note_first(user);
    rf_loop_post(((fixture *)user)->loop, note_second, user);
}

Test(loop, settling_runs_what_has_been_posted_and_no_more)
{
    fixture f = {.loop = rf_loop_new()};
    rf_loop_post(f.loop, note_first, &f);
    rf_loop_post(f.loop, note_then_second, &f);
    rf_loop_settle(f.loop);
    cr_assert_eq(f.n, 2);
    rf_loop_settle(f.loop);
    cr_assert_eq(f.n, 3, "posted while it settled: runs the next time");
    cr_assert_eq(f.order[2], 2);
    rf_loop_free(f.loop);
}
