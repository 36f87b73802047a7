/*
 * The threads of the SQLite backend. One writer takes whatever has queued up, runs it in one
 * transaction and commits; a completer then calls back, so that the next group runs meanwhile.
 * Readers answer reads, each on its own connection and snapshot.
 */
#include "job_store_sqlite.h"

#include "job_migrations.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "rf_log.h"
#include "rf_time.h"

#define READERS_MAX 16

/* A queue of operations with its length. */
typedef struct op_list {
    job_op *first;
    job_op **end;
    size_t n;
} op_list;

/* A committed group on its way to the completer. */
typedef struct group {
    op_list ops;
    job_arena arena; /* of the changes */
    job_change *changes;
    job_noted *facts;
    bool outbox;
    struct group *next;
} group;

struct job_store {
    job_store_options options;
    char *path;
    pthread_mutex_t mutex; /* guards everything to the blank line */
    pthread_cond_t writes_cond;
    pthread_cond_t reads_cond;
    pthread_cond_t groups_cond;
    op_list writes;
    op_list reads;
    group *groups;
    group **groups_end;
    bool closing;
    bool writer_gone;

    _Atomic(int64_t) failed_ns;
    job_tx writer;
    job_tx readers[READERS_MAX];
    pthread_t writer_thread;
    pthread_t completer_thread;
    pthread_t reader_threads[READERS_MAX];
    size_t n_readers; /* started */
    bool started;
};

const job_op_fn job_sqlite_ops[JOB_N_OPS] = {
    [JOB_OP_CREATE] = job_sqlite_create,
    [JOB_OP_CLAIM] = job_sqlite_claim,
    [JOB_OP_HEARTBEAT] = job_sqlite_heartbeat,
    [JOB_OP_STEP_DONE] = job_sqlite_step_done,
    [JOB_OP_FINISH] = job_sqlite_finish,
    [JOB_OP_SCAN] = job_sqlite_scan,
    [JOB_OP_CANCEL] = job_sqlite_cancel,
    [JOB_OP_DELETE] = job_sqlite_delete,
    [JOB_OP_UPLOAD_CREATE] = job_sqlite_upload_create,
    [JOB_OP_UPLOAD_COMPLETE] = job_sqlite_upload_complete,
    [JOB_OP_WORKFLOW_PUT] = job_sqlite_workflow_put,
    [JOB_OP_KEY_CREATE] = job_sqlite_key_create,
    [JOB_OP_KEY_REVOKE] = job_sqlite_key_revoke,
    [JOB_OP_KEY_ROTATE] = job_sqlite_key_rotate,
    [JOB_OP_OUTBOX_MARK] = job_sqlite_outbox_mark,
    [JOB_OP_SWEEP_DUE] = job_sqlite_sweep_due,
    [JOB_OP_SWEEP_DONE] = job_sqlite_sweep_done,
    [JOB_OP_GET] = job_sqlite_get,
    [JOB_OP_LIST] = job_sqlite_list,
    [JOB_OP_UPLOAD_GET] = job_sqlite_upload_get,
    [JOB_OP_FILE_GET] = job_sqlite_file_get,
    [JOB_OP_APPLICATION_GET] = job_sqlite_application_get,
    [JOB_OP_KEY_LIST] = job_sqlite_key_list,
    [JOB_OP_KEY_FIND] = job_sqlite_key_find,
    [JOB_OP_OUTBOX_NEXT] = job_sqlite_outbox_next,
    [JOB_OP_SWEEP_CHECK] = job_sqlite_sweep_check,
    [JOB_OP_STATS] = job_sqlite_stats,
};

static void list_init(op_list *list)
{
    *list = (op_list){.first = NULL};
    list->end = &list->first;
}

static void list_push(op_list *list, job_op *op)
{
    if (list->n++ == 0) {
        list->end = &list->first;
    }
    op->next = NULL;
    *list->end = op;
    list->end = &op->next;
}

/* Takes at most max operations off the front. */
static op_list list_take(op_list *list, size_t max)
{
    op_list taken;
    list_init(&taken);
    while (list->n > 0 && taken.n < max) {
        job_op *op = list->first;
        list->first = op->next;
        list->n--;
        if (taken.n == 0) {
            taken.first = op;
        } else {
            *taken.end = op;
        }
        op->next = NULL;
        taken.end = &op->next;
        taken.n++;
    }
    return taken;
}

/* ---- the writer ---- */

static void forget_notes(job_tx *tx)
{
    tx->changes = NULL;
    tx->changes_end = &tx->changes;
    tx->facts = NULL;
    tx->facts_end = &tx->facts;
    tx->outbox = false;
}

static void tx_begin(job_tx *tx)
{
    job_sql_clear(tx->db);
    tx->now_ms = rf_time_wall_ms();
    forget_notes(tx);
    job_sql_script(tx->db, "BEGIN IMMEDIATE");
}

static void note_failure(job_store *store, int err)
{
    if (job_op_is_outage(err)) {
        store->failed_ns = rf_time_ns();
    }
}

int64_t job_store_failed_ns(const job_store *store)
{
    return store->failed_ns;
}

/* Commits, or undoes everything; returns the store's error. */
static int tx_end(job_tx *tx)
{
    job_sql_script(tx->db, "COMMIT");
    int err = job_sql_error(tx->db);
    job_sql_clear(tx->db);
    if (err != 0) {
        job_sql_script(tx->db, "ROLLBACK");
        job_sql_clear(tx->db);
        job_arena_done(&tx->arena);
        forget_notes(tx);
    }
    return err;
}

static int run_ops(job_tx *tx, job_op *first)
{
    tx_begin(tx);
    for (job_op *op = first; op != NULL && job_sql_error(tx->db) == 0; op = op->next) {
        op->err = job_sqlite_ops[op->kind](tx, op);
    }
    return tx_end(tx);
}

/* Hands the committed group to the completer. */
static void complete(job_store *store, op_list ops)
{
    group *g = RF_NEW(group);
    g->ops = ops;
    g->arena = store->writer.arena;
    g->changes = store->writer.changes;
    g->facts = store->writer.facts;
    g->outbox = store->writer.outbox;
    store->writer.arena = (job_arena){.blocks = NULL};
    pthread_mutex_lock(&store->mutex);
    *store->groups_end = g;
    store->groups_end = &g->next;
    pthread_cond_signal(&store->groups_cond);
    pthread_mutex_unlock(&store->mutex);
}

static void complete_one(job_store *store, job_op *op)
{
    op_list single;
    list_init(&single);
    list_push(&single, op);
    complete(store, single);
}

/* Runs each operation in a transaction of its own: a group failed, and one of them may be to blame.
 * The outputs of the first try are dropped with what it allocated in the operations' arenas at
 * their end. */
static void run_singly(job_store *store, op_list ops)
{
    while (ops.first != NULL) {
        job_op *op = ops.first;
        ops.first = op->next;
        op->next = NULL;
        int err = run_ops(&store->writer, op);
        note_failure(store, err);
        op->err = err != 0 ? err : op->err;
        complete_one(store, op);
    }
}

static void run_group(job_store *store, op_list ops)
{
    int err = run_ops(&store->writer, ops.first);
    note_failure(store, err);
    if (err != 0 && ops.n > 1) {
        RF_LOG_WARN("store group failed, trying singly", RF_INT("operations", ops.n));
        run_singly(store, ops);
        return;
    }
    if (err != 0 && ops.first != NULL) {
        ops.first->err = err;
    }
    complete(store, ops);
}

static void *writer_main(void *arg)
{
    job_store *store = arg;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (store->writes.n == 0 && !store->closing) {
            pthread_cond_wait(&store->writes_cond, &store->mutex);
        }
        if (store->writes.n == 0) {
            break;
        }
        op_list ops = list_take(&store->writes, store->options.group_max);
        pthread_mutex_unlock(&store->mutex);
        run_group(store, ops);
        pthread_mutex_lock(&store->mutex);
    }
    store->writer_gone = true;
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
        while (store->groups == NULL && !store->writer_gone) {
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

/* ---- readers ---- */

static void run_read(job_tx *tx, job_op *op)
{
    job_sql_clear(tx->db);
    tx->now_ms = rf_time_wall_ms();
    job_sql_script(tx->db, "BEGIN");
    int err = job_sqlite_ops[op->kind](tx, op);
    job_sql_script(tx->db, "COMMIT");
    op->err = job_sql_error(tx->db) != 0 ? job_sql_error(tx->db) : err;
    job_arena_done(&tx->arena);
    op->done(op);
}

typedef struct reader_arg {
    job_store *store;
    job_tx *tx;
} reader_arg;

static void *reader_main(void *arg)
{
    reader_arg reader = *(reader_arg *)arg;
    free(arg);
    job_store *store = reader.store;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        while (store->reads.n == 0 && !store->closing) {
            pthread_cond_wait(&store->reads_cond, &store->mutex);
        }
        if (store->reads.n == 0) {
            break;
        }
        op_list one = list_take(&store->reads, 1);
        pthread_mutex_unlock(&store->mutex);
        run_read(reader.tx, one.first);
        pthread_mutex_lock(&store->mutex);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* ---- open, close, submit ---- */

static int open_tx(job_store *store, job_tx *tx, bool readonly)
{
    tx->options = &store->options;
    return job_sql_open(store->path, readonly, &tx->db);
}

static int open_all(job_store *store)
{
    int err = open_tx(store, &store->writer, false);
    err = err == 0 ? job_migrations_run(store->writer.db) : err;
    for (size_t i = 0; i < store->options.n_readers && err == 0; i++) {
        err = open_tx(store, &store->readers[i], true);
    }
    return err;
}

static int start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    return -pthread_create(thread, NULL, fn, arg);
}

static int start_readers(job_store *store)
{
    while (store->n_readers < store->options.n_readers) {
        reader_arg *arg = RF_NEW(reader_arg);
        *arg = (reader_arg){.store = store, .tx = &store->readers[store->n_readers]};
        int err = start_thread(&store->reader_threads[store->n_readers], reader_main, arg);
        if (err < 0) {
            free(arg);
            return err;
        }
        store->n_readers++;
    }
    return 0;
}

static int start_all(job_store *store)
{
    int err = start_thread(&store->completer_thread, completer_main, store);
    if (err < 0) {
        return err;
    }
    err = start_thread(&store->writer_thread, writer_main, store);
    if (err < 0) {
        pthread_mutex_lock(&store->mutex);
        store->writer_gone = true;
        pthread_cond_broadcast(&store->groups_cond);
        pthread_mutex_unlock(&store->mutex);
        pthread_join(store->completer_thread, NULL);
        return err;
    }
    store->started = true;
    return start_readers(store);
}

static job_store *store_new(const job_store_options *options)
{
    job_store *store = RF_NEW(job_store);
    store->options = *options;
    store->options.n_readers = RF_MIN(options->n_readers, (size_t)READERS_MAX);
    store->path = rf_strdup(options->path);
    store->options.path = store->path;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->writes_cond, NULL);
    pthread_cond_init(&store->reads_cond, NULL);
    pthread_cond_init(&store->groups_cond, NULL);
    list_init(&store->writes);
    list_init(&store->reads);
    store->groups_end = &store->groups;
    return store;
}

int job_store_sqlite_open(const job_store_options *options, job_store **ret)
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
    pthread_cond_broadcast(&store->reads_cond);
    pthread_mutex_unlock(&store->mutex);
    for (size_t i = 0; i < store->n_readers; i++) {
        pthread_join(store->reader_threads[i], NULL);
    }
    if (store->started) {
        pthread_join(store->writer_thread, NULL);
        pthread_join(store->completer_thread, NULL);
    }
}

job_store *job_store_close(job_store *store)
{
    if (store == NULL) {
        return NULL;
    }
    stop_threads(store);
    job_tx_documents_free(&store->writer);
    for (size_t i = 0; i < READERS_MAX; i++) {
        store->readers[i].db = job_sql_close(store->readers[i].db);
    }
    store->writer.db = job_sql_close(store->writer.db);
    pthread_cond_destroy(&store->groups_cond);
    pthread_cond_destroy(&store->reads_cond);
    pthread_cond_destroy(&store->writes_cond);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
    return NULL;
}

void job_store_submit(job_store *store, job_op *op)
{
    bool write = job_op_is_write(op->kind);
    op_list *list = write ? &store->writes : &store->reads;
    pthread_mutex_lock(&store->mutex);
    bool room = !store->closing && list->n < store->options.queue_max;
    if (room) {
        list_push(list, op);
        if (!write || list->n == 1) {
            pthread_cond_signal(write ? &store->writes_cond : &store->reads_cond);
        }
    }
    pthread_mutex_unlock(&store->mutex);
    if (!room) {
        if (write) {
            note_failure(store, -EAGAIN);
        }
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
