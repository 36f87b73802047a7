#include "jam_pool.h"

#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RENDER_THREADS 2
#define HOUSE_THREADS 2
#define SLICE_NS (20 * RF_NS_PER_MS)
#define NAME_SIZE 16 /* of a thread, as the kernel has it */

typedef struct lane lane;

/*
 * IDLE --take--> BUSY --run returns--> IDLE
 *                  \--no beat--> ABANDONED: from here on the thread owns its worker
 */
typedef enum state { IDLE, BUSY, ABANDONED } state;

typedef struct worker {
    lane *lane; /* not to be touched once abandoned */
    jam_task *task;
    pthread_t thread;
    bool is_reserve;
    _Atomic(int) state; /* who moves it from BUSY decides what becomes of the task */
    sem_t told;         /* an abandoned thread goes on when the task's owner has been told */
    bool has_left;
} worker;

struct lane {
    jam_pool *pool;
    const char *name;
    int nice;
    pthread_mutex_t mutex; /* all below */
    pthread_cond_t filled;
    pthread_cond_t pressed; /* the reserve looks at this one */
    pthread_cond_t ended;
    jam_task **heap; /* earliest due first */
    size_t n_heap;
    worker **workers;
    size_t n_workers;
    bool has_reserve; /* the last worker takes what is urgent alone */
    bool is_stopping;
};

struct jam_pool {
    rf_loop *loop;
    rf_timer *watch; /* set for the earliest moment at which a running task may be hung */
    int64_t watch_ns;
    size_t max_queued;
    size_t n_tasks;   /* put, and neither done nor hung nor cancelled */
    rf_timer *settle; /* while settling */
    lane lanes[JAM_N_LANES];
};

/* ---- heap ---- */

static bool is_before(const jam_task *a, const jam_task *b)
{
    return a->due_ns < b->due_ns;
}

static void place(lane *l, jam_task *task, size_t at)
{
    l->heap[at] = task;
    task->at = at;
}

static void sift_up(lane *l, jam_task *task, size_t at)
{
    while (at > 0 && is_before(task, l->heap[(at - 1) / 2])) {
        place(l, l->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    place(l, task, at);
}

static void sift_down(lane *l, jam_task *task, size_t at)
{
    for (size_t child = 2 * at + 1; child < l->n_heap; child = 2 * at + 1) {
        if (child + 1 < l->n_heap && is_before(l->heap[child + 1], l->heap[child])) {
            child++;
        }
        if (!is_before(l->heap[child], task)) {
            break;
        }
        place(l, l->heap[child], at);
        at = child;
    }
    place(l, task, at);
}

static void heap_remove(lane *l, jam_task *task)
{
    size_t at = task->at;
    jam_task *last = l->heap[--l->n_heap];
    task->is_queued = false;
    if (last != task) {
        sift_up(l, last, at);
        sift_down(l, last, last->at);
    }
}

/* ---- threads ---- */

static int64_t thread_cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * RF_NS_PER_S + ts.tv_nsec;
}

/* One task less; a settling pool stops its loop with the last. */
static void count_down(jam_pool *pool)
{
    pool->n_tasks--;
    if (pool->settle != NULL && pool->n_tasks == 0) {
        rf_loop_stop(pool->loop);
    }
}

static void finished(void *user)
{
    jam_task *task = user;
    jam_pool *pool = task->pool;
    task->done(task);
    count_down(pool);
}

/* When the worker may take the earliest task; RF_NEVER_NS when there is none. */
static int64_t ready_ns(const lane *l, const worker *w)
{
    if (l->n_heap == 0) {
        return RF_NEVER_NS;
    }
    return w->is_reserve ? l->heap[0]->due_ns - JAM_POOL_URGENT_NS : 0;
}

/* With the lane's mutex held. NULL when the lane ends. */
static jam_task *take(lane *l, worker *w)
{
    for (int64_t at_ns; (at_ns = ready_ns(l, w)) > rf_time_ns() && !l->is_stopping;) {
        (void)rf_time_wait_until(w->is_reserve ? &l->pressed : &l->filled, &l->mutex, at_ns);
    }
    if (l->is_stopping) {
        return NULL;
    }
    jam_task *task = l->heap[0];
    heap_remove(l, task);
    jam_task_beat(task);
    w->task = task;
    atomic_store(&w->state, BUSY);
    return task;
}

static void run_task(jam_task *task)
{
    int64_t wall_ns = rf_time_ns();
    int64_t cpu_ns = thread_cpu_ns();
    task->run(task);
    task->cpu_ns = thread_cpu_ns() - cpu_ns;
    task->wall_ns = rf_time_ns() - wall_ns;
}

static bool move(worker *w, state from, state to)
{
    int expected = (int)from;
    return atomic_compare_exchange_strong(&w->state, &expected, (int)to);
}

/* What sched_setattr(2) takes in its first version; the C library does not declare it. */
typedef struct thread_attr {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns; /* of SCHED_OTHER: the slice */
    uint64_t deadline_ns;
    uint64_t period_ns;
} thread_attr;

/* Long slices: whoever wakes for a moment (the loop, the sockets) need not wait for a render to use
 * up its own. Kernels before 6.12 take the niceness alone. Of this thread only, on Linux. */
static void schedule_thread(int nice)
{
    const thread_attr attr = {
        .size = sizeof(attr), .policy = SCHED_OTHER, .nice = nice, .runtime_ns = SLICE_NS};
    if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0) {
        (void)setpriority(PRIO_PROCESS, 0, nice);
    }
}

static void worker_free(worker *w)
{
    sem_destroy(&w->told);
    free(w);
}

/* The lane may be gone, and the task is the owner's until it has been told. */
static void leave(worker *w, jam_task *task)
{
    while (sem_wait(&w->told) != 0) {
    }
    task->left(task);
    worker_free(w);
}

static void *work(void *user)
{
    worker *w = user;
    lane *l = w->lane;
    schedule_thread(l->nice);
    pthread_mutex_lock(&l->mutex);
    for (jam_task *task; (task = take(l, w)) != NULL;) {
        pthread_mutex_unlock(&l->mutex);
        run_task(task);
        if (!move(w, BUSY, IDLE)) {
            leave(w, task);
            return NULL;
        }
        pthread_mutex_lock(&l->mutex);
        w->task = NULL;
        rf_loop_post(l->pool->loop, finished, task);
    }
    w->has_left = true;
    pthread_cond_broadcast(&l->ended);
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* With the lane's mutex held. */
static void start_worker(lane *l, size_t i)
{
    char name[NAME_SIZE];
    worker *w = RF_NEW(worker);
    w->lane = l;
    (void)sem_init(&w->told, 0, 0);
    w->is_reserve = l->has_reserve && i + 1 == l->n_workers;
    l->workers[i] = w;
    if (pthread_create(&w->thread, NULL, work, w) != 0) {
        RF_LOG_ERROR("no thread", RF_STR("lane", l->name));
        abort();
    }
    snprintf(name, sizeof(name), "jam-%s-%zu", l->name, i);
    (void)pthread_setname_np(w->thread, name);
}

/* ---- the watch for hung tasks ---- */

static int64_t hung_at_ns(const worker *w)
{
    return atomic_load(&w->task->beat_ns) + w->task->limit_ns;
}

/* Gives up one thread of the lane whose task hangs, which waits for `told` should it come back;
 * NULL when there is none, with the moment of the next look lowered to when there may be one. */
static worker *abandon_one(lane *l, int64_t now_ns, int64_t *next_ns)
{
    worker *hung = NULL;
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < l->n_workers && hung == NULL; i++) {
        worker *w = l->workers[i];
        if (w->task == NULL) {
            continue;
        }
        int64_t at_ns = hung_at_ns(w);
        if (at_ns > now_ns) {
            *next_ns = RF_MIN(*next_ns, at_ns);
        } else if (move(w, BUSY, ABANDONED)) {
            pthread_detach(w->thread);
            start_worker(l, i);
            hung = w;
        }
    }
    bool waits = l->n_heap > 0;
    pthread_mutex_unlock(&l->mutex);
    if (waits && hung == NULL) {
        *next_ns = RF_MIN(*next_ns, now_ns + RF_NS_PER_S);
    }
    return hung;
}

static void on_watch(void *user)
{
    jam_pool *pool = user;
    int64_t now_ns = rf_time_ns();
    int64_t next_ns = RF_NEVER_NS;
    for (size_t i = 0; i < JAM_N_LANES; i++) {
        lane *l = &pool->lanes[i];
        for (worker *w; (w = abandon_one(l, now_ns, &next_ns)) != NULL;) {
            RF_LOG_ERROR("task hangs", RF_STR("lane", l->name),
                         RF_INT("limit_ms", w->task->limit_ns / RF_NS_PER_MS));
            w->task->hung(w->task);
            count_down(pool);
            sem_post(&w->told);
        }
    }
    pool->watch_ns = next_ns;
    rf_timer_set(pool->watch, next_ns);
}

static void watch_from(jam_pool *pool, int64_t at_ns)
{
    if (at_ns < pool->watch_ns) {
        pool->watch_ns = at_ns;
        rf_timer_set(pool->watch, at_ns);
    }
}

/* ---- putting and taking back ---- */

int jam_pool_put(jam_pool *pool, jam_task *task)
{
    lane *l = &pool->lanes[task->lane];
    task->pool = pool;
    pthread_mutex_lock(&l->mutex);
    bool is_full = l->n_heap == pool->max_queued;
    if (!is_full) {
        task->is_queued = true;
        sift_up(l, task, l->n_heap++);
        pthread_cond_signal(&l->filled);
        if (task->at == 0) { /* the reserve has to look at another moment */
            pthread_cond_signal(&l->pressed);
        }
    }
    pthread_mutex_unlock(&l->mutex);
    if (is_full) {
        return -EAGAIN;
    }
    pool->n_tasks++;
    watch_from(pool, rf_time_ns() + task->limit_ns);
    return 0;
}

bool jam_pool_cancel(jam_pool *pool, jam_task *task)
{
    lane *l = &pool->lanes[task->lane];
    pthread_mutex_lock(&l->mutex);
    bool was_queued = task->is_queued;
    if (was_queued) {
        heap_remove(l, task);
    }
    pthread_mutex_unlock(&l->mutex);
    if (was_queued) {
        count_down(pool);
    }
    return was_queued;
}

size_t jam_pool_queued(jam_pool *pool, jam_lane lane_of)
{
    lane *l = &pool->lanes[lane_of];
    pthread_mutex_lock(&l->mutex);
    size_t n = l->n_heap;
    pthread_mutex_unlock(&l->mutex);
    return n;
}

int64_t jam_pool_earliest(jam_pool *pool, jam_lane lane_of)
{
    lane *l = &pool->lanes[lane_of];
    pthread_mutex_lock(&l->mutex);
    int64_t due_ns = l->n_heap > 0 ? l->heap[0]->due_ns : RF_NEVER_NS;
    pthread_mutex_unlock(&l->mutex);
    return due_ns;
}

bool jam_pool_is_busy(const jam_pool *pool)
{
    return pool->n_tasks > 0;
}

size_t jam_pool_threads(const jam_pool *pool)
{
    return pool->lanes[JAM_LANE_REALTIME].n_workers;
}

void jam_task_beat(jam_task *task)
{
    atomic_store(&task->beat_ns, rf_time_ns());
}

/* ---- life ---- */

static void lane_start(jam_pool *pool, jam_lane which, const char *name, size_t n_threads, int nice)
{
    lane *l = &pool->lanes[which];
    *l = (lane){.pool = pool,
                .name = name,
                .nice = nice,
                .n_workers = n_threads,
                .has_reserve = which == JAM_LANE_REALTIME && n_threads > 1};
    pthread_mutex_init(&l->mutex, NULL);
    rf_cond_init(&l->filled);
    rf_cond_init(&l->pressed);
    rf_cond_init(&l->ended);
    l->heap = RF_NEW_ARRAY(jam_task *, pool->max_queued);
    l->workers = RF_NEW_ARRAY(worker *, n_threads);
    pthread_mutex_lock(&l->mutex);
    for (size_t i = 0; i < n_threads; i++) {
        start_worker(l, i);
    }
    pthread_mutex_unlock(&l->mutex);
}

jam_pool *jam_pool_new(rf_loop *loop, size_t n_threads, size_t max_queued)
{
    jam_pool *pool = RF_NEW(jam_pool);
    size_t n = n_threads > 0 ? n_threads : (size_t)RF_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    pool->loop = loop;
    pool->max_queued = max_queued;
    pool->watch = rf_timer_new(loop, on_watch, pool);
    pool->watch_ns = RF_NEVER_NS;
    lane_start(pool, JAM_LANE_REALTIME, "rt", n, 0);
    lane_start(pool, JAM_LANE_ASAP, "asap", n, 10);
    lane_start(pool, JAM_LANE_RENDER, "render", RENDER_THREADS, 19);
    lane_start(pool, JAM_LANE_HOUSE, "house", HOUSE_THREADS, 0);
    return pool;
}

static void end_settling(void *user)
{
    rf_loop_stop(((jam_pool *)user)->loop);
}

void jam_pool_settle(jam_pool *pool, int64_t limit_ns)
{
    if (pool->n_tasks > 0) {
        pool->settle = rf_timer_new(pool->loop, end_settling, pool);
        rf_timer_set(pool->settle, rf_time_ns() + limit_ns);
        (void)rf_loop_run(pool->loop);
        pool->settle = rf_timer_free(pool->settle);
    }
}

/* Waits until the worker has left or hangs; with the lane's mutex held. */
static void end_worker(lane *l, worker *w)
{
    while (!w->has_left) {
        int64_t until_ns = w->task == NULL ? RF_NEVER_NS : hung_at_ns(w);
        if (rf_time_wait_until(&l->ended, &l->mutex, until_ns) == -ETIMEDOUT && !w->has_left &&
            w->task != NULL && rf_time_ns() >= hung_at_ns(w) && move(w, BUSY, ABANDONED)) {
            pthread_detach(w->thread);
            sem_post(&w->told);
            return;
        }
    }
    pthread_mutex_unlock(&l->mutex);
    pthread_join(w->thread, NULL);
    pthread_mutex_lock(&l->mutex);
    worker_free(w);
}

static void lane_stop(lane *l)
{
    pthread_mutex_lock(&l->mutex);
    l->is_stopping = true;
    pthread_cond_broadcast(&l->filled);
    pthread_cond_broadcast(&l->pressed);
    for (size_t i = 0; i < l->n_workers; i++) {
        end_worker(l, l->workers[i]);
    }
    pthread_mutex_unlock(&l->mutex);
    pthread_cond_destroy(&l->filled);
    pthread_cond_destroy(&l->pressed);
    pthread_cond_destroy(&l->ended);
    pthread_mutex_destroy(&l->mutex);
    free(l->heap);
    free(l->workers);
}

jam_pool *jam_pool_free(jam_pool *pool)
{
    if (pool == NULL) {
        return NULL;
    }
    rf_timer_free(pool->watch);
    for (size_t i = 0; i < JAM_N_LANES; i++) {
        lane_stop(&pool->lanes[i]);
    }
    free(pool);
    return NULL;
}
