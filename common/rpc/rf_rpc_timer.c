#include "rf_rpc_timer.h"

#include "rf_time.h"

#include <pthread.h>

static struct {
    pthread_once_t once;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    rf_rpc_timer **heap; /* heap[1..n], the earliest first */
    size_t n, cap;
    rf_rpc_task *first, **last;
} engine = {.once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER};

static void place(size_t i, rf_rpc_timer *t)
{
    engine.heap[i] = t;
    t->place = i;
}

static void sift_up(size_t i, rf_rpc_timer *t)
{
    for (; i > 1 && engine.heap[i / 2]->at_ns > t->at_ns; i /= 2) {
        place(i, engine.heap[i / 2]);
    }
    place(i, t);
}

static void sift_down(size_t i, rf_rpc_timer *t)
{
    for (size_t child = 2 * i; child <= engine.n; child = 2 * i) {
        if (child < engine.n && engine.heap[child + 1]->at_ns < engine.heap[child]->at_ns) {
            child++;
        }
        if (engine.heap[child]->at_ns >= t->at_ns) {
            break;
        }
        place(i, engine.heap[child]);
        i = child;
    }
    place(i, t);
}

static void heap_remove(rf_rpc_timer *t)
{
    size_t i = t->place;
    rf_rpc_timer *moved = engine.heap[engine.n--];
    t->place = 0;
    if (moved != t) {
        sift_up(i, moved);
        sift_down(moved->place, moved);
    }
}

static void heap_add(rf_rpc_timer *t)
{
    engine.heap =
        (rf_rpc_timer **)rf_make_room(engine.heap, engine.n + 2, &engine.cap, sizeof(*engine.heap));
    sift_up(++engine.n, t);
}

/* Runs what is due with the mutex released; returns when the next is due. */
static int64_t run_due(void)
{
    while (engine.first != NULL) {
        rf_rpc_task *task = engine.first;
        engine.first = task->next;
        engine.last = engine.first == NULL ? &engine.first : engine.last;
        (void)pthread_mutex_unlock(&engine.mutex);
        task->fn(task->user);
        (void)pthread_mutex_lock(&engine.mutex);
    }
    while (engine.n > 0 && engine.heap[1]->at_ns <= rf_time_ns()) {
        rf_rpc_timer *t = engine.heap[1];
        heap_remove(t);
        (void)pthread_mutex_unlock(&engine.mutex);
        t->fn(t->user);
        (void)pthread_mutex_lock(&engine.mutex);
    }
    return engine.first != NULL ? 0 : engine.n > 0 ? engine.heap[1]->at_ns : RF_NEVER_NS;
}

static void *engine_main(void *arg)
{
    (void)arg;
    (void)pthread_setname_np(pthread_self(), "rpc-timer");
    (void)pthread_mutex_lock(&engine.mutex);
    for (;;) {
        int64_t next_ns = run_due();
        if (next_ns > 0) {
            (void)rf_time_wait_until(&engine.cond, &engine.mutex, next_ns);
        }
    }
    return NULL;
}

static void engine_start(void)
{
    pthread_t thread;
    engine.last = &engine.first;
    rf_cond_init(&engine.cond);
    if (pthread_create(&thread, NULL, engine_main, NULL) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
}

int rf_rpc_timer_set(rf_rpc_timer *timer, int64_t at_ns)
{
    (void)pthread_once(&engine.once, engine_start);
    (void)pthread_mutex_lock(&engine.mutex);
    int change = (at_ns != RF_NEVER_NS ? 1 : 0) - (timer->place != 0 ? 1 : 0);
    if (timer->place != 0) {
        heap_remove(timer);
    }
    timer->at_ns = at_ns;
    if (at_ns != RF_NEVER_NS) {
        heap_add(timer);
    }
    if (timer->place == 1) {
        (void)pthread_cond_signal(&engine.cond);
    }
    (void)pthread_mutex_unlock(&engine.mutex);
    return change;
}

void rf_rpc_task_post(rf_rpc_task *task)
{
    (void)pthread_once(&engine.once, engine_start);
    (void)pthread_mutex_lock(&engine.mutex);
    task->next = NULL;
    *engine.last = task;
    engine.last = &task->next;
    (void)pthread_cond_signal(&engine.cond);
    (void)pthread_mutex_unlock(&engine.mutex);
}
