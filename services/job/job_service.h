/*
 * job_service.h - the parts of the job service put together, and the rules between a request and
 * the store. The adapters (job_*_rpc.c) see this and nothing below it.
 *
 *     rpc threads --> job_accept --> store (writer) --> done --> answer
 *                                      | hooks
 *                        cache <-------+-------> relay --> bus
 *     main loop   --> leases --> store            sweeper --> store, objects
 *
 * Everything in job_service is set before the servers start and constant until they have stopped;
 * each part says itself which threads may call it.
 */
#ifndef JOB_SERVICE_H
#define JOB_SERVICE_H

#include "job_cache.h"
#include "job_config.h"
#include "job_hear.h"
#include "job_hooks.h"
#include "job_keys.h"
#include "job_leases.h"
#include "job_metrics.h"
#include "job_registry.h"
#include "job_relay.h"
#include "job_retry.h"
#include "job_store.h"
#include "job_sweep.h"
#include "job_urls.h"
#include "job_watch.h"
#include "job_workers.h"
#include "rf_status.h"

typedef struct job_service {
    const job_config *config;
    job_store *store;
    job_registry *registry;
    job_cache *cache;
    job_workers *workers;
    job_keys *keys;
    rf_signer *signer;
    job_urls *urls;
    rf_store *objects;
    rf_bus *bus;
    job_relay *relay;
    job_leases *leases;
    job_sweep *sweep;
    job_metrics *metrics;
    job_watch *watch;
    rf_fetch *fetch; /* of webhooks */
    job_hooks *hooks;
    job_hear *hear; /* NULL: no other replica shares the database */
} job_service;

/* A request to create a job, as it came. Strings live until job_accept returns. */
typedef struct job_request {
    const char *app;
    const char *name;
    const char *workflow;
    const char *params;         /* JSON text */
    const char *metadata;       /* JSON text, "" for none */
    const char *const *outputs; /* copyResultsTo: names and URLs, n_targets of each */
    const char *const *urls;
    size_t n_targets;
    const char *batch_name; /* "" for none */
    uint32_t batch_size;    /* 0 for none, as retention_s */
    uint32_t retention_s;
    uint32_t priority;
    bool no_reuse;        /* it runs, whatever ran before */
    const char *hook_url; /* NULL: no webhook */
    const char *const *hook_events;
    size_t n_hook_events;
    const char *idempotency_key;   /* "" for none */
    const uint8_t *payload_sha256; /* RF_SHA256_LEN bytes */
    const char *request_id;
    const char *traceparent;
} job_request;

/* job_request_copy copies a request and all it points to. */
job_request job_request_copy(job_arena *arena, const job_request *request);

/* job_accept checks a request for a job of workflow w (NULL: there is none of that name) and fills
 * op, copying what it keeps. Returns 0, or the negative errno of *st: INVALID_ARGUMENT, NOT_FOUND
 * (workflow), FAILED_PRECONDITION (does not fit the workflow). */
int job_accept(const job_service *s, const job_workflow *w, const job_request *request,
               job_op_create *op, rf_status *st);

/* job_retention_s is how long a job is kept after its end. */
int64_t job_retention_s(const job_service *s, const job_record *job);

/* job_result_json appends the result object of a SUCCEEDED job with its URLs signed anew. */
void job_result_json(const job_service *s, const job_record *job, rf_buf *out);

/* job_attempts_json and job_progress_json append what `include` asks for (spec section 5). */
void job_attempts_json(const job_record *job, rf_buf *out);
void job_progress_json(const job_record *job, rf_buf *out);

#endif
