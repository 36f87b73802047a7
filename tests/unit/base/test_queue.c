#include "rf_queue.h"
#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define ITEMS 20000

Test(queue, keeps_order_and_its_bound)
{
    rf_queue *q = rf_queue_new(2);
    int a;
    int b;
    int c;
    void *item;
    cr_assert_eq(rf_queue_put(q, &a, 0), 0);
    cr_assert_eq(rf_queue_put(q, &b, 0), 0);
    cr_assert_eq(rf_queue_put(q, &c, 0), -EAGAIN);
    cr_assert_eq(rf_queue_put(q, &c, rf_time_ns() + RF_NS_PER_MS), -ETIMEDOUT);
    cr_assert_eq(rf_queue_len(q), 2);
    cr_assert_eq(rf_queue_take(q, &item, 0), 0);
    cr_assert_eq(item, &a);
    cr_assert_eq(rf_queue_take(q, &item, 0), 0);
    cr_assert_eq(item, &b);
    cr_assert_eq(rf_queue_take(q, &item, 0), -EAGAIN);
    rf_queue_free(q);
}

Test(queue, close_drains_then_ends)
{
    rf_queue *q = rf_queue_new(4);
    int a;
    void *item;
    cr_assert_eq(rf_queue_put(q, &a, 0), 0);
    rf_queue_close(q);
    cr_assert_eq(rf_queue_put(q, &a, RF_NEVER_NS), -EPIPE);
    cr_assert_eq(rf_queue_take(q, &item, RF_NEVER_NS), 0);
    cr_assert_eq(rf_queue_take(q, &item, RF_NEVER_NS), -EPIPE);
    rf_queue_free(q);
}

static _Atomic(uint64_t) sum;

static void *produce(void *user)
{
    for (uintptr_t i = 1; i <= ITEMS; i++) {
        cr_assert_eq(rf_queue_put(user, (void *)i, RF_NEVER_NS), 0);
    }
    return NULL;
}

static void *consume(void *user)
{
    void *item;
    while (rf_queue_take(user, &item, RF_NEVER_NS) == 0) {
        atomic_fetch_add(&sum, (uintptr_t)item);
    }
    return NULL;
}

Test(queue, many_threads_lose_and_double_nothing)
{
    rf_queue *q = rf_queue_new(16);
    pthread_t makers[3];
    pthread_t takers[3];
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&makers[i], NULL, produce, q), 0);
        cr_assert_eq(pthread_create(&takers[i], NULL, consume, q), 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(makers[i], NULL);
    }
    rf_queue_close(q);
    for (int i = 0; i < 3; i++) {
        pthread_join(takers[i], NULL);
    }
    cr_assert_eq(atomic_load(&sum), 3ull * ITEMS * (ITEMS + 1) / 2);
    rf_queue_free(q);
}
