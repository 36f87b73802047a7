#include "job_op.h"

#include <errno.h>

void *job_op_new(job_op_kind kind, size_t size, job_op_done_fn done, void *user)
{
    job_op *op = rf_alloc(size);
    op->kind = kind;
    op->done = done;
    op->user = user;
    return op;
}

job_op *job_op_free(job_op *op)
{
    if (op != NULL) {
        job_arena_done(&op->arena);
        free(op);
    }
    return NULL;
}

bool job_op_is_write(job_op_kind kind)
{
    return kind < JOB_OP_GET;
}

bool job_op_is_outage(int err)
{
    return err == -EIO || err == -EAGAIN || err == -ENOSPC || err == -ECANCELED;
}
