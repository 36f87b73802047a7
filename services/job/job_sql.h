/*
 * job_sql.h - a thin layer over one SQLite connection: prepared statements kept by the address of
 * their text, typed binding, and an error that sticks until the transaction ends, so that a chain
 * of statements is checked once at its end. One thread at a time.
 */
#ifndef JOB_SQL_H
#define JOB_SQL_H

#include "job_arena.h"
#include "rf_base.h"

typedef struct job_sql job_sql;
typedef struct sqlite3_stmt job_rows;

/* job_sql_open opens path (WAL, synchronous=FULL, foreign keys off); readonly for readers. Returns
 * 0 or negative errno. */
int job_sql_open(const char *path, bool readonly, job_sql **ret) RF_MUST_USE;
job_sql *job_sql_close(job_sql *db);

/* job_sql_error is the first error since job_sql_clear: 0, -EIO, -ENOSPC, -EAGAIN (busy), -EEXIST
 * (constraint), -E2BIG. While it is set every call below does nothing. */
int job_sql_error(const job_sql *db);
void job_sql_clear(job_sql *db);

/* job_sql_fail sets the error, as a failed statement would. */
void job_sql_fail(job_sql *db, int err);

/* job_sql_script runs statements of a text without parameters. */
int job_sql_script(job_sql *db, const char *text);

/* job_sql_exec runs one statement to its end and returns how many rows it changed (0 on error).
 * sql is a string literal. types has a letter for each parameter: i int64_t, t const char * (NULL
 * is NULL), b const void * and size_t, n nothing (NULL). */
int64_t job_sql_exec(job_sql *db, const char *sql, const char *types, ...);

/* job_sql_query starts one that gives rows; job_sql_next steps to the next row, false at the end or
 * on error, when the rows are closed. Leaving earlier needs job_sql_end. */
job_rows *job_sql_query(job_sql *db, const char *sql, const char *types, ...);
bool job_sql_next(job_sql *db, job_rows *rows);
void job_sql_end(job_rows *rows);

/* job_sql_prepare makes a statement of composed text that job_sql_drop frees; bind with
 * job_sql_bind from parameter number 1 on. */
job_rows *job_sql_prepare(job_sql *db, const char *text);
void job_sql_bind_int(job_rows *rows, int at, int64_t value);
void job_sql_bind_text(job_rows *rows, int at, const char *value);
void job_sql_drop(job_rows *rows);

/* job_sql_one runs a query for its first row's first column; fallback when there is no row. */
int64_t job_sql_one(job_sql *db, int64_t fallback, const char *sql, const char *types, ...);

/* Columns of the present row. NULL integers are 0; strings are copied to the arena, NULL is NULL.
 */
int64_t job_sql_int(job_rows *rows, int column);
char *job_sql_str(job_rows *rows, int column, job_arena *arena);

/* job_sql_is checks a text column without a copy. */
bool job_sql_is(job_rows *rows, int column, const char *text);

int64_t job_sql_last_id(job_sql *db);

#endif
