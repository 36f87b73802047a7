#include "rf_queue.h"

#include "rf_time.h"

#include <errno.h>
#include <pthread.h>

struct rf_queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty;
    pthread_cond_t not_full;
    void **items;
    size_t capacity;
    size_t head;
    size_t len;
    bool closed;
};

rf_queue *rf_queue_new(size_t capacity)
{
    rf_queue *q = RF_NEW(rf_queue);
    q->capacity = RF_MAX(capacity, (size_t)1);
    q->items = RF_NEW_ARRAY(void *, q->capacity);
    pthread_mutex_init(&q->mutex, NULL);
    rf_cond_init(&q->not_empty);
    rf_cond_init(&q->not_full);
    return q;
}

rf_queue *rf_queue_free(rf_queue *q)
{
    if (q != NULL) {
        pthread_cond_destroy(&q->not_full);
        pthread_cond_destroy(&q->not_empty);
        pthread_mutex_destroy(&q->mutex);
        free(q->items);
        free(q);
    }
    return NULL;
}

/* Waits until *len_is_not differs from bad, the queue closes or time is up. Called with the lock.
 */
static int wait_while(rf_queue *q, pthread_cond_t *cond, size_t bad, int64_t at_ns)
{
    while (q->len == bad && !q->closed) {
        if (at_ns == 0) {
            return -EAGAIN;
        }
        int err = rf_time_wait_until(cond, &q->mutex, at_ns);
        if (err < 0 && q->len == bad && !q->closed) {
            return err;
        }
    }
    return 0;
}

int rf_queue_put(rf_queue *q, void *item, int64_t at_ns)
{
    pthread_mutex_lock(&q->mutex);
    int err = wait_while(q, &q->not_full, q->capacity, at_ns);
    if (err == 0 && q->closed) {
        err = -EPIPE;
    }
    if (err == 0) {
        q->items[(q->head + q->len) % q->capacity] = item;
        q->len++;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->mutex);
    return err;
}

int rf_queue_take(rf_queue *q, void **ret_item, int64_t at_ns)
{
    pthread_mutex_lock(&q->mutex);
    int err = wait_while(q, &q->not_empty, 0, at_ns);
    if (err == 0 && q->len == 0) {
        err = -EPIPE;
    }
    if (err == 0) {
        *ret_item = q->items[q->head];
        q->head = (q->head + 1) % q->capacity;
        q->len--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->mutex);
    return err;
}

void rf_queue_close(rf_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->mutex);
}

size_t rf_queue_len(rf_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    size_t len = q->len;
    pthread_mutex_unlock(&q->mutex);
    return len;
}
