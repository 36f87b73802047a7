#include "gateway_upload.h"

#include "gateway_answer.h"
#include "gateway_io.h"
#include "gateway_metrics.h"
#include "gateway_query.h"
#include "gateway_rpc.h"
#include "rf_log.h"
#include "rf_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define UNAVAILABLE_RETRY_S 5

/* The I/O job in progress, if any, owns put and the piece at work; the loop owns the rest. */
typedef struct gateway_upload {
    gateway_io_job job;
    gateway_exchange *ex; /* NULL once it has been answered or the client has gone */
    gateway *gw;
    rf_store_put *put;
    char key[RF_STORE_MAX_KEY + 1];
    uint64_t max_bytes;
    uint64_t received;
    bool has_digest;
    uint8_t digest[RF_SHA256_LEN]; /* expected */
    bool busy;                     /* a job is in progress */
    bool ended;                    /* the whole body has come */
    bool last;                     /* the job in progress commits */
    bool committed;
    bool refused; /* the job service did not want the object: delete it */
    int err;
    uint8_t sha256[RF_SHA256_LEN];
    size_t n_fill; /* bytes that have come */
    size_t n_work; /* bytes that the job writes */
    char *fill;
    char *work;
    char buffers[2][GATEWAY_UPLOAD_BYTES];
} gateway_upload;

static void pump(gateway_upload *u);

/* ---- end ---- */

static void run_discard(gateway_io_job *job)
{
    gateway_upload *u = (gateway_upload *)job;
    u->put = rf_store_put_free(u->put);
    if (u->refused && rf_store_delete(u->gw->store, u->key) < 0) {
        RF_LOG_WARN("refused object stays for the sweep", RF_STR("key", u->key));
    }
}

static void done_discard(gateway_io_job *job)
{
    gateway_upload *u = (gateway_upload *)job;
    atomic_fetch_sub(&u->gw->transfers, 1);
    free(u);
}

static void submit(gateway_upload *u, void (*run)(gateway_io_job *), void (*done)(gateway_io_job *))
{
    u->busy = true;
    u->job.run = run;
    u->job.done = done;
    gateway_io_submit(u->gw->io, &u->job);
}

static void upload_free(gateway_upload *u)
{
    submit(u, run_discard, done_discard);
}

static void on_gone(gateway_exchange *ex)
{
    gateway_upload *u = ex->task;
    ex->task = NULL;
    u->ex = NULL;
    if (!u->busy) {
        upload_free(u);
    }
}

static void fail(gateway_upload *u, int err)
{
    char message[96];
    switch (err) {
    case -ENOSPC:
    case -EDQUOT:
        gateway_answer_error(u->ex, GATEWAY_INSUFFICIENT_STORAGE, NULL, UNAVAILABLE_RETRY_S);
        break;
    case -EFBIG:
        snprintf(message, sizeof(message), "The upload is larger than %" PRIu64 " bytes.",
                 u->max_bytes);
        gateway_answer_error(u->ex, GATEWAY_PAYLOAD_TOO_LARGE, message, 0);
        break;
    case -EBADMSG:
        gateway_answer_error(u->ex, GATEWAY_BAD_REQUEST, "Content-Digest does not match the body.",
                             0);
        break;
    default:
        RF_LOG_ERROR("upload cannot be stored", RF_STR("request", u->ex->request_id),
                     RF_STR("error", strerror(-err)));
        gateway_answer_error(u->ex, GATEWAY_UNAVAILABLE, NULL, UNAVAILABLE_RETRY_S);
    }
}

/* ---- complete ---- */

static bool refusal(rf_code code)
{
    return code == RF_ALREADY_EXISTS || code == RF_NOT_FOUND || code == RF_FAILED_PRECONDITION ||
           code == RF_PERMISSION_DENIED || code == RF_INVALID_ARGUMENT;
}

/* The object is kept when it is not known whether the service took it: its sweep decides. */
static void on_completed(gateway_exchange *ex, gateway_reply *reply)
{
    gateway_upload *u = ex->task;
    rf_code code = reply->status.code;
    if (u == NULL) {
        return;
    }
    u->refused = refusal(code);
    if (code == RF_OK) {
        gateway_answer_json(ex, "{}", 2);
    } else if (code == RF_ALREADY_EXISTS) {
        gateway_answer_error(ex, GATEWAY_CONFLICT, "The upload URL has been used.", 0);
    } else {
        gateway_error error = gateway_error_of_rpc(code);
        gateway_answer_error(ex, error, NULL,
                             error == GATEWAY_UNAVAILABLE ? UNAVAILABLE_RETRY_S : 0);
    }
}

/* ---- pieces ---- */

static void run_write(gateway_io_job *job)
{
    gateway_upload *u = (gateway_upload *)job;
    u->err = u->n_work > 0 ? rf_store_put_write(u->put, u->work, u->n_work) : 0;
    if (u->err < 0 || !u->last) {
        return;
    }
    rf_store_put_sha256(u->put, u->sha256);
    if (u->has_digest && memcmp(u->sha256, u->digest, sizeof(u->digest)) != 0) {
        u->err = -EBADMSG;
        return;
    }
    u->err = rf_store_put_commit(u->put);
    u->committed = u->err == 0;
}

/* Puts the exchange's connection in order around what a finished job leads to. */
static void after_job(gateway_upload *u, void (*next)(gateway_upload *u))
{
    u->busy = false;
    if (u->ex == NULL) {
        upload_free(u);
        return;
    }
    gateway_conn *c = u->ex->conn;
    gateway_conn_enter(c);
    if (u->err < 0) {
        fail(u, u->err);
    } else {
        next(u);
    }
    gateway_conn_leave(c);
}

static void written(gateway_upload *u)
{
    gateway_metrics_bytes(true, u->n_work);
    if (u->committed) {
        gateway_rpc_complete_upload(u->ex, u->key, u->received, u->sha256, on_completed);
        return;
    }
    gateway_conn_body_room(u->ex->conn);
    pump(u);
}

static void done_write(gateway_io_job *job)
{
    after_job((gateway_upload *)job, written);
}

/* Hands the filled piece to the disk when it is free and the piece full or the last. */
static void pump(gateway_upload *u)
{
    if (u->busy || u->committed || (u->n_fill < GATEWAY_UPLOAD_BYTES && !u->ended)) {
        return;
    }
    char *full = u->fill;
    u->fill = u->work;
    u->work = full;
    u->n_work = u->n_fill;
    u->n_fill = 0;
    u->last = u->ended;
    submit(u, run_write, done_write);
}

static size_t room(gateway_exchange *ex)
{
    const gateway_upload *u = ex->task;
    return GATEWAY_UPLOAD_BYTES - u->n_fill;
}

static int data(gateway_exchange *ex, const char *bytes, size_t len)
{
    gateway_upload *u = ex->task;
    if (u->received + len > u->max_bytes) {
        fail(u, -EFBIG);
        return -ECANCELED;
    }
    memcpy(u->fill + u->n_fill, bytes, len);
    u->n_fill += len;
    u->received += len;
    pump(u);
    return 0;
}

static void end(gateway_exchange *ex)
{
    gateway_upload *u = ex->task;
    u->ended = true;
    pump(u);
}

static const gateway_exchange_ops upload_ops = {
    .room = room, .data = data, .end = end, .gone = on_gone};

/* ---- begin ---- */

static void run_open(gateway_io_job *job)
{
    gateway_upload *u = (gateway_upload *)job;
    u->err = rf_store_put_open(u->gw->store, u->key, u->max_bytes, 0, &u->put);
}

static void opened(gateway_upload *u)
{
    if (u->ex->req.content_length == 0) {
        end(u->ex);
    } else {
        gateway_conn_read_body(u->ex->conn);
    }
}

static void done_open(gateway_io_job *job)
{
    after_job((gateway_upload *)job, opened);
}

static void on_begun(gateway_exchange *ex, gateway_reply *reply)
{
    gateway_upload *u = ex->task;
    rf_code code = reply->status.code;
    if (u == NULL) {
        return;
    }
    if (code == RF_ALREADY_EXISTS) {
        gateway_answer_error(ex, GATEWAY_CONFLICT, "The upload URL has been used.", 0);
        return;
    }
    if (code != RF_OK) {
        gateway_error error = gateway_error_of_rpc(code);
        gateway_answer_error(ex, error, NULL,
                             error == GATEWAY_UNAVAILABLE ? UNAVAILABLE_RETRY_S : 0);
        return;
    }
    rf_copy_str(u->key, sizeof(u->key), reply->object_key);
    u->max_bytes = reply->max_bytes;
    if (ex->req.content_length > 0 && (uint64_t)ex->req.content_length > u->max_bytes) {
        fail(u, -EFBIG);
        return;
    }
    submit(u, run_open, done_open);
}

/* The sha-256 of Content-Digest, if there is one. */
static int read_digest(gateway_exchange *ex, gateway_upload *u)
{
    char value[512];
    int len = gateway_request_header(&ex->req, GATEWAY_H_CONTENT_DIGEST, value, sizeof(value));
    if (len == -ENOENT) {
        return 0;
    }
    int found = len >= 0 ? gateway_query_digest(value, u->digest) : -EINVAL;
    u->has_digest = found > 0;
    return found < 0 ? found : 0;
}

void gateway_upload_put(gateway_exchange *ex)
{
    gateway *gw = ex->gw;
    if (atomic_fetch_add(&gw->transfers, 1) >= gw->config.transfers_max) {
        atomic_fetch_sub(&gw->transfers, 1);
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "Too many transfers at once.",
                             UNAVAILABLE_RETRY_S);
        return;
    }
    gateway_upload *u = malloc(sizeof(*u));
    if (u == NULL) {
        abort();
    }
    memset(u, 0, offsetof(gateway_upload, buffers)); /* the pages of the buffers stay untouched */
    u->ex = ex;
    u->gw = gw;
    u->job.loop = ex->loop->loop;
    u->fill = u->buffers[0];
    u->work = u->buffers[1];
    ex->task = u;
    ex->ops = &upload_ops;
    if (read_digest(ex, u) < 0) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST,
                             "Content-Digest must be sha-256=:BASE64: (RFC 9530).", 0);
        return;
    }
    gateway_rpc_begin_upload(ex, on_begun);
}
