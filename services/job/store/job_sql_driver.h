/*
 * job_sql_driver.h - what an engine gives to job_sql.h: a table of functions over a connection and
 * its rows, whose structs begin with the ones below. Included by job_sql*.c and their tests only.
 *
 * job_sql.c keeps the sticky error: it calls nothing of the table but end, drop, commit and close
 * while one is set. A function that fails says so with job_sql_fail.
 */
#ifndef JOB_SQL_DRIVER_H
#define JOB_SQL_DRIVER_H

#include "job_sql.h"

#include <stdarg.h>

typedef struct job_sql_driver {
    const char *name;
    bool shared;   /* other programs may write to the database as well */
    bool in_place; /* an update that leaves a row as long as it was is made in its place */
    void (*close)(job_sql *db);
    void (*share)(job_sql *db, job_sql_health *health); /* this and the next NULL: no server */
    bool (*lost)(const job_sql *db);
    void (*cache)(job_sql *db, int64_t kib); /* NULL: the server's */
    void (*script)(job_sql *db, const char *text);
    void (*begin)(job_sql *db);
    void (*commit)(job_sql *db);   /* fails when it did not */
    void (*rollback)(job_sql *db); /* after any failure, with none set */
    void (*lazy)(job_sql *db);
    int64_t (*now_ms)(job_sql *db);
    void (*lock)(job_sql *db, int64_t number);
    bool (*lead)(job_sql *db, int64_t number);
    int64_t (*new_seqs)(job_sql *db, int64_t *ret_n);
    int64_t (*version)(job_sql *db);
    void (*schema)(job_sql *db, const char *text, int64_t version);
    void (*tune)(job_sql *db); /* NULL: nothing to tell it */
    int64_t (*exec)(job_sql *db, const char *sql, const char *types, va_list args);
    void (*run)(job_sql *db, const char *sql, const char *types, va_list args);
    job_rows *(*query)(job_sql *db, const char *sql, const char *types, va_list args);
    void (*each)(job_sql *db, const char *sql, const job_sql_many *many);
    job_rows *(*prepare)(job_sql *db, const char *text);
    void (*bind_int)(job_rows *rows, int at, int64_t value);
    void (*bind_text)(job_rows *rows, int at, const char *value);
    bool (*next)(job_rows *rows); /* false: at the end, or failed */
    void (*end)(job_rows *rows);
    void (*drop)(job_rows *rows);
    int64_t (*column_int)(job_rows *rows, int column);
    /* Text that lives until the next step, and its length; NULL is NULL. */
    const char *(*column_text)(job_rows *rows, int column, size_t *ret_len);
} job_sql_driver;

struct job_sql {
    const job_sql_driver *driver;
    int err;
    bool again;                /* err is another transaction's doing */
    _Atomic(unsigned) session; /* changes with every new connection to the server */
};

struct job_rows {
    job_sql *db;
};

/* The engines. path and url live as long as the call. */
int job_sql_sqlite_open(const char *path, job_sql_role role, job_sql **ret) RF_MUST_USE;
int job_sql_postgres_open(const char *url, job_sql_role role, job_sql **ret) RF_MUST_USE;

#endif
