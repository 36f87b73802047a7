/*
 * job_migrations.h - the numbered steps that bring a database to the present schema. Steps are
 * never changed once released, only added.
 */
#ifndef JOB_MIGRATIONS_H
#define JOB_MIGRATIONS_H

#include "job_sql.h"

/* The schema version this program writes. */
int job_migrations_latest(void);

/* job_migrations_run applies what is missing, each step in its own transaction together with its
 * number (PRAGMA user_version); programs that start at the same time take turns. Returns 0, -EPROTO
 * when the file is of a newer program, or the store's error. */
int job_migrations_run(job_sql *db);

/* job_migrations_upto goes no further than version, as an earlier program did. */
int job_migrations_upto(job_sql *db, int version);

#endif
