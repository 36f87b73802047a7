/*
 * From a request to an operation: form, workflow, parameters, own URLs.
 */
#include "job_reuse.h"
#include "job_service.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "rf_time.h"

#define NAME_MAX_CHARS 256
#define PARAMS_MAX (64u << 10)
#define METADATA_MAX (16u << 10)
#define KEY_MAX_CHARS 255
#define ERROR_MAX 480
#define RETENTION_MIN_S 3600
#define RETENTION_MAX_S 2592000

static size_t count_characters(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++) {
        n += ((unsigned char)*s & 0xc0) != 0x80;
    }
    return n;
}

static bool key_valid(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++) {
        if (key[i] < 0x20 || key[i] > 0x7e) {
            return false;
        }
    }
    return len <= KEY_MAX_CHARS;
}

static bool is_object(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool object = json_is_object(value);
    json_decref(value);
    return object;
}

static int check_batch(const job_request *r, rf_status *st)
{
    if (count_characters(r->batch_name) > JOB_BATCH_NAME_MAX) {
        return rf_status_set(st, RF_FAILED_PRECONDITION,
                             "batchName must have 1 to 128 characters.");
    }
    if (r->batch_size > JOB_BATCH_SIZE_MAX) {
        return rf_status_set(st, RF_FAILED_PRECONDITION, "batchSize must be from 1 to 1000000.");
    }
    if (r->batch_size > 0 && r->batch_name[0] == '\0') {
        return rf_status_set(st, RF_FAILED_PRECONDITION, "batchSize needs a batchName.");
    }
    return 0;
}

static int check_form(const job_request *r, rf_status *st)
{
    size_t name_chars = count_characters(r->name);
    if (name_chars < 1 || name_chars > NAME_MAX_CHARS) {
        return rf_status_set(st, RF_INVALID_ARGUMENT, "name must have 1 to 256 characters.");
    }
    if (strlen(r->params) > PARAMS_MAX) {
        return rf_status_set(st, RF_INVALID_ARGUMENT, "params must be at most 65536 bytes.");
    }
    if (strlen(r->metadata) > METADATA_MAX) {
        return rf_status_set(st, RF_INVALID_ARGUMENT, "metadata must be at most 16384 bytes.");
    }
    if (r->metadata[0] != '\0' && !is_object(r->metadata)) {
        return rf_status_set(st, RF_INVALID_ARGUMENT, "metadata must be an object.");
    }
    int err = check_batch(r, st);
    if (err < 0) {
        return err;
    }
    if (r->retention_s != 0 &&
        (r->retention_s < RETENTION_MIN_S || r->retention_s > RETENTION_MAX_S)) {
        return rf_status_set(st, RF_FAILED_PRECONDITION,
                             "retentionSeconds must be from 3600 to 2592000.");
    }
    if (r->priority >= JOB_PRIORITIES) {
        return rf_status_set(st, RF_FAILED_PRECONDITION, "priority must be from 0 to 9.");
    }
    if (!key_valid(r->idempotency_key)) {
        return rf_status_set(st, RF_INVALID_ARGUMENT,
                             "Idempotency-Key must be 1 to 255 printable ASCII characters.");
    }
    return 0;
}

static int check_params(const job_workflow *w, const char *params, rf_status *st)
{
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX);
    int err = job_workflow_check_params(w, params, &error);
    if (err < 0) {
        rf_code code = err == -EBADMSG ? RF_INVALID_ARGUMENT : RF_FAILED_PRECONDITION;
        err = rf_status_set(st, code, "%s", rf_buf_str(&error));
    }
    rf_buf_done(&error);
    return err;
}

typedef struct url_collector {
    const job_service *s;
    job_op_create *op;
    job_input *inputs;
    int64_t now_ms;
} url_collector;

/* What the store needs to know of one URL parameter. */
static void collect_url(const char *param, const char *url, void *user)
{
    url_collector *c = user;
    job_arena *arena = &c->op->op.arena;
    job_input *input = &c->inputs[c->op->n_inputs++];
    job_url own;
    job_urls_classify(c->s->urls, arena, "GET", url, c->now_ms, &own);
    input->param = job_arena_str(arena, param);
    switch (own.kind) {
    case JOB_URL_OUTSIDE:
        input->url = job_arena_str(arena, url);
        break;
    case JOB_URL_UPLOAD:
        input->upload_id = own.id;
        break;
    case JOB_URL_FILE:
        input->job_id = own.id;
        input->file_name = own.file_name;
        break;
    case JOB_URL_BAD:
        input->bad = JOB_TEXT_FILE_NOT_FOUND;
        break;
    case JOB_URL_RECORDING:
        input->url = job_urls_recording(arena, c->op->app, own.id);
        break;
    }
}

static int check_target(const job_workflow *w, const char *output, const char *url, rf_status *st)
{
    if (!job_workflow_has_output(w, output)) {
        return rf_status_set(st, RF_FAILED_PRECONDITION,
                             "copyResultsTo names the unknown output '%.64s'.", output);
    }
    const char *wrong = job_url_check(url);
    if (wrong != NULL) {
        return rf_status_set(st, RF_FAILED_PRECONDITION, "copyResultsTo '%s' must be %s.", output,
                             wrong);
    }
    return 0;
}

static void add_target(url_collector *c, job_target *targets, const char *output, const char *url)
{
    job_arena *arena = &c->op->op.arena;
    job_url own;
    job_urls_classify(c->s->urls, arena, "PUT", url, c->now_ms, &own);
    if (own.kind == JOB_URL_BAD || own.kind == JOB_URL_FILE) {
        c->inputs[c->op->n_inputs++] =
            (job_input){.param = job_arena_printf(arena, JOB_TARGET_PARAM, output),
                        .bad = JOB_TEXT_FILE_NOT_FOUND};
        return;
    }
    targets[c->op->n_targets++] =
        (job_target){.output = job_arena_str(arena, output),
                     .url = own.kind == JOB_URL_OUTSIDE ? job_arena_str(arena, url) : NULL,
                     .upload_id = own.kind == JOB_URL_UPLOAD ? own.id : NULL};
}

static int collect_urls(const job_service *s, const job_workflow *w, const job_request *r,
                        job_op_create *op, rf_status *st)
{
    job_arena *arena = &op->op.arena;
    job_input *inputs = job_arena_array(arena, JOB_INPUTS_MAX + r->n_targets, sizeof(*inputs));
    job_target *targets = job_arena_array(arena, r->n_targets, sizeof(*targets));
    url_collector c = {.s = s, .op = op, .inputs = inputs, .now_ms = rf_time_wall_ms()};
    op->inputs = inputs;
    op->targets = targets;
    job_workflow_each_url(w, r->params, collect_url, &c);
    for (size_t i = 0; i < r->n_targets; i++) {
        int err = check_target(w, r->outputs[i], r->urls[i], st);
        if (err < 0) {
            return err;
        }
        add_target(&c, targets, r->outputs[i], r->urls[i]);
    }
    return 0;
}

static const char *or_null(job_arena *arena, const char *s)
{
    return s[0] != '\0' ? job_arena_str(arena, s) : NULL;
}

static void fill(const job_workflow *w, const job_request *r, job_op_create *op)
{
    job_arena *arena = &op->op.arena;
    op->app = job_arena_str(arena, r->app);
    op->name = job_arena_str(arena, r->name);
    op->params = job_arena_str(arena, r->params);
    op->workflow = job_arena_str(arena, job_workflow_slug(w));
    op->workflow_version = job_registry_row(w)->version;
    op->pool = job_workflow_pool(w);
    op->limit_s = job_workflow_limit_s(w);
    op->priority = r->priority;
    op->reuse_seed = r->no_reuse || r->n_targets > 0 ? NULL : job_reuse_seed(arena, w, op->params);
    op->batch_name = or_null(arena, r->batch_name);
    op->batch_size = r->batch_size;
    op->retention_s = r->retention_s;
    op->metadata = r->metadata[0] != '\0' ? job_arena_str(arena, r->metadata) : "{}";
    op->request_id = or_null(arena, r->request_id);
    op->traceparent = or_null(arena, r->traceparent);
    op->idempotency_key = or_null(arena, r->idempotency_key);
    memcpy(op->payload_sha256, r->payload_sha256, RF_SHA256_LEN);
}

/* What is told of the job, and where. */
static int take_hook(const job_request *r, job_op_create *op, rf_status *st)
{
    char secret[RF_WEBHOOK_SECRET_SIZE];
    const char *unknown = NULL;
    if (r->hook_url == NULL) {
        return 0;
    }
    const char *wrong = job_url_check(r->hook_url);
    if (wrong != NULL) {
        return rf_status_set(st, RF_FAILED_PRECONDITION, "webhook.url must be %s.", wrong);
    }
    int events = job_hook_events(r->hook_events, r->n_hook_events, &unknown);
    if (events < 0) {
        return rf_status_set(st, RF_FAILED_PRECONDITION,
                             "webhook.events takes job.started, job.succeeded, job.failed and "
                             "batch.completed, not '%.64s'.",
                             unknown);
    }
    rf_webhook_secret_make(secret);
    op->hook = (job_hook){.url = job_arena_str(&op->op.arena, r->hook_url),
                          .host = job_hook_host(&op->op.arena, r->hook_url),
                          .events = (unsigned)events};
    op->hook_secret = job_arena_str(&op->op.arena, secret);
    explicit_bzero(secret, sizeof(secret));
    return 0;
}

static const char *const *copy_strings(job_arena *arena, const char *const *from, size_t n)
{
    const char **copy = job_arena_array(arena, n, sizeof(char *));
    for (size_t i = 0; i < n; i++) {
        copy[i] = job_arena_str(arena, from[i]);
    }
    return copy;
}

job_request job_request_copy(job_arena *arena, const job_request *r)
{
    job_request copy = *r;
    uint8_t *sha256 = job_arena_alloc(arena, RF_SHA256_LEN);
    memcpy(sha256, r->payload_sha256, RF_SHA256_LEN);
    copy.payload_sha256 = sha256;
    copy.app = job_arena_str(arena, r->app);
    copy.name = job_arena_str(arena, r->name);
    copy.workflow = job_arena_str(arena, r->workflow);
    copy.params = job_arena_str(arena, r->params);
    copy.batch_name = job_arena_str(arena, r->batch_name);
    copy.metadata = job_arena_str(arena, r->metadata);
    copy.idempotency_key = job_arena_str(arena, r->idempotency_key);
    copy.request_id = job_arena_str(arena, r->request_id);
    copy.traceparent = job_arena_str(arena, r->traceparent);
    copy.outputs = copy_strings(arena, r->outputs, r->n_targets);
    copy.urls = copy_strings(arena, r->urls, r->n_targets);
    copy.hook_url = r->hook_url == NULL ? NULL : job_arena_str(arena, r->hook_url);
    copy.hook_events = copy_strings(arena, r->hook_events, r->n_hook_events);
    return copy;
}

int job_accept(const job_service *s, const job_workflow *w, const job_request *r, job_op_create *op,
               rf_status *st)
{
    int err = check_form(r, st);
    if (err < 0) {
        return err;
    }
    if (w == NULL) {
        return rf_status_set(st, RF_NOT_FOUND, "There is no workflow '%.128s'.", r->workflow);
    }
    err = check_params(w, r->params, st);
    if (err < 0) {
        return err;
    }
    err = take_hook(r, op, st);
    if (err < 0) {
        return err;
    }
    fill(w, r, op);
    return collect_urls(s, w, r, op, st);
}
