#include "job_sql.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>

#include "rf_log.h"

#define STATEMENTS_MAX 256 /* power of two, far above the literals in the sources */
#define BUSY_MS 5000
#define CACHE_KIB "-16384"
#define CHECKPOINT_PAGES 4000

typedef struct cached {
    const char *sql; /* literal: found by address */
    sqlite3_stmt *statement;
} cached;

struct job_sql {
    sqlite3 *handle;
    int err;
    cached statements[STATEMENTS_MAX];
};

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
        db->err = to_errno(code);
        RF_LOG_WARN("store error", RF_INT("code", sqlite3_extended_errcode(db->handle)),
                    RF_STR("text", sqlite3_errmsg(db->handle)));
    }
}

int job_sql_error(const job_sql *db)
{
    return db->err;
}

void job_sql_clear(job_sql *db)
{
    db->err = 0;
}

void job_sql_fail(job_sql *db, int err)
{
    if (db->err == 0) {
        db->err = err;
    }
}

int job_sql_script(job_sql *db, const char *text)
{
    if (db->err == 0) {
        int code = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            fail(db, code);
        }
    }
    return db->err;
}

static void set_up(job_sql *db, bool readonly)
{
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    job_sql_script(db, "PRAGMA cache_size=" CACHE_KIB);
    if (readonly) {
        job_sql_script(db, "PRAGMA query_only=ON");
        return;
    }
    job_sql_script(db, "PRAGMA journal_mode=WAL");
    job_sql_script(db, "PRAGMA synchronous=FULL");
    sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
}

int job_sql_open(const char *path, bool readonly, job_sql **ret)
{
    job_sql *db = RF_NEW(job_sql);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (code != SQLITE_OK) {
        fail(db, code);
    } else {
        set_up(db, readonly);
    }
    if (db->err != 0) {
        int err = db->err;
        job_sql_close(db);
        return err;
    }
    *ret = db;
    return 0;
}

job_sql *job_sql_close(job_sql *db)
{
    if (db != NULL) {
        for (size_t i = 0; i < STATEMENTS_MAX; i++) {
            sqlite3_finalize(db->statements[i].statement);
        }
        sqlite3_close(db->handle);
        free(db);
    }
    return NULL;
}

/* The slot of a literal: its own, or the free one where it belongs. */
static cached *slot_of(job_sql *db, const char *sql)
{
    size_t at = ((uintptr_t)sql * 0x9E3779B97F4A7C15ULL) >> 40;
    for (;;) {
        cached *slot = &db->statements[at++ & (STATEMENTS_MAX - 1)];
        if (slot->sql == sql || slot->sql == NULL) {
            return slot;
        }
    }
}

static sqlite3_stmt *statement_of(job_sql *db, const char *sql)
{
    cached *slot = slot_of(db, sql);
    if (slot->statement == NULL) {
        int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      &slot->statement, NULL);
        if (code != SQLITE_OK) {
            fail(db, code);
            return NULL;
        }
        slot->sql = sql;
    }
    return slot->statement;
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

static job_rows *start(job_sql *db, const char *sql, const char *types, va_list args)
{
    sqlite3_stmt *statement = db->err == 0 ? statement_of(db, sql) : NULL;
    if (statement != NULL) {
        bind_all(statement, types, args);
    }
    return statement;
}

int64_t job_sql_exec(job_sql *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    job_rows *rows = start(db, sql, types, args);
    va_end(args);
    if (rows == NULL) {
        return 0;
    }
    int code = sqlite3_step(rows);
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        fail(db, code);
    }
    job_sql_end(rows);
    return db->err == 0 ? sqlite3_changes64(db->handle) : 0;
}

job_rows *job_sql_query(job_sql *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    job_rows *rows = start(db, sql, types, args);
    va_end(args);
    return rows;
}

bool job_sql_next(job_sql *db, job_rows *rows)
{
    if (rows == NULL) {
        return false;
    }
    int code = db->err == 0 ? sqlite3_step(rows) : SQLITE_DONE;
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        fail(db, code);
    }
    job_sql_end(rows);
    return false;
}

void job_sql_end(job_rows *rows)
{
    if (rows != NULL) {
        sqlite3_reset(rows);
        sqlite3_clear_bindings(rows);
    }
}

job_rows *job_sql_prepare(job_sql *db, const char *text)
{
    sqlite3_stmt *statement = NULL;
    if (db->err == 0) {
        int code = sqlite3_prepare_v2(db->handle, text, -1, &statement, NULL);
        if (code != SQLITE_OK) {
            fail(db, code);
        }
    }
    return statement;
}

void job_sql_bind_int(job_rows *rows, int at, int64_t value)
{
    if (rows != NULL) {
        sqlite3_bind_int64(rows, at, value);
    }
}

void job_sql_bind_text(job_rows *rows, int at, const char *value)
{
    if (rows != NULL) {
        sqlite3_bind_text(rows, at, value, -1, SQLITE_STATIC);
    }
}

void job_sql_drop(job_rows *rows)
{
    sqlite3_finalize(rows);
}

int64_t job_sql_one(job_sql *db, int64_t fallback, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    job_rows *rows = start(db, sql, types, args);
    va_end(args);
    int64_t value = fallback;
    if (job_sql_next(db, rows)) {
        value = job_sql_int(rows, 0);
        job_sql_end(rows);
    }
    return value;
}

int64_t job_sql_int(job_rows *rows, int column)
{
    return sqlite3_column_int64(rows, column);
}

char *job_sql_str(job_rows *rows, int column, job_arena *arena)
{
    const unsigned char *text = sqlite3_column_text(rows, column);
    if (text == NULL) {
        return NULL;
    }
    return job_arena_strn(arena, (const char *)text, (size_t)sqlite3_column_bytes(rows, column));
}

bool job_sql_is(job_rows *rows, int column, const char *text)
{
    const unsigned char *value = sqlite3_column_text(rows, column);
    return value != NULL && strcmp((const char *)value, text) == 0;
}

int64_t job_sql_last_id(job_sql *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}
