#include "job_lifecycle.h"

#include <errno.h>
#include <string.h>

/* Rows: the state before; columns: the event. 0 is a step that does not exist. */
static const uint8_t steps[JOB_N_STATES][JOB_N_EVENTS] = {
    [JOB_NONE] = {[JOB_EVENT_CREATE] = JOB_QUEUED},
    [JOB_QUEUED] =
        {
            [JOB_EVENT_CLAIM] = JOB_STARTED,
            [JOB_EVENT_CANCEL] = JOB_FAILED,
            [JOB_EVENT_EXPIRE] = JOB_FAILED,
        },
    [JOB_STARTED] =
        {
            [JOB_EVENT_CLAIM] = JOB_STARTED,
            [JOB_EVENT_RETRY] = JOB_STARTED,
            [JOB_EVENT_SUCCEED] = JOB_SUCCEEDED,
            [JOB_EVENT_FAIL] = JOB_FAILED,
            [JOB_EVENT_CANCEL] = JOB_FAILED,
        },
};

static const char *const state_names[JOB_N_STATES] = {"NONE", "QUEUED", "STARTED", "SUCCEEDED",
                                                      "FAILED"};
static const char *const event_names[JOB_N_EVENTS] = {"create", "claim",  "retry", "succeed",
                                                      "fail",   "cancel", "expire"};
static const char *const attempt_names[] = {
    [JOB_ATTEMPT_LEASED] = "LEASED", [JOB_ATTEMPT_RUNNING] = "RUNNING",
    [JOB_ATTEMPT_DONE] = "DONE",     [JOB_ATTEMPT_ERROR] = "ERROR",
    [JOB_ATTEMPT_LOST] = "LOST",     [JOB_ATTEMPT_RELEASED] = "RELEASED",
};
static const char *const pool_names[JOB_N_POOLS] = {"cpu", "gpu", "t2v", "jam"};

int job_lifecycle_next(job_state from, job_event event)
{
    int next = steps[from][event];
    return next != JOB_NONE ? next : -EPERM;
}

bool job_state_final(job_state state)
{
    return state == JOB_SUCCEEDED || state == JOB_FAILED;
}

const char *job_state_name(job_state state)
{
    return state_names[state];
}

int job_state_parse(const char *name, job_state *ret)
{
    for (size_t i = JOB_QUEUED; i < JOB_N_STATES; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *ret = (job_state)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *job_attempt_state_name(job_attempt_state state)
{
    return attempt_names[state];
}

const char *job_event_name(job_event event)
{
    return event_names[event];
}

const char *job_pool_name(job_pool pool)
{
    return pool_names[pool];
}

int job_pool_parse(const char *name, job_pool *ret)
{
    for (size_t i = 0; i < JOB_N_POOLS; i++) {
        if (strcmp(name, pool_names[i]) == 0) {
            *ret = (job_pool)i;
            return 0;
        }
    }
    return -EINVAL;
}
