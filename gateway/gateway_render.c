/* POST /v1/jam/render: the file goes to the client as the service renders it, at the client's pace.
 *
 *   WAIT   nothing has come yet: an error is an answer
 *   SEND   the head is out; an error can only break the connection off
 */
#include "gateway_jam.h"
#include "gateway_jam_rpc.h"
#include "gateway_stream.h"
#include "rf_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define UNAVAILABLE_RETRY_S 1

typedef struct gateway_render {
    gateway_exchange *ex;
    gateway_render_call *call; /* NULL once it has ended */
    gateway_stream body;
    bool begun;                 /* the head is out */
    bool complete;              /* the service has given all of it */
    gateway_render_part *first; /* waiting for the client */
    gateway_render_part *last;
    size_t at; /* in the first */
} gateway_render;

static void pop(gateway_render *r)
{
    gateway_render_part *part = r->first;
    r->first = part->next;
    r->last = r->first == NULL ? NULL : r->last;
    r->at = 0;
    gateway_jam_rpc_part_free(part, r->call);
}

static void on_gone(gateway_exchange *ex)
{
    gateway_render *r = ex->task;
    ex->task = NULL;
    while (r->first != NULL) {
        pop(r);
    }
    if (r->call != NULL) {
        gateway_jam_rpc_render_cancel(r->call);
    }
    atomic_fetch_sub(&ex->gw->transfers, 1);
    free(r);
}

static void break_off(gateway_render *r, const char *why)
{
    RF_LOG_WARN("a render broke off", RF_STR("request", r->ex->request_id), RF_STR("why", why));
    gateway_stream_break(&r->body);
}

/* Gives the client what it takes. Nothing of r may be touched afterwards. */
static void send_more(gateway_render *r)
{
    while (r->first != NULL) {
        if (r->at == r->first->len) {
            pop(r);
            continue;
        }
        ssize_t n = gateway_stream_write(&r->body, r->first->data + r->at, r->first->len - r->at);
        if (n < 0) {
            break_off(r, "it is longer than it said");
            return;
        }
        if (n == 0) {
            return; /* writable comes */
        }
        r->at += (size_t)n;
    }
    if (r->complete && gateway_stream_end(&r->body) < 0) {
        break_off(r, "it is shorter than it said");
    }
}

static void writable(gateway_exchange *ex)
{
    send_more(ex->task);
}

static const gateway_exchange_ops render_ops = {.writable = writable, .gone = on_gone};

/* ---- from the service ---- */

static void begin(gateway_render *r, const gateway_render_part *part)
{
    char headers[96];
    snprintf(headers, sizeof(headers), "Cache-Control: no-store\r\nX-Seed: %" PRIu64 "\r\n",
             part->seed);
    gateway_answer a = {.status = 200,
                        .type = part->content_type[0] != '\0' ? part->content_type
                                                              : "application/octet-stream",
                        .headers = headers,
                        .length = part->size > 0 ? part->size : GATEWAY_LENGTH_UNKNOWN};
    r->begun = true;
    gateway_stream_begin(&r->body, r->ex, &a);
}

static void take_part(gateway_render *r, gateway_render_part *part)
{
    if (!r->begun) {
        begin(r, part);
    }
    part->next = NULL;
    if (r->last != NULL) {
        r->last->next = part;
    } else {
        r->first = part;
    }
    r->last = part;
    gateway_conn_await_out(r->ex->conn); /* the head goes first */
}

static void on_part(void *user, gateway_render_part *part)
{
    gateway_render *r = user;
    gateway_conn *c = r->ex->conn;
    gateway_conn_enter(c);
    take_part(r, part);
    gateway_conn_leave(c);
}

static void on_ended(void *user, const rf_status *status)
{
    gateway_render *r = user;
    gateway_conn *c = r->ex->conn;
    r->call = NULL;
    gateway_conn_enter(c);
    if (!r->begun && status->code != RF_OK) {
        gateway_jam_failure(r->ex, status);
    } else if (!r->begun) {
        gateway_answer_error(r->ex, GATEWAY_INTERNAL, NULL, 0);
    } else if (status->code != RF_OK) {
        break_off(r, rf_code_name(status->code));
    } else {
        r->complete = true;
        gateway_conn_await_out(c);
    }
    gateway_conn_leave(c);
}

static const gateway_render_events render_events = {.part = on_part, .ended = on_ended};

/* ---- begin ---- */

/* Text that a protobuf string can hold; what it says is for the service to judge. */
static bool is_text(const rf_buf *body)
{
    return rf_utf8_valid(body->data, body->len) && memchr(body->data, '\0', body->len) == NULL;
}

void gateway_jam_render(gateway_exchange *ex)
{
    gateway *gw = ex->gw;
    if (ex->body.len == 0 || !is_text(&ex->body)) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, "The body must be JSON in UTF-8.", 0);
        return;
    }
    if (atomic_fetch_add(&gw->transfers, 1) >= gw->config.transfers_max) {
        atomic_fetch_sub(&gw->transfers, 1);
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "Too many transfers at once.",
                             UNAVAILABLE_RETRY_S);
        return;
    }
    gateway_render *r = RF_NEW(gateway_render);
    r->ex = ex;
    ex->task = r;
    ex->ops = &render_ops;
    r->call = gateway_jam_rpc_render(ex, rf_buf_str(&ex->body), &render_events, r);
}
