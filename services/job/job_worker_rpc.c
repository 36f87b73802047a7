/*
 * job.v1.WorkerService: claims, heartbeats, steps and ends of attempts, for workers.
 */
#include "job_message_rpc.h"

#include <string.h>

#define MESSAGE_MAX_BYTES 512
#define WORKER_MAX_BYTES 255
#define HINTS_MAX 4096
#define LEASES_MAX 10000
#define ITEMS_MAX 10000

/* NULL, or what is wrong with what a worker says of itself. */
static const char *check_worker(const char *worker, const char *pool, job_pool *ret_pool)
{
    size_t len = strlen(worker);
    if (len == 0 || len > WORKER_MAX_BYTES) {
        return "worker_id must have 1 to 255 bytes.";
    }
    return job_pool_parse(pool, ret_pool) < 0 ? "pool must be cpu, gpu, t2v or jam." : NULL;
}

/* ---- claim ---- */

static Job__V1__InputRef **make_inputs(job_arena *arena, const job_claim *c)
{
    Job__V1__InputRef **list = job_arena_array(arena, c->n_inputs, sizeof(*list));
    for (size_t i = 0; i < c->n_inputs; i++) {
        const job_input *in = &c->inputs[i];
        Job__V1__InputRef *m = list[i] = job_arena_alloc(arena, sizeof(*m));
        job__v1__input_ref__init(m);
        m->param = job_message_text(in->param);
        if (in->object_key != NULL) {
            m->source_case = JOB__V1__INPUT_REF__SOURCE_OBJECT_KEY;
            m->object_key = job_message_text(in->object_key);
        } else if (in->url != NULL && job_urls_recording_key(in->url) != NULL) {
            m->source_case = JOB__V1__INPUT_REF__SOURCE_RECORDING;
            m->recording = job_message_text(job_urls_recording_object(arena, in->url));
        } else if (in->url != NULL) {
            m->source_case = JOB__V1__INPUT_REF__SOURCE_URL;
            m->url = job_message_text(in->url);
        } else {
            m->source_case = JOB__V1__INPUT_REF__SOURCE_BAD;
            m->bad = job_message_text(in->bad);
        }
    }
    return list;
}

static Job__V1__OutputTarget **make_targets(job_arena *arena, const job_claim *c)
{
    Job__V1__OutputTarget **list = job_arena_array(arena, c->n_targets, sizeof(*list));
    for (size_t i = 0; i < c->n_targets; i++) {
        const job_target *target = &c->targets[i];
        Job__V1__OutputTarget *m = list[i] = job_arena_alloc(arena, sizeof(*m));
        job__v1__output_target__init(m);
        m->output = job_message_text(target->output);
        if (target->url != NULL) {
            m->target_case = JOB__V1__OUTPUT_TARGET__TARGET_URL;
            m->url = job_message_text(target->url);
        } else {
            m->target_case = JOB__V1__OUTPUT_TARGET__TARGET_UPLOAD_ID;
            m->upload_id = job_message_text(target->upload_id);
        }
    }
    return list;
}

static Job__V1__StepOutput **make_done(job_arena *arena, const job_claim *c)
{
    Job__V1__StepOutput **list = job_arena_array(arena, c->n_done, sizeof(*list));
    for (size_t i = 0; i < c->n_done; i++) {
        const job_step_output *done = &c->done[i];
        Job__V1__StepOutput *m = list[i] = job_arena_alloc(arena, sizeof(*m));
        job__v1__step_output__init(m);
        m->step = job_message_text(done->step);
        m->port = job_message_text(done->port);
        m->object_key = job_message_text(done->object_key);
        m->size = (uint64_t)done->size;
        m->text = job_message_text(done->text);
    }
    return list;
}

static Job__V1__Claim *make_claim(job_arena *arena, const job_claim *c)
{
    Job__V1__Claim *m = job_arena_alloc(arena, sizeof(*m));
    job__v1__claim__init(m);
    m->job_id = job_message_text(c->id);
    m->fence = c->fence;
    m->workflow_json = job_message_text(c->document);
    m->params_json = job_message_text(c->params);
    m->limit_seconds = c->limit_s;
    m->request_id = job_message_text(c->request_id);
    m->traceparent = job_message_text(c->traceparent);
    m->inputs = make_inputs(arena, c);
    m->n_inputs = c->n_inputs;
    m->copy_results_to = make_targets(arena, c);
    m->n_copy_results_to = c->n_targets;
    m->done = make_done(arena, c);
    m->n_done = c->n_done;
    return m;
}

/* More free slots than before may let the relay release references. */
static void note_slots(job_service *s, const char *worker, job_pool pool, uint32_t free_slots)
{
    if (job_workers_set(s->workers, worker, pool, free_slots)) {
        job_relay_wake(s->relay);
    }
}

static void claimed(job_op *op)
{
    const job_op_claim *claim = (const job_op_claim *)op;
    job_service *s = job_call_of(op)->service;
    if (job_call_refuse(op)) {
        return;
    }
    job_workers_claimed(s->workers, claim->worker, (uint32_t)claim->n_claims);
    note_slots(s, claim->worker, claim->pool, claim->max - (uint32_t)claim->n_claims);
    Job__V1__ClaimResponse reply = JOB__V1__CLAIM_RESPONSE__INIT;
    reply.claims = job_arena_array(&op->arena, claim->n_claims, sizeof(Job__V1__Claim *));
    for (; reply.n_claims < claim->n_claims; reply.n_claims++) {
        reply.claims[reply.n_claims] = make_claim(&op->arena, &claim->claims[reply.n_claims]);
    }
    reply.lease_ms = (uint32_t)s->config->lease_ms;
    reply.heartbeat_ms = (uint32_t)s->config->heartbeat_ms;
    job_call_reply(op, &reply.base);
}

static void claim(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__ClaimRequest *m = (const Job__V1__ClaimRequest *)request;
    job_pool pool;
    const char *wrong = check_worker(m->worker_id, m->pool, &pool);
    if (wrong != NULL) {
        job_call_fail(call, RF_INVALID_ARGUMENT, wrong);
        return;
    }
    job_op_claim *op = JOB_CALL_OP(s, call, JOB_OP_CLAIM, job_op_claim, "job", claimed);
    op->worker = job_arena_str(&op->op.arena, m->worker_id);
    op->pool = pool;
    op->max = m->max_jobs;
    op->lease_ms = s->config->lease_ms;
    op->n_hints = RF_MIN(m->n_job_ids, (size_t)HINTS_MAX);
    const char **hints = job_arena_array(&op->op.arena, op->n_hints, sizeof(char *));
    for (size_t i = 0; i < op->n_hints; i++) {
        hints[i] = job_arena_str(&op->op.arena, m->job_ids[i]);
    }
    op->hints = hints;
    job_store_submit(s->store, &op->op);
}

/* ---- heartbeat ---- */

static void heartbeat_done(job_op *op)
{
    const job_op_heartbeat *beat = (const job_op_heartbeat *)op;
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__HeartbeatResponse reply = JOB__V1__HEARTBEAT_RESPONSE__INIT;
    reply.lost_job_ids = job_arena_array(&op->arena, beat->n_leases, sizeof(char *));
    for (size_t i = 0; i < beat->n_leases; i++) {
        if (beat->leases[i].lost) {
            reply.lost_job_ids[reply.n_lost_job_ids++] = job_message_text(beat->leases[i].id);
        }
    }
    job_call_reply(op, &reply.base);
}

static void copy_leases(const Job__V1__HeartbeatRequest *m, job_op_heartbeat *op)
{
    job_arena *arena = &op->op.arena;
    op->leases = job_arena_array(arena, m->n_leases, sizeof(job_lease));
    for (; op->n_leases < m->n_leases; op->n_leases++) {
        const Job__V1__LeaseState *state = m->leases[op->n_leases];
        op->leases[op->n_leases] = (job_lease){.id = job_arena_str(arena, state->job_id),
                                               .fence = state->fence,
                                               .step = job_arena_str(arena, state->step),
                                               .percent = state->percent};
    }
}

static void heartbeat(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__HeartbeatRequest *m = (const Job__V1__HeartbeatRequest *)request;
    job_pool pool;
    const char *wrong = check_worker(m->worker_id, m->pool, &pool);
    wrong = wrong == NULL && m->n_leases > LEASES_MAX ? "leases must be at most 10000." : wrong;
    if (wrong != NULL) {
        job_call_fail(call, RF_INVALID_ARGUMENT, wrong);
        return;
    }
    note_slots(s, m->worker_id, pool, m->free_slots);
    job_op_heartbeat *op =
        JOB_CALL_OP(s, call, JOB_OP_HEARTBEAT, job_op_heartbeat, "lease", heartbeat_done);
    op->worker = job_arena_str(&op->op.arena, m->worker_id);
    op->lease_ms = s->config->lease_ms;
    copy_leases(m, op);
    job_store_submit(s->store, &op->op);
}

/* ---- steps ---- */

static void step_done(job_op *op)
{
    if (!job_call_refuse(op)) {
        Job__V1__StepDoneResponse reply = JOB__V1__STEP_DONE_RESPONSE__INIT;
        job_call_reply(op, &reply.base);
    }
}

static const char *or_null(job_arena *arena, const char *s)
{
    return s[0] != '\0' ? job_arena_str(arena, s) : NULL;
}

static void finish_step(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__StepDoneRequest *m = (const Job__V1__StepDoneRequest *)request;
    job_op_step_done *op =
        JOB_CALL_OP(s, call, JOB_OP_STEP_DONE, job_op_step_done, "job", step_done);
    job_arena *arena = &op->op.arena;
    job_step_output *outputs = job_arena_array(arena, m->n_outputs, sizeof(*outputs));
    for (; op->n_outputs < m->n_outputs; op->n_outputs++) {
        const Job__V1__StepOutput *o = m->outputs[op->n_outputs];
        outputs[op->n_outputs] = (job_step_output){.step = job_arena_str(arena, o->step),
                                                   .port = job_arena_str(arena, o->port),
                                                   .object_key = or_null(arena, o->object_key),
                                                   .size = (int64_t)o->size,
                                                   .text = job_arena_str(arena, o->text)};
    }
    op->id = job_arena_str(arena, m->job_id);
    op->fence = m->fence;
    op->outputs = outputs;
    job_store_submit(s->store, &op->op);
}

/* ---- inputs ---- */

/* Each end of an attempt frees a slot. */
static void note_ends(job_service *s, const char *worker, size_t n)
{
    if (job_workers_add(s->workers, worker, (int32_t)n)) {
        job_relay_wake(s->relay);
    }
}

static void fetched(job_op *op)
{
    const job_op_fetched *in = (const job_op_fetched *)op;
    if (!job_call_refuse(op)) {
        Job__V1__InputsFetchedResponse reply = JOB__V1__INPUTS_FETCHED_RESPONSE__INIT;
        reply.taken = in->taken;
        if (in->taken) {
            note_ends(job_call_of(op)->service, in->worker, 1);
        }
        job_call_reply(op, &reply.base);
    }
}

static bool digests_valid(const Job__V1__InputsFetchedRequest *m)
{
    for (size_t i = 0; i < m->n_digests; i++) {
        if (m->digests[i]->sha256.len != RF_SHA256_LEN) {
            return false;
        }
    }
    return m->n_digests <= JOB_INPUTS_MAX;
}

static void inputs_fetched(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__InputsFetchedRequest *m = (const Job__V1__InputsFetchedRequest *)request;
    if (!digests_valid(m)) {
        job_call_fail(call, RF_INVALID_ARGUMENT,
                      "digests must be at most 32, with a sha256 of 32 bytes each.");
        return;
    }
    job_op_fetched *op = JOB_CALL_OP(s, call, JOB_OP_FETCHED, job_op_fetched, "job", fetched);
    job_arena *arena = &op->op.arena;
    job_digest *digests = job_arena_array(arena, m->n_digests, sizeof(*digests));
    for (; op->n_digests < m->n_digests; op->n_digests++) {
        const Job__V1__InputDigest *d = m->digests[op->n_digests];
        uint8_t *sha256 = job_arena_alloc(arena, RF_SHA256_LEN);
        memcpy(sha256, d->sha256.data, RF_SHA256_LEN);
        digests[op->n_digests] =
            (job_digest){.param = job_arena_str(arena, d->param), .sha256 = sha256};
    }
    op->digests = digests;
    op->id = job_arena_str(arena, m->job_id);
    op->worker = job_arena_str(arena, m->worker_id);
    op->fence = m->fence;
    job_store_submit(s->store, &op->op);
}

/* ---- finish ---- */

static void finished(job_op *op)
{
    const job_op_finish *finish = (const job_op_finish *)op;
    if (op->err == 0) {
        note_ends(job_call_of(op)->service, finish->worker, finish->n_items);
    }
    if (job_call_refuse(op)) {
        return;
    }
    Job__V1__FinishResponse reply = JOB__V1__FINISH_RESPONSE__INIT;
    Job__V1__FinishResult *results = job_arena_array(&op->arena, finish->n_items, sizeof(*results));
    reply.results = job_arena_array(&op->arena, finish->n_items, sizeof(results));
    for (; reply.n_results < finish->n_items; reply.n_results++) {
        Job__V1__FinishResult *m = &results[reply.n_results];
        job__v1__finish_result__init(m);
        m->job_id = job_message_text(finish->items[reply.n_results].id);
        m->accepted = finish->items[reply.n_results].accepted;
        reply.results[reply.n_results] = m;
    }
    job_call_reply(op, &reply.base);
}

static job_result copy_result(job_arena *arena, const Job__V1__JobResult *m)
{
    job_result r = {.output = job_arena_str(arena, m->output), .kind = JOB_RESULT_CUSTOM};
    if (m->value_case == JOB__V1__JOB_RESULT__VALUE_TEXT) {
        r.kind = JOB_RESULT_TEXT;
        r.text = job_arena_str(arena, m->text);
    } else if (m->value_case == JOB__V1__JOB_RESULT__VALUE_FILE) {
        r.kind = JOB_RESULT_FILE;
        r.object_key = or_null(arena, m->file->object_key);
        r.extension = job_arena_str(arena, m->file->extension);
        r.content_type = or_null(arena, m->file->content_type);
        r.size = (int64_t)m->file->size;
    }
    return r;
}

static void copy_success(job_arena *arena, const Job__V1__Success *m, job_finish *item)
{
    job_result *results = job_arena_array(arena, m->n_results, sizeof(*results));
    item->outcome = JOB_OUTCOME_SUCCESS;
    item->results = results;
    for (; item->n_results < m->n_results; item->n_results++) {
        results[item->n_results] = copy_result(arena, m->results[item->n_results]);
    }
}

/* The message as far as it may go, without half a character at its end. */
static char *cut(job_arena *arena, const char *message)
{
    size_t len = strnlen(message, MESSAGE_MAX_BYTES + 1);
    if (len > MESSAGE_MAX_BYTES) {
        len = MESSAGE_MAX_BYTES;
        while (len > 0 && ((unsigned char)message[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return job_arena_strn(arena, message, len);
}

static void copy_failure(job_arena *arena, const Job__V1__Failure *m, job_finish *item)
{
    item->outcome = JOB_OUTCOME_FAILURE;
    item->code = job_arena_str(arena, m->code);
    item->message = cut(arena, m->message);
    item->step = job_arena_str(arena, m->step);
    item->decoder_crash = m->decoder_crash;
}

static void copy_item(job_arena *arena, const Job__V1__Finish *m, job_finish *item)
{
    item->id = job_arena_str(arena, m->job_id);
    item->fence = m->fence;
    if (m->outcome_case == JOB__V1__FINISH__OUTCOME_SUCCESS) {
        copy_success(arena, m->success, item);
    } else if (m->outcome_case == JOB__V1__FINISH__OUTCOME_FAILURE) {
        copy_failure(arena, m->failure, item);
    } else {
        item->outcome = JOB_OUTCOME_RELEASED;
    }
}

static void finish(rf_rpc_call *call, const ProtobufCMessage *request, void *user)
{
    job_service *s = user;
    const Job__V1__FinishRequest *m = (const Job__V1__FinishRequest *)request;
    if (m->n_items > ITEMS_MAX) {
        job_call_fail(call, RF_INVALID_ARGUMENT, "items must be at most 10000.");
        return;
    }
    job_op_finish *op = JOB_CALL_OP(s, call, JOB_OP_FINISH, job_op_finish, "job", finished);
    job_arena *arena = &op->op.arena;
    op->worker = job_arena_str(arena, m->worker_id);
    op->items = job_arena_array(arena, m->n_items, sizeof(job_finish));
    for (; op->n_items < m->n_items; op->n_items++) {
        copy_item(arena, m->items[op->n_items], &op->items[op->n_items]);
    }
    job_store_submit(s->store, &op->op);
}

void job_worker_rpc_register(job_service *s, rf_rpc_server *server)
{
    const rf_rpc_service *service = &job_v1_worker_service;
    rf_rpc_server_handle_unary(server, service, JOB_V1_WORKER_SERVICE_CLAIM, claim, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_WORKER_SERVICE_HEARTBEAT, heartbeat, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_WORKER_SERVICE_STEP_DONE, finish_step, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_WORKER_SERVICE_INPUTS_FETCHED,
                               inputs_fetched, s);
    rf_rpc_server_handle_unary(server, service, JOB_V1_WORKER_SERVICE_FINISH, finish, s);
}
