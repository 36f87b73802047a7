/*
 * job_store_sql_lanes.h - what waits, by application and priority, for the order of turns
 * (job_store_sql_turns.h). Two questions find the applications that may start something and the
 * heads of their levels, whatever their number, and one more reads on in all of them: each question
 * may be a round trip. Lives in the arena of the transaction. Included by job_store_sql*.c only.
 */
#ifndef JOB_STORE_SQL_LANES_H
#define JOB_STORE_SQL_LANES_H

#include "job_store_sql_turns.h"

#define JOB_LANES_MAX JOB_CLAIM_MAX /* applications that have a turn in one go */

/* The waiting jobs of one application and priority that are due, oldest first. */
typedef struct job_level {
    int64_t priority;
    job_turn *rows;
    size_t n;
    size_t at;     /* the next one */
    size_t wanted; /* rows, by the read that is under way */
    bool dry;      /* nothing waits behind rows */
} job_level;

/* The waiting jobs of one application. */
typedef struct job_lane {
    int64_t app;
    int64_t weight;
    int64_t room; /* jobs that it may start */
    job_level levels[JOB_PRIORITIES];
    size_t n_levels;
} job_lane;

typedef struct job_lanes {
    job_tx *tx;
    int64_t pool;
    job_lane *list[JOB_LANES_MAX + JOB_PRIORITIES];
    size_t n;
} job_lanes;

/* How far the look for applications has come. */
typedef struct job_lanes_cursor {
    int64_t key;     /* of the last level: application * JOB_LANES_PLACES + priority; -1: none */
    int64_t wrapped; /* 1: it has begun again from the first application */
    int64_t first;   /* where it ends then */
    bool over;
} job_lanes_cursor;

/* job_lanes_after begins behind an application. job_lanes_find adds lanes of the next ones that may
 * start something, without jobs yet: all of them (over), or about max of them. */
job_lanes_cursor job_lanes_after(int64_t app);
void job_lanes_find(job_lanes *lanes, job_lanes_cursor *c, size_t max);

/* The jobs of an application and priority that wait, whether they may start or not. */
typedef struct job_waiting {
    int64_t app;
    int64_t priority;
    int64_t oldest_ms; /* when the first of them is due */
} job_waiting;

/* job_lanes_waiting tells fn of all that wait in a pool. */
void job_lanes_waiting(job_tx *tx, int64_t pool, void (*fn)(void *user, const job_waiting *w),
                       void *user);

/* job_lanes_read reads on so that every lane has the jobs of its next turn; left: how many are
 * still to be given to all. */
void job_lanes_read(job_lanes *lanes, size_t left);

#endif
