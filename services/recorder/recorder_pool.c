#include "recorder_pool.h"

#include <pthread.h>

struct recorder_pool {
    rf_loop *loop;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    recorder_task *first;
    recorder_task **last;
    bool closing;
    size_t n_threads;
    pthread_t threads[];
};

static void give_back(void *user)
{
    recorder_task *task = user;
    task->done(task);
}

static recorder_task *take(recorder_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->closing) {
        pthread_cond_wait(&pool->changed, &pool->lock);
    }
    recorder_task *task = pool->first;
    if (task != NULL) {
        pool->first = task->next;
        pool->last = pool->first == NULL ? &pool->first : pool->last;
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void *work(void *user)
{
    recorder_pool *pool = user;
    recorder_task *task;
    while ((task = take(pool)) != NULL) {
        task->run(task);
        rf_loop_post(pool->loop, give_back, task);
    }
    return NULL;
}

recorder_pool *recorder_pool_new(rf_loop *loop, size_t n_threads)
{
    recorder_pool *pool = rf_alloc(sizeof(*pool) + n_threads * sizeof(pool->threads[0]));
    pool->loop = loop;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    for (; pool->n_threads < n_threads; pool->n_threads++) {
        if (pthread_create(&pool->threads[pool->n_threads], NULL, work, pool) != 0) {
            abort();
        }
    }
    return pool;
}

void recorder_pool_put(recorder_pool *pool, recorder_task *task)
{
    pthread_mutex_lock(&pool->lock);
    task->next = NULL;
    task->pool = pool;
    *pool->last = task;
    pool->last = &task->next;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

void recorder_pool_close(recorder_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (; pool->n_threads > 0; pool->n_threads--) {
        pthread_join(pool->threads[pool->n_threads - 1], NULL);
    }
}

recorder_pool *recorder_pool_free(recorder_pool *pool)
{
    if (pool != NULL) {
        recorder_task *task;
        recorder_pool_close(pool);
        while ((task = take(pool)) != NULL) {
            task->run(task);
            task->done(task);
        }
        pthread_cond_destroy(&pool->changed);
        pthread_mutex_destroy(&pool->lock);
        free(pool);
    }
    return NULL;
}
