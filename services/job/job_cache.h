/*
 * job_cache.h - the last known states of jobs, so that a poll of /status costs no query and is
 * answered while the store is down (spec jobs.md Q5). The store's commits feed it; what it does not
 * know is asked of the store. Bounded: the oldest entry goes first. Any thread may call.
 */
#ifndef JOB_CACHE_H
#define JOB_CACHE_H

#include "job_lifecycle.h"

typedef struct job_cache job_cache;

job_cache *job_cache_new(size_t capacity);
job_cache *job_cache_free(job_cache *c);

/* job_cache_put sets the state of a job of an application (UUIDs); JOB_NONE forgets it. */
void job_cache_put(job_cache *c, const char *app, const char *id, job_state state);

/* job_cache_advance tells of a job of an application that is not known here: the entry, if there is
 * one, takes a state that is later than its own, and goes with JOB_NONE. */
void job_cache_advance(job_cache *c, const char *id, job_state state);

/* job_cache_get returns the state, JOB_NONE when the cache does not know the job or it belongs to
 * another application. */
job_state job_cache_get(job_cache *c, const char *app, const char *id);

size_t job_cache_count(job_cache *c);

#endif
