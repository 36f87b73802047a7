/*
 * job_metrics.h - the metrics of spec jobs.md section 8 that this service knows. Any thread.
 */
#ifndef JOB_METRICS_H
#define JOB_METRICS_H

#include "job_store.h"

typedef struct job_metrics job_metrics;

job_metrics *job_metrics_new(void);
job_metrics *job_metrics_free(job_metrics *m);

/* job_metrics_stats sets the gauges of queues and outbox. */
void job_metrics_stats(job_metrics *m, const job_op_stats *stats, int64_t now_ms);

/* Counters: a job that became final, leases lost, writes refused for an old fence. */
void job_metrics_finished(job_metrics *m, job_state state);
void job_metrics_attempt(job_metrics *m, const char *outcome);
void job_metrics_lost(job_metrics *m, size_t n);
void job_metrics_fenced(job_metrics *m, size_t n);

#endif
