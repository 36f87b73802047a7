/*
 * job_pg_bulk.h - one statement for many rows of parameters: each parameter becomes an array, and
 * INSERT ... VALUES(?) becomes INSERT ... SELECT from them (UPDATE ... FROM, DELETE ... USING).
 * Rows must not touch the same row of a table twice in an UPDATE. A query is run for each row, too.
 */
#ifndef JOB_PG_BULK_H
#define JOB_PG_BULK_H

#include "job_pg.h"

#define JOB_PG_BULK_PARAMS_MAX 24

typedef struct job_pg_bulk {
    size_t n; /* rows */
    size_t bytes;
    int n_params;
    bool nulls[JOB_PG_BULK_PARAMS_MAX];
    rf_buf arrays[JOB_PG_BULK_PARAMS_MAX]; /* in libpq's binary form */
} job_pg_bulk;

/* job_pg_bulk_text gives the statement for many rows; NULL when it has no such form. The caller
 * frees. */
char *job_pg_bulk_text(const char *sql, const char *types) RF_MUST_USE;

/* job_pg_bulk_query gives the query that runs sql for each row of parameters, in their order, with
 * the row's number, from 1 on, in a column behind those of sql; of an UPDATE or DELETE ... WHERE
 * ... RETURNING in any order. The caller frees. */
char *job_pg_bulk_query(const char *sql, const char *types) RF_MUST_USE;

job_pg_bulk *job_pg_bulk_new(const char *types) RF_MUST_USE;
job_pg_bulk *job_pg_bulk_free(job_pg_bulk *b);

/* job_pg_bulk_add copies the parameters of one more row. */
void job_pg_bulk_add(job_pg_bulk *b, const char *types, va_list args);

/* The same one by one: each parameter of the row (at: from 0 on), then job_pg_bulk_end. */
void job_pg_bulk_int(job_pg_bulk *b, int at, int64_t value);
void job_pg_bulk_str(job_pg_bulk *b, int at, const char *value);
void job_pg_bulk_end(job_pg_bulk *b);

/* job_pg_bulk_row gives the parameters of the only row, job_pg_bulk_rows the arrays of all; they
 * live until job_pg_bulk_clear. */
void job_pg_bulk_row(const job_pg_bulk *b, job_pg_values *v);
void job_pg_bulk_rows(job_pg_bulk *b, const char *types, job_pg_values *v);
void job_pg_bulk_clear(job_pg_bulk *b);

/* job_pg_bulk_oid is the type of the array for a letter of job_sql_exec. */
Oid job_pg_bulk_oid(char type);

#endif
