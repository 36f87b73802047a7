#include "rf_loop.h"

#include "rf_time.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_WAIT 128
#define NOT_IN_HEAP SIZE_MAX

/* Longest sleep while a test drives the clock, whose steps no timer of the kernel sees. */
#define DRIVEN_LOOK_MS 2

struct rf_loop_fd {
    rf_loop *loop;
    int fd;
    rf_loop_fd_fn fn;
    void *user;
    bool removed;
    rf_loop_fd *next_removed;
};

struct rf_timer {
    rf_loop *loop;
    int64_t at_ns;
    size_t index; /* in loop->heap */
    rf_loop_fn fn;
    void *user;
};

typedef struct task {
    rf_loop_fn fn;
    void *user;
} task;

struct rf_loop {
    int epoll_fd;
    int event_fd;
    _Atomic(bool) stop;
    pthread_mutex_t mutex;
    task *tasks; /* guarded by mutex */
    size_t n_tasks;
    size_t cap_tasks;
    bool woken;          /* for the tasks; guarded, as what follows */
    int64_t wakes_at_ns; /* when the sleep in progress ends by itself */
    task *running;       /* the other half of the double buffer */
    size_t cap_running;
    rf_timer **heap; /* binary heap, earliest first */
    size_t n_heap;
    size_t cap_heap;
    int64_t now_ns; /* when the round began */
    rf_loop_fn round_end;
    void *round_end_user;
    rf_loop_fd *removed; /* freed after the round, since its events may still be in hand */
};

rf_loop *rf_loop_new(void)
{
    rf_loop *loop = RF_NEW(rf_loop);
    pthread_mutex_init(&loop->mutex, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll_fd < 0 || loop->event_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->event_fd, &ev) < 0) {
        return rf_loop_free(loop);
    }
    return loop;
}

static void free_removed(rf_loop *loop)
{
    while (loop->removed != NULL) {
        rf_loop_fd *watch = loop->removed;
        loop->removed = watch->next_removed;
        free(watch);
    }
}

rf_loop *rf_loop_free(rf_loop *loop)
{
    if (loop == NULL) {
        return NULL;
    }
    free_removed(loop);
    rf_close(&loop->event_fd);
    rf_close(&loop->epoll_fd);
    pthread_mutex_destroy(&loop->mutex);
    free(loop->tasks);
    free(loop->running);
    free(loop->heap);
    free(loop);
    return NULL;
}

static void wake(rf_loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->event_fd, &one, sizeof(one));
    (void)n; /* a full counter wakes as well */
}

void rf_loop_stop(rf_loop *loop)
{
    atomic_store(&loop->stop, true);
    wake(loop);
}

void rf_loop_post_within(rf_loop *loop, rf_loop_fn fn, void *user, int64_t slack_ns)
{
    pthread_mutex_lock(&loop->mutex);
    loop->tasks = rf_make_room(loop->tasks, loop->n_tasks + 1, &loop->cap_tasks, sizeof(task));
    bool wanted = !loop->woken && (slack_ns == 0 || loop->wakes_at_ns - rf_time_ns() > slack_ns);
    loop->woken = loop->woken || wanted;
    loop->tasks[loop->n_tasks++] = (task){.fn = fn, .user = user};
    pthread_mutex_unlock(&loop->mutex);
    if (wanted) {
        wake(loop);
    }
}

void rf_loop_post(rf_loop *loop, rf_loop_fn fn, void *user)
{
    rf_loop_post_within(loop, fn, user, 0);
}

void rf_loop_at_round_end(rf_loop *loop, rf_loop_fn fn, void *user)
{
    loop->round_end = fn;
    loop->round_end_user = user;
}

int64_t rf_loop_now_ns(const rf_loop *loop)
{
    return loop->now_ns;
}

static void run_tasks(rf_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    task *tasks = loop->tasks;
    size_t n = loop->n_tasks;
    size_t cap = loop->cap_tasks;
    loop->tasks = loop->running;
    loop->cap_tasks = loop->cap_running;
    loop->n_tasks = 0;
    loop->woken = false;
    loop->running = tasks;
    loop->cap_running = cap;
    pthread_mutex_unlock(&loop->mutex);
    for (size_t i = 0; i < n; i++) {
        tasks[i].fn(tasks[i].user);
    }
}

rf_loop_fd *rf_loop_add(rf_loop *loop, int fd, uint32_t events, rf_loop_fd_fn fn, void *user)
{
    rf_loop_fd *watch = RF_NEW(rf_loop_fd);
    *watch = (rf_loop_fd){.loop = loop, .fd = fd, .fn = fn, .user = user};
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        free(watch);
        return NULL;
    }
    return watch;
}

void rf_loop_modify(rf_loop_fd *watch, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &ev);
}

void rf_loop_remove(rf_loop_fd *watch)
{
    if (watch == NULL || watch->removed) {
        return;
    }
    epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->removed = true;
    watch->next_removed = watch->loop->removed;
    watch->loop->removed = watch;
}

static void heap_place(rf_loop *loop, rf_timer *t, size_t i)
{
    loop->heap[i] = t;
    t->index = i;
}

static void heap_up(rf_loop *loop, size_t i)
{
    rf_timer *t = loop->heap[i];
    while (i > 0 && loop->heap[(i - 1) / 2]->at_ns > t->at_ns) {
        heap_place(loop, loop->heap[(i - 1) / 2], i);
        i = (i - 1) / 2;
    }
    heap_place(loop, t, i);
}

static void heap_down(rf_loop *loop, size_t i)
{
    rf_timer *t = loop->heap[i];
    for (size_t child = 2 * i + 1; child < loop->n_heap; child = 2 * i + 1) {
        if (child + 1 < loop->n_heap && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns) {
            child++;
        }
        if (loop->heap[child]->at_ns >= t->at_ns) {
            break;
        }
        heap_place(loop, loop->heap[child], i);
        i = child;
    }
    heap_place(loop, t, i);
}

static void heap_remove(rf_loop *loop, rf_timer *t)
{
    size_t i = t->index;
    if (i == NOT_IN_HEAP) {
        return;
    }
    rf_timer *last = loop->heap[--loop->n_heap];
    t->index = NOT_IN_HEAP;
    if (last != t) {
        heap_place(loop, last, i);
        heap_up(loop, i);
        heap_down(loop, last->index);
    }
}

rf_timer *rf_timer_new(rf_loop *loop, rf_loop_fn fn, void *user)
{
    rf_timer *t = RF_NEW(rf_timer);
    *t = (rf_timer){.loop = loop, .index = NOT_IN_HEAP, .fn = fn, .user = user};
    return t;
}

void rf_timer_set(rf_timer *t, int64_t at_ns)
{
    rf_loop *loop = t->loop;
    heap_remove(loop, t);
    if (at_ns == RF_NEVER_NS) {
        return;
    }
    loop->heap = rf_make_room(loop->heap, loop->n_heap + 1, &loop->cap_heap, sizeof(rf_timer *));
    t->at_ns = at_ns;
    heap_place(loop, t, loop->n_heap++);
    heap_up(loop, t->index);
}

rf_timer *rf_timer_free(rf_timer *t)
{
    if (t != NULL) {
        heap_remove(t->loop, t);
        free(t);
    }
    return NULL;
}

static void run_timers(rf_loop *loop)
{
    int64_t now = rf_time_ns();
    while (loop->n_heap > 0 && loop->heap[0]->at_ns <= now && !atomic_load(&loop->stop)) {
        rf_timer *t = loop->heap[0];
        heap_remove(loop, t);
        t->fn(t->user);
    }
}

static int wait_ms(const rf_loop *loop)
{
    int64_t ms = -1;
    if (loop->n_heap > 0) {
        int64_t left = loop->heap[0]->at_ns - rf_time_ns();
        ms = left <= 0 ? 0 : RF_MIN((left + RF_NS_PER_MS - 1) / RF_NS_PER_MS, (int64_t)INT_MAX);
        if (rf_time_is_driven()) {
            ms = RF_MIN(ms, (int64_t)DRIVEN_LOOK_MS);
        }
    }
    return (int)ms;
}

/* How long to sleep: not at all before tasks for which nobody has woken the loop. */
static int sleep_ms(rf_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    int ms = loop->n_tasks > 0 && !loop->woken ? 0 : wait_ms(loop);
    loop->wakes_at_ns = ms < 0 ? RF_NEVER_NS : rf_time_ns() + ms * RF_NS_PER_MS;
    pthread_mutex_unlock(&loop->mutex);
    return ms;
}

static bool has_quiet_tasks(rf_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    bool has = loop->n_tasks > 0 && !loop->woken;
    pthread_mutex_unlock(&loop->mutex);
    return has;
}

static void dispatch(rf_loop *loop, const struct epoll_event *ev)
{
    rf_loop_fd *watch = ev->data.ptr;
    if (watch == NULL) {
        uint64_t count;
        ssize_t n = read(loop->event_fd, &count, sizeof(count));
        (void)n;
        run_tasks(loop);
    } else if (!watch->removed) {
        watch->fn(ev->events, watch->user);
    }
}

int rf_loop_run(rf_loop *loop)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    while (!atomic_load(&loop->stop)) {
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_WAIT, sleep_ms(loop));
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        loop->now_ns = rf_time_ns();
        for (int i = 0; i < n && !atomic_load(&loop->stop); i++) {
            dispatch(loop, &events[i]);
        }
        if (!atomic_load(&loop->stop) && has_quiet_tasks(loop)) {
            run_tasks(loop);
        }
        if (loop->round_end != NULL) {
            loop->round_end(loop->round_end_user);
        }
        run_timers(loop);
        free_removed(loop);
    }
    atomic_store(&loop->stop, false);
    return 0;
}

static void stop_here(void *user)
{
    rf_loop_stop(user);
}

void rf_loop_settle(rf_loop *loop)
{
    rf_loop_post(loop, stop_here, loop);
    (void)rf_loop_run(loop);
}
