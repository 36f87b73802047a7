#include "job_op_queue.h"

void job_op_queue_append(job_op_queue *q, job_op_queue *more)
{
    if (more->n > 0) {
        *(q->n > 0 ? &q->last->next : &q->first) = more->first;
        q->last = more->last;
        q->n += more->n;
    }
    *more = (job_op_queue){.first = NULL};
}

void job_op_queue_push(job_op_queue *q, job_op *op)
{
    op->next = NULL;
    job_op_queue one = {.first = op, .last = op, .n = 1};
    job_op_queue_append(q, &one);
}

job_op_queue job_op_queue_take(job_op_queue *q, size_t max)
{
    job_op_queue taken = {.first = NULL};
    while (q->n > 0 && taken.n < max) {
        job_op *op = q->first;
        q->first = op->next;
        q->n--;
        job_op_queue_push(&taken, op);
    }
    return taken;
}
