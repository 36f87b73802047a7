#include "processor_rpc.h"

#include "rf_crypto.h"
#include "rf_log.h"
#include "rf_rpc.h"
#include "rf_time.h"

#include <errno.h>
#include <reflection/job/v1/job.rpc.h>
#include <string.h>

#define CALL_TIMEOUT_NS (10 * RF_NS_PER_S)

struct processor_rpc {
    rf_rpc_channel *channel;
    char *worker_id;
    char *pool;
    processor_board board;
};

static int invoke(processor_rpc *rpc, const rf_rpc_method *method, const ProtobufCMessage *request,
                  ProtobufCMessage **ret_reply)
{
    const rf_rpc_options options = {.deadline_ns = rf_time_ns() + CALL_TIMEOUT_NS};
    rf_status st = RF_STATUS_OK;
    int err = rf_rpc_invoke(rpc->channel, method, &options, request, ret_reply, &st);
    if (err < 0 && st.code != RF_ABORTED) {
        RF_LOG_WARN("call failed", RF_STR("method", method->name),
                    RF_STR("code", rf_code_name(st.code)), RF_STR("why", st.message));
    }
    return err < 0 && st.code == RF_ABORTED ? -ESTALE : err;
}

/* ---- claim ---- */

static void read_input(const Job__V1__InputRef *m, processor_input *ret)
{
    ret->param = rf_strdup(m->param);
    switch (m->source_case) {
    case JOB__V1__INPUT_REF__SOURCE_URL:
        ret->source = PROCESSOR_INPUT_URL;
        ret->value = rf_strdup(m->url);
        break;
    case JOB__V1__INPUT_REF__SOURCE_OBJECT_KEY:
        ret->source = PROCESSOR_INPUT_OBJECT;
        ret->value = rf_strdup(m->object_key);
        break;
    case JOB__V1__INPUT_REF__SOURCE_RECORDING:
        ret->source = PROCESSOR_INPUT_RECORDING;
        ret->value = rf_strdup(m->recording);
        break;
    default:
        ret->source = PROCESSOR_INPUT_BAD;
        ret->value = rf_strdup(m->source_case == JOB__V1__INPUT_REF__SOURCE_BAD ? m->bad : "");
        break;
    }
}

static void read_target(const Job__V1__OutputTarget *m, processor_target *ret)
{
    ret->output = rf_strdup(m->output);
    if (m->target_case == JOB__V1__OUTPUT_TARGET__TARGET_URL) {
        ret->url = rf_strdup(m->url);
    }
}

static void read_done(const Job__V1__StepOutput *m, processor_step_output *ret)
{
    ret->step = rf_strdup(m->step);
    ret->port = rf_strdup(m->port);
    ret->size = m->size;
    if (m->object_key[0] != '\0') {
        ret->object_key = rf_strdup(m->object_key);
    } else {
        ret->text = rf_strdup(m->text);
    }
}

static processor_claim *read_claim(const Job__V1__Claim *m)
{
    processor_claim *c = RF_NEW(processor_claim);
    rf_copy_str(c->job_id, sizeof(c->job_id), m->job_id);
    c->fence = m->fence;
    c->workflow_json = rf_strdup(m->workflow_json);
    c->params_json = rf_strdup(m->params_json);
    c->limit_seconds = m->limit_seconds;
    c->request_id = rf_strdup(m->request_id);
    c->inputs = RF_NEW_ARRAY(processor_input, m->n_inputs);
    c->targets = RF_NEW_ARRAY(processor_target, m->n_copy_results_to);
    c->done = RF_NEW_ARRAY(processor_step_output, m->n_done);
    for (; c->n_inputs < m->n_inputs; c->n_inputs++) {
        read_input(m->inputs[c->n_inputs], &c->inputs[c->n_inputs]);
    }
    for (; c->n_targets < m->n_copy_results_to; c->n_targets++) {
        read_target(m->copy_results_to[c->n_targets], &c->targets[c->n_targets]);
    }
    for (; c->n_done < m->n_done; c->n_done++) {
        read_done(m->done[c->n_done], &c->done[c->n_done]);
    }
    return c;
}

static int board_claim(void *self, uint32_t max, const char *const *hints, size_t n_hints,
                       processor_claims *ret)
{
    processor_rpc *rpc = self;
    Job__V1__ClaimRequest request = JOB__V1__CLAIM_REQUEST__INIT;
    request.worker_id = rpc->worker_id;
    request.pool = rpc->pool;
    request.max_jobs = max;
    request.job_ids = (char **)(uintptr_t)hints;
    request.n_job_ids = n_hints;
    int64_t now_ns = rf_time_ns();
    ProtobufCMessage *reply = NULL;
    int err = invoke(rpc, JOB_V1_WORKER_SERVICE_CLAIM, &request.base, &reply);
    if (err < 0) {
        return err;
    }
    const Job__V1__ClaimResponse *m = (const Job__V1__ClaimResponse *)reply;
    *ret = (processor_claims){.items = RF_NEW_ARRAY(processor_claim *, m->n_claims),
                              .lease_ns = m->lease_ms * RF_NS_PER_MS,
                              .heartbeat_ns = m->heartbeat_ms * RF_NS_PER_MS};
    for (; ret->n < m->n_claims; ret->n++) {
        ret->items[ret->n] = read_claim(m->claims[ret->n]);
        ret->items[ret->n]->claimed_ns = now_ns;
    }
    rf_rpc_message_free(reply);
    return 0;
}

/* ---- heartbeat ---- */

static void mark_lost(processor_lease_state *leases, size_t n, const char *job_id)
{
    for (size_t i = 0; i < n; i++) {
        leases[i].is_lost |= strcmp(leases[i].job_id, job_id) == 0;
    }
}

static int board_heartbeat(void *self, processor_lease_state *leases, size_t n, uint32_t free_slots)
{
    processor_rpc *rpc = self;
    RF_CLEANUP(rf_cleanup_free)
    Job__V1__LeaseState *rows = RF_NEW_ARRAY(Job__V1__LeaseState, n);
    RF_CLEANUP(rf_cleanup_free)
    Job__V1__LeaseState **pointers = RF_NEW_ARRAY(Job__V1__LeaseState *, n);
    for (size_t i = 0; i < n; i++) {
        job__v1__lease_state__init(&rows[i]);
        rows[i].job_id = leases[i].job_id;
        rows[i].fence = leases[i].fence;
        rows[i].step = leases[i].step;
        rows[i].percent = leases[i].percent;
        pointers[i] = &rows[i];
    }
    Job__V1__HeartbeatRequest request = JOB__V1__HEARTBEAT_REQUEST__INIT;
    request.worker_id = rpc->worker_id;
    request.pool = rpc->pool;
    request.free_slots = free_slots;
    request.leases = pointers;
    request.n_leases = n;
    ProtobufCMessage *reply = NULL;
    int err = invoke(rpc, JOB_V1_WORKER_SERVICE_HEARTBEAT, &request.base, &reply);
    if (err < 0) {
        return err;
    }
    const Job__V1__HeartbeatResponse *m = (const Job__V1__HeartbeatResponse *)reply;
    for (size_t i = 0; i < m->n_lost_job_ids; i++) {
        mark_lost(leases, n, m->lost_job_ids[i]);
    }
    rf_rpc_message_free(reply);
    return 0;
}

/* ---- step done ---- */

static int board_step_done(void *self, const char *job_id, uint64_t fence,
                           const processor_step_output *outputs, size_t n)
{
    Job__V1__StepOutput rows[PROCESSOR_MAX_PORTS];
    Job__V1__StepOutput *pointers[PROCESSOR_MAX_PORTS];
    Job__V1__StepDoneRequest request = JOB__V1__STEP_DONE_REQUEST__INIT;
    if (n > PROCESSOR_MAX_PORTS) {
        return -E2BIG;
    }
    for (size_t i = 0; i < n; i++) {
        job__v1__step_output__init(&rows[i]);
        rows[i].step = outputs[i].step;
        rows[i].port = outputs[i].port;
        rows[i].size = outputs[i].size;
        if (outputs[i].object_key != NULL) {
            rows[i].object_key = outputs[i].object_key;
        } else {
            rows[i].text = outputs[i].text;
        }
        pointers[i] = &rows[i];
    }
    request.job_id = (char *)(uintptr_t)job_id;
    request.fence = fence;
    request.outputs = pointers;
    request.n_outputs = n;
    ProtobufCMessage *reply = NULL;
    int err = invoke(self, JOB_V1_WORKER_SERVICE_STEP_DONE, &request.base, &reply);
    rf_rpc_message_free(reply);
    return err;
}

/* ---- inputs ---- */

static int board_fetched(void *self, const char *job_id, uint64_t fence,
                         const processor_digest *digests, size_t n, bool *ret_taken)
{
    processor_rpc *rpc = self;
    Job__V1__InputDigest rows[PROCESSOR_MAX_PARAMS];
    Job__V1__InputDigest *pointers[PROCESSOR_MAX_PARAMS];
    Job__V1__InputsFetchedRequest request = JOB__V1__INPUTS_FETCHED_REQUEST__INIT;
    if (n > PROCESSOR_MAX_PARAMS) {
        return -E2BIG;
    }
    for (size_t i = 0; i < n; i++) {
        job__v1__input_digest__init(&rows[i]);
        rows[i].param = (char *)(uintptr_t)digests[i].param;
        rows[i].sha256 = (ProtobufCBinaryData){.len = RF_SHA256_LEN,
                                               .data = (uint8_t *)(uintptr_t)digests[i].sha256};
        pointers[i] = &rows[i];
    }
    request.worker_id = rpc->worker_id;
    request.job_id = (char *)(uintptr_t)job_id;
    request.fence = fence;
    request.digests = pointers;
    request.n_digests = n;
    ProtobufCMessage *reply = NULL;
    int err = invoke(rpc, JOB_V1_WORKER_SERVICE_INPUTS_FETCHED, &request.base, &reply);
    if (err == 0) {
        *ret_taken = ((Job__V1__InputsFetchedResponse *)reply)->taken;
    }
    rf_rpc_message_free(reply);
    return err;
}

/* ---- finish ---- */

/* Messages of one finish, in memory of their own. */
typedef struct finish_msg {
    Job__V1__Finish finish;
    Job__V1__Success success;
    Job__V1__Failure failure;
    Job__V1__Released released;
    Job__V1__JobResult *results;
    Job__V1__JobResult **pointers;
    Job__V1__File *files;
} finish_msg;

static void write_result(const processor_result *r, Job__V1__JobResult *m, Job__V1__File *file)
{
    job__v1__job_result__init(m);
    m->output = r->output;
    if (r->is_custom_storage) {
        m->value_case = JOB__V1__JOB_RESULT__VALUE_CUSTOM_STORAGE;
        m->custom_storage = true;
    } else if (r->text != NULL) {
        m->value_case = JOB__V1__JOB_RESULT__VALUE_TEXT;
        m->text = r->text;
    } else {
        job__v1__file__init(file);
        file->object_key = r->object_key;
        file->extension = (char *)(uintptr_t)r->extension;
        file->content_type = (char *)(uintptr_t)r->content_type;
        file->size = r->size;
        m->value_case = JOB__V1__JOB_RESULT__VALUE_FILE;
        m->file = file;
    }
}

static void write_success(const processor_finish *f, finish_msg *m)
{
    m->results = RF_NEW_ARRAY(Job__V1__JobResult, f->n_results);
    m->pointers = RF_NEW_ARRAY(Job__V1__JobResult *, f->n_results);
    m->files = RF_NEW_ARRAY(Job__V1__File, f->n_results);
    for (size_t i = 0; i < f->n_results; i++) {
        write_result(&f->results[i], &m->results[i], &m->files[i]);
        m->pointers[i] = &m->results[i];
    }
    job__v1__success__init(&m->success);
    m->success.results = m->pointers;
    m->success.n_results = f->n_results;
    m->finish.outcome_case = JOB__V1__FINISH__OUTCOME_SUCCESS;
    m->finish.success = &m->success;
}

static void write_failure(const processor_finish *f, finish_msg *m)
{
    job__v1__failure__init(&m->failure);
    m->failure.code = (char *)(uintptr_t)processor_code_name(f->failure.code);
    m->failure.message = (char *)(uintptr_t)f->failure.message;
    m->failure.step = (char *)(uintptr_t)f->failure.step;
    m->failure.decoder_crash = f->failure.decoder_crash;
    m->finish.outcome_case = JOB__V1__FINISH__OUTCOME_FAILURE;
    m->finish.failure = &m->failure;
}

static void write_finish(processor_finish *f, finish_msg *m)
{
    job__v1__finish__init(&m->finish);
    m->finish.job_id = f->job_id;
    m->finish.fence = f->fence;
    if (f->outcome == PROCESSOR_SUCCEEDED) {
        write_success(f, m);
    } else if (f->outcome == PROCESSOR_FAILED) {
        write_failure(f, m);
    } else {
        job__v1__released__init(&m->released);
        m->finish.outcome_case = JOB__V1__FINISH__OUTCOME_RELEASED;
        m->finish.released = &m->released;
    }
}

/* Answers come in any order; most often in ours. */
static void read_accepted(const Job__V1__FinishResponse *m, processor_finish *const *items,
                          size_t n)
{
    for (size_t i = 0; i < m->n_results; i++) {
        for (size_t k = 0; k < n; k++) {
            processor_finish *f = items[(i + k) % n];
            if (strcmp(f->job_id, m->results[i]->job_id) == 0) {
                f->is_accepted = m->results[i]->accepted;
                break;
            }
        }
    }
}

static int send_finish(processor_rpc *rpc, Job__V1__Finish **pointers,
                       processor_finish *const *items, size_t n)
{
    Job__V1__FinishRequest request = JOB__V1__FINISH_REQUEST__INIT;
    request.worker_id = rpc->worker_id;
    request.items = pointers;
    request.n_items = n;
    ProtobufCMessage *reply = NULL;
    int err = invoke(rpc, JOB_V1_WORKER_SERVICE_FINISH, &request.base, &reply);
    if (err == 0) {
        read_accepted((const Job__V1__FinishResponse *)reply, items, n);
        rf_rpc_message_free(reply);
    }
    return err;
}

static int board_finish(void *self, processor_finish *const *items, size_t n)
{
    finish_msg *messages = RF_NEW_ARRAY(finish_msg, n);
    Job__V1__Finish **pointers = RF_NEW_ARRAY(Job__V1__Finish *, n);
    for (size_t i = 0; i < n; i++) {
        write_finish(items[i], &messages[i]);
        pointers[i] = &messages[i].finish;
    }
    int err = send_finish(self, pointers, items, n);
    for (size_t i = 0; i < n; i++) {
        free(messages[i].results);
        free(messages[i].pointers);
        free(messages[i].files);
    }
    free(messages);
    free(pointers);
    return err;
}

/* ---- connection ---- */

int processor_rpc_open(const char *target, const char *worker_id, const char *pool,
                       processor_rpc **ret)
{
    processor_rpc *rpc = RF_NEW(processor_rpc);
    const rf_rpc_channel_config config = {.target = target};
    int err = rf_rpc_channel_open(&config, &rpc->channel);
    if (err < 0) {
        free(rpc);
        return err;
    }
    rpc->worker_id = rf_strdup(worker_id);
    rpc->pool = rf_strdup(pool);
    rpc->board = (processor_board){.claim = board_claim,
                                   .heartbeat = board_heartbeat,
                                   .step_done = board_step_done,
                                   .fetched = board_fetched,
                                   .finish = board_finish,
                                   .self = rpc};
    *ret = rpc;
    return 0;
}

processor_rpc *processor_rpc_close(processor_rpc *rpc)
{
    if (rpc != NULL) {
        rf_rpc_channel_close(rpc->channel);
        free(rpc->worker_id);
        free(rpc->pool);
        free(rpc);
    }
    return NULL;
}

const processor_board *processor_rpc_board(const processor_rpc *rpc)
{
    return &rpc->board;
}

bool processor_rpc_is_ready(processor_rpc *rpc)
{
    return rf_rpc_channel_is_ready(rpc->channel);
}
