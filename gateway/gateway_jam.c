#include "gateway_jam.h"

#include "gateway_answer.h"
#include "gateway_body.h"
#include "gateway_jam_rpc.h"
#include "gateway_json.h"
#include "gateway_query.h"
#include "gateway_websocket.h"

#include <errno.h>
#include <string.h>

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 100
#define CURSOR_MAX 256
#define UNAVAILABLE_RETRY_S 1
#define BUSY_RETRY_S 1

/* ---- replies ---- */

/* What the service says, under the title that the error has here. */
static void answer_bad_field(gateway_exchange *ex, const char *json)
{
    const gateway_error_row *row = gateway_error_info(GATEWAY_UNPROCESSABLE);
    RF_CLEANUP(rf_cleanup_free)
    char *body = rf_asprintf("{\"title\":\"%s\",%s", row->title, json + 1);
    const gateway_answer a = {.status = row->status,
                              .type = "application/json",
                              .headers = "Cache-Control: no-store\r\n",
                              .length = strlen(body)};
    gateway_answer_bytes(ex, &a, body);
}

void gateway_jam_failure(gateway_exchange *ex, const rf_status *st)
{
    gateway_error error = gateway_error_of_rpc(st->code);
    if (st->code == RF_INVALID_ARGUMENT && st->message[0] == '{') {
        answer_bad_field(ex, st->message);
        return;
    }
    bool pass = error != GATEWAY_INTERNAL && error != GATEWAY_UNAVAILABLE;
    unsigned retry_s = error == GATEWAY_UNAVAILABLE         ? UNAVAILABLE_RETRY_S
                       : error == GATEWAY_TOO_MANY_REQUESTS ? BUSY_RETRY_S
                                                            : 0;
    gateway_answer_error(ex, error, pass ? st->message : NULL, retry_s);
}

static void on_document(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_answer_json(ex, rf_buf_str(&reply->json), reply->json.len);
    } else if (reply->status.code == RF_NOT_FOUND) {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
    } else {
        gateway_jam_failure(ex, &reply->status);
    }
}

/* ---- sessions ---- */

typedef struct session_page {
    int64_t limit;
    char cursor[CURSOR_MAX];
} session_page;

static int read_page(const char *name, const char *value, void *user)
{
    session_page *page = user;
    if (strcmp(name, "limit") == 0) {
        bool fits =
            rf_parse_i64(value, &page->limit) == 0 && page->limit >= 1 && page->limit <= LIMIT_MAX;
        return fits ? 0 : -ERANGE;
    }
    if (strcmp(name, "cursor") == 0) {
        return rf_copy_str(page->cursor, sizeof(page->cursor), value) == 0 ? 0 : -ENOSPC;
    }
    return 0;
}

void gateway_jam_sessions(gateway_exchange *ex)
{
    session_page page = {.limit = LIMIT_DEFAULT};
    gateway_span q = ex->req.query;
    int err = gateway_query_each(gateway_request_str(&ex->req, q), q.len, read_page, &page);
    if (err == 0) {
        gateway_jam_rpc_list_sessions(ex, (uint32_t)page.limit, page.cursor, on_document);
    } else {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST,
                             err == -ERANGE   ? "limit must be an integer from 1 to 100."
                             : err == -ENOSPC ? "cursor is longer than 255 bytes."
                                              : "The query is malformed.",
                             0);
    }
}

void gateway_jam_session(gateway_exchange *ex)
{
    if (ex->id[0] == '\0') {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
    } else {
        gateway_jam_rpc_get_session(ex, on_document);
    }
}

/* ---- the rest ---- */

void gateway_jam_engines(gateway_exchange *ex)
{
    gateway_jam_rpc_get_engines(ex, on_document);
}

void gateway_jam_health(gateway_exchange *ex)
{
    gateway_jam_rpc_get_health(ex, on_document);
}

void gateway_jam_model_config(gateway_exchange *ex)
{
    gateway_jam_rpc_get_model_config(ex, on_document);
}

void gateway_jam_async_api(gateway_exchange *ex)
{
    gateway_jam_rpc_get_async_api(ex, on_document);
}

/* ---- render ---- */

void gateway_jam_render(gateway_exchange *ex)
{
    static const gateway_body_source source = {
        .is_transfer = true, .open = gateway_jam_rpc_render, .failed = gateway_jam_failure};
    if (ex->body.len == 0 || !gateway_json_is_text(&ex->body)) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, "The body must be JSON in UTF-8.", 0);
    } else {
        gateway_body_begin(ex, &source, rf_buf_str(&ex->body));
    }
}

/* ---- sockets ---- */

static void on_reached(gateway_exchange *ex, gateway_reply *reply)
{
    if (ex->conn != NULL) {
        gateway_websocket_begin(ex, reply->status.code == RF_OK, gateway_jam_rpc_socket);
    }
}

/* A service that is just being connected, after its start say, is waited for as any other call
 * waits for it. */
void gateway_jam_socket(gateway_exchange *ex)
{
    if (gateway_jam_rpc_ready(ex->gw->jam)) {
        gateway_websocket_begin(ex, true, gateway_jam_rpc_socket);
    } else {
        gateway_jam_rpc_get_health(ex, on_reached);
    }
}
