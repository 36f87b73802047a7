/*
 * job_sql.h - a thin layer over one connection to the database: prepared statements kept by the
 * address of their text, typed binding, and an error that sticks until the transaction ends, so
 * that a chain of statements is checked once at its end. One thread at a time.
 *
 * Statements are written once, in the SQL that SQLite 3.40 and PostgreSQL 15 both run:
 * - parameters are ? or ?1; INSERT ... ON CONFLICT and RETURNING are there, OR IGNORE, OR REPLACE,
 *   scalar min() and max() are not; IS DISTINCT FROM compares with NULL; integers are 64 bit.
 * - a row lock (FOR UPDATE OF j SKIP LOCKED, FOR SHARE) is the end of its statement. SQLite, where
 *   one transaction writes at a time, does not see it.
 * - a SELECT that is not read to its end has a LIMIT: PostgreSQL sends all of it.
 */
#ifndef JOB_SQL_H
#define JOB_SQL_H

#include "job_arena.h"
#include "rf_base.h"

typedef struct job_sql job_sql;
typedef struct job_rows job_rows;

#define JOB_SQL_INTS_MAX 8

/* What a connection is for. */
typedef enum job_sql_role {
    JOB_SQL_WRITER,
    JOB_SQL_READER, /* may not write */
} job_sql_role;

/* One query run n times: for each of n texts, its only parameter, or with n_ints integers each, up
 * to JOB_SQL_INTS_MAX. row is called for every row, in order of the runs. What row asks of the
 * database must not be the same query. An UPDATE or DELETE ... WHERE ... RETURNING may stand for
 * the query: its runs change different rows of one table, and are told in any order. */
typedef struct job_sql_many {
    const char *const *texts; /* NULL: ints */
    const int64_t *ints;      /* n times n_ints */
    size_t n_ints;
    size_t n;
    void (*row)(void *user, size_t i, job_rows *rows);
    void *user;
} job_sql_many;

/* job_sql_open connects to url: sqlite:PATH (WAL, synchronous=FULL, foreign keys off) or
 * postgresql://... as libpq reads it. Returns 0 or negative errno, -EINVAL for any other url; a log
 * line says why, without the password. */
int job_sql_open(const char *url, job_sql_role role, job_sql **ret) RF_MUST_USE;

/* What the connections of a store tell each other of their server, so that each need not find out
 * for itself that it hangs. Zeroed, and outlives them. Times are rf_time_real_ns. */
typedef struct job_sql_health {
    _Atomic(int64_t) hung_ns; /* it was given up then */
    _Atomic(int64_t) made_ns; /* a connection was made then */
} job_sql_health;

/* job_sql_share has the connection use health. */
void job_sql_share(job_sql *db, job_sql_health *health);

/* job_sql_lost says whether there is no connection to the server now, whatever is tried. */
bool job_sql_lost(const job_sql *db);

/* job_sql_cache bounds the pages that the connection keeps in memory, where the engine keeps them
 * in this process [16 MiB]. */
void job_sql_cache(job_sql *db, int64_t kib);
job_sql *job_sql_close(job_sql *db);

/* job_sql_shared says whether other programs may write to the database as well. */
bool job_sql_shared(const job_sql *db);

/* job_sql_in_place says whether an update that leaves a row as long as it was is made in its place;
 * otherwise every update writes the row anew. */
bool job_sql_in_place(const job_sql *db);

/* job_sql_error is the first error since job_sql_clear: 0, -EIO, -ENOSPC, -EAGAIN (busy), -EEXIST
 * (constraint), -E2BIG, -ECANCELED (nobody knows whether the commit took effect). While it is set
 * every call below does nothing. */
int job_sql_error(const job_sql *db);
void job_sql_clear(job_sql *db);

/* job_sql_fail sets the error, as a failed statement would. */
void job_sql_fail(job_sql *db, int err);

/* job_sql_script runs statements of a text without parameters. */
int job_sql_script(job_sql *db, const char *text);

/* job_sql_begin starts a transaction: for a writer one that may write, for a reader a snapshot.
 * job_sql_commit ends it, or undoes it when an error is set; returns that error, which is cleared.
 */
void job_sql_begin(job_sql *db);
int job_sql_commit(job_sql *db);

/* job_sql_lazy lets the commit of the present transaction return before it is on disk, where the
 * database can tell (PostgreSQL): a crash of the server may undo it, and nothing else. */
void job_sql_lazy(job_sql *db);

/* job_sql_again says whether the last transaction failed by what another one did, so that the same
 * may succeed when it is run again. */
bool job_sql_again(const job_sql *db);

/* job_sql_now_ms is the database's clock, ms since 1970, for all that a transaction writes. */
int64_t job_sql_now_ms(job_sql *db);

/* job_sql_lock makes other transactions that ask for the same number wait until this one ends. */
void job_sql_lock(job_sql *db, int64_t number);

/* job_sql_lead says whether this connection holds the number, for as long as it lasts; it is taken
 * when no other does. job_sql_session changes when the connection was lost and made again. */
bool job_sql_lead(job_sql *db, int64_t number);
unsigned job_sql_session(const job_sql *db);

/* job_sql_new_seqs gives keys for jobs that are about to be inserted: the first of them; how many
 * there are follows. */
int64_t job_sql_new_seqs(job_sql *db, int64_t *ret_n);

/* job_sql_version is the schema's number, 0 before the first; -1 on error. job_sql_schema runs the
 * statements that lead to the next one, written in SQLite's words for types (INTEGER, BLOB, INTEGER
 * PRIMARY KEY, WITHOUT ROWID), and sets the number; job_sql_tune, after the last of them, has the
 * engine keep the tables as suits their use. Both within a transaction. */
int64_t job_sql_version(job_sql *db);
void job_sql_schema(job_sql *db, const char *text, int64_t version);
void job_sql_tune(job_sql *db);

/* job_sql_exec runs one statement to its end and returns how many rows it changed (0 on error).
 * sql is a string literal. types has a letter for each parameter: i int64_t, t const char * (NULL
 * is NULL), b const void * and size_t, n nothing (NULL). */
int64_t job_sql_exec(job_sql *db, const char *sql, const char *types, ...);

/* job_sql_run is job_sql_exec for whoever does not need the count, and so need not wait for it. */
void job_sql_run(job_sql *db, const char *sql, const char *types, ...);

/* job_sql_query starts one that gives rows; job_sql_next steps to the next row, false at the end or
 * on error, when the rows are closed. Leaving earlier needs job_sql_end. */
job_rows *job_sql_query(job_sql *db, const char *sql, const char *types, ...);
bool job_sql_next(job_sql *db, job_rows *rows);
void job_sql_end(job_rows *rows);

/* job_sql_each runs a query many times over; where an answer takes a round trip, all take one. */
void job_sql_each(job_sql *db, const char *sql, const job_sql_many *many);

/* job_sql_prepare makes a statement of composed text that job_sql_drop frees; bind with
 * job_sql_bind from parameter number 1 on. Text must live until the rows are dropped. */
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

#endif
