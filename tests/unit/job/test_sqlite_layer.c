/*
 * The thin layer over SQLite, and groups of operations that fail (job_sql.h, job_store.h).
 */
#include "job_fixture.h"
#include "sqlite_check.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "job_sql.h"
#include "rf_time.h"

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(sqlite_layer, .init = set_up, .fini = tear_down);

Test(sqlite_layer, the_database_is_durable_by_its_settings)
{
    job_sql *db;
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &db), 0);
    cr_assert_eq(job_sql_one(db, -1, "PRAGMA synchronous", ""), 2, "2 is FULL");
    job_rows *rows = job_sql_query(db, "PRAGMA journal_mode", "");
    cr_assert(job_sql_next(db, rows));
    cr_assert(job_sql_is(rows, 0, "wal"));
    job_sql_end(rows);
    job_sql_close(db);
}

/* ---- the layer over SQLite ---- */

static job_sql *open_sql(void)
{
    job_sql *db = NULL;
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_WRITER, &db), 0);
    return db;
}

Test(sqlite_layer, an_error_sticks_until_it_is_cleared)
{
    job_sql *db = open_sql();
    cr_assert_eq(job_sql_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL)", ""), 0);
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(1,'x')", ""), 1);
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(1,'y')", ""), 0);
    cr_assert_eq(job_sql_error(db), -EEXIST);
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(2,'y')", ""), 0, "nothing is done");
    cr_assert_eq(job_sql_script(db, "DELETE FROM t"), -EEXIST);
    cr_assert_null(job_sql_query(db, "SELECT 1", ""));
    cr_assert_not(job_sql_next(db, NULL));
    cr_assert_null(job_sql_prepare(db, "SELECT 1"));
    cr_assert_eq(job_sql_one(db, -7, "SELECT 1", ""), -7, "the fallback");
    job_sql_fail(db, -EIO);
    cr_assert_eq(job_sql_error(db), -EEXIST, "the first one stays");
    job_sql_clear(db);
    cr_assert_eq(job_sql_one(db, -7, "SELECT count(*) FROM t", ""), 1);
    job_sql_close(db);
}

Test(sqlite_layer, errors_are_told_apart)
{
    static const struct {
        const char *sql;
        int err;
    } rows[] = {{"NONSENSE", -EIO},
                {"SELECT * FROM nowhere", -EIO},
                {"INSERT INTO applications(id,name,created_ms) VALUES('a','fixture',1)", -EEXIST},
                {"INSERT INTO jobs(seq) VALUES(1)", -EEXIST},
                {"SELECT zeroblob(2000000000)", -E2BIG}};
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        job_sql *db = open_sql();
        cr_assert_eq(job_sql_script(db, rows[i].sql), rows[i].err, "%s", rows[i].sql);
        job_sql_close(db);
    }
}

Test(sqlite_layer, values_come_back_as_they_went_in)
{
    static const uint8_t blob[] = {0, 1, 0xff, 0};
    job_arena arena = {.blocks = NULL};
    job_sql *db = open_sql();
    job_sql_script(db, "CREATE TABLE t(i, t, b, n)");
    cr_assert_eq(job_sql_exec(db, "INSERT INTO t VALUES(?,?,?,?)", "itbn", INT64_MIN, "\xc3\xa9'\"",
                              blob, sizeof(blob)),
                 1);
    job_rows *rows = job_sql_query(db, "SELECT i, t, n, b=? FROM t WHERE t=?", "bt", blob,
                                   sizeof(blob), "\xc3\xa9'\"");
    cr_assert(job_sql_next(db, rows));
    cr_assert_eq(job_sql_int(rows, 0), INT64_MIN);
    cr_assert_str_eq(job_sql_str(rows, 1, &arena), "\xc3\xa9'\"");
    cr_assert(job_sql_is(rows, 1, "\xc3\xa9'\""));
    cr_assert_not(job_sql_is(rows, 2, ""), "NULL is no text");
    cr_assert_null(job_sql_str(rows, 2, &arena));
    cr_assert_eq(job_sql_int(rows, 2), 0, "NULL counts as 0");
    cr_assert_eq(job_sql_int(rows, 3), 1);
    cr_assert_not(job_sql_next(db, rows));
    cr_assert_eq(job_sql_error(db), 0);
    job_arena_done(&arena);
    job_sql_close(db);
}

Test(sqlite_layer, readers_cannot_write)
{
    job_sql *db = NULL;
    cr_assert_eq(job_sql_open(f.url, JOB_SQL_READER, &db), 0);
    cr_assert_eq(job_sql_exec(db, "DELETE FROM applications", ""), 0);
    cr_assert_neq(job_sql_error(db), 0);
    job_sql_clear(db);
    cr_assert_eq(job_sql_one(db, 0, "SELECT count(*) FROM applications", ""), 1);
    job_sql_close(db);
}

/* ---- a group that fails runs again, one by one ---- */

typedef struct bunch {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    size_t n_left;
} bunch;

static void one_less(job_op *op)
{
    bunch *b = op->user;
    pthread_mutex_lock(&b->mutex);
    b->n_left--;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->mutex);
}

/* Runs the operations as one group: the writer is held up by the first while the others queue. */
static void run_together(job_op **ops, size_t n)
{
    bunch b = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, n + 1};
    job_sql *db = open_sql();
    job_op_scan *first = JOB_OP_NEW(JOB_OP_SCAN, job_op_scan, one_less, &b);
    first->start_limit_ms = FIXTURE_DAY_MS;
    job_sql_script(db, "BEGIN IMMEDIATE");
    job_store_submit(f.store, &first->op);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* it waits for the lock now */
    for (size_t i = 0; i < n; i++) {
        ops[i]->done = one_less;
        ops[i]->user = &b;
        job_store_submit(f.store, ops[i]);
    }
    job_sql_script(db, "ROLLBACK");
    pthread_mutex_lock(&b.mutex);
    while (b.n_left > 0) {
        pthread_cond_wait(&b.cond, &b.mutex);
    }
    pthread_mutex_unlock(&b.mutex);
    job_op_free(&first->op);
    job_sql_close(db);
}

static job_op *poison(void)
{
    job_op_create *op = fixture_request(&f);
    op->name = NULL; /* NOT NULL in the schema */
    return &op->op;
}

Test(sqlite_layer, an_operation_that_runs_again_gives_its_answer_once)
{
    char id[RF_UUID_LEN];
    for (int i = 0; i < JOB_SWEEP_MAX; i++) { /* an upload leaves its prefix as garbage */
        fixture_upload(&f, id);
    }
    fixture_advance(2 * FIXTURE_DAY_MS);
    job_op_sweep_due *due = JOB_OP_NEW(JOB_OP_SWEEP_DUE, job_op_sweep_due, NULL, NULL);
    due->retention_ms = 30 * FIXTURE_DAY_MS;
    due->idempotency_ms = FIXTURE_DAY_MS;
    job_op_create *create = fixture_request(&f);
    create->idempotency_key = "once";
    job_op *ops[] = {&due->op, &create->op, poison()};
    run_together(ops, RF_ARRAY_LEN(ops));
    cr_assert_eq(due->op.err, 0);
    cr_assert_eq(due->n_garbage, JOB_SWEEP_MAX);
    for (size_t i = 0; i < due->n_garbage; i++) {
        cr_assert_not_null(due->garbage[i].key);
    }
    cr_assert_eq(create->op.err, 0);
    cr_assert_not(create->replayed);
    cr_assert_eq(fixture_state(&f, create->id), JOB_QUEUED);
    cr_assert_lt(ops[2]->err, 0);
    cr_assert_eq(fixture_count(&f, 0), 1);
    for (size_t i = 0; i < RF_ARRAY_LEN(ops); i++) {
        job_op_free(ops[i]);
    }
}

Test(sqlite_layer, hooks_hear_nothing_of_a_group_that_failed)
{
    unsigned before = f.n_seen;
    job_op *ops[] = {&fixture_request(&f)->op, &fixture_request(&f)->op, poison()};
    run_together(ops, RF_ARRAY_LEN(ops));
    cr_assert_eq(f.n_seen, before + 2, "two jobs, once each");
    for (size_t i = 0; i < RF_ARRAY_LEN(ops); i++) {
        job_op_free(ops[i]);
    }
}

Test(sqlite_layer, a_database_that_stays_locked_is_an_outage_and_over_when_it_is)
{
    job_sql *db = open_sql();
    job_sql_script(db, "BEGIN IMMEDIATE");
    job_op_create *op = fixture_request(&f);
    int err = fixture_run(&f, &op->op); /* after the 5 s that SQLite waits */
    cr_assert_eq(err, -EAGAIN);
    cr_assert(job_op_is_outage(err));
    job_op_free(&op->op);
    cr_assert_eq(fixture_count(&f, 0), 0, "reads go on");
    job_sql_script(db, "ROLLBACK");
    job_sql_close(db);
    char id[RF_UUID_LEN];
    fixture_create(&f, id);
}
