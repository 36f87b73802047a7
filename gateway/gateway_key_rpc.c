/*
 * job.v1.KeyService as the gateway sees it: who has a key, and shares of rate limits.
 */
#include "gateway_rpc_internal.h"

#include "rf_time.h"

#include <reflection/job/v1/job.pb-c.h>
#include <reflection/job/v1/job.rpc.h>

#include <string.h>

#define MILLI 1000.0

static void read_caller(gateway_rpc_call *call, rf_rpc_result *result)
{
    const Job__V1__AuthenticateResponse *r = (const Job__V1__AuthenticateResponse *)result->message;
    gateway_caller *caller = &call->reply.caller;
    rf_copy_str(caller->application_id, sizeof(caller->application_id), r->application_id);
    rf_copy_str(caller->key_id, sizeof(caller->key_id), r->key_id);
    caller->requests_per_second = r->requests_per_second;
    caller->burst = r->burst;
    if (r->scopes[0] == '\0' ||
        rf_copy_str(caller->scopes, sizeof(caller->scopes), r->scopes) < 0) {
        rf_copy_str(caller->scopes, sizeof(caller->scopes), RF_SCOPES_NONE);
    }
    call->reply.cache_s = r->cache_seconds;
}

void gateway_rpc_authenticate(gateway_exchange *ex, const uint8_t hash[RF_SHA256_LEN], bool wait,
                              gateway_reply_fn fn)
{
    uint8_t copy[RF_SHA256_LEN];
    memcpy(copy, hash, sizeof(copy));
    Job__V1__AuthenticateRequest r = JOB__V1__AUTHENTICATE_REQUEST__INIT;
    r.secret_sha256 = (ProtobufCBinaryData){.len = sizeof(copy), .data = copy};
    const gateway_rpc *rpc = ex->gw->rpc;
    /* What the caller wants has half of the time still. */
    int64_t hasty_ns = rf_time_ns() + ex->gw->config.write_wait_ms / 2 * RF_NS_PER_MS;
    gateway_rpc_ask_within(ex, wait ? rpc->patient : rpc->hasty, JOB_V1_KEY_SERVICE_AUTHENTICATE,
                           wait ? 0 : hasty_ns, &r.base, read_caller, fn);
}

/* Uses that were told, until their answer. */
typedef struct sharing {
    gateway *gw;
    size_t n;
    gateway_limit_use uses[];
} sharing;

static void on_shared(rf_rpc_result *result, void *user)
{
    sharing *s = user;
    const Job__V1__ShareLimitsResponse *r = (const Job__V1__ShareLimitsResponse *)result->message;
    size_t n = result->status->code == RF_OK ? RF_MIN(s->n, r->n_others) : 0;
    for (size_t i = 0; i < n; i++) {
        gateway_limits_share(s->gw->limits, &s->uses[i], (double)r->others[i]->offered / MILLI,
                             (double)r->others[i]->admitted / MILLI, rf_time_ns());
    }
    free(s);
}

static void ask_share(gateway *gw, const char *id, Job__V1__LimitUse *uses,
                      Job__V1__LimitUse **list, sharing *s)
{
    Job__V1__ShareLimitsRequest r = JOB__V1__SHARE_LIMITS_REQUEST__INIT;
    for (size_t i = 0; i < s->n; i++) {
        job__v1__limit_use__init(&uses[i]);
        uses[i].name = s->uses[i].name;
        uses[i].offered = (uint64_t)(s->uses[i].offered * MILLI);
        uses[i].admitted = (uint64_t)(s->uses[i].admitted * MILLI);
        list[i] = &uses[i];
    }
    r.gateway = (char *)(uintptr_t)id;
    r.uses = list;
    r.n_uses = s->n;
    rf_rpc_unary(gw->rpc->hasty, JOB_V1_KEY_SERVICE_SHARE_LIMITS, NULL, &r.base, NULL, on_shared, s,
                 NULL);
}

void gateway_rpc_share_limits(gateway *gw, const char *id, const gateway_limit_use *uses, size_t n)
{
    RF_CLEANUP(rf_cleanup_free) Job__V1__LimitUse *messages = RF_NEW_ARRAY(Job__V1__LimitUse, n);
    RF_CLEANUP(rf_cleanup_free) Job__V1__LimitUse **list = RF_NEW_ARRAY(Job__V1__LimitUse *, n);
    sharing *s = rf_alloc(sizeof(*s) + n * sizeof(s->uses[0]));
    s->gw = gw;
    s->n = n;
    memcpy(s->uses, uses, n * sizeof(s->uses[0]));
    ask_share(gw, id, messages, list, s);
}
