/*
 * job_store_sql_readers.h - the threads that answer reads, each on its own connection and
 * snapshot. A read that meets an outage of the database is tried again until its time is over
 * (job_op.until_ns). Included by job_store_sql*.c only.
 */
#ifndef JOB_STORE_SQL_READERS_H
#define JOB_STORE_SQL_READERS_H

#include "job_store_sql.h"

typedef struct job_readers job_readers;

/* job_readers_open connects as many readers as the options name. common and options must outlive
 * them. Returns 0 or negative errno. */
int job_readers_open(const job_store_options *options, job_common *common, job_readers **ret);

/* job_readers_start starts their threads; 0 or negative errno. */
int job_readers_start(job_readers *r);

/* job_readers_submit hands a read over; false when too many wait or the end has begun. */
bool job_readers_submit(job_readers *r, job_op *op);

/* job_readers_stop ends the threads after the reads that wait; one that waits for the end of an
 * outage ends with its error. Later ones are not taken. NULL is allowed. */
void job_readers_stop(job_readers *r);

/* job_readers_free frees what was stopped, or never started; NULL is allowed. Returns NULL. */
job_readers *job_readers_free(job_readers *r);

#endif
