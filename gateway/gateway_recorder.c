#include "gateway_recorder.h"

#include "gateway_answer.h"
#include "gateway_body.h"
#include "gateway_json.h"
#include "gateway_recorder_error.h"
#include "gateway_recorder_rpc.h"
#include "gateway_routes.h"
#include "gateway_websocket.h"

#include <stdio.h>
#include <string.h>

#define NO_STORE "Cache-Control: no-store\r\n"

/* ---- what is asked for ---- */

/* The session and the query of a request; false when it has been answered. */
static bool read_ask(gateway_exchange *ex, gateway_recorder_route route, gateway_recorder_ask *ret)
{
    gateway_recorder_fault fault;
    gateway_span q = ex->req.query;
    bool names_session = strstr(ex->route->path, "{recording}") != NULL;
    if (names_session && ex->id[0] == '\0') {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
        return false;
    }
    if (gateway_recorder_ask_read(gateway_request_str(&ex->req, q), q.len, route, ret, &fault) <
        0) {
        gateway_recorder_refuse(ex, &fault);
        return false;
    }
    return true;
}

static bool read_nothing(gateway_exchange *ex)
{
    gateway_recorder_ask ask;
    return read_ask(ex, GATEWAY_RECORDER_NOTHING, &ask);
}

static void refuse(gateway_exchange *ex, const char *field, const char *message)
{
    gateway_recorder_fault fault;
    (void)rf_copy_str(fault.field, sizeof(fault.field), field);
    (void)rf_copy_str(fault.message, sizeof(fault.message), message);
    gateway_recorder_refuse(ex, &fault);
}

/* ---- replies ---- */

static void on_document(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_answer_json(ex, rf_buf_str(&reply->json), reply->json.len);
    } else {
        gateway_recorder_failure(ex, &reply->status);
    }
}

static void on_stopped(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code == RF_OK) {
        gateway_answer_json(ex, rf_buf_str(&reply->json), reply->json.len);
    } else {
        gateway_recorder_stop_failure(ex, &reply->status);
    }
}

static void on_started(gateway_exchange *ex, gateway_reply *reply)
{
    if (reply->status.code != RF_OK) {
        gateway_recorder_failure(ex, &reply->status);
        return;
    }
    char headers[128];
    json_t *document = json_loads(rf_buf_str(&reply->json), 0, NULL);
    const char *id = json_string_value(json_object_get(document, "id"));
    (void)snprintf(headers, sizeof(headers), NO_STORE "Location: /v1/recordings/%.32s\r\n",
                   id != NULL ? id : "");
    json_decref(document);
    const gateway_answer a = {
        .status = 201, .type = "application/json", .headers = headers, .length = reply->json.len};
    gateway_answer_bytes(ex, &a, rf_buf_str(&reply->json));
}

static void on_deleted(gateway_exchange *ex, gateway_reply *reply)
{
    static const gateway_answer a = {.status = 204, .headers = NO_STORE};
    if (reply->status.code == RF_OK) {
        gateway_answer_bytes(ex, &a, NULL);
    } else {
        gateway_recorder_failure(ex, &reply->status);
    }
}

/* ---- sessions ---- */

void gateway_recorder_start(gateway_exchange *ex)
{
    char key[GATEWAY_IDEMPOTENCY_KEY_SIZE];
    if (!read_nothing(ex)) {
        return;
    }
    if (gateway_exchange_idempotency_key(ex, key) < 0) {
        refuse(ex, "Idempotency-Key", "Idempotency-Key: 1 to 255 printable ASCII characters");
    } else if (ex->body.len > 0 && !gateway_json_is_text(&ex->body)) {
        refuse(ex, "body", "body: JSON in UTF-8, without NUL");
    } else {
        gateway_recorder_rpc_start(ex, rf_buf_str(&ex->body), key, on_started);
    }
}

void gateway_recorder_list(gateway_exchange *ex)
{
    gateway_recorder_ask ask;
    if (read_ask(ex, GATEWAY_RECORDER_LIST, &ask)) {
        gateway_recorder_rpc_list(ex, &ask, on_document);
    }
}

void gateway_recorder_get(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_get(ex, on_document);
    }
}

void gateway_recorder_notes(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_notes(ex, on_document);
    }
}

void gateway_recorder_stop(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_stop(ex, on_stopped);
    }
}

void gateway_recorder_pause(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_pause(ex, on_document);
    }
}

void gateway_recorder_resume(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_resume(ex, on_document);
    }
}

/* {"label": text, "at": text}; at may be absent. */
static void mark(gateway_exchange *ex, const json_t *body)
{
    const json_t *label = json_object_get(body, "label");
    const json_t *at = json_object_get(body, "at");
    if (!json_is_object(body)) {
        refuse(ex, "body", "body: a JSON object with label and at");
    } else if (!json_is_string(label)) {
        refuse(ex, "label", "label: text of 1 to 256 bytes");
    } else if (at != NULL && !json_is_string(at)) {
        refuse(ex, "at", "at: now, f: and a frame, or a time with its zone");
    } else {
        gateway_recorder_rpc_marker(ex, json_string_value(label),
                                    at != NULL ? json_string_value(at) : "", on_document);
    }
}

void gateway_recorder_marker(gateway_exchange *ex)
{
    char why[256];
    if (read_nothing(ex)) {
        json_t *body = gateway_json_parse(rf_buf_str(&ex->body), ex->body.len, why);
        mark(ex, body);
        json_decref(body);
    }
}

void gateway_recorder_delete(gateway_exchange *ex)
{
    gateway_recorder_ask ask;
    if (!read_ask(ex, GATEWAY_RECORDER_DELETE, &ask)) {
        return;
    }
    if (ask.local && ask.discard) {
        refuse(ex, "discard", "discard: not with local, which keeps what is not stored");
    } else if (ask.local) {
        gateway_recorder_rpc_clear(ex, on_deleted);
    } else {
        gateway_recorder_rpc_delete(ex, ask.discard, on_deleted);
    }
}

void gateway_recorder_devices(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_devices(ex, on_document);
    }
}

void gateway_recorder_async_api(gateway_exchange *ex)
{
    if (read_nothing(ex)) {
        gateway_recorder_rpc_async_api(ex, on_document);
    }
}

/* ---- audio ---- */

static void send_file(gateway_exchange *ex, gateway_recorder_route route,
                      const gateway_body_source *source)
{
    gateway_recorder_ask ask;
    if (read_ask(ex, route, &ask)) {
        gateway_body_begin(ex, source, &ask);
    }
}

void gateway_recorder_segment(gateway_exchange *ex)
{
    static const gateway_body_source source = {.is_transfer = true,
                                               .open = gateway_recorder_rpc_segment,
                                               .failed = gateway_recorder_failure};
    send_file(ex, GATEWAY_RECORDER_SEGMENT, &source);
}

void gateway_recorder_peaks(gateway_exchange *ex)
{
    static const gateway_body_source source = {.is_transfer = true,
                                               .open = gateway_recorder_rpc_peaks,
                                               .failed = gateway_recorder_failure};
    send_file(ex, GATEWAY_RECORDER_PEAKS, &source);
}

/* The recorder has limits of its own for consumers of live audio. */
void gateway_recorder_stream(gateway_exchange *ex)
{
    static const gateway_body_source source = {.open = gateway_recorder_rpc_stream,
                                               .failed = gateway_recorder_failure};
    send_file(ex, GATEWAY_RECORDER_STREAM, &source);
}

/* ---- sockets ---- */

static void on_reached(gateway_exchange *ex, gateway_reply *reply)
{
    if (ex->conn != NULL) {
        gateway_websocket_begin(ex, reply->status.code == RF_OK, gateway_recorder_rpc_socket);
    }
}

/* A recorder that is just being connected, after its start say, is waited for as any other call
 * waits for it. */
void gateway_recorder_socket(gateway_exchange *ex)
{
    if (gateway_recorder_rpc_ready(ex->gw->recorder)) {
        gateway_websocket_begin(ex, true, gateway_recorder_rpc_socket);
    } else {
        gateway_recorder_rpc_async_api(ex, on_reached);
    }
}
