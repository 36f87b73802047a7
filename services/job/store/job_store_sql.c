/*
 * The threads of the store. A writer takes whatever has queued up, runs it in one transaction and
 * commits; a completer then calls back, so that the next group runs meanwhile. Where the database
 * can do with several writers, each has its connection and groups of its own.
 */
#include "job_store_sql_readers.h"

#include "job_migrations.h"
#include "job_op_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "rf_log.h"
#include "rf_time.h"

#define WRITERS_MAX 16
#define PARTS 64 /* of a count */
#define GATHER_NS (2 * RF_NS_PER_MS)

/* A committed group on its way to the completer. */
typedef struct group {
    job_op_queue ops;
    job_arena arena; /* of the changes */
    job_change *changes;
    job_noted *facts;
    bool outbox;
    bool hooks;
    struct group *next;
} group;

struct job_store {
    job_store_options options;
    char *url;
    pthread_mutex_t mutex; /* guards everything to the blank line */
    pthread_cond_t writes_cond;
    pthread_cond_t groups_cond;
    job_op_queue writes;
    int64_t gathering_ns; /* since when the first of writes waits */
    size_t n_running;     /* operations that writers are at */
    group *groups;
    group **groups_end;
    bool closing;
    size_t n_writing; /* writers that may still hand over a group */

    _Atomic(int64_t) failed_ns;
    job_common common;
    job_tx writers[WRITERS_MAX];
    job_readers *readers;
    pthread_t writer_threads[WRITERS_MAX];
    pthread_t completer_thread;
    size_t n_writers; /* started */
    bool completing;
};

/* ---- the writer ---- */

static void note_failure(job_store *store, int err)
{
    if (job_op_is_outage(err)) {
        store->failed_ns = rf_time_ns();
    }
}

bool job_store_shared(const job_store *store)
{
    return job_sql_shared(store->writers[0].db);
}

int64_t job_store_failed_ns(const job_store *store)
{
    return store->failed_ns;
}

/* Hands the committed group to the completer. */
static void complete(job_store *store, job_tx *tx, job_op_queue ops)
{
    group *g = RF_NEW(group);
    g->ops = ops;
    g->arena = tx->arena;
    g->changes = tx->changes;
    g->facts = tx->facts;
    g->outbox = tx->outbox;
    g->hooks = tx->hooks;
    tx->arena = (job_arena){.blocks = NULL};
    pthread_mutex_lock(&store->mutex);
    *store->groups_end = g;
    store->groups_end = &g->next;
    pthread_cond_signal(&store->groups_cond);
    pthread_mutex_unlock(&store->mutex);
}

static void complete_one(job_store *store, job_tx *tx, job_op *op)
{
    job_op_queue single = {.first = NULL};
    job_op_queue_push(&single, op);
    complete(store, tx, single);
}

/* Runs each operation in a transaction of its own: a group failed, and one of them may be to blame.
 * The outputs of the first try are dropped with what it allocated in the operations' arenas at
 * their end. Once one finds no server the others are not kept waiting for it. */
static void run_singly(job_store *store, job_tx *tx, job_op_queue ops)
{
    int err = 0;
    while (ops.first != NULL) {
        job_op *op = ops.first;
        ops.first = op->next;
        op->next = NULL;
        err = err != 0 && job_sql_lost(tx->db) ? err : job_tx_run(tx, op);
        note_failure(store, err);
        op->err = err != 0 ? err : op->err;
        complete_one(store, tx, op);
    }
}

/* Whether one of the group may be to blame, or the failure may have passed. A group that may have
 * been committed must not run again. */
static bool worth_trying_singly(int err)
{
    return err != 0 && err != -ECANCELED;
}

static void run_group(job_store *store, job_tx *tx, job_op_queue ops)
{
    int err = job_tx_run(tx, ops.first);
    note_failure(store, err);
    if (ops.n > 1 && worth_trying_singly(err)) {
        RF_LOG_WARN("store group failed, trying singly", RF_INT("operations", ops.n));
        run_singly(store, tx, ops);
        return;
    }
    for (job_op *op = ops.first; op != NULL && err != 0; op = op->next) {
        op->err = err;
    }
    complete(store, tx, ops);
}

/* While other writers are at work, groups come to be as large as all of theirs together: each costs
 * a commit. No operation waits for long; alone, none does. */
static bool may_take(const job_store *store)
{
    size_t enough = RF_MIN(store->n_running, store->options.group_max);
    return store->closing ||
           (store->writes.n > 0 &&
            (store->writes.n >= enough || rf_time_real_ns() - store->gathering_ns >= GATHER_NS));
}

/* The clock is not the one that a test drives: a database does not wait. */
static void wait_for_writes(job_store *store)
{
    while (!may_take(store)) {
        if (store->writes.n == 0) {
            pthread_cond_wait(&store->writes_cond, &store->mutex);
            continue;
        }
        int64_t end_ns = store->gathering_ns + GATHER_NS;
        const struct timespec end = {.tv_sec = end_ns / RF_NS_PER_S,
                                     .tv_nsec = end_ns % RF_NS_PER_S};
        pthread_cond_timedwait(&store->writes_cond, &store->mutex, &end);
    }
}

/* Takes lazy operations, or all others, as the first is. */
static job_op_queue take_apart(job_op_queue *q, size_t max)
{
    job_op_queue taken = {.first = NULL};
    job_op_queue passed = {.first = NULL};
    bool lazy = q->n > 0 && job_tx_is_lazy(q->first);
    while (q->n > 0 && taken.n < max) {
        job_op *op = job_op_queue_take(q, 1).first;
        job_op_queue_push(job_tx_is_lazy(op) == lazy ? &taken : &passed, op);
    }
    job_op_queue_append(&passed, q);
    *q = passed;
    return taken;
}

/* Where the order of submission need not be kept, lazy operations go apart. */
static job_op_queue take_writes(job_store *store)
{
    size_t max = store->options.group_max;
    bool shared = job_sql_shared(store->writers[0].db);
    job_op_queue ops =
        shared ? take_apart(&store->writes, max) : job_op_queue_take(&store->writes, max);
    store->gathering_ns = rf_time_real_ns();
    if (store->writes.n > 0) {
        pthread_cond_signal(&store->writes_cond);
    }
    return ops;
}

typedef struct thread_arg {
    job_store *store;
    job_tx *tx;
} thread_arg;

static void *writer_main(void *arg)
{
    thread_arg writer = *(thread_arg *)arg;
    free(arg);
    job_store *store = writer.store;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        wait_for_writes(store);
        if (store->writes.n == 0) {
            break;
        }
        job_op_queue ops = take_writes(store);
        size_t n = ops.n;
        store->n_running += n;
        pthread_mutex_unlock(&store->mutex);
        run_group(store, writer.tx, ops);
        pthread_mutex_lock(&store->mutex);
        store->n_running -= n;
    }
    store->n_writing--;
    pthread_cond_broadcast(&store->groups_cond);
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* ---- the completer ---- */

static void call_hooks(job_store *store, const group *g)
{
    const job_store_hooks *hooks = &store->options.hooks;
    for (const job_change *c = g->changes; c != NULL && hooks->state != NULL; c = c->next) {
        hooks->state(hooks->user, c->app, c->id, c->state);
    }
    for (const job_noted *n = g->facts; n != NULL && hooks->fact != NULL; n = n->next) {
        hooks->fact(hooks->user, &n->fact);
    }
    if (g->outbox && hooks->outbox != NULL) {
        hooks->outbox(hooks->user);
    }
    if (g->hooks && hooks->webhooks != NULL) {
        hooks->webhooks(hooks->user);
    }
}

static void finish_ops(job_op *op)
{
    while (op != NULL) {
        job_op *next = op->next;
        op->done(op);
        op = next;
    }
}

static void finish_group(job_store *store, group *g)
{
    call_hooks(store, g);
    finish_ops(g->ops.first);
    job_arena_done(&g->arena);
    free(g);
}

static void *completer_main(void *arg)
{
    job_store *store = arg;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (store->groups == NULL && store->n_writing > 0) {
            pthread_cond_wait(&store->groups_cond, &store->mutex);
        }
        group *g = store->groups;
        if (g == NULL) {
            break;
        }
        store->groups = g->next;
        if (store->groups == NULL) {
            store->groups_end = &store->groups;
        }
        pthread_mutex_unlock(&store->mutex);
        finish_group(store, g);
        pthread_mutex_lock(&store->mutex);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* ---- open, close, submit ---- */

/* Writers of one store count in different parts, those of several stores in most cases. */
static int open_writer(job_store *store, size_t i, uint8_t first_part)
{
    job_tx *tx = &store->writers[i];
    int err = job_tx_open(tx, &store->options, &store->common, JOB_SQL_WRITER);
    tx->part = err == 0 && job_sql_shared(tx->db) ? (int64_t)(first_part + i) % PARTS : 0;
    return err;
}

/* Where nobody else writes, more than one writer would only wait for the other. */
static size_t writers_wanted(const job_store *store)
{
    size_t n = RF_MAX(RF_MIN(store->options.n_writers, (size_t)WRITERS_MAX), (size_t)1);
    return job_sql_shared(store->writers[0].db) ? n : 1;
}

static int open_all(job_store *store)
{
    uint8_t first_part;
    rf_random(&first_part, sizeof(first_part));
    int err = open_writer(store, 0, first_part);
    err = err == 0 ? job_migrations_run(store->writers[0].db) : err;
    for (size_t i = 1; err == 0 && i < writers_wanted(store); i++) {
        err = open_writer(store, i, first_part);
    }
    return err == 0 ? job_readers_open(&store->options, &store->common, &store->readers) : err;
}

static int start_thread(job_store *store, job_tx *tx, void *(*fn)(void *), pthread_t *thread)
{
    thread_arg *arg = RF_NEW(thread_arg);
    *arg = (thread_arg){.store = store, .tx = tx};
    int err = -pthread_create(thread, NULL, fn, arg);
    if (err < 0) {
        free(arg);
    }
    return err;
}

static int start_writers(job_store *store)
{
    size_t wanted = writers_wanted(store);
    int err = 0;
    while (err == 0 && store->n_writers < wanted) {
        pthread_mutex_lock(&store->mutex);
        store->n_writing++;
        pthread_mutex_unlock(&store->mutex);
        err = start_thread(store, &store->writers[store->n_writers], writer_main,
                           &store->writer_threads[store->n_writers]);
        store->n_writers += err == 0;
    }
    pthread_mutex_lock(&store->mutex);
    store->n_writing -= err != 0;
    pthread_cond_broadcast(&store->groups_cond);
    pthread_mutex_unlock(&store->mutex);
    return err;
}

static int start_all(job_store *store)
{
    int err = start_writers(store);
    if (store->n_writers > 0) {
        int failed = -pthread_create(&store->completer_thread, NULL, completer_main, store);
        store->completing = failed == 0;
        err = err == 0 ? failed : err;
    }
    return err == 0 ? job_readers_start(store->readers) : err;
}

static job_store *store_new(const job_store_options *options)
{
    job_store *store = RF_NEW(job_store);
    store->options = *options;
    store->url = rf_strdup(options->url);
    store->options.url = store->url;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->common.mutex, NULL);
    rf_cond_init(&store->writes_cond); /* by the monotonic clock */
    pthread_cond_init(&store->groups_cond, NULL);
    store->groups_end = &store->groups;
    return store;
}

int job_store_open(const job_store_options *options, job_store **ret)
{
    job_store *store = store_new(options);
    int err = open_all(store);
    err = err == 0 ? start_all(store) : err;
    if (err < 0) {
        job_store_close(store);
        return err;
    }
    *ret = store;
    return 0;
}

static void stop_threads(job_store *store)
{
    pthread_mutex_lock(&store->mutex);
    store->closing = true;
    pthread_cond_broadcast(&store->writes_cond);
    pthread_mutex_unlock(&store->mutex);
    for (size_t i = 0; i < store->n_writers; i++) {
        pthread_join(store->writer_threads[i], NULL);
    }
    if (store->completing) {
        pthread_join(store->completer_thread, NULL);
    }
}

job_store *job_store_close(job_store *store)
{
    if (store == NULL) {
        return NULL;
    }
    job_readers_stop(store->readers);
    stop_threads(store);
    store->readers = job_readers_free(store->readers);
    for (size_t i = 0; i < WRITERS_MAX; i++) {
        job_tx_documents_free(&store->writers[i]);
        store->writers[i].db = job_sql_close(store->writers[i].db);
    }
    pthread_cond_destroy(&store->groups_cond);
    pthread_cond_destroy(&store->writes_cond);
    pthread_mutex_destroy(&store->mutex);
    job_common_done(&store->common);
    free(store->url);
    free(store);
    return NULL;
}

static bool submit_write(job_store *store, job_op *op)
{
    pthread_mutex_lock(&store->mutex);
    bool room = !store->closing && store->writes.n < store->options.queue_max;
    if (room) {
        store->gathering_ns = store->writes.n == 0 ? rf_time_real_ns() : store->gathering_ns;
        job_op_queue_push(&store->writes, op);
        pthread_cond_signal(&store->writes_cond);
    }
    pthread_mutex_unlock(&store->mutex);
    if (!room) {
        note_failure(store, -EAGAIN);
    }
    return room;
}

void job_store_submit(job_store *store, job_op *op)
{
    bool taken = job_op_is_write(op->kind) ? submit_write(store, op)
                                           : job_readers_submit(store->readers, op);
    if (!taken) {
        op->err = -EAGAIN;
        op->done(op);
    }
}

typedef struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool over;
} waiter;

static void wake(job_op *op)
{
    waiter *w = op->user;
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

int job_store_run(job_store *store, job_op *op)
{
    waiter w = {.over = false};
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.cond, NULL);
    op->done = wake;
    op->user = &w;
    job_store_submit(store, op);
    pthread_mutex_lock(&w.mutex);
    while (!w.over) {
        pthread_cond_wait(&w.cond, &w.mutex);
    }
    pthread_mutex_unlock(&w.mutex);
    pthread_cond_destroy(&w.cond);
    pthread_mutex_destroy(&w.mutex);
    return op->err;
}
