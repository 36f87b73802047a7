/*
 * job_metrics.h - the metrics of spec jobs.md section 8 that this service knows.
 *
 * The label `workflow` is the slug of a shipped document or "user", so that no label holds a user's
 * text. Facts come from the store's completer alone, gauges from its readers.
 */
#ifndef JOB_METRICS_H
#define JOB_METRICS_H

#include "job_store.h"

typedef struct job_metrics job_metrics;

job_metrics *job_metrics_new(void);
job_metrics *job_metrics_free(job_metrics *m);

/* job_metrics_workflow names a shipped workflow and the pool it runs in; before the first fact. */
void job_metrics_workflow(job_metrics *m, const char *slug, job_pool pool);

/* job_metrics_fact counts what a commit made true. One thread. */
void job_metrics_fact(job_metrics *m, const job_fact *fact);

/* job_metrics_stats sets the gauges of queues, dead letters and outbox. */
void job_metrics_stats(job_metrics *m, const job_op_stats *stats, int64_t now_ms);

#endif
