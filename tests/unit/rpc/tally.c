#include "tally.h"

#include "rf_time.h"

#define WAIT_NS (20 * RF_NS_PER_S)

void tally_init(tally *t)
{
    *t = (tally){0};
    (void)pthread_mutex_init(&t->mutex, NULL);
    rf_cond_init(&t->changed);
}

void tally_done(rf_rpc_result *r, void *user)
{
    tally *t = (tally *)user;
    (void)pthread_mutex_lock(&t->mutex);
    t->n_done++;
    t->by_code[r->status->code]++;
    t->last = *r->status;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->mutex);
}

size_t tally_count(tally *t)
{
    (void)pthread_mutex_lock(&t->mutex);
    size_t n = t->n_done;
    (void)pthread_mutex_unlock(&t->mutex);
    return n;
}

bool tally_wait(tally *t, size_t n)
{
    int64_t at_ns = rf_time_ns() + WAIT_NS;
    int err = 0;
    (void)pthread_mutex_lock(&t->mutex);
    while (t->n_done < n && err == 0) {
        err = rf_time_wait_until(&t->changed, &t->mutex, at_ns);
    }
    bool ok = t->n_done >= n;
    (void)pthread_mutex_unlock(&t->mutex);
    return ok;
}
