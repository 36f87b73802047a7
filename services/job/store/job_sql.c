/*
 * The engine-neutral half of job_sql.h: which driver a url means, and the sticky error.
 */
#include "job_sql_driver.h"

#include <errno.h>
#include <string.h>

#include "rf_log.h"

#define SQLITE_SCHEME "sqlite:"

static bool is_postgres(const char *url)
{
    return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

int job_sql_open(const char *url, job_sql_role role, job_sql **ret)
{
    if (strncmp(url, SQLITE_SCHEME, strlen(SQLITE_SCHEME)) == 0) {
        return job_sql_sqlite_open(url + strlen(SQLITE_SCHEME), role, ret);
    }
    if (is_postgres(url)) {
        return job_sql_postgres_open(url, role, ret);
    }
    RF_LOG_ERROR("database cannot be used", RF_STR("setting", "sql.url"),
                 RF_STR("why", "it is neither sqlite:PATH nor postgresql://..."));
    return -EINVAL;
}

job_sql *job_sql_close(job_sql *db)
{
    if (db != NULL) {
        db->driver->close(db);
    }
    return NULL;
}

bool job_sql_in_place(const job_sql *db)
{
    return db->driver->in_place;
}

bool job_sql_shared(const job_sql *db)
{
    return db->driver->shared;
}

bool job_sql_again(const job_sql *db)
{
    return db->again;
}

unsigned job_sql_session(const job_sql *db)
{
    return db->session;
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

void job_sql_share(job_sql *db, job_sql_health *health)
{
    if (db->driver->share != NULL) {
        db->driver->share(db, health);
    }
}

bool job_sql_lost(const job_sql *db)
{
    return db->driver->lost != NULL && db->driver->lost(db);
}

void job_sql_cache(job_sql *db, int64_t kib)
{
    if (db->err == 0 && db->driver->cache != NULL) {
        db->driver->cache(db, kib);
    }
}

int job_sql_script(job_sql *db, const char *text)
{
    if (db->err == 0) {
        db->driver->script(db, text);
    }
    return db->err;
}

void job_sql_begin(job_sql *db)
{
    db->again = false;
    if (db->err == 0) {
        db->driver->begin(db);
    }
}

int job_sql_commit(job_sql *db)
{
    if (db->err == 0) {
        db->driver->commit(db);
    }
    int err = db->err;
    if (err != 0) {
        db->err = 0;
        db->driver->rollback(db);
        db->err = 0;
    }
    return err;
}

void job_sql_lazy(job_sql *db)
{
    if (db->err == 0) {
        db->driver->lazy(db);
    }
}

int64_t job_sql_now_ms(job_sql *db)
{
    return db->err == 0 ? db->driver->now_ms(db) : 0;
}

void job_sql_lock(job_sql *db, int64_t number)
{
    if (db->err == 0) {
        db->driver->lock(db, number);
    }
}

bool job_sql_lead(job_sql *db, int64_t number)
{
    return db->err == 0 && db->driver->lead(db, number);
}

int64_t job_sql_new_seqs(job_sql *db, int64_t *ret_n)
{
    int64_t first = db->err == 0 ? db->driver->new_seqs(db, ret_n) : 0;
    if (db->err != 0) {
        *ret_n = 0;
    }
    return first;
}

int64_t job_sql_version(job_sql *db)
{
    return db->err == 0 ? db->driver->version(db) : -1;
}

void job_sql_schema(job_sql *db, const char *text, int64_t version)
{
    if (db->err == 0) {
        db->driver->schema(db, text, version);
    }
}

void job_sql_tune(job_sql *db)
{
    if (db->err == 0 && db->driver->tune != NULL) {
        db->driver->tune(db);
    }
}

int64_t job_sql_exec(job_sql *db, const char *sql, const char *types, ...)
{
    int64_t changed = 0;
    va_list args;
    va_start(args, types);
    if (db->err == 0) {
        changed = db->driver->exec(db, sql, types, args);
    }
    va_end(args);
    return db->err == 0 ? changed : 0;
}

void job_sql_run(job_sql *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    if (db->err == 0) {
        db->driver->run(db, sql, types, args);
    }
    va_end(args);
}

static job_rows *query(job_sql *db, const char *sql, const char *types, va_list args)
{
    return db->err == 0 ? db->driver->query(db, sql, types, args) : NULL;
}

job_rows *job_sql_query(job_sql *db, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    job_rows *rows = query(db, sql, types, args);
    va_end(args);
    return rows;
}

bool job_sql_next(job_sql *db, job_rows *rows)
{
    if (rows == NULL) {
        return false;
    }
    if (db->err == 0 && db->driver->next(rows)) {
        return true;
    }
    db->driver->end(rows);
    return false;
}

void job_sql_end(job_rows *rows)
{
    if (rows != NULL) {
        rows->db->driver->end(rows);
    }
}

void job_sql_each(job_sql *db, const char *sql, const job_sql_many *many)
{
    if (db->err == 0 && many->n > 0) {
        db->driver->each(db, sql, many);
    }
}

job_rows *job_sql_prepare(job_sql *db, const char *text)
{
    return db->err == 0 ? db->driver->prepare(db, text) : NULL;
}

void job_sql_bind_int(job_rows *rows, int at, int64_t value)
{
    if (rows != NULL) {
        rows->db->driver->bind_int(rows, at, value);
    }
}

void job_sql_bind_text(job_rows *rows, int at, const char *value)
{
    if (rows != NULL) {
        rows->db->driver->bind_text(rows, at, value);
    }
}

void job_sql_drop(job_rows *rows)
{
    if (rows != NULL) {
        rows->db->driver->drop(rows);
    }
}

int64_t job_sql_one(job_sql *db, int64_t fallback, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    job_rows *rows = query(db, sql, types, args);
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
    return rows->db->driver->column_int(rows, column);
}

char *job_sql_str(job_rows *rows, int column, job_arena *arena)
{
    size_t len = 0;
    const char *text = rows->db->driver->column_text(rows, column, &len);
    return text == NULL ? NULL : job_arena_strn(arena, text, len);
}

bool job_sql_is(job_rows *rows, int column, const char *text)
{
    size_t len = 0;
    const char *value = rows->db->driver->column_text(rows, column, &len);
    return value != NULL && strcmp(value, text) == 0;
}
