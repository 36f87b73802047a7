/*
 * gateway_rpc.h - the job service as the gateway sees it. Behind it stands the only file with
 * protobuf types. Calls are made on the exchange's loop thread and come back there: fn(ex, reply)
 * is called exactly once, also when the client has gone meanwhile (ex->conn is NULL then); the
 * reply lives until fn returns.
 *
 * Reads and repeatable changes wait wait.read_ms for a service that is away, others wait.write_ms.
 */
#ifndef GATEWAY_RPC_H
#define GATEWAY_RPC_H

#include "gateway_feed.h"
#include "gateway_limits.h"
#include "rf_crypto.h"
#include "rf_status.h"
#include "rf_store.h"

typedef struct gateway_reply {
    rf_status status;
    rf_buf json; /* answer text of the JSON calls */
    gateway_caller caller;
    uint32_t cache_s;
    bool replayed;
    char object_key[RF_STORE_MAX_KEY + 1];
    char content_type[128];
    uint64_t max_bytes;
} gateway_reply;

typedef void (*gateway_reply_fn)(gateway_exchange *ex, gateway_reply *reply);

/* gateway_rpc_open starts connecting to the job service. Returns 0 or -EINVAL for a bad target. */
int gateway_rpc_open(const char *targets, const gateway_config *config, gateway_rpc **ret);

/* gateway_rpc_close ends every call; their fn have been posted then. Not from a callback. */
gateway_rpc *gateway_rpc_close(gateway_rpc *rpc);

/* gateway_rpc_ready says whether the job service is connected. Any thread. */
bool gateway_rpc_ready(gateway_rpc *rpc);

/* gateway_rpc_rest gives back the memory that calls of all services keep for messages to come. Any
 * thread. */
void gateway_rpc_rest(void);

/* ---- KeyService ---- */

/* gateway_rpc_authenticate asks whose key it is; wait: for as long as a read may, else no longer
 * than a change. */
void gateway_rpc_authenticate(gateway_exchange *ex, const uint8_t hash[RF_SHA256_LEN], bool wait,
                              gateway_reply_fn fn);

/* gateway_rpc_share_limits tells of n uses of rate limits by this gateway (an id), and gives the
 * shares that follow to gw->limits. A job service that is away leaves them as they are. */
void gateway_rpc_share_limits(gateway *gw, const char *id, const gateway_limit_use *uses, size_t n);

/* ---- JobService: answers in reply->json ---- */

/* A URL for one output of a job. */
typedef struct gateway_copy {
    const char *output;
    const char *url;
} gateway_copy;

/* Optional keys of a new job. */
typedef struct gateway_job_extensions {
    const char *batch_name; /* "" for none */
    uint32_t batch_size;    /* 0 for none */
    bool has_priority;
    uint32_t priority;
    uint32_t retention_s; /* 0 for none */
    bool no_reuse;
} gateway_job_extensions;

typedef struct gateway_new_job {
    const char *name;
    const char *workflow;
    const char *params;   /* JSON object, as the client wrote it */
    const char *metadata; /* likewise, "" for none */
    const gateway_copy *copies;
    size_t n_copies;
    gateway_job_extensions extensions;
    const char *hook_url; /* NULL: no webhook */
    const char *const *hook_events;
    size_t n_hook_events;        /* 0: the default ones */
    const char *idempotency_key; /* "" for none */
    const uint8_t *payload_sha256;
} gateway_new_job;

#define GATEWAY_FILTER_MAX 32

typedef struct gateway_filter {
    int status[GATEWAY_FILTER_MAX]; /* numbers of gateway_rpc_status_number */
    size_t n_status;
    char *workflow[GATEWAY_FILTER_MAX];
    size_t n_workflow;
    char *batch_name; /* NULL: any */
    uint32_t page;
    uint32_t size;
} gateway_filter;

/* gateway_rpc_status_number gives the number of "QUEUED" and so on, -1 for an unknown word. */
int gateway_rpc_status_number(const char *word);

void gateway_rpc_create_job(gateway_exchange *ex, const gateway_new_job *job, gateway_reply_fn fn);
void gateway_rpc_get_job(gateway_exchange *ex, char *const *include, size_t n_include,
                         gateway_reply_fn fn);

/* wait_ms above 0: the answer comes when the state changes, after that time at the latest. */
void gateway_rpc_get_status(gateway_exchange *ex, uint32_t wait_ms, gateway_reply_fn fn);
void gateway_rpc_list_jobs(gateway_exchange *ex, const gateway_filter *filter, gateway_reply_fn fn);
void gateway_rpc_delete_job(gateway_exchange *ex, bool uploads, gateway_reply_fn fn);
void gateway_rpc_cancel_job(gateway_exchange *ex, gateway_reply_fn fn);
/* Asks for batch ex->name. */
void gateway_rpc_get_batch(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_redrive_job(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_create_upload(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_list_workflows(gateway_exchange *ex, uint32_t page, uint32_t size,
                                gateway_reply_fn fn);
/* Posts ex->body, a JSON text. */
void gateway_rpc_add_workflow(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_delete_workflow(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_get_application(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_rotate_webhook_secret(gateway_exchange *ex, gateway_reply_fn fn);

/* gateway_rpc_watch_job opens the events of job ex->id that are newer than `after`; each part is
 * text of an event stream. */
gateway_feed *gateway_rpc_watch_job(gateway_exchange *ex, int64_t after,
                                    const gateway_feed_events *events, void *user);

/* ---- JobService: files ---- */

/* Gives reply->object_key and max_bytes for the one PUT of upload ex->id. */
void gateway_rpc_begin_upload(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_complete_upload(gateway_exchange *ex, const char *object_key, uint64_t size,
                                 const uint8_t sha256[RF_SHA256_LEN], gateway_reply_fn fn);

/* Gives reply->object_key and content_type of upload ex->id, or of output ex->name of job ex->id.
 */
void gateway_rpc_resolve_upload(gateway_exchange *ex, gateway_reply_fn fn);
void gateway_rpc_resolve_output(gateway_exchange *ex, gateway_reply_fn fn);

#endif
