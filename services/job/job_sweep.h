/*
 * job_sweep.h - removes objects that nothing needs any more: at once what the store put up for
 * removal (deleted jobs, expired uploads, intermediate files), and now and then whatever lies in
 * the object store without a row that refers to it (spec jobs.md E4, 4.5). A thread of its own,
 * since deleting waits for the disk.
 */
#ifndef JOB_SWEEP_H
#define JOB_SWEEP_H

#include "job_store.h"
#include "rf_store.h"

typedef struct job_sweep job_sweep;

typedef struct job_sweep_config {
    int64_t period_ms;
    int64_t retention_ms;
    int64_t idempotency_ms;
    int64_t orphan_age_ms;
    int64_t orphan_period_ms;
} job_sweep_config;

int job_sweep_start(job_store *store, rf_store *objects, const job_sweep_config *config,
                    job_sweep **ret);

/* job_sweep_stop waits for the removal in progress. Returns NULL. */
job_sweep *job_sweep_stop(job_sweep *s);

/* One round of either kind, on the caller's thread; for tests and the thread. Return how many
 * objects were removed, or negative errno. */
int64_t job_sweep_due(job_store *store, rf_store *objects, const job_sweep_config *config);
int64_t job_sweep_orphans(job_store *store, rf_store *objects, const job_sweep_config *config);

#endif
