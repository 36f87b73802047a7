#include "gateway_ticket.h"

#include "gateway_answer.h"
#include "gateway_routes.h"
#include "gateway_used.h"
#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define METHOD "SOCKET" /* of no request, so that a ticket signs nothing else */
#define PARTS 7         /* application.key.scopes.number.expiry.signing key.signature */
#define NUMBER_LEN 16   /* hex digits, so that no two tickets are the same */
#define SIGNED_MAX (GATEWAY_PATH_MAX + 2 * RF_UUID_LEN + RF_SCOPES_MAX + NUMBER_LEN + 4)

/* What holds for the tickets of a service. */
static const struct {
    int64_t lasts_s;
    bool once;
} rules[GATEWAY_N_SERVICES] = {
    [GATEWAY_SERVICE_JAM] = {30, false},
    [GATEWAY_SERVICE_RECORDER] = {60, true},
};

/* A dot ends a part and a space needs an escape in a URL, so scopes have others in a ticket. */
static void exchange(char *text, const char from[2], const char to[2])
{
    for (; *text != '\0'; text++) {
        *text = *text == from[0] ? to[0] : (*text == from[1] ? to[1] : *text);
    }
}

static void signed_path(char out[SIGNED_MAX], const char *path, const char *application,
                        const char *key, const char *scopes, const char *number)
{
    snprintf(out, SIGNED_MAX, "%s/%s/%s/%s/%s", path, application, key, scopes, number);
}

void gateway_ticket_make(const rf_signer *signer, const char *path, const gateway_caller *caller,
                         int64_t expires_s, char out[GATEWAY_TICKET_MAX])
{
    char name[SIGNED_MAX];
    char id[32];
    char signature[64];
    char scopes[RF_SCOPES_MAX];
    uint8_t random[NUMBER_LEN / 2];
    char number[NUMBER_LEN + 1];
    int64_t expiry = 0;
    rf_random(random, sizeof(random));
    rf_hex(random, sizeof(random), number);
    rf_copy_str(scopes, sizeof(scopes), caller->scopes);
    exchange(scopes, ". ", "_~");
    signed_path(name, path, caller->application_id, caller->key_id, scopes, number);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_sign_path(signer, METHOD, name, expires_s);
    const char *query = strrchr(url, '?');
    if (query == NULL ||
        sscanf(query, "?e=%" SCNd64 "&k=%31[^&]&s=%63s", &expiry, id, signature) != 3) {
        abort(); /* rf_sign.h says what it looks like */
    }
    snprintf(out, GATEWAY_TICKET_MAX, "%s.%s.%s.%s.%" PRId64 ".%s.%s", caller->application_id,
             caller->key_id, scopes, number, expiry, id, signature);
}

/* Cuts copy at its dots. Returns 0 or -EACCES. */
static int split(char *copy, char *parts[PARTS])
{
    size_t n = 0;
    char *rest = copy;
    for (char *part = strsep(&rest, "."); part != NULL && n < PARTS; part = strsep(&rest, ".")) {
        parts[n++] = part;
    }
    return n == PARTS && rest == NULL && rf_uuid4_valid(parts[0]) && rf_uuid4_valid(parts[1]) &&
                   strlen(parts[2]) < RF_SCOPES_MAX && strlen(parts[3]) == NUMBER_LEN
               ? 0
               : -EACCES;
}

int gateway_ticket_check(const rf_signer *signer, const char *path, const char *ticket,
                         int64_t now_s, gateway_ticket *ret)
{
    char copy[GATEWAY_TICKET_MAX];
    char name[SIGNED_MAX];
    char query[GATEWAY_TICKET_MAX + 16];
    char *parts[PARTS] = {NULL};
    if (rf_copy_str(copy, sizeof(copy), ticket) < 0 || split(copy, parts) < 0) {
        return -EACCES;
    }
    signed_path(name, path, parts[0], parts[1], parts[2], parts[3]);
    snprintf(query, sizeof(query), "e=%s&k=%s&s=%s", parts[4], parts[5], parts[6]);
    int err = rf_sign_check(signer, METHOD, name, query, now_s);
    if (err == 0) {
        *ret = (gateway_ticket){.expires_s = 0};
        gateway_caller *caller = &ret->caller;
        rf_copy_str(caller->application_id, sizeof(caller->application_id), parts[0]);
        rf_copy_str(caller->key_id, sizeof(caller->key_id), parts[1]);
        exchange(parts[2], "_~", ". ");
        rf_copy_str(caller->scopes, sizeof(caller->scopes), parts[2]);
        rf_copy_str(ret->number, sizeof(ret->number), parts[3]);
        err = rf_parse_i64(parts[4], &ret->expires_s);
    }
    return err;
}

int gateway_ticket_use(const gateway *gw, const gateway_route *route, const char *text,
                       int64_t now_s, gateway_caller *ret)
{
    gateway_ticket ticket;
    int err = gateway_ticket_check(gw->signer, route->path, text, now_s, &ticket);
    if (err == 0 && rules[route->service].once &&
        !gateway_used_take(gw->tickets, ticket.number, ticket.expires_s, now_s)) {
        err = -EACCES;
    }
    if (err == 0) {
        *ret = ticket.caller;
    }
    return err;
}

/* ---- the request ---- */

/* The path of the body, when it is one of a socket route. */
static const gateway_route *wanted_route(const gateway_exchange *ex)
{
    const gateway_route *route = NULL;
    json_t *root =
        json_loadb((const char *)ex->body.data, ex->body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *path = json_string_value(json_object_get(root, "path"));
    if (path != NULL) {
        route = gateway_routes_socket(path);
    }
    json_decref(root);
    return route;
}

void gateway_ticket_post(gateway_exchange *ex)
{
    char ticket[GATEWAY_TICKET_MAX];
    char time[RF_ISO_LEN];
    const gateway_route *route = ex->body.len > 0 ? wanted_route(ex) : NULL;
    if (route == NULL) {
        gateway_answer_error(ex, GATEWAY_UNPROCESSABLE,
                             "The body must be {\"path\": PATH} with the path of a WebSocket.", 0);
        return;
    }
    int64_t expires_s = rf_time_wall_ms() / 1000 + rules[route->service].lasts_s;
    gateway_ticket_make(ex->gw->signer, route->path, &ex->caller, expires_s, ticket);
    rf_time_iso(expires_s * 1000, time);
    RF_CLEANUP(rf_cleanup_free)
    char *json = rf_asprintf("{\"ticket\":\"%s\",\"expires_at\":\"%s\"}", ticket, time);
    gateway_answer_json(ex, json, strlen(json));
}
