/*
 * job.v1.KeyService: API keys, for operators and the gateway.
 */
#include "job_message_rpc.h"

#include <errno.h>
#include <string.h>

#include "rf_scope.h"
#include "rf_time.h"

#define APPLICATION_MAX_CHARS 128
#define RATE_MAX 1000000
#define OVERLAP_MAX_S 86400
#define LIMITS_MAX 1000
#define LIMIT_NAME_MAX 47
#define LIMIT_RATE_MAX 1000000000000U

/* The gateway asks again after this, so a revoked key stops within 60 s (spec jobs.md S9). */
#define CACHE_S 30

typedef struct key_message {
    Job__V1__ApiKey key;
    Rpc__V1__Time created;
    Rpc__V1__Time revoked;
} key_message;

static Job__V1__ApiKey *make_key(job_arena *arena, const job_key *k)
{
    key_message *m = job_arena_alloc(arena, sizeof(*m));
    job__v1__api_key__init(&m->key);
    rpc__v1__time__init(&m->created);
    rpc__v1__time__init(&m->revoked);
    m->created.wall_ms = k->created_ms;
    m->revoked.wall_ms = k->revoked_ms;
    m->key.id = job_message_text(k->id);
    m->key.application_id = job_message_text(k->app);
    m->key.application = job_message_text(k->app_name);
    m->key.prefix = job_message_text(k->prefix);
    m->key.created_at = &m->created;
    m->key.revoked_at = k->revoked_ms != 0 ? &m->revoked : NULL;
    m->key.requests_per_second = k->rate;
    m->key.burst = k->burst;
    m->key.scopes = job_message_text(k->scopes);
    return &m->key;
}

/* ---- create and rotate: a new secret, shown once ---- */

static void reply_secret(job_op *op, const job_key *key, char *secret)
{
    Job__V1__CreateKeyResponse reply = JOB__V1__CREATE_KEY_RESPONSE__INIT;
    reply.key = make_key(&op->arena, key);
    reply.secret = secret;
    rf_rpc_reply(job_call_of(op)->call, &reply.base, NULL);
    explicit_bzero(secret, strlen(secret));
    job_op_free(op);
}

typedef struct create_context {
    job_op_key_create create;
    char secret[JOB_KEY_LEN];
    char prefix[JOB_KEY_PREFIX_LEN];
} create_context;

/* Answers a refusal that the operator can do something about; returns whether it was one. */
static bool refuse_conflict(job_op *op, const char *message)
{
    if (op->err != -EEXIST) {
        return false;
    }
    job_call_fail(job_call_of(op)->call, RF_ALREADY_EXISTS, message);
    job_op_free(op);
    return true;
}

static void key_created(job_op *op)
{
    create_context *c = (create_context *)op;
    if (!refuse_conflict(op, "The application has a key already; rotate it for a successor, or"
                             " revoke it first.") &&
        !job_call_refuse(op)) {
        reply_secret(op, &c->create.key, c->secret);
    }
}

static bool application_valid(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return false;
        }
    }
    return len >= 1 && len <= APPLICATION_MAX_CHARS;
}

static void create_key(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__CreateKeyRequest *m = (const Job__V1__CreateKeyRequest *)request;
    if (!application_valid(m->application) || m->requests_per_second > RATE_MAX ||
        m->burst > RATE_MAX) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "application must be 1 to 128 bytes, rate and burst at most 1000000.");
        return;
    }
    char scopes[RF_SCOPES_MAX];
    if (rf_scopes_make((const char *const *)m->scopes, m->n_scopes, scopes) < 0) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "scopes must be of jam.record and recorder.device, or none alone.");
        return;
    }
    create_context *c =
        JOB_CALL_OP(s, call, JOB_OP_KEY_CREATE, create_context, "application's key", key_created);
    job_keys_make(s->keys, c->secret, c->create.hash, c->prefix);
    c->create.app_name = job_arena_str(&c->create.op.arena, m->application);
    c->create.prefix = c->prefix;
    c->create.rate = m->requests_per_second;
    c->create.burst = m->burst;
    c->create.scopes = job_arena_str(&c->create.op.arena, scopes);
    job_store_submit(s->store, &c->create.op);
}

typedef struct rotate_context {
    job_op_key_rotate rotate;
    char secret[JOB_KEY_LEN];
    char prefix[JOB_KEY_PREFIX_LEN];
} rotate_context;

static void key_rotated(job_op *op)
{
    rotate_context *c = (rotate_context *)op;
    if (!refuse_conflict(op, "A rotation is under way: the application's older key still works;"
                             " wait for its end, or revoke it.") &&
        !job_call_refuse(op)) {
        reply_secret(op, &c->rotate.key, c->secret);
    }
}

static void rotate_key(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__RotateKeyRequest *m = (const Job__V1__RotateKeyRequest *)request;
    if (m->overlap_seconds > OVERLAP_MAX_S) {
        job_call_fail(call, RF_INVALID_ARGUMENT, "overlap_seconds must be at most 86400.");
        return;
    }
    rotate_context *c = JOB_CALL_OP(s, call, JOB_OP_KEY_ROTATE, rotate_context, "key", key_rotated);
    job_keys_make(s->keys, c->secret, c->rotate.hash, c->prefix);
    c->rotate.id = job_arena_str(&c->rotate.op.arena, m->id);
    c->rotate.prefix = c->prefix;
    c->rotate.overlap_ms = (int64_t)m->overlap_seconds * 1000;
    job_store_submit(s->store, &c->rotate.op);
}

/* ---- limits ---- */

static void limited(job_op *op)
{
    const job_op_app_limit *limit = (const job_op_app_limit *)op;
    if (!job_call_refuse(op)) {
        Job__V1__LimitApplicationResponse reply = JOB__V1__LIMIT_APPLICATION_RESPONSE__INIT;
        reply.concurrency = limit->concurrency;
        reply.weight = limit->weight;
        reply.queued = (uint64_t)limit->queued;
        reply.running = (uint64_t)limit->running;
        reply.per_day = limit->per_day;
        reply.today = (uint64_t)limit->today;
        job_call_reply(op, &reply.base);
    }
}

static void limit_application(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__LimitApplicationRequest *m = (const Job__V1__LimitApplicationRequest *)request;
    if (m->concurrency > JOB_CONCURRENCY_MAX ||
        (m->set_weight && (m->weight < 1 || m->weight > JOB_WEIGHT_MAX)) ||
        m->per_day > JOB_PER_DAY_MAX) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "concurrency must be at most 1000, weight from 1 to 100, per_day at most "
                      "1000000000.");
        return;
    }
    job_op_app_limit *op =
        JOB_CALL_OP(s, call, JOB_OP_APP_LIMIT, job_op_app_limit, "application", limited);
    op->name = job_arena_str(&op->op.arena, m->application);
    op->set_concurrency = m->set_concurrency;
    op->concurrency = m->concurrency;
    op->set_weight = m->set_weight;
    op->weight = m->weight;
    op->set_per_day = m->set_per_day;
    op->per_day = m->per_day;
    job_store_submit(s->store, &op->op);
}

/* ---- list, revoke, authenticate ---- */

static void keys_listed(job_op *op)
{
    const job_op_key_list *list = (const job_op_key_list *)op;
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__ListKeysResponse reply = JOB__V1__LIST_KEYS_RESPONSE__INIT;
    reply.keys = job_arena_array(&op->arena, list->n_keys, sizeof(Job__V1__ApiKey *));
    for (; reply.n_keys < list->n_keys; reply.n_keys++) {
        reply.keys[reply.n_keys] = make_key(&op->arena, &list->keys[reply.n_keys]);
    }
    job_call_reply(op, &reply.base);
}

static void list_keys(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    (void)request;
    job_service *s = user;
    job_op_key_list *op =
        JOB_CALL_READ(s, call, JOB_OP_KEY_LIST, job_op_key_list, "key", keys_listed);
    job_store_submit(s->store, &op->op);
}

static void key_revoked(job_op *op)
{
    if (!job_call_refuse(op)) {
        job_call_reply(op, &make_key(&op->arena, &((job_op_key_revoke *)op)->key)->base);
    }
}

static void revoke_key(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    job_op_key_revoke *op =
        JOB_CALL_OP(s, call, JOB_OP_KEY_REVOKE, job_op_key_revoke, "key", key_revoked);
    op->id = job_arena_str(&op->op.arena, ((const Job__V1__RevokeKeyRequest *)request)->id);
    job_store_submit(s->store, &op->op);
}

/* A key that is being rotated out must not be remembered beyond its end. */
static uint32_t cache_seconds(const job_key *key)
{
    int64_t left_s = (key->revoked_ms - rf_time_wall_ms()) / 1000;
    if (key->revoked_ms == 0 || left_s > CACHE_S) {
        return CACHE_S;
    }
    return left_s > 0 ? (uint32_t)left_s : 0;
}

static void authenticated(job_op *op)
{
    const job_op_key_find *find = (const job_op_key_find *)op;
    if (op->err == -ENOENT) {
        job_call_fail(job_call_of(op)->call, RF_UNAUTHENTICATED, "The API key is not valid.");
        job_op_free(op);
        return;
    }
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__AuthenticateResponse reply = JOB__V1__AUTHENTICATE_RESPONSE__INIT;
    reply.application_id = job_message_text(find->key.app);
    reply.application = job_message_text(find->key.app_name);
    reply.key_id = job_message_text(find->key.id);
    reply.requests_per_second = find->key.rate;
    reply.burst = find->key.burst;
    reply.scopes = job_message_text(find->key.scopes);
    reply.cache_seconds = cache_seconds(&find->key);
    job_call_reply(op, &reply.base);
}

static void authenticate(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__AuthenticateRequest *m = (const Job__V1__AuthenticateRequest *)request;
    if (m->secret_sha256.len != RF_SHA256_LEN) {
        job_call_fail(call, RF_INVALID_ARGUMENT, "secret_sha256 must have 32 bytes.");
        return;
    }
    job_op_key_find *op =
        JOB_CALL_READ(s, call, JOB_OP_KEY_FIND, job_op_key_find, "key", authenticated);
    job_keys_stored(s->keys, m->secret_sha256.data, op->hash);
    job_store_submit(s->store, &op->op);
}

/* ---- rate limits ---- */

static void limits_shared(job_op *op)
{
    const job_op_limits *limits = (const job_op_limits *)op;
    Job__V1__ShareLimitsResponse reply = JOB__V1__SHARE_LIMITS_RESPONSE__INIT;
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__LimitUse *others = job_arena_array(&op->arena, limits->n_uses, sizeof(*others));
    reply.others = job_arena_array(&op->arena, limits->n_uses, sizeof(Job__V1__LimitUse *));
    for (; reply.n_others < limits->n_uses; reply.n_others++) {
        const job_limit_use *use = &limits->uses[reply.n_others];
        Job__V1__LimitUse *m = &others[reply.n_others];
        job__v1__limit_use__init(m);
        m->name = job_message_text(use->name);
        m->offered = (uint64_t)use->others_offered;
        m->admitted = (uint64_t)use->others_admitted;
        reply.others[reply.n_others] = m;
    }
    job_call_reply(op, &reply.base);
}

static bool share_valid(const Job__V1__ShareLimitsRequest *m)
{
    size_t len = strlen(m->gateway);
    for (size_t i = 0; i < m->n_uses; i++) {
        if (strlen(m->uses[i]->name) > LIMIT_NAME_MAX || m->uses[i]->offered > LIMIT_RATE_MAX ||
            m->uses[i]->admitted > LIMIT_RATE_MAX) {
            return false;
        }
    }
    return len >= 1 && len <= RF_UUID_LEN - 1 && m->n_uses <= LIMITS_MAX;
}

static void share_limits(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ShareLimitsRequest *m = (const Job__V1__ShareLimitsRequest *)request;
    if (!share_valid(m)) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "gateway must be 1 to 36 bytes, uses at most 1000 of names below 48 bytes.");
        return;
    }
    job_op_limits *op = JOB_CALL_OP(s, call, JOB_OP_LIMITS, job_op_limits, "limit", limits_shared);
    job_arena *arena = &op->op.arena;
    op->gateway = job_arena_str(arena, m->gateway);
    op->uses = job_arena_array(arena, m->n_uses, sizeof(job_limit_use));
    for (; op->n_uses < m->n_uses; op->n_uses++) {
        op->uses[op->n_uses] =
            (job_limit_use){.name = job_arena_str(arena, m->uses[op->n_uses]->name),
                            .offered = (int64_t)m->uses[op->n_uses]->offered,
                            .admitted = (int64_t)m->uses[op->n_uses]->admitted};
    }
    job_store_submit(s->store, &op->op);
}

void job_key_rpc_register(job_service *s, rf_rpc_server *server)
{
    const rf_rpc_service *service = &job_v1_key_service;
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_CREATE_KEY, create_key, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_LIST_KEYS, list_keys, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_REVOKE_KEY, revoke_key, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_ROTATE_KEY, rotate_key, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_LIMIT_APPLICATION,
                               limit_application, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_AUTHENTICATE, authenticate, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_KEY_SERVICE_SHARE_LIMITS, share_limits, s);
}
