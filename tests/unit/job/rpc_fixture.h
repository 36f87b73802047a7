/*
 * rpc_fixture.h - the whole job service in the test's process, behind its RPC server on a socket in
 * a directory of its own, with a client.
 */
#ifndef RPC_FIXTURE_H
#define RPC_FIXTURE_H

#include "job_parts.h"
#include "job_rpc.h"
#include "rf_rpc.h"

#include <reflection/job/v1/job.rpc.h>

#define RPC_FIXTURE_BASE "https://localhost:8443"

typedef struct rpc_fixture {
    char dir[64];
    char *listen;
    job_config config;
    rf_loop *loop;
    job_service service;
    job_rpc *rpc;
    rf_rpc_channel *channel;
    char app[RF_UUID_LEN];
    char key_id[RF_UUID_LEN];
    char secret[64];
    rf_status status; /* of the last call */
} rpc_fixture;

/* rpc_fixture_open starts everything; change (NULL for none) may alter the settings before. */
void rpc_fixture_open(rpc_fixture *f, void (*change)(job_config *config));
void rpc_fixture_close(rpc_fixture *f);

/* rpc_fixture_join starts one more replica of f's service, with a socket of its own; it is closed
 * with rpc_fixture_leave before f is. */
void rpc_fixture_join(rpc_fixture *g, const rpc_fixture *f, void (*change)(job_config *config));
void rpc_fixture_leave(rpc_fixture *g);

/* rpc_fixture_reopen stops the service and starts it on the same data. */
void rpc_fixture_reopen(rpc_fixture *f);

/* rpc_fixture_call makes a unary call as the application; NULL when it failed, see f->status. The
 * caller frees the reply with rf_rpc_message_free. */
void *rpc_fixture_call(rpc_fixture *f, const rf_rpc_method *method, const void *request);

/* The same without a tenant. */
void *rpc_fixture_bare(rpc_fixture *f, const rf_rpc_method *method, const void *request);

/* rpc_fixture_create makes a job and writes its id; returns the code. */
rf_code rpc_fixture_create(rpc_fixture *f, const char *workflow, const char *params,
                           char id[RF_UUID_LEN]);

/* rpc_fixture_claim claims one job; NULL when none waits. */
Job__V1__ClaimResponse *rpc_fixture_claim(rpc_fixture *f, const char *worker);

/* rpc_fixture_finish ends an attempt with one file at key under output, or text when key is NULL.
 */
bool rpc_fixture_finish(rpc_fixture *f, const char *id, uint64_t fence, const char *output,
                        const char *key);
bool rpc_fixture_fail(rpc_fixture *f, const char *id, uint64_t fence, const char *code,
                      const char *message);

Job__V1__Job *rpc_fixture_get(rpc_fixture *f, const char *id);

/* rpc_fixture_upload makes an upload and puts text under it; urls are copied to the buffers (512
 * bytes each). complete false leaves out the PUT. */
void rpc_fixture_upload(rpc_fixture *f, const char *text, bool complete, char *put_url,
                        char *get_url);

/* rpc_fixture_put writes an object, rpc_fixture_has says whether it is there. */
void rpc_fixture_put(rpc_fixture *f, const char *key, const char *text);
bool rpc_fixture_has(rpc_fixture *f, const char *key);

#endif
