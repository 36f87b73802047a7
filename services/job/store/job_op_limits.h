/*
 * job_op_limits.h - rate limits that gateways keep to together. Included by job_op.h.
 */
#ifndef JOB_OP_LIMITS_H
#define JOB_OP_LIMITS_H

/* What a gateway has made of a limit lately, in thousandths of a request a second: asked for, and
 * let in. */
typedef struct job_limit_use {
    const char *name;
    int64_t offered;
    int64_t admitted;
    /* out: of all other gateways together */
    int64_t others_offered;
    int64_t others_admitted;
} job_limit_use;

#define JOB_LIMIT_FRESH_MS 6000 /* what a gateway has said counts so long */

/* Keeps what a gateway says, and tells it what the others have said. */
typedef struct job_op_limits {
    job_op op;
    const char *gateway;
    job_limit_use *uses;
    size_t n_uses;
} job_op_limits;

#endif
