/*
 * job_op_events.h - what listeners are told of a job (spec jobs.md section 5; README.md says what
 * an event's id is). Included by job_op.h.
 */
#ifndef JOB_OP_EVENTS_H
#define JOB_OP_EVENTS_H

/* What a listener is told of a job. */
typedef struct job_moment {
    int64_t id; /* rises; the same wherever it is read */
    bool progress;
    job_state state;
    uint64_t attempt; /* 0: none has begun */
    const char *step; /* NULL: none */
    int percent;      /* 0-100, -1: not told */
} job_moment;

#define JOB_EVENTS_KEPT 1000

/* What is newer than `after`: at most JOB_EVENTS_KEPT moments, or the present state alone when
 * `after` is 0, none of the job's, or older than what is kept. */
typedef struct job_op_events {
    job_op op;
    const char *app;
    const char *id;
    int64_t after;
    /* out; err: -ENOENT */
    job_moment *moments; /* in order */
    size_t n_moments;
    int64_t last; /* the newest id there is */
    job_state state;
} job_op_events;

#endif
