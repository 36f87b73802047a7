#include "gateway_body.h"

#include "gateway_stream.h"
#include "rf_log.h"

#include <stdio.h>

#define UNAVAILABLE_RETRY_S 1
#define HEADERS_MAX 320

typedef struct gateway_body {
    gateway_exchange *ex;
    const gateway_body_source *source;
    gateway_feed *feed; /* NULL once it has ended */
    gateway_stream stream;
    bool begun;       /* the head is out */
    bool complete;    /* the service has given all of it */
    char trailer[64]; /* known when complete */
    gateway_feed_queue waiting;
} gateway_body;

static void on_gone(gateway_exchange *ex)
{
    gateway_body *b = ex->task;
    ex->task = NULL;
    gateway_feed_clear(&b->waiting, b->feed);
    if (b->feed != NULL) {
        gateway_feed_cancel(b->feed);
    }
    if (b->source->is_transfer) {
        atomic_fetch_sub(&ex->gw->transfers, 1);
    }
    free(b);
}

static void break_off(gateway_body *b, const char *why)
{
    RF_LOG_WARN("an answer broke off", RF_STR("request", b->ex->request_id), RF_STR("why", why));
    gateway_stream_break(&b->stream);
}

/* Gives the client what it takes. Nothing of b may be touched afterwards. */
static void send_more(gateway_body *b)
{
    size_t len;
    const uint8_t *data;
    while ((data = gateway_feed_due(&b->waiting, b->feed, &len)) != NULL) {
        ssize_t n = gateway_stream_write(&b->stream, data, len);
        if (n < 0) {
            break_off(b, "it is longer than it said");
            return;
        }
        if (n == 0) {
            return; /* writable comes */
        }
        gateway_feed_sent(&b->waiting, (size_t)n);
    }
    bool head_alone = b->ex->req.method == GATEWAY_HEAD;
    if ((b->complete || head_alone) && gateway_stream_end(&b->stream, b->trailer) < 0) {
        break_off(b, "it is shorter than it said");
    }
}

static void writable(gateway_exchange *ex)
{
    send_more(ex->task);
}

static const gateway_exchange_ops body_ops = {.writable = writable, .gone = on_gone};

/* ---- from the service ---- */

static void begin(gateway_body *b, const gateway_feed_said *said)
{
    char headers[HEADERS_MAX];
    (void)snprintf(headers, sizeof(headers), "Cache-Control: no-store\r\n%s", said->headers);
    gateway_answer a = {.status = 200,
                        .type = said->type[0] != '\0' ? said->type : "application/octet-stream",
                        .headers = headers,
                        .length = said->length};
    b->begun = true;
    gateway_stream_begin(&b->stream, b->ex, &a);
}

static void take_part(gateway_body *b, const gateway_feed_said *said, gateway_feed_part *part)
{
    if (!b->begun) {
        begin(b, said);
    }
    gateway_feed_push(&b->waiting, part);
    gateway_conn_await_out(b->ex->conn); /* the head goes first */
}

static void on_part(void *user, const gateway_feed_said *said, gateway_feed_part *part)
{
    gateway_body *b = user;
    gateway_conn *c = b->ex->conn;
    gateway_conn_enter(c);
    take_part(b, said, part);
    gateway_conn_leave(c);
}

static void on_ended(void *user, const rf_status *status, const gateway_feed_said *said)
{
    gateway_body *b = user;
    gateway_conn *c = b->ex->conn;
    b->feed = NULL;
    gateway_conn_enter(c);
    if (!b->begun && status->code != RF_OK) {
        b->source->failed(b->ex, status);
    } else if (!b->begun) {
        gateway_answer_error(b->ex, GATEWAY_INTERNAL, NULL, 0);
    } else if (status->code != RF_OK) {
        break_off(b, rf_code_name(status->code));
    } else {
        b->complete = true;
        rf_copy_str(b->trailer, sizeof(b->trailer), said->trailer);
        gateway_conn_await_out(c);
    }
    gateway_conn_leave(c);
}

static const gateway_feed_events feed_events = {.part = on_part, .ended = on_ended};

/* ---- the beginning ---- */

void gateway_body_begin(gateway_exchange *ex, const gateway_body_source *source, const void *ask)
{
    gateway *gw = ex->gw;
    if (source->is_transfer && atomic_fetch_add(&gw->transfers, 1) >= gw->config.transfers_max) {
        atomic_fetch_sub(&gw->transfers, 1);
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "Too many transfers at once.",
                             UNAVAILABLE_RETRY_S);
        return;
    }
    gateway_body *b = RF_NEW(gateway_body);
    b->ex = ex;
    b->source = source;
    ex->task = b;
    ex->ops = &body_ops;
    b->feed = source->open(ex, ask, &feed_events, b);
}
