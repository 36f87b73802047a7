#include "job_leases.h"

#include <pthread.h>

#include "rf_log.h"
#include "rf_time.h"

struct job_leases {
    rf_loop *loop;
    rf_timer *timer;
    job_store *store;
    job_metrics *metrics;
    job_leases_config config;
    int64_t quiet_until_ns; /* nothing expires before */
    pthread_mutex_t mutex;  /* guards what follows */
    pthread_cond_t cond;
    unsigned in_flight;
};

static void settle(job_leases *l)
{
    pthread_mutex_lock(&l->mutex);
    l->in_flight--;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->mutex);
}

static void scan_done(job_op *op)
{
    job_leases *l = op->user;
    const job_op_scan *scan = (const job_op_scan *)op;
    if (op->err == 0 && scan->n_lost + scan->n_expired > 0) {
        RF_LOG_WARN("attempts ended by the scan", RF_INT("lost", scan->n_lost),
                    RF_INT("not_started", scan->n_expired));
    }
    job_op_free(op);
    settle(l);
}

static void stats_done(job_op *op)
{
    job_leases *l = op->user;
    if (op->err == 0 && l->metrics != NULL) {
        job_metrics_stats(l->metrics, (const job_op_stats *)op, rf_time_wall_ms());
    }
    job_op_free(op);
    settle(l);
}

/* Whether leases may expire now: not in the grace after a start, nor after a write that failed,
 * since a worker that lives has had its heartbeats refused as well. */
static bool may_expire(const job_leases *l)
{
    int64_t now_ns = rf_time_ns();
    int64_t failed_ns = job_store_failed_ns(l->store);
    return now_ns >= l->quiet_until_ns &&
           (failed_ns == 0 || now_ns - failed_ns >= l->config.grace_ms * RF_NS_PER_MS);
}

static void submit(job_leases *l, job_op *op)
{
    pthread_mutex_lock(&l->mutex);
    l->in_flight++;
    pthread_mutex_unlock(&l->mutex);
    job_store_submit(l->store, op);
}

static void tick(void *user)
{
    job_leases *l = user;
    if (may_expire(l)) {
        job_op_scan *scan = JOB_OP_NEW(JOB_OP_SCAN, job_op_scan, scan_done, l);
        scan->start_limit_ms = l->config.start_limit_ms;
        submit(l, &scan->op);
    }
    job_op_stats *stats = JOB_OP_NEW(JOB_OP_STATS, job_op_stats, stats_done, l);
    submit(l, &stats->op);
    rf_timer_set(l->timer, rf_time_ns() + l->config.scan_ms * RF_NS_PER_MS);
}

job_leases *job_leases_start(rf_loop *loop, job_store *store, job_metrics *metrics,
                             const job_leases_config *config)
{
    job_leases *l = RF_NEW(job_leases);
    l->loop = loop;
    l->store = store;
    l->metrics = metrics;
    l->config = *config;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->cond, NULL);
    l->quiet_until_ns = rf_time_ns() + config->grace_ms * RF_NS_PER_MS;
    l->timer = rf_timer_new(loop, tick, l);
    rf_timer_set(l->timer, rf_time_ns() + config->scan_ms * RF_NS_PER_MS);
    return l;
}

job_leases *job_leases_stop(job_leases *l)
{
    if (l != NULL) {
        l->timer = rf_timer_free(l->timer);
        pthread_mutex_lock(&l->mutex);
        while (l->in_flight > 0) {
            pthread_cond_wait(&l->cond, &l->mutex);
        }
        pthread_mutex_unlock(&l->mutex);
        pthread_cond_destroy(&l->cond);
        pthread_mutex_destroy(&l->mutex);
        free(l);
    }
    return NULL;
}
