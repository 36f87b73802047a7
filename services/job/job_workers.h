/*
 * job_workers.h - what workers say about their free slots, so that the relay holds references back
 * (spec jobs.md K3). In memory only: after a restart the first claim or heartbeat of each worker
 * fills it again. Any thread may call.
 */
#ifndef JOB_WORKERS_H
#define JOB_WORKERS_H

#include "job_lifecycle.h"

#define JOB_WORKERS_MAX 10000
#define JOB_WORKER_SILENT_MS 30000 /* a worker unheard of for so long has no slots */
#define JOB_REFERENCES_PER_SLOT 2
#define JOB_REFERENCES_LEAST 4 /* of a worker that takes many, if it has the slots */
#define JOB_CLAIMS_MANY 16     /* jobs of a claim from which on a worker is one */
#define JOB_SLOTS_MAX 1024     /* of one worker */

typedef struct job_workers job_workers;

job_workers *job_workers_new(void);
job_workers *job_workers_free(job_workers *w);

/* job_workers_set says how many slots a worker has free now. Returns true when that is more than
 * before, so that the relay may have something to do. */
bool job_workers_set(job_workers *w, const char *worker, job_pool pool, uint32_t free_slots);

/* job_workers_claimed notes that a claim of the worker found n_jobs, before job_workers_set says
 * what is free now. A reference leads to as many jobs as its worker claims at once, so that one who
 * takes many gets few. */
void job_workers_claimed(job_workers *w, const char *worker, uint32_t n_jobs);

/* job_workers_add changes the number by delta (a finished attempt frees one). Returns as above. */
bool job_workers_add(job_workers *w, const char *worker, int32_t delta);

/* job_workers_allowed is how many unclaimed references of a pool may be out. */
uint32_t job_workers_allowed(job_workers *w, job_pool pool);

#endif
