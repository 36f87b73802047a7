/*
 * job_store_sql_batch.h - batches: how many jobs of one name an application has in each state (spec
 * jobs.md section 5). Changes add up in the transaction and are written once at its end. Included
 * by job_store_sql*.c only.
 */
#ifndef JOB_STORE_SQL_BATCH_H
#define JOB_STORE_SQL_BATCH_H

#include "job_store_sql.h"

/* job_tx_batch_add counts a new job of the batch, whose size is given or 0. Returns 0, or -ERANGE
 * before any write when the batch has another size. batch NULL: the job is in none, here and below.
 */
int job_tx_batch_add(job_tx *tx, const char *app, const char *batch, int64_t size) RF_MUST_USE;

/* job_tx_batch_move counts a job that goes from one state to another; to JOB_NONE: it is deleted.
 */
void job_tx_batch_move(job_tx *tx, const char *app, const char *batch, job_state from,
                       job_state to);

/* job_tx_batch_settle writes what has added up. A batch of whose size so many jobs are final is
 * completed, once. */
void job_tx_batch_settle(job_tx *tx);

#endif
