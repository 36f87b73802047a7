#include "job_store_sql_readers.h"

#include "job_op_queue.h"
#include "rf_time.h"

#define READERS_MAX 16
#define AGAIN_NS (200 * RF_NS_PER_MS)

typedef struct reader {
    job_readers *all;
    job_tx tx;
    pthread_t thread;
} reader;

struct job_readers {
    const job_store_options *options;
    pthread_mutex_t mutex; /* guards everything to the blank line */
    pthread_cond_t cond;
    job_op_queue reads;
    job_op_queue put_off; /* by an outage, until again_ns */
    int64_t again_ns;
    bool closing;

    reader readers[READERS_MAX];
    size_t n_open;
    size_t n_started;
};

/* Whether the read is worth another try. */
static bool put_off(job_readers *r, job_op *op)
{
    int64_t now_ns = rf_time_ns();
    if (!job_op_is_outage(op->err) || now_ns >= op->until_ns) {
        return false;
    }
    pthread_mutex_lock(&r->mutex);
    bool later = !r->closing;
    if (later) {
        r->again_ns = r->put_off.n == 0 ? now_ns + AGAIN_NS : r->again_ns;
        job_op_queue_push(&r->put_off, op);
        pthread_cond_signal(&r->cond);
    }
    pthread_mutex_unlock(&r->mutex);
    return later;
}

static void run(reader *one, job_op *op)
{
    int err = job_tx_run(&one->tx, op);
    op->err = err != 0 ? err : op->err;
    job_arena_done(&one->tx.arena);
    if (!put_off(one->all, op)) {
        op->done(op);
    }
}

/* Waits for the next read; NULL at the end. With the mutex. */
static job_op *next_read(job_readers *r)
{
    for (;;) {
        if (r->put_off.n > 0 && (r->closing || rf_time_ns() >= r->again_ns)) {
            job_op_queue_append(&r->reads, &r->put_off);
        }
        if (r->reads.n > 0) {
            return job_op_queue_take(&r->reads, 1).first;
        }
        if (r->closing) {
            return NULL;
        }
        rf_time_wait_until(&r->cond, &r->mutex, r->put_off.n > 0 ? r->again_ns : RF_NEVER_NS);
    }
}

static void *reader_main(void *arg)
{
    reader *one = arg;
    job_readers *r = one->all;
    pthread_mutex_lock(&r->mutex);
    for (job_op *op = next_read(r); op != NULL; op = next_read(r)) {
        pthread_mutex_unlock(&r->mutex);
        run(one, op);
        pthread_mutex_lock(&r->mutex);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

int job_readers_open(const job_store_options *options, job_common *common, job_readers **ret)
{
    job_readers *r = RF_NEW(job_readers);
    r->options = options;
    pthread_mutex_init(&r->mutex, NULL);
    rf_cond_init(&r->cond);
    *ret = r;
    int err = 0;
    while (err == 0 && r->n_open < RF_MIN(options->n_readers, (size_t)READERS_MAX)) {
        reader *one = &r->readers[r->n_open];
        one->all = r;
        err = job_tx_open(&one->tx, options, common, JOB_SQL_READER);
        r->n_open += err == 0;
    }
    return err;
}

int job_readers_start(job_readers *r)
{
    int err = 0;
    while (err == 0 && r->n_started < r->n_open) {
        reader *one = &r->readers[r->n_started];
        err = -pthread_create(&one->thread, NULL, reader_main, one);
        r->n_started += err == 0;
    }
    return err;
}

bool job_readers_submit(job_readers *r, job_op *op)
{
    pthread_mutex_lock(&r->mutex);
    bool room = !r->closing && r->reads.n + r->put_off.n < r->options->queue_max;
    if (room) {
        job_op_queue_push(&r->reads, op);
        pthread_cond_signal(&r->cond);
    }
    pthread_mutex_unlock(&r->mutex);
    return room;
}

void job_readers_stop(job_readers *r)
{
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->mutex);
    r->closing = true;
    pthread_cond_broadcast(&r->cond);
    pthread_mutex_unlock(&r->mutex);
    for (size_t i = 0; i < r->n_started; i++) {
        pthread_join(r->readers[i].thread, NULL);
    }
    r->n_started = 0;
}

job_readers *job_readers_free(job_readers *r)
{
    if (r == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < r->n_open; i++) {
        job_tx_documents_free(&r->readers[i].tx);
        job_sql_close(r->readers[i].tx.db);
    }
    pthread_cond_destroy(&r->cond);
    pthread_mutex_destroy(&r->mutex);
    free(r);
    return NULL;
}
