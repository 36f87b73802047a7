/*
 * job_retry.h - what follows a failed attempt (spec jobs.md 4.3): another attempt after a random
 * delay, or the end of the job. Pure decisions; any thread may call.
 */
#ifndef JOB_RETRY_H
#define JOB_RETRY_H

#include "rf_base.h"

#define JOB_RETRIES_MAX 3 /* so 4 attempts in all */

#define JOB_CODE_BAD_INPUT "BAD_INPUT"
#define JOB_CODE_INTERNAL "INTERNAL_ERROR"
#define JOB_CODE_TIMEOUT "TIMEOUT"
#define JOB_CODE_CANCELLED "CANCELLED"

#define JOB_TEXT_FILE_NOT_FOUND "File not found."
#define JOB_TEXT_INTERRUPTED "The job was interrupted too often."
#define JOB_TEXT_CANCELLED "The job was cancelled."
#define JOB_TEXT_UNDECODABLE "The input could not be decoded."

/* How an attempt failed, and what the job has been through before. */
typedef struct job_failure {
    const char *code;    /* BAD_INPUT, INTERNAL_ERROR, TIMEOUT or CANCELLED */
    const char *message; /* for the client */
    bool decoder_crash;
    uint32_t retries_used;   /* 0-3 */
    uint32_t crashes_before; /* decoder crashes of earlier attempts */
} job_failure;

typedef struct job_verdict {
    bool retry;
    bool dead_letter;    /* out of retries */
    int64_t delay_ms;    /* before the next attempt */
    const char *code;    /* of the failed job; what the failure gave, or a constant */
    const char *message; /* likewise */
} job_verdict;

/* job_retry_decide: BAD_INPUT, CANCELLED and a second decoder crash end the job, everything else is
 * retried JOB_RETRIES_MAX times. An unknown code counts as INTERNAL_ERROR. */
job_verdict job_retry_decide(const job_failure *failure);

/* job_retry_delay_ms is uniform in [0, min(300 s, 5 s * 2^(n-1))] for retry n >= 1 (full jitter).
 */
int64_t job_retry_delay_ms(uint32_t n);

/* job_code_title gives the title of a code ("Invalid input"); unknown ones are internal errors. */
const char *job_code_title(const char *code);

#endif
