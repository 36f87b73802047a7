/*
 * job_op_batch.h - the operation on batches (spec jobs.md section 5). Part of job_op.h, which
 * includes it.
 */
#ifndef JOB_OP_BATCH_H
#define JOB_OP_BATCH_H

#include "job_op.h"

#define JOB_BATCH_NAME_MAX 128 /* characters */
#define JOB_BATCH_SIZE_MAX 1000000

typedef struct job_op_batch_get {
    job_op op;
    const char *app;
    const char *name;
    /* out; err: -ENOENT */
    int64_t total; /* jobs so far, also such as are deleted */
    int64_t queued;
    int64_t started;
    int64_t succeeded;
    int64_t failed;
    int64_t created_ms;
    int64_t completed_ms; /* 0: jobs are not final, or fewer than batchSize were made */
} job_op_batch_get;

#endif
