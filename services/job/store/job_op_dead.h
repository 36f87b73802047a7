/*
 * job_op_dead.h - operations on jobs out of retries, the dead letters (spec jobs.md 4.3). Part of
 * job_op.h, which includes it.
 */
#ifndef JOB_OP_DEAD_H
#define JOB_OP_DEAD_H

#include "job_op.h"

#define JOB_DEAD_LIST_MAX 1000
#define JOB_REDRIVE_MAX 200 /* jobs of one operation */

/* Makes a new job of the same name, workflow version, params, metadata, inputs and webhook, which
 * takes the old one's place: that leaves the list, and stays as it is otherwise. */
typedef struct job_op_redrive {
    job_op op;
    const char *app;
    const char *id;
    /* out; err: -ENOENT no such job, -EEXIST it is not in the list, -EDQUOT too many jobs of the
     * application are queued, -EUSERS it has made as many today as it may */
    char new_id[RF_UUID_LEN];
} job_op_redrive;

/* Which of all applications' dead letters; those that died in from_ms <= t < to_ms. */
typedef struct job_dead_range {
    const char *workflow; /* slug; NULL: any */
    int64_t from_ms;
    int64_t to_ms; /* 0: no end */
} job_dead_range;

/* The oldest JOB_REDRIVE_MAX of a range; those whose application has too many jobs queued stay. */
typedef struct job_op_dead_redrive {
    job_op op;
    job_dead_range range;
    int64_t after; /* seq of the last one that was looked at; 0 at first */
    /* out */
    size_t n_redriven;
    size_t n_left; /* for the application's limit */
    int64_t last;  /* for after; 0: that was all */
} job_op_dead_redrive;

typedef struct job_dead_letter {
    const char *id;
    const char *app; /* name of the application */
    const char *name;
    const char *workflow;
    const char *code;
    const char *message;
    int64_t attempts;
    int64_t at_ms; /* when it died */
} job_dead_letter;

typedef struct job_op_dead_list {
    job_op op;
    job_dead_range range;
    uint32_t page;
    uint32_t size; /* 1-JOB_DEAD_LIST_MAX */
    /* out; newest first */
    job_dead_letter *letters;
    size_t n_letters;
} job_op_dead_list;

#endif
