/*
 * job_leases.h - looks for attempts whose worker is gone, each scan period (spec jobs.md E2). After
 * a start, and after an outage of the store, nothing expires for the grace period: workers that
 * could not renew meanwhile must not lose a retry. It also refreshes the gauges. Runs on the owner
 * loop.
 */
#ifndef JOB_LEASES_H
#define JOB_LEASES_H

#include "job_metrics.h"
#include "job_store.h"
#include "rf_loop.h"

typedef struct job_leases job_leases;

typedef struct job_leases_config {
    int64_t scan_ms;
    int64_t grace_ms;
    int64_t start_limit_ms; /* a QUEUED job older than this fails */
} job_leases_config;

/* job_leases_start borrows loop, store and metrics (which may be NULL). */
job_leases *job_leases_start(rf_loop *loop, job_store *store, job_metrics *metrics,
                             const job_leases_config *config);

/* job_leases_stop ends the timer; the scan in progress is waited for. Returns NULL. */
job_leases *job_leases_stop(job_leases *l);

#endif
