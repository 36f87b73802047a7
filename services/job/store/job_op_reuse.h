/*
 * job_op_reuse.h - results taken over by a job whose inputs a worker had to fetch first. Included
 * by job_op.h.
 */
#ifndef JOB_OP_REUSE_H
#define JOB_OP_REUSE_H

/* The bytes of an input that came from an outside URL. */
typedef struct job_digest {
    const char *param;
    const uint8_t *sha256;
} job_digest;

/* Tells what an attempt has fetched: the job takes over the result of an equal one, if there is
 * one, else its own may be taken once it has succeeded. */
typedef struct job_op_fetched {
    job_op op;
    const char *id;
    uint64_t fence;
    const char *worker;
    const job_digest *digests;
    size_t n_digests;
    /* out; err: -ESTALE the fence is old */
    bool taken; /* the job has succeeded: the attempt is over */
} job_op_fetched;

#endif
