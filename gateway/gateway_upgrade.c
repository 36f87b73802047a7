#include "gateway_upgrade.h"

#include "gateway_answer.h"
#include "gateway_auth.h"
#include "gateway_query.h"
#include "gateway_routes.h"
#include "gateway_ticket.h"
#include "rf_time.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEY_LEN 24 /* base64 of 16 bytes */
#define KEY_BYTES 16
#define SECRET_MAX 512
#define DRAINING_RETRY_S 1

/* ---- form ---- */

/* Whether a comma list has the token, in any case. */
static bool has_token(const char *text, size_t len, const char *token)
{
    const char *end = text + len;
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma != NULL ? comma : end;
        const char *last = stop;
        for (; text < last && (*text == ' ' || *text == '\t'); text++) {
        }
        for (; last > text && (last[-1] == ' ' || last[-1] == '\t'); last--) {
        }
        if ((size_t)(last - text) == strlen(token) &&
            strncasecmp(text, token, (size_t)(last - text)) == 0) {
            return true;
        }
        text = stop + 1;
    }
    return false;
}

static bool span_has_token(const gateway_request *req, gateway_header id, const char *token)
{
    gateway_span s = req->headers[id];
    return s.present && has_token(gateway_request_str(req, s), s.len, token);
}

/* Base64 of 16 bytes: 22 digits, the last of them with four bits to spare, and "==". */
static bool key_valid(const gateway_request *req)
{
    uint8_t bytes[KEY_BYTES + 2];
    char again[KEY_LEN + 1];
    gateway_span s = req->headers[GATEWAY_H_SEC_WEBSOCKET_KEY];
    const uint8_t *text = (const uint8_t *)gateway_request_str(req, s);
    if (!s.present || s.len != KEY_LEN || EVP_DecodeBlock(bytes, text, KEY_LEN) != sizeof(bytes)) {
        return false;
    }
    EVP_EncodeBlock((uint8_t *)again, bytes, KEY_BYTES);
    return memcmp(again, text, KEY_LEN) == 0;
}

int gateway_upgrade_form(const gateway_request *req)
{
    gateway_span version = req->headers[GATEWAY_H_SEC_WEBSOCKET_VERSION];
    if (req->method != GATEWAY_GET || req->http10 || !req->connection_upgrade ||
        !span_has_token(req, GATEWAY_H_UPGRADE, "websocket") || version.len != 2 ||
        memcmp(gateway_request_str(req, version), "13", 2) != 0) {
        return -EPROTO;
    }
    return key_valid(req) && req->content_length == 0 ? 0 : -EBADMSG;
}

void gateway_upgrade_accept(const char *key, char out[GATEWAY_ACCEPT_LEN + 1])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[KEY_LEN + sizeof(magic) - 1];
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    memcpy(text, key, KEY_LEN);
    memcpy(text + KEY_LEN, magic, sizeof(magic) - 1);
    if (EVP_Digest(text, sizeof(text), digest, &len, EVP_sha1(), NULL) != 1) {
        abort();
    }
    EVP_EncodeBlock((uint8_t *)out, digest, (int)len);
}

/* ---- origin ---- */

static bool span_is(const gateway_request *req, gateway_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(gateway_request_str(req, s), text, s.len) == 0;
}

/* Only a loopback name: any other in Host may be one that an attacker's DNS points at us. */
static bool own_loopback(const gateway_request *req, gateway_span origin, bool tls)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    char host[128];
    char own[160];
    if (gateway_request_header(req, GATEWAY_H_HOST, host, sizeof(host)) < 0) {
        return false;
    }
    snprintf(own, sizeof(own), "%s://%s", tls ? "https" : "http", host);
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(host, names[i], len) == 0 && (host[len] == ':' || host[len] == '\0')) {
            return span_is(req, origin, own);
        }
    }
    return false;
}

bool gateway_upgrade_origin_allowed(const gateway_request *req, bool tls,
                                    const gateway_socket_rules *rules, const char *public_base)
{
    gateway_span origin = req->headers[GATEWAY_H_ORIGIN];
    if (!origin.present) {
        return true;
    }
    for (size_t i = 0; i < rules->allowed_origins.n; i++) {
        if (span_is(req, origin, rules->allowed_origins.items[i])) {
            return true;
        }
    }
    return rules->allowed_origins.n == 0 &&
           (span_is(req, origin, public_base) || own_loopback(req, origin, tls));
}

bool gateway_upgrade_admits(gateway_exchange *ex)
{
    const gateway_config *config = &ex->gw->config;
    int err = gateway_upgrade_form(&ex->req);
    if (err == -EPROTO) {
        gateway_answer_upgrade_required(ex);
    } else if (err < 0) {
        gateway_answer_error(ex, GATEWAY_BAD_REQUEST,
                             "Sec-WebSocket-Key must be 16 bytes in base64, and no body follow.",
                             0);
    } else if (ex->loop->draining) {
        gateway_answer_error(ex, GATEWAY_UNAVAILABLE, "The gateway is shutting down.",
                             DRAINING_RETRY_S);
    } else if (!gateway_upgrade_origin_allowed(&ex->req, ex->conn->ssl != NULL,
                                               &config->sockets[ex->route->service],
                                               config->public_base)) {
        gateway_answer_error(ex, GATEWAY_FORBIDDEN, "The Origin is not allowed.", 0);
    } else {
        return true;
    }
    return false;
}

/* ---- who ---- */

typedef struct secrets {
    char key[SECRET_MAX];
    char ticket[SECRET_MAX];
    bool has_key;
    bool has_ticket;
} secrets;

static int take_secret(char *out, bool *has, const char *value)
{
    if (*has && strcmp(out, value) != 0) {
        return -EACCES;
    }
    *has = true;
    return rf_copy_str(out, SECRET_MAX, value) < 0 ? -EACCES : 0;
}

static int take_pair(const char *name, const char *value, void *user)
{
    secrets *s = user;
    if (strcmp(name, "api_key") == 0) {
        return take_secret(s->key, &s->has_key, value);
    }
    return strcmp(name, "ticket") == 0 ? take_secret(s->ticket, &s->has_ticket, value) : 0;
}

static gateway_opener opener_of_keys(gateway_exchange *ex, const secrets *s)
{
    uint8_t of_query[RF_SHA256_LEN];
    gateway_span header = ex->req.headers[GATEWAY_H_AUTHORIZATION];
    if (header.present &&
        gateway_auth_hash(gateway_request_str(&ex->req, header), header.len, ex->key_hash) < 0) {
        return GATEWAY_OPENER_WRONG;
    }
    if (!s->has_key) {
        return GATEWAY_OPENER_KEY;
    }
    if (gateway_auth_hash(s->key, strlen(s->key), of_query) < 0 ||
        (header.present && !rf_equal_ct(ex->key_hash, of_query, sizeof(of_query)))) {
        return GATEWAY_OPENER_WRONG;
    }
    memcpy(ex->key_hash, of_query, sizeof(of_query));
    return GATEWAY_OPENER_KEY;
}

gateway_opener gateway_upgrade_opener(gateway_exchange *ex)
{
    secrets s = {.has_key = false};
    gateway_span query = ex->req.query;
    gateway_opener who = GATEWAY_OPENER_ANONYMOUS;
    bool header = ex->req.headers[GATEWAY_H_AUTHORIZATION].present;
    int err = gateway_query_each(gateway_request_str(&ex->req, query), query.len, take_pair, &s);
    if (err == -EINVAL) {
        who = GATEWAY_OPENER_MALFORMED;
    } else if (err < 0 || (s.has_ticket && (header || s.has_key))) {
        who = GATEWAY_OPENER_WRONG;
    } else if (header || s.has_key) {
        who = opener_of_keys(ex, &s);
    } else if (s.has_ticket) {
        err =
            gateway_ticket_use(ex->gw, ex->route, s.ticket, rf_time_wall_ms() / 1000, &ex->caller);
        who = err == 0 ? GATEWAY_OPENER_TICKET : GATEWAY_OPENER_WRONG;
    }
    explicit_bzero(&s, sizeof(s));
    return who;
}

static bool is_secret(const char *pair, size_t len)
{
    char name[16];
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - pair) : len;
    return gateway_query_decode(pair, name_len, true, name, sizeof(name)) >= 0 &&
           (strcmp(name, "api_key") == 0 || strcmp(name, "ticket") == 0);
}

void gateway_upgrade_query(const gateway_request *req, rf_buf *out)
{
    const char *at = gateway_request_str(req, req->query);
    const char *end = at + req->query.len;
    while (at < end) {
        const char *amp = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((amp != NULL ? amp : end) - at);
        if (len > 0 && !is_secret(at, len)) {
            rf_buf_append(out, "&", out->len > 0 ? 1 : 0);
            rf_buf_append(out, at, len);
        }
        at += len + 1;
    }
}
