/*
 * job_pg.h - what the PostgreSQL driver needs of libpq that knows nothing of its state: a
 * connection within a time, waiting for an answer, parameters, columns and the dialect.
 */
#ifndef JOB_PG_H
#define JOB_PG_H

#include "rf_base.h"
#include "rf_buf.h"

#include <libpq-fe.h>
#include <stdarg.h>

#define JOB_PG_PARAMS_MAX 128

enum { JOB_PG_OID_BYTES = 17, JOB_PG_OID_INT = 20, JOB_PG_OID_TEXT = 25 };
enum { JOB_PG_TEXT = 0, JOB_PG_BINARY = 1 };

/* Parameters of one statement. Text and bytes are the caller's. */
typedef struct job_pg_values {
    int n;
    int64_t ints[JOB_PG_PARAMS_MAX]; /* in network order */
    const char *values[JOB_PG_PARAMS_MAX];
    int lengths[JOB_PG_PARAMS_MAX];
    int formats[JOB_PG_PARAMS_MAX];
    Oid types[JOB_PG_PARAMS_MAX];
} job_pg_values;

/* job_pg_take fills values by the letters of job_sql_exec. */
void job_pg_take(job_pg_values *v, const char *types, va_list args);

/* job_pg_set_int and job_pg_set_text set parameter number at (from 1 on); false when there is no
 * room for so many. */
bool job_pg_set_int(job_pg_values *v, int at, int64_t value);
bool job_pg_set_text(job_pg_values *v, int at, const char *value);

/* job_pg_int reads an integer or truth value of any width; NULL is 0. */
int64_t job_pg_int(const PGresult *result, int row, int column);

/* A connection in the making. conn is the caller's once it is made, and ended by
 * job_pg_attempt_end before. */
typedef struct job_pg_attempt {
    PGconn *conn; /* NULL: no attempt */
    PostgresPollingStatusType next;
    bool was_heard; /* the server had said something before the last step */
} job_pg_attempt;

/* job_pg_attempt_start begins to connect to url; like (may be NULL) is a connection to the one
 * server, of those that url may name, that is meant. 0, or negative errno and a reason (the caller
 * frees), which never names a password; there is no attempt then. */
int job_pg_attempt_start(job_pg_attempt *a, const char *url, PGconn *like,
                         char **ret_why) RF_MUST_USE;
void job_pg_attempt_end(job_pg_attempt *a);

/* job_pg_attempt_events are those of PQsocket that job_pg_attempt_step must wait for (poll); the
 * step returns 1 when the connection is made, 0 when there is more to do, negative errno when it
 * failed. job_pg_attempt_wait makes steps for at most timeout_ms and returns the same; a failed
 * attempt is ended, with a reason as above. */
short job_pg_attempt_events(const job_pg_attempt *a);
int job_pg_attempt_step(job_pg_attempt *a);
int job_pg_attempt_wait(job_pg_attempt *a, int timeout_ms, char **ret_why);

/* job_pg_connect is all of that in at most timeout_ms: NULL and a reason when that fails. */
PGconn *job_pg_connect(const char *url, int timeout_ms, char **ret_why) RF_MUST_USE;

/* job_pg_reason is what the connection says about its last failure, in one line, or else fallback;
 * the caller frees. */
char *job_pg_reason(const PGconn *conn, const char *fallback) RF_MUST_USE;

/* job_pg_wait sends what is to be sent and waits until PQgetResult does not block: 1; 0 when
 * timeout_ms have passed first; negative errno when the connection is gone. */
int job_pg_wait(PGconn *conn, int timeout_ms);

/* job_pg_script runs a text on a connection that is not in pipeline mode; 0, or -EIO, also when
 * timeout_ms have passed. */
int job_pg_script(PGconn *conn, const char *text, int timeout_ms);

/* job_pg_commits reads how many transactions of a writer were committed, after the one that may be
 * under way; -1 when the server does not say within timeout_ms. */
int64_t job_pg_commits(PGconn *conn, const char *id, int timeout_ms);

/* job_pg_text turns the parameters ? and ?N of a statement into $N; the caller frees. */
char *job_pg_text(const char *sql) RF_MUST_USE;

/* job_pg_schema puts PostgreSQL's words for SQLite's types; the caller frees. */
char *job_pg_schema(const char *sql) RF_MUST_USE;

/* job_pg_statement cuts the next statement off a text; false at the end. */
bool job_pg_statement(const char **text, rf_buf *one);

/* job_pg_left_ms is how long it is until end_ns (rf_time_real_ns: a network does not wait for the
 * clock that a test drives), at least 0. */
int job_pg_left_ms(int64_t end_ns);

#endif
