/*
 * job_store_sql_reuse.h - results that a later job of the same application takes over instead of
 * running (spec jobs.md section 5, "Result reuse"). A file belongs to every job whose result names
 * it, and goes with the last. Included by job_store_sql*.c only.
 */
#ifndef JOB_STORE_SQL_REUSE_H
#define JOB_STORE_SQL_REUSE_H

#include "job_store_sql.h"

/* job_tx_reuse_key is what a new job has in common with those whose results it may take: hex, of
 * its seed and the bytes of its inputs. NULL when it has no seed, or an input whose bytes are not
 * known; *ret_seed is then, where a worker will fetch them, what is known so far (jobs.reuse_seed),
 * else NULL. */
char *job_tx_reuse_key(job_tx *tx, int64_t app, const job_op_create *in, char **ret_seed);

/* job_tx_reuse_find returns the job whose result may be taken, 0 when there is none; it is not
 * deleted before the transaction ends. */
int64_t job_tx_reuse_find(job_tx *tx, int64_t app, const char *key);

/* job_tx_reuse_take gives job the result of the job from, and ends it: its row is there, QUEUED. */
void job_tx_reuse_take(job_tx *tx, const job_op_create *in, int64_t job, int64_t from);

/* job_tx_reuse_offer says that a job with a key has succeeded, job_tx_reuse_forget that it is
 * deleted. */
void job_tx_reuse_offer(job_tx *tx, int64_t job);
void job_tx_reuse_forget(job_tx *tx, int64_t job);

#endif
