#include "gateway_job.h"

#include "gateway_answer.h"
#include "gateway_last.h"
#include "gateway_new_job.h"
#include "gateway_query.h"
#include "gateway_rpc.h"
#include "gateway_wait.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define PAGE_MAX 1000000
#define SIZE_DEFAULT 100
#define SIZE_MAX_ROWS 1000
#define INCLUDE_MAX 4
#define WAIT_MAX_S 60
#define RETRY_UNAVAILABLE_S 5
#define DAY_S 86400

/* ---- replies ---- */

static void answer_failure(gateway_exchange *ex, const rf_status *st, bool own_message)
{
    gateway_error error = gateway_error_of_rpc(st->code);
    unsigned retry_s = error == GATEWAY_UNAVAILABLE         ? RETRY_UNAVAILABLE_S
                       : error == GATEWAY_TOO_MANY_REQUESTS ? 1
                       : st->code == RF_ABORTED             ? 1
                                                            : 0;
    bool pass = own_message && error != GATEWAY_INTERNAL && error != GATEWAY_UNAVAILABLE;
    gateway_answer_error(ex, error, pass ? st->message : NULL, retry_s);
}

void gateway_job_failed(gateway_exchange *ex, const rf_status *status)
{
    answer_failure(ex, status, status->code != RF_NOT_FOUND);
}

void gateway_job_on_reply(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_answer_json(ex, rf_buf_str(&reply->json), reply->json.len);
    } else {
        gateway_job_failed(ex, &reply->status);
    }
}

bool gateway_job_id_valid(gateway_exchange *ex)
{
    if (ex->id[0] == '\0') {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
        return false;
    }
    return true;
}

/* ---- create ---- */

/* Too many requests that will not do soon: the quota of the day is used up, until midnight UTC. */
static void refuse_job(gateway_exchange *ex, const rf_status *st, bool own_message)
{
    if (st->code == RF_RESOURCE_EXHAUSTED && !st->retriable) {
        int64_t now_s = rf_time_wall_ms() / 1000;
        gateway_answer_error(ex, GATEWAY_TOO_MANY_REQUESTS, st->message,
                             (unsigned)(DAY_S - now_s % DAY_S));
    } else {
        answer_failure(ex, st, own_message);
    }
}

static void on_created(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code != RF_OK) {
        refuse_job(ex, &reply->status, true);
        return;
    }
    gateway_answer a = {.status = 200,
                        .type = "application/json",
                        .headers = reply->replayed
                                       ? "Cache-Control: no-store\r\nIdempotency-Replayed: true\r\n"
                                       : "Cache-Control: no-store\r\n",
                        .length = reply->json.len};
    gateway_answer_bytes(ex, &a, rf_buf_str(&reply->json));
}

void gateway_job_create(gateway_exchange *ex)
{
    char key[GATEWAY_IDEMPOTENCY_KEY_SIZE];
    gateway_new_job_form form;
    gateway_error error = GATEWAY_BAD_REQUEST;
    if (gateway_exchange_idempotency_key(ex, key) < 0) {
        gateway_answer_error(ex, GATEWAY_UNPROCESSABLE,
                             "Idempotency-Key must be 1 to 255 printable ASCII characters.", 0);
        return;
    }
    if (gateway_new_job_read(&form, rf_buf_str(&ex->body), ex->body.len, &error) < 0) {
        gateway_answer_error(ex, error, form.why, 0);
    } else {
        form.job.idempotency_key = key;
        gateway_rpc_create_job(ex, &form.job, on_created);
    }
    gateway_new_job_done(&form);
}

/* ---- one job ---- */

typedef struct include_list {
    char *items[INCLUDE_MAX];
    size_t n;
    char text[64];
} include_list;

static int add_include(include_list *list, char *word)
{
    static const char *const known[] = {"attempts", "progress", "priority", "retention"};
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return 0;
        }
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(known); i++) {
        if (strcmp(known[i], word) == 0) {
            list->items[list->n++] = word;
            return 0;
        }
    }
    return -EINVAL;
}

static int read_include(const char *name, const char *value, void *user)
{
    include_list *list = user;
    if (strcmp(name, "include") != 0) {
        return 0;
    }
    if (list->n > 0 || rf_copy_str(list->text, sizeof(list->text), value) < 0) {
        return -EINVAL;
    }
    char *rest = list->text;
    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        if (add_include(list, word) < 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static int each(gateway_exchange *ex, gateway_query_fn fn, void *user)
{
    gateway_span q = ex->req.query;
    return gateway_query_each(gateway_request_str(&ex->req, q), q.len, fn, user);
}

void gateway_job_get(gateway_exchange *ex)
{
    include_list list = {.n = 0};
    if (!gateway_job_id_valid(ex)) {
        return;
    }
    if (each(ex, read_include, &list) < 0) {
        gateway_answer_error(
            ex, GATEWAY_BAD_REQUEST,
            "include must be a comma list of attempts, progress, priority, retention.", 0);
        return;
    }
    gateway_rpc_get_job(ex, list.items, list.n, gateway_job_on_reply);
}

static void on_status(gateway_exchange *ex, gateway_reply *reply)
{
    char last[GATEWAY_LAST_TEXT_MAX];
    const char *app = ex->caller.application_id;
    if (reply->status.code == RF_OK) {
        gateway_last_put(ex->gw->last, app, ex->id, rf_buf_str(&reply->json), reply->json.len,
                         rf_time_ns());
    } else if (gateway_error_of_rpc(reply->status.code) == GATEWAY_UNAVAILABLE) {
        int len = gateway_last_get(ex->gw->last, app, ex->id, rf_time_ns(), last);
        if (len > 0) {
            gateway_answer_json(ex, last, (size_t)len);
            return;
        }
    }
    gateway_job_on_reply(ex, reply);
}

typedef struct wait_query {
    bool given;
    uint32_t seconds;
} wait_query;

static int read_number(const char *value, int64_t min, int64_t max, bool *has, uint32_t *ret)
{
    int64_t n;
    if (*has || value[0] < '0' || value[0] > '9' || rf_parse_i64(value, &n) < 0 || n < min ||
        n > max) {
        return -EINVAL;
    }
    *has = true;
    *ret = (uint32_t)n;
    return 0;
}

static int read_wait(const char *name, const char *value, void *user)
{
    wait_query *q = user;
    return strcmp(name, "wait") == 0 ? read_number(value, 0, WAIT_MAX_S, &q->given, &q->seconds)
                                     : 0;
}

void gateway_job_status(gateway_exchange *ex)
{
    wait_query q = {.seconds = 0};
    if (!gateway_job_id_valid(ex)) {
        return;
    }
    if (each(ex, read_wait, &q) < 0) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST,
                             "wait must be a number of seconds from 0 to 60, given once.", 0);
        return;
    }
    gateway_wait(ex, q.seconds, on_status);
}

static int read_uploads(const char *name, const char *value, void *user)
{
    if (strcmp(name, "uploads") != 0) {
        return 0;
    }
    *(bool *)user = strcmp(value, "true") == 0;
    return *(bool *)user || strcmp(value, "false") == 0 ? 0 : -EINVAL;
}

static void on_deleted(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_last_drop(ex->gw->last, ex->caller.application_id, ex->id);
    }
    gateway_job_on_reply(ex, reply);
}

void gateway_job_delete(gateway_exchange *ex)
{
    bool uploads = false;
    if (!gateway_job_id_valid(ex)) {
        return;
    }
    if (each(ex, read_uploads, &uploads) < 0) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, "uploads must be true or false.", 0);
        return;
    }
    gateway_rpc_delete_job(ex, uploads, on_deleted);
}

void gateway_job_cancel(gateway_exchange *ex)
{
    if (gateway_job_id_valid(ex)) {
        gateway_last_drop(ex->gw->last, ex->caller.application_id, ex->id);
        gateway_rpc_cancel_job(ex, gateway_job_on_reply);
    }
}

void gateway_job_batch(gateway_exchange *ex)
{
    gateway_rpc_get_batch(ex, gateway_job_on_reply);
}

static void on_redriven(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_job_on_reply(ex, reply);
    } else {
        refuse_job(ex, &reply->status, reply->status.code != RF_NOT_FOUND);
    }
}

void gateway_job_redrive(gateway_exchange *ex)
{
    if (gateway_job_id_valid(ex)) {
        gateway_rpc_redrive_job(ex, on_redriven);
    }
}

/* ---- lists ---- */

typedef struct list_query {
    gateway_filter filter;
    bool has_page;
    bool has_size;
    const char *why;
} list_query;

static int read_page(const char *name, const char *value, list_query *q)
{
    if (strcmp(name, "page") == 0) {
        q->why = "page must be a number from 0 to 1000000, given once.";
        return read_number(value, 0, PAGE_MAX, &q->has_page, &q->filter.page);
    }
    if (strcmp(name, "size") == 0) {
        q->why = "size must be a number from 1 to 1000, given once.";
        return read_number(value, 1, SIZE_MAX_ROWS, &q->has_size, &q->filter.size);
    }
    return 0;
}

static int read_status(const char *value, list_query *q)
{
    int number = gateway_rpc_status_number(value);
    q->why = "status must be QUEUED, STARTED, SUCCEEDED or FAILED; repeat it for several.";
    if (number < 0 || q->filter.n_status == GATEWAY_FILTER_MAX) {
        return -EINVAL;
    }
    q->filter.status[q->filter.n_status++] = number;
    return 0;
}

static int read_filter(const char *name, const char *value, void *user)
{
    list_query *q = user;
    gateway_filter *f = &q->filter;
    if (strcmp(name, "status") == 0) {
        return read_status(value, q);
    }
    if (strcmp(name, "workflow") == 0) {
        q->why = "At most 32 workflows can be asked for.";
        if (f->n_workflow == GATEWAY_FILTER_MAX) {
            return -EINVAL;
        }
        f->workflow[f->n_workflow++] = rf_strdup(value);
        return 0;
    }
    if (strcmp(name, "batchName") == 0) {
        q->why = "batchName must be 1 to 128 characters, given once.";
        if (f->batch_name != NULL || value[0] == '\0') {
            return -EINVAL;
        }
        f->batch_name = rf_strdup(value);
        return 0;
    }
    return read_page(name, value, q);
}

static void filter_done(gateway_filter *f)
{
    for (size_t i = 0; i < f->n_workflow; i++) {
        free(f->workflow[i]);
    }
    free(f->batch_name);
}

void gateway_job_list(gateway_exchange *ex)
{
    list_query q = {.filter.size = SIZE_DEFAULT, .why = "The query cannot be decoded."};
    if (each(ex, read_filter, &q) < 0) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, q.why, 0);
    } else {
        gateway_rpc_list_jobs(ex, &q.filter, gateway_job_on_reply);
    }
    filter_done(&q.filter);
}

static int read_page_only(const char *name, const char *value, void *user)
{
    return read_page(name, value, user);
}

void gateway_job_workflows(gateway_exchange *ex)
{
    list_query q = {.filter.size = SIZE_DEFAULT, .why = "The query cannot be decoded."};
    if (each(ex, read_page_only, &q) < 0) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, q.why, 0);
    } else {
        gateway_rpc_list_workflows(ex, q.filter.page, q.filter.size, gateway_job_on_reply);
    }
}

/* ---- without parameters ---- */

void gateway_job_upload(gateway_exchange *ex)
{
    gateway_rpc_create_upload(ex, gateway_job_on_reply);
}

void gateway_job_webhook_secret(gateway_exchange *ex)
{
    gateway_rpc_rotate_webhook_secret(ex, gateway_job_on_reply);
}

void gateway_job_application(gateway_exchange *ex)
{
    gateway_rpc_get_application(ex, gateway_job_on_reply);
}
