#include "gateway_download.h"

#include "gateway_answer.h"
#include "gateway_io.h"
#include "gateway_metrics.h"
#include "gateway_query.h"
#include "gateway_rpc.h"
#include "rf_log.h"
#include "rf_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define SENDFILE_BYTES (4u << 20) /* of one turn, so that pool threads go round */
#define UNAVAILABLE_RETRY_S 5

/* The I/O job in progress, if any, owns object and buffer; the loop owns the rest. */
typedef struct gateway_download {
    gateway_io_job job;
    gateway_exchange *ex; /* NULL once answered or gone */
    gateway *gw;
    rf_store_object *object;
    char key[RF_STORE_MAX_KEY + 1];
    char type[128];
    uint64_t at; /* next byte of the object */
    uint64_t end;
    bool busy;
    bool full; /* the socket took no more */
    ssize_t result;
    int socket_fd; /* a copy: the connection may close its own while a job runs */
    size_t buffer_at;
    size_t buffer_len;
    char *buffer; /* TLS */
} gateway_download;

/* ---- end ---- */

static void run_free(gateway_io_job *job)
{
    gateway_download *d = (gateway_download *)job;
    d->object = rf_store_object_free(d->object);
}

static void done_free(gateway_io_job *job)
{
    gateway_download *d = (gateway_download *)job;
    atomic_fetch_sub(&d->gw->transfers, 1);
    rf_close(&d->socket_fd);
    free(d->buffer);
    free(d);
}

static void submit(gateway_download *d, void (*run)(gateway_io_job *),
                   void (*done)(gateway_io_job *))
{
    d->busy = true;
    d->job.run = run;
    d->job.done = done;
    gateway_io_submit(d->gw->io, &d->job);
}

static void on_gone(gateway_exchange *ex)
{
    gateway_download *d = ex->task;
    ex->task = NULL;
    d->ex = NULL;
    if (!d->busy) {
        submit(d, run_free, done_free);
    }
}

static void after_job(gateway_download *d, void (*next)(gateway_download *d))
{
    d->busy = false;
    if (d->ex == NULL) {
        submit(d, run_free, done_free);
        return;
    }
    gateway_conn *c = d->ex->conn;
    gateway_conn_enter(c);
    next(d);
    gateway_conn_leave(c);
}

/* ---- body ---- */

static void send_more(gateway_download *d);

static void run_sendfile(gateway_io_job *job)
{
    gateway_download *d = (gateway_download *)job;
    off_t at = (off_t)d->at;
    uint64_t stop = RF_MIN(d->end, d->at + SENDFILE_BYTES);
    d->full = false;
    d->result = 0;
    while ((uint64_t)at < stop) {
        ssize_t n = sendfile(d->socket_fd, rf_store_object_fd(d->object), &at,
                             (size_t)(stop - (uint64_t)at));
        if (n <= 0) {
            d->full = n < 0 && errno == EAGAIN;
            d->result = d->full || (n < 0 && errno == EINTR) ? 0 : (n < 0 ? -errno : -EIO);
            break;
        }
    }
    d->result = d->result < 0 ? d->result : (ssize_t)((uint64_t)at - d->at);
}

static void sent(gateway_download *d)
{
    if (d->result < 0) { /* the head is out: all that is left is to break off */
        gateway_conn_close(d->ex->conn);
        return;
    }
    d->at += (uint64_t)d->result;
    gateway_metrics_bytes(false, (uint64_t)d->result);
    if (d->result > 0) {
        gateway_conn_progress(d->ex->conn);
    }
    if (d->full) {
        gateway_conn_await_out(d->ex->conn);
    } else {
        send_more(d);
    }
}

static void done_sendfile(gateway_io_job *job)
{
    after_job((gateway_download *)job, sent);
}

static void run_read(gateway_io_job *job)
{
    gateway_download *d = (gateway_download *)job;
    size_t len = (size_t)RF_MIN(d->end - d->at, (uint64_t)GATEWAY_DOWNLOAD_BYTES);
    d->result = rf_store_object_read(d->object, d->at, d->buffer, len);
}

static void got(gateway_download *d)
{
    if (d->result <= 0) {
        RF_LOG_ERROR("object cannot be read", RF_STR("key", d->key),
                     RF_STR("error", strerror((int)-d->result)));
        gateway_conn_close(d->ex->conn);
        return;
    }
    d->at += (uint64_t)d->result;
    d->buffer_at = 0;
    d->buffer_len = (size_t)d->result;
    send_more(d);
}

static void done_read(gateway_io_job *job)
{
    after_job((gateway_download *)job, got);
}

/* Gives what was read to the connection; false when it takes no more or has been closed. */
static bool drain_buffer(gateway_download *d)
{
    while (d->buffer_at < d->buffer_len) {
        ssize_t n =
            gateway_conn_write(d->ex->conn, d->buffer + d->buffer_at, d->buffer_len - d->buffer_at);
        if (n < 0) {
            gateway_conn_close(d->ex->conn);
            return false;
        }
        if (n == 0) {
            return false;
        }
        d->buffer_at += (size_t)n;
        gateway_metrics_bytes(false, (uint64_t)n);
    }
    return true;
}

static void send_more(gateway_download *d)
{
    if (d->buffer != NULL && !drain_buffer(d)) {
        return;
    }
    if (d->at == d->end) {
        gateway_conn_answered(d->ex->conn);
    } else if (d->buffer != NULL) {
        submit(d, run_read, done_read);
    } else {
        submit(d, run_sendfile, done_sendfile);
    }
}

static void writable(gateway_exchange *ex)
{
    gateway_download *d = ex->task;
    if (!d->busy) {
        send_more(d);
    }
}

static const gateway_exchange_ops download_ops = {.writable = writable, .gone = on_gone};

/* ---- head ---- */

/* Sets at and end; returns 206 for a range, 200 for the whole, -ERANGE. A validator that If-Range
 * could name is never given out, so that it never matches (RFC 9110 section 13.1.5). */
static int choose_range(gateway_download *d, uint64_t size)
{
    char value[128];
    const gateway_request *req = &d->ex->req;
    uint64_t last = 0;
    d->at = 0;
    d->end = size;
    if (req->method != GATEWAY_GET || req->headers[GATEWAY_H_IF_RANGE].present ||
        gateway_request_header(req, GATEWAY_H_RANGE, value, sizeof(value)) < 0) {
        return 200;
    }
    int found = gateway_query_range(value, size, &d->at, &last);
    if (found <= 0) {
        return found < 0 ? found : 200;
    }
    d->end = last + 1;
    return 206;
}

static void refuse_range(gateway_download *d, uint64_t size)
{
    char headers[96];
    static const char body[] = "{\"code\":\"RANGE_NOT_SATISFIABLE\",\"title\":\"Range not "
                               "satisfiable\",\"message\":\"The range lies outside the file.\"}";
    snprintf(headers, sizeof(headers), "Content-Range: bytes */%" PRIu64 "\r\n", size);
    gateway_answer a = {
        .status = 416, .type = "application/json", .headers = headers, .length = sizeof(body) - 1};
    gateway_answer_bytes(d->ex, &a, body);
}

static int prepare(gateway_download *d)
{
    gateway_conn *c = d->ex->conn;
    if (c->ssl != NULL || rf_store_object_fd(d->object) < 0) {
        d->buffer = malloc(GATEWAY_DOWNLOAD_BYTES);
        return d->buffer != NULL ? 0 : -ENOMEM;
    }
    d->socket_fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    return d->socket_fd >= 0 ? 0 : -errno;
}

static void answer_file(gateway_download *d)
{
    char headers[160];
    uint64_t size = rf_store_object_info(d->object)->size;
    int status = choose_range(d, size);
    if (status < 0) {
        refuse_range(d, size);
        return;
    }
    int n =
        snprintf(headers, sizeof(headers), "Accept-Ranges: bytes\r\nCache-Control: private\r\n");
    if (status == 206) {
        snprintf(headers + n, sizeof(headers) - (size_t)n,
                 "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", d->at, d->end - 1,
                 size);
    }
    gateway_answer a = {
        .status = status, .type = d->type, .headers = headers, .length = d->end - d->at};
    if (d->ex->req.method == GATEWAY_HEAD || d->at == d->end) {
        gateway_answer_bytes(d->ex, &a, NULL);
    } else if (prepare(d) < 0) {
        gateway_answer_error(d->ex, GATEWAY_UNAVAILABLE, NULL, UNAVAILABLE_RETRY_S);
    } else {
        gateway_answer_head(d->ex, &a);
        gateway_conn_send(d->ex->conn);
    }
}

static void run_open(gateway_io_job *job)
{
    gateway_download *d = (gateway_download *)job;
    d->result = rf_store_get(d->gw->store, d->key, &d->object);
}

static void opened(gateway_download *d)
{
    if (d->result == 0) {
        answer_file(d);
    } else if (d->result == -ENOENT) {
        gateway_answer_error(d->ex, GATEWAY_NOT_FOUND, NULL, 0);
    } else {
        gateway_answer_error(d->ex, GATEWAY_UNAVAILABLE, NULL, UNAVAILABLE_RETRY_S);
    }
}

static void done_open(gateway_io_job *job)
{
    after_job((gateway_download *)job, opened);
}

static void on_resolved(gateway_exchange *ex, gateway_reply *reply)
{
    gateway_download *d = ex->task;
    if (d == NULL) {
        return;
    }
    if (reply->status.code != RF_OK) {
        gateway_error error = gateway_error_of_rpc(reply->status.code);
        gateway_answer_error(ex, error, NULL,
                             error == GATEWAY_UNAVAILABLE ? UNAVAILABLE_RETRY_S : 0);
        return;
    }
    rf_copy_str(d->key, sizeof(d->key), reply->object_key);
    const char *type = reply->content_type;
    rf_copy_str(d->type, sizeof(d->type), type[0] != '\0' ? type : "application/octet-stream");
    submit(d, run_open, done_open);
}

static bool begin(gateway_exchange *ex)
{
    gateway *gw = ex->gw;
    if (atomic_fetch_add(&gw->transfers, 1) >= gw->config.transfers_max) {
        atomic_fetch_sub(&gw->transfers, 1);
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "Too many transfers at once.",
                             UNAVAILABLE_RETRY_S);
        return false;
    }
    gateway_download *d = RF_NEW(gateway_download);
    d->ex = ex;
    d->gw = gw;
    d->socket_fd = -1;
    d->job.loop = ex->loop->loop;
    ex->task = d;
    ex->ops = &download_ops;
    return true;
}

void gateway_download_upload(gateway_exchange *ex)
{
    if (ex->id[0] == '\0') {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
    } else if (begin(ex)) {
        gateway_rpc_resolve_upload(ex, on_resolved);
    }
}

void gateway_download_result(gateway_exchange *ex)
{
    if (ex->id[0] == '\0' || ex->name[0] == '\0') {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
    } else if (begin(ex)) {
        gateway_rpc_resolve_output(ex, on_resolved);
    }
}
