#include "gateway_exchange.h"

#include "gateway_audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SPARES_MAX 256
#define KEPT_BYTES 4096 /* buffers above this are given back between requests */
#define BODY_MAX_BYTES (16u << 20)

/* ---- ids that travel ---- */

static bool request_id_valid(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && text[len] == '\0';
}

static void set_request_id(gateway_exchange *ex)
{
    gateway_loop *l = ex->loop;
    if (gateway_request_header(&ex->req, GATEWAY_H_X_REQUEST_ID, ex->request_id,
                               sizeof(ex->request_id)) > 0 &&
        request_id_valid(ex->request_id)) {
        return;
    }
    static const char digits[] = "0123456789abcdef";
    uint64_t number = l->next_request++;
    memcpy(ex->request_id, l->id_prefix, 8);
    for (int i = 0; i < 8; i++) {
        ex->request_id[8 + i] = digits[(number >> (28 - 4 * i)) & 15];
    }
    ex->request_id[16] = '\0';
}

/* W3C trace context: version 00, lower-case hex, ids not all zero. */
static bool traceparent_valid(const char *t)
{
    static const char form[] = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        bool hex = (t[i] >= '0' && t[i] <= '9') || (t[i] >= 'a' && t[i] <= 'f');
        if (form[i] == 'h' ? !hex : t[i] != form[i]) {
            return false;
        }
    }
    return t[sizeof(form) - 1] == '\0' && strspn(t + 3, "0") < 32 && strspn(t + 36, "0") < 16;
}

void gateway_exchange_trace(gateway_exchange *ex)
{
    uint8_t random[24];
    char hex[2 * sizeof(random) + 1];
    char given[GATEWAY_TRACEPARENT_LEN];
    int len = gateway_request_header(&ex->req, GATEWAY_H_TRACEPARENT, given, sizeof(given));
    bool follows = len == GATEWAY_TRACEPARENT_LEN - 1 && traceparent_valid(given);
    rf_random(random, sizeof(random));
    rf_hex(random, sizeof(random), hex);
    snprintf(ex->traceparent, sizeof(ex->traceparent), "00-%.32s-%.16s-%.2s",
             follows ? given + 3 : hex, hex + 32, follows ? given + 53 : "00");
}

int gateway_exchange_idempotency_key(const gateway_exchange *ex,
                                     char ret[GATEWAY_IDEMPOTENCY_KEY_SIZE])
{
    int len = gateway_request_header(&ex->req, GATEWAY_H_IDEMPOTENCY_KEY, ret,
                                     GATEWAY_IDEMPOTENCY_KEY_SIZE);
    if (len == -ENOENT) {
        ret[0] = '\0';
        return 0;
    }
    for (int i = 0; i < len; i++) {
        if (ret[i] < ' ' || ret[i] > '~') {
            return -EINVAL;
        }
    }
    return len > 0 ? 0 : -EINVAL;
}

/* ---- life ---- */

static gateway_exchange *take_spare(gateway_loop *l)
{
    gateway_exchange *ex = l->spare;
    if (ex != NULL) {
        l->spare = ex->next_spare;
        l->n_spare--;
        return ex;
    }
    ex = RF_NEW(gateway_exchange);
    rf_buf_init(&ex->head, GATEWAY_HEAD_MAX_BYTES);
    rf_buf_init(&ex->body, BODY_MAX_BYTES);
    return ex;
}

gateway_exchange *gateway_exchange_new(gateway_conn *conn)
{
    gateway_exchange *ex = take_spare(conn->loop);
    ex->gw = conn->loop->gw;
    ex->loop = conn->loop;
    ex->conn = conn;
    ex->refs = 1;
    ex->route = NULL;
    ex->ops = NULL;
    ex->task = NULL;
    ex->req = conn->req;
    ex->caller = (gateway_caller){.scopes = RF_SCOPES_NONE};
    ex->path[0] = '\0';
    ex->id[0] = '\0';
    ex->name[0] = '\0';
    ex->traceparent[0] = '\0';
    ex->audited = false;
    set_request_id(ex);
    return ex;
}

gateway_exchange *gateway_exchange_ref(gateway_exchange *ex)
{
    ex->refs++;
    return ex;
}

static void empty(rf_buf *b)
{
    size_t max = b->max;
    if (b->cap > KEPT_BYTES) {
        rf_buf_done(b);
        rf_buf_init(b, max);
    } else {
        rf_buf_clear(b);
    }
}

static void exchange_free(gateway_exchange *ex)
{
    rf_buf_done(&ex->head);
    rf_buf_done(&ex->body);
    free(ex);
}

gateway_exchange *gateway_exchange_unref(gateway_exchange *ex)
{
    if (ex == NULL || --ex->refs > 0) {
        return NULL;
    }
    if (!ex->audited && ex->caller.key_id[0] != '\0') {
        gateway_audit_request(ex->gw->audit, ex, 0);
    }
    gateway_loop *l = ex->loop;
    if (l->n_spare == SPARES_MAX) {
        exchange_free(ex);
        return NULL;
    }
    empty(&ex->head);
    empty(&ex->body);
    ex->next_spare = l->spare;
    l->spare = ex;
    l->n_spare++;
    return NULL;
}

void gateway_exchange_keep_head(gateway_exchange *ex)
{
    if (ex->head.len == 0) {
        rf_buf_append(&ex->head, ex->req.head, ex->req.head_len);
        gateway_request_move(&ex->req, (const char *)ex->head.data);
    }
}

void gateway_exchange_detach(gateway_exchange *ex)
{
    ex->conn = NULL;
    if (ex->ops != NULL && ex->ops->gone != NULL) {
        ex->ops->gone(ex);
    }
    gateway_exchange_unref(ex);
}

void gateway_exchange_free_spares(gateway_loop *l)
{
    while (l->spare != NULL) {
        gateway_exchange *ex = l->spare;
        l->spare = ex->next_spare;
        exchange_free(ex);
    }
    l->n_spare = 0;
}
