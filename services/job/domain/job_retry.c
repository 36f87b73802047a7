#include "job_retry.h"

#include "rf_id.h"

#include <string.h>

#define FIRST_DELAY_MS 5000
#define LONGEST_DELAY_MS 300000

static const struct {
    const char *code;
    const char *title;
} titles[] = {
    {JOB_CODE_BAD_INPUT, "Invalid input"},
    {JOB_CODE_INTERNAL, "Internal error"},
    {JOB_CODE_TIMEOUT, "Timeout"},
    {JOB_CODE_CANCELLED, "Cancelled"},
};

const char *job_code_title(const char *code)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(titles); i++) {
        if (strcmp(code, titles[i].code) == 0) {
            return titles[i].title;
        }
    }
    return "Internal error";
}

int64_t job_retry_delay_ms(uint32_t n)
{
    int64_t limit_ms = LONGEST_DELAY_MS;
    if (n >= 1 && n < 8) {
        limit_ms = RF_MIN(limit_ms, (int64_t)FIRST_DELAY_MS << (n - 1));
    }
    return (int64_t)rf_random_u64((uint64_t)limit_ms + 1);
}

/* The code that the client sees: one of ours, whatever the worker said. */
static const char *known_code(const char *code)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(titles); i++) {
        if (strcmp(code, titles[i].code) == 0) {
            return titles[i].code;
        }
    }
    return JOB_CODE_INTERNAL;
}

job_verdict job_retry_decide(const job_failure *failure)
{
    job_verdict verdict = {.code = known_code(failure->code), .message = failure->message};
    if (failure->decoder_crash && failure->crashes_before > 0) {
        verdict.code = JOB_CODE_BAD_INPUT;
        verdict.message = JOB_TEXT_UNDECODABLE;
        return verdict;
    }
    if (strcmp(verdict.code, JOB_CODE_CANCELLED) == 0 ||
        (!failure->decoder_crash && strcmp(verdict.code, JOB_CODE_BAD_INPUT) == 0)) {
        return verdict;
    }
    if (failure->decoder_crash) {
        verdict.code = JOB_CODE_INTERNAL;
    }
    verdict.retry = failure->retries_used < JOB_RETRIES_MAX;
    verdict.dead_letter = !verdict.retry;
    verdict.delay_ms = verdict.retry ? job_retry_delay_ms(failure->retries_used + 1) : 0;
    return verdict;
}
