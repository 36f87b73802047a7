/*
 * processor_attempt.h - one execution of one job: its claim, the values of its steps, its lease and
 * the reason why it was stopped.
 *
 *   running --stop(reason)--> stopping --run returns--> ended
 *      |                                                 ^
 *      +--------------- all steps done ------------------+
 *
 * The first reason stands. Stopping makes stop_fd readable, which ends every wait of the attempt:
 * children are killed, downloads cut. processor_run.h does the work; here is what several threads
 * share. Any thread may call any function here unless it says otherwise.
 */
#ifndef PROCESSOR_ATTEMPT_H
#define PROCESSOR_ATTEMPT_H

#include "processor_board.h"
#include "rf_crypto.h"
#include "rf_fetch.h"
#include "rf_store.h"

#include <pthread.h>

#define PROCESSOR_MAX_WRITTEN 512

typedef struct processor_host processor_host; /* processor_host.h */

/* What all attempts of a worker use; constant while any attempt lives. */
typedef struct processor_env {
    const processor_board *board;
    rf_store *store;
    const rf_fetch *fetch;
    processor_host *host;    /* runs modules in children */
    const char *scratch_dir; /* for downloads */
    uint64_t max_input_bytes;
    int64_t max_duration_s;
    uint64_t max_files_bytes; /* of one job */
    size_t parallel_steps;
    int64_t silent_ns; /* no outside write after this long without a renewal (E2) */
} processor_env;

typedef enum processor_stop {
    PROCESSOR_GO,
    PROCESSOR_STOP_FAILED,   /* a step failed: failure says how */
    PROCESSOR_STOP_LOST,     /* the lease is gone: cancelled, deleted or given to another worker */
    PROCESSOR_STOP_TAKEN,    /* the job has the result of an equal one */
    PROCESSOR_STOP_TIMEOUT,  /* the workflow's limit has passed */
    PROCESSOR_STOP_RELEASED, /* the worker shuts down */
} processor_stop;

/* A file that this attempt put into the object store. */
typedef struct processor_written {
    char key[PROCESSOR_KEY_MAX];
    uint64_t size;
    bool is_recorded; /* the job side knows it: a later attempt may use it */
} processor_written;

typedef struct processor_attempt {
    const processor_env *env;
    processor_claim *claim;
    processor_workflow *workflow;
    int64_t deadline_ns; /* clock 2 */
    int stop_fd;         /* eventfd, readable once stopped; -1 for one that is inline */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    processor_stop stop;
    processor_failure failure;
    int64_t renewed_ns;
    processor_value *params;                              /* set before steps run, then read only */
    uint32_t fetched;                                     /* bit per parameter: digests has it */
    uint8_t digests[PROCESSOR_MAX_PARAMS][RF_SHA256_LEN]; /* as params */
    processor_value (*values)[PROCESSOR_MAX_PORTS];       /* of the output ports a step has */
    uint64_t needed;                                      /* bit per step */
    uint64_t started;
    uint64_t ended;
    uint8_t percent[PROCESSOR_MAX_STEPS];
    size_t current; /* step last heard of */
    processor_written *written;
    size_t n_written;
    uint64_t written_bytes;
} processor_attempt;

/* processor_attempt_new takes the claim over, on success only. Returns 0, -EBADMSG for a workflow
 * that cannot run here, or negative errno. */
int processor_attempt_new(const processor_env *env, processor_claim *claim,
                          processor_attempt **ret);
processor_attempt *processor_attempt_free(processor_attempt *a);

/* processor_attempt_is_inline: it waits for nothing outside; its modules run inline, nothing is
 * fetched or copied. */
bool processor_attempt_is_inline(const processor_attempt *a);

/* processor_attempt_drop_values forgets what a step has made. */
void processor_attempt_drop_values(processor_attempt *a, size_t step);

/* processor_attempt_stop stops it unless it was stopped before. fail does so with a failure. */
void processor_attempt_stop(processor_attempt *a, processor_stop reason);
void processor_attempt_fail(processor_attempt *a, const processor_failure *failure);
processor_stop processor_attempt_stopped(processor_attempt *a);

/* processor_attempt_renewed notes a renewal that was sent at at_ns. */
void processor_attempt_renewed(processor_attempt *a, int64_t at_ns);

/* processor_attempt_may_write waits until the lease was renewed within env->silent_ns (E2).
 * Returns 0, or -ECANCELED when the attempt was stopped. */
int processor_attempt_may_write(processor_attempt *a);

/* processor_attempt_progress notes how far a step is; values that fall are ignored. */
void processor_attempt_progress(processor_attempt *a, size_t step, double percent);

/* processor_attempt_state fills the row of a heartbeat: the step and percent of the whole job. */
void processor_attempt_state(processor_attempt *a, processor_lease_state *ret);

/* processor_attempt_wrote notes a file of the attempt. Returns 0, or -ENOSPC above
 * env->max_files_bytes or PROCESSOR_MAX_WRITTEN files. */
int processor_attempt_wrote(processor_attempt *a, const char *key, uint64_t size);

/* processor_attempt_clean deletes the files that nobody needs: those that are neither in results
 * nor, when the job is not finished, recorded. After the end of its steps only. */
void processor_attempt_clean(processor_attempt *a, const processor_finish *finish);

#endif
