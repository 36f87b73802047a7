#include "gateway_dispatch.h"

#include "gateway_answer.h"
#include "gateway_auth.h"
#include "gateway_limits.h"
#include "gateway_routes.h"
#include "gateway_rpc.h"
#include "gateway_upgrade.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- body ---- */

static size_t body_room(gateway_exchange *ex)
{
    (void)ex;
    return GATEWAY_IO_BYTES;
}

static int refuse_large(gateway_exchange *ex)
{
    char message[96];
    snprintf(message, sizeof(message), "The body is larger than %lld bytes.",
             (long long)ex->gw->config.json_max_bytes);
    gateway_answer_error(ex, GATEWAY_PAYLOAD_TOO_LARGE, message, 0);
    return -ECANCELED;
}

static int body_data(gateway_exchange *ex, const char *data, size_t len)
{
    if (ex->body.len + len > (size_t)ex->gw->config.json_max_bytes) {
        return refuse_large(ex);
    }
    return rf_buf_append(&ex->body, data, len) == 0 ? 0 : refuse_large(ex);
}

static void body_end(gateway_exchange *ex)
{
    ex->ops = NULL;
    ex->route->handle(ex);
}

static const gateway_exchange_ops small_body = {
    .room = body_room, .data = body_data, .end = body_end};

/* application/json, with or without parameters. */
static bool is_json(const gateway_request *req)
{
    static const char json[] = "application/json";
    gateway_span s = req->headers[GATEWAY_H_CONTENT_TYPE];
    size_t len = sizeof(json) - 1;
    const char *text = gateway_request_str(req, s);
    return s.len >= len && strncasecmp(text, json, len) == 0 &&
           (s.len == len || text[len] == ';' || text[len] == ' ');
}

static void take_body(gateway_exchange *ex)
{
    if (ex->route->body == GATEWAY_BODY_STREAM) {
        ex->route->handle(ex);
    } else if (ex->route->body == GATEWAY_BODY_JSON && !is_json(&ex->req)) {
        gateway_answer_error(ex, GATEWAY_UNSUPPORTED_MEDIA_TYPE, NULL, 0);
    } else if (ex->req.content_length > ex->gw->config.json_max_bytes) {
        refuse_large(ex);
    } else if (ex->req.content_length == 0) {
        ex->route->handle(ex);
    } else {
        ex->ops = &small_body;
        gateway_conn_read_body(ex->conn);
    }
}

/* ---- limits ---- */

static unsigned over_limit(gateway_exchange *ex)
{
    char name[GATEWAY_LIMITS_NAME_MAX];
    const gateway_config *c = &ex->gw->config;
    const gateway_caller *caller = &ex->caller;
    bool poll = ex->route->limit == GATEWAY_LIMIT_POLL;
    bool own = !poll && caller->requests_per_second > 0;
    uint32_t rate = (uint32_t)(poll ? c->poll_rate_per_second : c->rate_per_second);
    uint32_t burst = (uint32_t)(poll ? 2 * c->poll_rate_per_second : c->rate_burst);
    snprintf(name, sizeof(name), "%c%s", poll ? 'p' : (own ? 'k' : 'a'),
             own ? caller->key_id : caller->application_id);
    return gateway_limits_take(ex->gw->limits, name, own ? caller->requests_per_second : rate,
                               own && caller->burst > 0 ? caller->burst : burst, rf_time_ns());
}

static void admit(gateway_exchange *ex)
{
    unsigned wait_s = ex->route->limit != GATEWAY_LIMIT_NONE ? over_limit(ex) : 0;
    if (wait_s > 0) {
        gateway_answer_error(ex, GATEWAY_TOO_MANY_REQUESTS, NULL, wait_s);
    } else {
        take_body(ex);
    }
}

/* ---- who calls ---- */

static void on_authenticated(gateway_exchange *ex, gateway_reply *reply)
{
    if (ex->conn == NULL) {
        return;
    }
    gateway_conn_enter(ex->conn);
    gateway_conn *c = ex->conn;
    if (reply->status.code == RF_OK) {
        gateway_auth_know(ex->gw->auth, ex->key_hash, &reply->caller, reply->cache_s, rf_time_ns());
        ex->caller = reply->caller;
        admit(ex);
    } else if (reply->status.code == RF_UNAUTHENTICATED || reply->status.code == RF_NOT_FOUND) {
        gateway_auth_deny(ex->gw->auth, ex->key_hash, rf_time_ns());
        gateway_answer_error(ex, GATEWAY_UNAUTHORIZED, NULL, 0);
    } else if (gateway_auth_last(ex->gw->auth, ex->key_hash, rf_time_ns(), &ex->caller)) {
        admit(ex);
    } else {
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, NULL, 5);
    }
    gateway_conn_leave(c);
}

/* Only a read may wait, and only when nothing is known that could stand in. */
static bool may_wait(gateway_exchange *ex)
{
    gateway_caller last;
    bool reads = ex->req.method == GATEWAY_GET || ex->req.method == GATEWAY_HEAD;
    return reads && !gateway_auth_last(ex->gw->auth, ex->key_hash, rf_time_ns(), &last);
}

/* Looks the caller of ex->key_hash up. */
static void identify(gateway_exchange *ex)
{
    switch (gateway_auth_find(ex->gw->auth, ex->key_hash, rf_time_ns(), &ex->caller)) {
    case GATEWAY_AUTH_KNOWN:
        admit(ex);
        break;
    case GATEWAY_AUTH_UNKNOWN:
        gateway_answer_error(ex, GATEWAY_UNAUTHORIZED, NULL, 0);
        break;
    default:
        gateway_exchange_keep_head(ex);
        gateway_rpc_authenticate(ex, ex->key_hash, may_wait(ex), on_authenticated);
    }
}

static void check_key(gateway_exchange *ex)
{
    gateway_span key = ex->req.headers[GATEWAY_H_AUTHORIZATION];
    if (!key.present ||
        gateway_auth_hash(gateway_request_str(&ex->req, key), key.len, ex->key_hash) < 0) {
        gateway_answer_error(ex, GATEWAY_UNAUTHORIZED, NULL, 0);
    } else {
        identify(ex);
    }
}

static void check_opener(gateway_exchange *ex)
{
    bool anonymous = ex->gw->config.sockets[ex->route->service].allow_anonymous;
    if (!gateway_upgrade_admits(ex)) {
        return;
    }
    switch (gateway_upgrade_opener(ex)) {
    case GATEWAY_OPENER_KEY:
        identify(ex);
        break;
    case GATEWAY_OPENER_TICKET:
        admit(ex);
        break;
    case GATEWAY_OPENER_MALFORMED:
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST, "The query is malformed.", 0);
        break;
    case GATEWAY_OPENER_ANONYMOUS:
        if (anonymous) {
            admit(ex);
            break;
        }
        __attribute__((fallthrough));
    default:
        gateway_answer_error(ex, GATEWAY_UNAUTHORIZED, NULL, 0);
    }
}

static void check_signature(gateway_exchange *ex)
{
    char query[512];
    gateway_span q = ex->req.query;
    const char *method = ex->route->auth == GATEWAY_AUTH_SIGN_PUT ? "PUT" : "GET";
    if (q.len >= sizeof(query)) {
        gateway_answer_error(ex, GATEWAY_FORBIDDEN, NULL, 0);
        return;
    }
    memcpy(query, gateway_request_str(&ex->req, q), q.len);
    query[q.len] = '\0';
    if (rf_sign_check(ex->gw->signer, method, ex->path, query, rf_time_wall_ms() / 1000) < 0) {
        gateway_answer_error(ex, GATEWAY_FORBIDDEN, NULL, 0);
    } else {
        take_body(ex);
    }
}

static void check_caller(gateway_exchange *ex)
{
    switch (ex->route->auth) {
    case GATEWAY_AUTH_NONE:
        take_body(ex);
        break;
    case GATEWAY_AUTH_KEY:
        check_key(ex);
        break;
    case GATEWAY_AUTH_SOCKET:
        check_opener(ex);
        break;
    default:
        check_signature(ex);
    }
}

/* ---- route ---- */

/* OPTIONS * and OPTIONS of a path are answered for all, without a key (fetch standard, CORS). */
static void no_route(gateway_exchange *ex, unsigned methods)
{
    if (ex->req.method == GATEWAY_OPTIONS && methods != 0) {
        gateway_answer_preflight(ex, methods);
    } else if (methods != 0) {
        gateway_answer_not_allowed(ex, methods);
    } else {
        gateway_answer_error(ex, GATEWAY_NOT_FOUND, NULL, 0);
    }
}

void gateway_dispatch(gateway_exchange *ex)
{
    const gateway_request *req = &ex->req;
    int prefixed =
        gateway_routes_path(gateway_request_str(req, req->path), req->path.len, ex->path);
    unsigned methods = 0;
    if (strcmp(ex->path, "*") == 0) {
        methods = GATEWAY_GET | GATEWAY_HEAD | GATEWAY_POST | GATEWAY_PUT | GATEWAY_DELETE;
    } else if (prefixed >= 0) {
        methods =
            gateway_routes_find(req->method, ex->path, prefixed > 0, &ex->route, ex->id, ex->name);
    }
    if (ex->route != NULL) {
        check_caller(ex);
    } else {
        no_route(ex, methods);
    }
}
