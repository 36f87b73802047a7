/*
 * processor_board.h - the job side as a worker sees it: claims, leases, results. Plain data and a
 * table of calls that processor_rpc.h implements over job.v1.WorkerService.
 *
 * Every call blocks until it has an answer or its deadline passes, and may be made by any thread.
 * A call fails with -EHOSTUNREACH-like negative errno of rf_code_errno: the job side was not
 * reached or refused; nothing is known then about what it did.
 */
#ifndef PROCESSOR_BOARD_H
#define PROCESSOR_BOARD_H

#include "processor_workflow.h"
#include "rf_id.h"

#define PROCESSOR_ERROR_MAX 192

typedef enum processor_input_source {
    PROCESSOR_INPUT_URL,       /* outside: value is the URL */
    PROCESSOR_INPUT_OBJECT,    /* own file: value is the object key */
    PROCESSOR_INPUT_RECORDING, /* of the recorder: value is the object key */
    PROCESSOR_INPUT_BAD,       /* value is the message with which the job fails */
} processor_input_source;

/* A URL parameter of the job. */
typedef struct processor_input {
    char *param;
    processor_input_source source;
    char *value;
} processor_input;

/* Where an output goes besides the result (copyResultsTo). */
typedef struct processor_target {
    char *output;
    char *url; /* NULL: an upload of our own, completed by the job side */
} processor_target;

/* A durable output of a finished step; exactly one of object_key and text is set. */
typedef struct processor_step_output {
    char *step;
    char *port;
    char *object_key;
    uint64_t size;
    char *text;
} processor_step_output;

typedef struct processor_claim {
    char job_id[RF_UUID_LEN];
    uint64_t fence;
    char *workflow_json;
    char *params_json;
    processor_input *inputs;
    size_t n_inputs;
    processor_target *targets;
    size_t n_targets;
    processor_step_output *done; /* of earlier attempts */
    size_t n_done;
    uint32_t limit_seconds;
    char *request_id;
    int64_t claimed_ns; /* when the claim was sent: the lease is at least this old */
} processor_claim;

typedef struct processor_claims {
    processor_claim **items; /* each is handed over with processor_claim_free */
    size_t n;
    int64_t lease_ns;
    int64_t heartbeat_ns;
} processor_claims;

/* One row of a heartbeat. */
typedef struct processor_lease_state {
    char job_id[RF_UUID_LEN];
    uint64_t fence;
    char step[PROCESSOR_NAME_MAX];
    uint32_t percent;
    bool is_lost; /* answer: the job side refused the renewal */
} processor_lease_state;

typedef enum processor_code {
    PROCESSOR_BAD_INPUT,
    PROCESSOR_INTERNAL_ERROR,
    PROCESSOR_TIMEOUT,
} processor_code;

typedef struct processor_failure {
    processor_code code;
    char message[PROCESSOR_ERROR_MAX];
    char step[PROCESSOR_NAME_MAX];
    bool decoder_crash;
} processor_failure;

/* One output of a job that succeeded. */
typedef struct processor_result {
    char *output;
    char *text;             /* scalar; NULL for a file */
    bool is_custom_storage; /* stored outside; the rest is unset */
    char *object_key;
    char extension[6];        /* spec jobs.md 2.5: 1 to 5 characters */
    const char *content_type; /* static */
    uint64_t size;
} processor_result;

typedef enum processor_outcome {
    PROCESSOR_SUCCEEDED,
    PROCESSOR_FAILED,
    PROCESSOR_RELEASED, /* given up on shutdown */
} processor_outcome;

typedef struct processor_finish {
    char job_id[RF_UUID_LEN];
    uint64_t fence;
    processor_outcome outcome;
    processor_result *results;
    size_t n_results;
    processor_failure failure;
    bool is_accepted; /* answer: false when the fence was stale */
} processor_finish;

/* The bytes of an input that was fetched. */
typedef struct processor_digest {
    const char *param;
    const uint8_t *sha256; /* of RF_SHA256_LEN bytes */
} processor_digest;

typedef struct processor_board {
    /* Claims at most max jobs; hints are ids of messages taken from the bus. */
    int (*claim)(void *self, uint32_t max, const char *const *hints, size_t n_hints,
                 processor_claims *ret);
    int (*heartbeat)(void *self, processor_lease_state *leases, size_t n, uint32_t free_slots);
    /* -ESTALE when the fence is old; with no outputs this asks only that. */
    int (*step_done)(void *self, const char *job_id, uint64_t fence,
                     const processor_step_output *outputs, size_t n);
    /* Tells what was fetched; *ret_taken: the job has taken over the result of an equal one, and
     * the attempt is over. -ESTALE when the fence is old. */
    int (*fetched)(void *self, const char *job_id, uint64_t fence, const processor_digest *digests,
                   size_t n, bool *ret_taken);
    int (*finish)(void *self, processor_finish *const *items, size_t n);
    void *self;
} processor_board;

/* The frees accept NULL and return NULL. */
processor_claim *processor_claim_free(processor_claim *c);
void processor_claims_done(processor_claims *c); /* with the items still in it */
processor_finish *processor_finish_free(processor_finish *f);
void processor_step_output_done(processor_step_output *o);

/* processor_code_name gives "BAD_INPUT", "INTERNAL_ERROR", "TIMEOUT". */
const char *processor_code_name(processor_code code);

#endif
