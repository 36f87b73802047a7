/*
 * job_migrations.h - the numbered steps that bring a database to the present schema. Steps are
 * never changed once released, only added.
 */
#ifndef JOB_MIGRATIONS_H
#define JOB_MIGRATIONS_H

#include "job_sql.h"

/* Numbers for job_sql_lock and job_sql_lead. */
enum { JOB_LOCK_SCHEMA = 7201, JOB_LOCK_WORKFLOWS, JOB_LOCK_KEYS, JOB_LOCK_RELAY, JOB_LOCK_CLAIMS };

/* The schema version this program writes. */
int job_migrations_latest(void);

/* job_migrations_run applies what is missing, each step in its own transaction together with its
 * number; programs that start at the same time take turns. Returns 0, -EPROTO
 * when the database is of a newer program, or the store's error. */
int job_migrations_run(job_sql *db);

/* job_migrations_upto goes no further than version, as an earlier program did. */
int job_migrations_upto(job_sql *db, int version);

#endif
