/*
 * The SQLite driver (job_sql_driver.h). Statements are SQLite's own, kept by the address of their
 * text; row locks at their end are left off, since one transaction writes at a time.
 */
#include "job_sql_driver.h"

#include <errno.h>
#include <string.h>

#include "rf_log.h"
#include "rf_sqlite.h"
#include "rf_time.h"

#define STATEMENTS_MAX 256 /* power of two, far above the literals in the sources */
#define BUSY_MS 5000
#define CACHE_KIB 16384
#define CHECKPOINT_PAGES 4000

typedef struct sqlite_rows {
    job_rows base;
    const char *sql; /* literal: found by address; NULL: free, or of composed text */
    sqlite3_stmt *statement;
} sqlite_rows;

typedef struct sqlite_sql {
    job_sql base;
    sqlite3 *handle;
    bool readonly;
    int64_t last_seq; /* of this transaction's jobs, 0: not asked for yet */
    sqlite_rows statements[STATEMENTS_MAX];
} sqlite_sql;

static sqlite3 *handle_of(job_sql *db)
{
    return ((sqlite_sql *)db)->handle;
}

static sqlite3_stmt *statement_of(job_rows *rows)
{
    return ((sqlite_rows *)rows)->statement;
}

static int to_errno(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EAGAIN;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_TOOBIG:
        return -E2BIG;
    default:
        return -EIO;
    }
}

/* Keeps the first error of a transaction. The text of SQLite names statements, never values. */
static void fail(job_sql *db, int code)
{
    if (db->err == 0) {
        job_sql_fail(db, to_errno(code));
        RF_LOG_WARN("store error", RF_STR("setting", "sql.url"),
                    RF_INT("code", sqlite3_extended_errcode(handle_of(db))),
                    RF_STR("why", sqlite3_errmsg(handle_of(db))));
    }
}

static void on_script(job_sql *db, const char *text)
{
    int code = sqlite3_exec(handle_of(db), text, NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        fail(db, code);
    }
}

static void on_cache(job_sql *db, int64_t kib)
{
    char *text = rf_asprintf("PRAGMA cache_size=-%lld", (long long)kib);
    on_script(db, text);
    free(text);
}

static void on_begin(job_sql *db)
{
    sqlite_sql *s = (sqlite_sql *)db;
    s->last_seq = 0;
    job_sql_run(db, s->readonly ? "BEGIN" : "BEGIN IMMEDIATE", "");
}

static void on_commit(job_sql *db)
{
    job_sql_run(db, "COMMIT", "");
}

static void on_rollback(job_sql *db)
{
    if (!sqlite3_get_autocommit(handle_of(db))) {
        on_script(db, "ROLLBACK");
    }
}

/* PRAGMA synchronous cannot change within a transaction. */
static void on_lazy(job_sql *db)
{
    (void)db;
}

static int64_t on_now_ms(job_sql *db)
{
    (void)db;
    return rf_time_wall_ms();
}

static void on_lock(job_sql *db, int64_t number)
{
    (void)db;
    (void)number;
}

static bool on_lead(job_sql *db, int64_t number)
{
    (void)db;
    (void)number;
    return true;
}

static int64_t on_version(job_sql *db)
{
    return job_sql_one(db, -1, "PRAGMA user_version", "");
}

static void on_schema(job_sql *db, const char *text, int64_t version)
{
    RF_CLEANUP(rf_cleanup_free)
    char *number = rf_asprintf("PRAGMA user_version=%lld", (long long)version);
    job_sql_script(db, text);
    job_sql_script(db, number);
}

/* Nobody else inserts within this transaction. */
static int64_t on_new_seqs(job_sql *db, int64_t *ret_n)
{
    sqlite_sql *s = (sqlite_sql *)db;
    if (s->last_seq == 0) {
        s->last_seq = job_sql_one(db, 0, "SELECT max(seq) FROM jobs", "");
    }
    *ret_n = 1;
    return ++s->last_seq;
}

/* The length of a statement without the row lock at its end. */
static int length_of(const char *sql)
{
    const char *lock = strstr(sql, " FOR UPDATE");
    lock = lock == NULL ? strstr(sql, " FOR SHARE") : lock;
    return lock == NULL ? -1 : (int)(lock - sql);
}

static sqlite3_stmt *make(job_sql *db, const char *sql, unsigned flags)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(handle_of(db), sql, length_of(sql), flags, &statement, NULL);
    if (code != SQLITE_OK) {
        fail(db, code);
    }
    return statement;
}

/* The slot of a literal: its own, or the free one where it belongs. */
static sqlite_rows *slot_of(sqlite_sql *s, const char *sql)
{
    size_t at = ((uintptr_t)sql * 0x9E3779B97F4A7C15ULL) >> 40;
    for (;;) {
        sqlite_rows *slot = &s->statements[at++ & (STATEMENTS_MAX - 1)];
        if (slot->sql == sql || slot->sql == NULL) {
            return slot;
        }
    }
}

static void bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
    for (int at = 1; *types != '\0'; types++, at++) {
        const void *bytes;
        switch (*types) {
        case 'i':
            sqlite3_bind_int64(statement, at, va_arg(args, int64_t));
            break;
        case 't':
            sqlite3_bind_text(statement, at, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        case 'b':
            bytes = va_arg(args, const void *);
            sqlite3_bind_blob64(statement, at, bytes, va_arg(args, size_t), SQLITE_STATIC);
            break;
        default:
            sqlite3_bind_null(statement, at);
            break;
        }
    }
}

static job_rows *on_query(job_sql *db, const char *sql, const char *types, va_list args)
{
    sqlite_rows *slot = slot_of((sqlite_sql *)db, sql);
    if (slot->statement == NULL) {
        slot->statement = make(db, sql, SQLITE_PREPARE_PERSISTENT);
        if (slot->statement == NULL) {
            return NULL;
        }
        slot->base.db = db;
        slot->sql = sql;
    }
    bind_all(slot->statement, types, args);
    return &slot->base;
}

/* What is bound stays, unread: whoever runs the statement again binds every parameter. */
static void on_end(job_rows *rows)
{
    sqlite3_reset(statement_of(rows));
}

static bool on_next(job_rows *rows)
{
    int code = sqlite3_step(statement_of(rows));
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        fail(rows->db, code);
    }
    return code == SQLITE_ROW;
}

static int64_t on_exec(job_sql *db, const char *sql, const char *types, va_list args)
{
    job_rows *rows = on_query(db, sql, types, args);
    if (rows == NULL) {
        return 0;
    }
    on_next(rows);
    on_end(rows);
    return sqlite3_changes64(handle_of(db));
}

static void on_run(job_sql *db, const char *sql, const char *types, va_list args)
{
    on_exec(db, sql, types, args);
}

static job_rows *on_prepare(job_sql *db, const char *text)
{
    sqlite3_stmt *statement = make(db, text, 0);
    if (statement == NULL) {
        return NULL;
    }
    sqlite_rows *rows = RF_NEW(sqlite_rows);
    rows->base.db = db;
    rows->statement = statement;
    return &rows->base;
}

static void on_bind_int(job_rows *rows, int at, int64_t value)
{
    sqlite3_bind_int64(statement_of(rows), at, value);
}

static void on_bind_text(job_rows *rows, int at, const char *value)
{
    sqlite3_bind_text(statement_of(rows), at, value, -1, SQLITE_STATIC);
}

static void on_drop(job_rows *rows)
{
    sqlite3_finalize(statement_of(rows));
    free(rows);
}

/* ---- one query many times ---- */

static job_rows *start_run(job_sql *db, const char *sql, const job_sql_many *many, size_t i)
{
    if (many->texts != NULL) {
        return job_sql_query(db, sql, "t", many->texts[i]);
    }
    job_rows *rows = job_sql_query(db, sql, "");
    for (size_t k = 0; rows != NULL && k < many->n_ints; k++) {
        on_bind_int(rows, (int)k + 1, many->ints[i * many->n_ints + k]);
    }
    return rows;
}

static void on_each(job_sql *db, const char *sql, const job_sql_many *many)
{
    for (size_t i = 0; i < many->n && db->err == 0; i++) {
        job_rows *rows = start_run(db, sql, many, i);
        while (job_sql_next(db, rows)) {
            many->row(many->user, i, rows);
        }
    }
}

static int64_t on_column_int(job_rows *rows, int column)
{
    return sqlite3_column_int64(statement_of(rows), column);
}

static const char *on_column_text(job_rows *rows, int column, size_t *ret_len)
{
    const unsigned char *text = sqlite3_column_text(statement_of(rows), column);
    *ret_len = (size_t)sqlite3_column_bytes(statement_of(rows), column);
    return (const char *)text;
}

static void on_close(job_sql *db)
{
    sqlite_sql *s = (sqlite_sql *)db;
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        sqlite3_finalize(s->statements[i].statement);
    }
    sqlite3_close(s->handle);
    free(s);
}

static const job_sql_driver driver = {
    .name = "sqlite",
    .in_place = true,
    .close = on_close,
    .cache = on_cache,
    .script = on_script,
    .begin = on_begin,
    .commit = on_commit,
    .rollback = on_rollback,
    .lazy = on_lazy,
    .now_ms = on_now_ms,
    .lock = on_lock,
    .lead = on_lead,
    .new_seqs = on_new_seqs,
    .version = on_version,
    .schema = on_schema,
    .exec = on_exec,
    .run = on_run,
    .query = on_query,
    .each = on_each,
    .prepare = on_prepare,
    .bind_int = on_bind_int,
    .bind_text = on_bind_text,
    .next = on_next,
    .end = on_end,
    .drop = on_drop,
    .column_int = on_column_int,
    .column_text = on_column_text,
};

/* Whoever meets another program's first switch of a new file to the log is told at once that it is
 * busy, whatever the timeout (SQLite waits for no lock that a reader turns into a writer's). */
static void use_log(job_sql *db)
{
    int code = SQLITE_BUSY;
    for (int ms = 0; code == SQLITE_BUSY && ms < BUSY_MS; ms++) {
        code = sqlite3_exec(handle_of(db), "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        if (code == SQLITE_BUSY) {
            sqlite3_sleep(1);
        }
    }
    if (code != SQLITE_OK) {
        fail(db, code);
    }
}

static void set_up(job_sql *db, bool readonly)
{
    sqlite3_busy_timeout(handle_of(db), BUSY_MS);
    job_sql_cache(db, CACHE_KIB);
    if (readonly) {
        job_sql_script(db, "PRAGMA query_only=ON");
        return;
    }
    use_log(db);
    job_sql_script(db, "PRAGMA synchronous=FULL");
    sqlite3_wal_autocheckpoint(handle_of(db), CHECKPOINT_PAGES);
}

int job_sql_sqlite_open(const char *path, job_sql_role role, job_sql **ret)
{
    sqlite_sql *s = RF_NEW(sqlite_sql);
    s->base.driver = &driver;
    s->readonly = role == JOB_SQL_READER;
    int code = rf_sqlite_open(path, &s->handle);
    if (code != SQLITE_OK) {
        fail(&s->base, code);
    } else {
        set_up(&s->base, s->readonly);
    }
    int err = s->base.err;
    if (err != 0) {
        on_close(&s->base);
        return err;
    }
    *ret = &s->base;
    return 0;
}
