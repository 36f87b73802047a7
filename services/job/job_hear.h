/*
 * job_hear.h - hears what other replicas of the job service have committed (reflection.job.events)
 * and tells those who wait here (job_watch.h) and the cache. A thread of its own. While the bus is
 * away nothing is heard; once it is back, those who wait are let go, to ask again.
 */
#ifndef JOB_HEAR_H
#define JOB_HEAR_H

#include "job_cache.h"
#include "job_watch.h"
#include "rf_bus.h"

typedef struct job_hear job_hear;

/* job_hear_start subscribes. Returns 0 or negative errno. */
int job_hear_start(rf_bus *bus, job_watch *watch, job_cache *cache, job_hear **ret) RF_MUST_USE;

/* job_hear_stop ends the thread; NULL is fine. */
job_hear *job_hear_stop(job_hear *h);

#endif
