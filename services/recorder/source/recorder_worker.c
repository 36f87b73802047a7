#include "recorder_worker.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct task_list {
    recorder_errand *first;
    recorder_errand **end;
} task_list;

struct recorder_worker {
    rf_loop_fd *watch;
    int wake_fd;
    size_t n; /* the owner's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t some;
    task_list todo; /* under the lock, as what follows */
    task_list done;
    bool over;
};

static void list_add(task_list *list, recorder_errand *task)
{
    task->next = NULL;
    *list->end = task;
    list->end = &task->next;
}

static recorder_errand *list_take(task_list *list)
{
    recorder_errand *task = list->first;
    if (task != NULL) {
        list->first = task->next;
        if (list->first == NULL) {
            list->end = &list->first;
        }
    }
    return task;
}

static void *work(void *user)
{
    recorder_worker *worker = user;
    pthread_mutex_lock(&worker->lock);
    while (true) {
        recorder_errand *task = list_take(&worker->todo);
        if (task != NULL) {
            pthread_mutex_unlock(&worker->lock);
            task->work(task->user);
            pthread_mutex_lock(&worker->lock);
            list_add(&worker->done, task);
            eventfd_write(worker->wake_fd, 1);
        } else if (worker->over) {
            break;
        } else {
            pthread_cond_wait(&worker->some, &worker->lock);
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static void hand_back(recorder_worker *worker)
{
    while (true) {
        pthread_mutex_lock(&worker->lock);
        recorder_errand *task = list_take(&worker->done);
        pthread_mutex_unlock(&worker->lock);
        if (task == NULL) {
            return;
        }
        worker->n--;
        task->done(task->user);
    }
}

static void on_wake(uint32_t events RF_UNUSED, void *user)
{
    recorder_worker *worker = user;
    eventfd_t count;
    eventfd_read(worker->wake_fd, &count);
    hand_back(worker);
}

recorder_worker *recorder_worker_new(rf_loop *loop)
{
    recorder_worker *worker = RF_NEW(recorder_worker);
    worker->todo.end = &worker->todo.first;
    worker->done.end = &worker->done.first;
    worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->some, NULL);
    if (worker->wake_fd < 0 || pthread_create(&worker->thread, NULL, work, worker) != 0) {
        abort(); /* a small fixed need, as memory is */
    }
    worker->watch = rf_loop_add(loop, worker->wake_fd, EPOLLIN, on_wake, worker);
    return worker;
}

recorder_worker *recorder_worker_free(recorder_worker *worker)
{
    if (worker == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&worker->lock);
    worker->over = true;
    pthread_cond_signal(&worker->some);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    rf_loop_remove(worker->watch);
    hand_back(worker);
    rf_close(&worker->wake_fd);
    pthread_cond_destroy(&worker->some);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
    return NULL;
}

void recorder_worker_run(recorder_worker *worker, recorder_errand *task)
{
    worker->n++;
    pthread_mutex_lock(&worker->lock);
    list_add(&worker->todo, task);
    pthread_cond_signal(&worker->some);
    pthread_mutex_unlock(&worker->lock);
}

size_t recorder_worker_n(const recorder_worker *worker)
{
    return worker->n;
}
