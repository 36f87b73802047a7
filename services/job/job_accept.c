/*
 * From a request to an operation: form, workflow, parameters, own URLs.
 */
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
    op->workflow = job_workflow_slug(w);
    op->workflow_version = job_registry_row(w)->version;
    op->pool = job_workflow_pool(w);
    op->limit_s = job_workflow_limit_s(w);
    op->params = job_arena_str(arena, r->params);
    op->metadata = r->metadata[0] != '\0' ? job_arena_str(arena, r->metadata) : "{}";
    op->request_id = or_null(arena, r->request_id);
    op->traceparent = or_null(arena, r->traceparent);
    op->idempotency_key = or_null(arena, r->idempotency_key);
    memcpy(op->payload_sha256, r->payload_sha256, RF_SHA256_LEN);
}

int job_accept(const job_service *s, const job_request *r, job_op_create *op, rf_status *st)
{
    int err = check_form(r, st);
    if (err < 0) {
        return err;
    }
    const job_workflow *w = job_registry_find(s->registry, r->workflow);
    if (w == NULL) {
        return rf_status_set(st, RF_NOT_FOUND, "There is no workflow '%.128s'.", r->workflow);
    }
    err = check_params(w, r->params, st);
    if (err < 0) {
        return err;
    }
    fill(w, r, op);
    return collect_urls(s, w, r, op, st);
}
