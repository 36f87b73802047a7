/*
 * job_pg_session.h - the connection of the PostgreSQL driver: made again after it was lost, answers
 * read in the order in which they were asked for, rows of writes that wait for each other. Errors
 * go to the sticky error of job_sql.h. Included by the driver's files only (job_sql_postgres.c,
 * job_pg_session.c, job_pg_send.c).
 */
#ifndef JOB_PG_SESSION_H
#define JOB_PG_SESSION_H

#include "job_pg_bulk.h"
#include "job_pg_pulse.h"
#include "job_sql_driver.h"

#include "rf_id.h"

#define JOB_PG_STATEMENTS_MAX 512 /* power of two, far above the literals in the sources */
#define JOB_PG_NAME_LEN 24
#define JOB_PG_BULKS_MAX 64
#define JOB_PG_CONNECT_MS 3000
#define JOB_PG_BACKOFF_MIN_MS 20

typedef enum job_pg_state {
    JOB_PG_DOWN, /* not connected */
    JOB_PG_IDLE,
    JOB_PG_BUSY, /* in a transaction */
} job_pg_state;

typedef struct job_pg_rows {
    job_rows base;
    const char *sql;            /* literal: found by address; NULL: free, or of composed text */
    char name[JOB_PG_NAME_LEN]; /* of the prepared statement */
    bool prepared;              /* or about to be */
    bool waiting;               /* its answer is still to be read */
    PGresult *result;
    int row;           /* the present one */
    job_pg_bulk *bulk; /* rows of a write that wait, or the runs of a query */
    bool bulk_prepared;
    /* Of a write only. */
    const char *types;
    bool single; /* it has no form for many rows */
    /* Of composed text only. */
    char *text;
    job_pg_values *values;
} job_pg_rows;

/* An answer that is still to come, in order. */
typedef struct job_pg_answer {
    job_pg_rows *rows;
    PGresult **keep; /* where the rows go; NULL: nowhere */
    bool *prepared;  /* of a statement being prepared; NULL: it is being run */
} job_pg_answer;

typedef struct job_pg_session {
    job_sql base;
    PGconn *conn;
    char *url;
    job_sql_role role;
    job_pg_state state;
    job_pg_answer *answers; /* a queue: from first_answer on */
    size_t n_answers;
    size_t answers_size;
    size_t first_answer;
    job_pg_rows *bulks[JOB_PG_BULKS_MAX]; /* with rows that wait, in the order of their first */
    size_t n_bulks;
    bool counting;          /* the table commits is there */
    int64_t changed;        /* by the last statement that was answered */
    bool patient;           /* the statements of this transaction may take any time */
    bool hangs;             /* the connection was given up, since the server did not live */
    job_sql_health *health; /* shared, or its own */
    job_sql_health own_health;
    int64_t heard_ns;       /* of the server, last */
    job_pg_attempt attempt; /* while DOWN: to connect anew */
    int64_t attempt_end_ns;
    int64_t down_until_ns;
    int64_t backoff_ms;
    char id[RF_UUID_LEN]; /* of its row in commits */
    int64_t commits;      /* what the row counts */
    int64_t clock_ms;     /* the server's, at clock_ns here; 0: not asked for yet */
    int64_t clock_ns;
    job_pg_rows statements[JOB_PG_STATEMENTS_MAX];
} job_pg_session;

/* job_pg_session_connect makes the connection, waiting for it at most timeout_ms; false and the
 * error when there is none, yet: the attempt goes on at the next call.
 * job_pg_session_need does so when there is none and the back-off is over, without keeping its
 * caller waiting for a server that does not answer. job_pg_session_check notices that the server
 * has closed an idle one, or was given up meanwhile. */
bool job_pg_session_connect(job_pg_session *s, int timeout_ms);
bool job_pg_session_need(job_pg_session *s);
void job_pg_session_check(job_pg_session *s);

/* job_pg_session_sent takes what a function of libpq that sends returned; false: connection lost.
 * job_pg_session_expect notes that an answer will come. */
bool job_pg_session_sent(job_pg_session *s, int ok);
void job_pg_session_expect(job_pg_session *s, job_pg_answer answer);

/* job_pg_session_ask has what was sent answered now; job_pg_session_read reads the next answer,
 * job_pg_session_read_all all that are due, and job_pg_session_sync ends the pipeline: everything
 * is answered, and the server listens again after an error. */
void job_pg_session_ask(job_pg_session *s);
void job_pg_session_read(job_pg_session *s);
void job_pg_session_read_all(job_pg_session *s);
void job_pg_session_sync(job_pg_session *s);

/* job_pg_send_slot is the place of a literal. */
job_pg_rows *job_pg_send_slot(job_pg_session *s, const char *sql);

/* job_pg_send_prepare prepares it where that is still to be done, job_pg_send_values runs a
 * prepared statement, job_pg_send_literal both; the rows go to keep (NULL: nowhere). */
void job_pg_send_prepare(job_pg_session *s, job_pg_rows *rows, const char *types);
void job_pg_send_values(job_pg_session *s, const char *name, const job_pg_values *v,
                        job_pg_answer answer);
void job_pg_send_literal(job_pg_session *s, job_pg_rows *rows, const char *types, va_list args,
                         PGresult **keep);

/* job_pg_send_each runs a query of a literal many times, as one statement; the rows go to
 * rows->result, with the number of the run, from 1 on, behind their columns. */
void job_pg_send_each(job_pg_session *s, job_pg_rows *rows, const job_sql_many *many);

/* job_pg_send_text sends a text without parameters. */
void job_pg_send_text(job_pg_session *s, const char *text);

/* job_pg_send_later keeps a row of a write until job_pg_send_rows, which comes before anything that
 * may look at what was written; false when the statement has no form for many rows.
 * job_pg_send_forget drops them. */
bool job_pg_send_later(job_pg_session *s, job_pg_rows *rows, const char *types, va_list args);
void job_pg_send_rows(job_pg_session *s);
void job_pg_send_forget(job_pg_session *s);

#endif
