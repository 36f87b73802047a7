/*
 * job_op_queue.h - operations that wait, first in first out, linked by their next. Not locked.
 */
#ifndef JOB_OP_QUEUE_H
#define JOB_OP_QUEUE_H

#include "job_op.h"

/* Zeroed is empty. */
typedef struct job_op_queue {
    job_op *first;
    job_op *last;
    size_t n;
} job_op_queue;

void job_op_queue_push(job_op_queue *q, job_op *op);

/* job_op_queue_append moves all of more to the end of q. */
void job_op_queue_append(job_op_queue *q, job_op_queue *more);

/* job_op_queue_take takes at most max operations off the front. */
job_op_queue job_op_queue_take(job_op_queue *q, size_t max);

#endif
