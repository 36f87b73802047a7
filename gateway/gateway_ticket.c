#include "gateway_ticket.h"

#include "gateway_answer.h"
#include "gateway_routes.h"
#include "rf_time.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define METHOD "SOCKET" /* of no request, so that a ticket signs nothing else */
#define PARTS 5         /* application.key.expiry.signing key.signature */
#define SIGNED_MAX (GATEWAY_PATH_MAX + 2 * RF_UUID_LEN + 2)

static void signed_path(char out[SIGNED_MAX], const char *path, const char *application,
                        const char *key)
{
    snprintf(out, SIGNED_MAX, "%s/%s/%s", path, application, key);
}

void gateway_ticket_make(const rf_signer *signer, const char *path, const gateway_caller *caller,
                         int64_t expires_s, char out[GATEWAY_TICKET_MAX])
{
    char name[SIGNED_MAX];
    char id[32];
    char signature[64];
    int64_t expiry = 0;
    signed_path(name, path, caller->application_id, caller->key_id);
    RF_CLEANUP(rf_cleanup_free) char *url = rf_sign_path(signer, METHOD, name, expires_s);
    const char *query = strrchr(url, '?');
    if (query == NULL ||
        sscanf(query, "?e=%" SCNd64 "&k=%31[^&]&s=%63s", &expiry, id, signature) != 3) {
        abort(); /* rf_sign.h says what it looks like */
    }
    snprintf(out, GATEWAY_TICKET_MAX, "%s.%s.%" PRId64 ".%s.%s", caller->application_id,
             caller->key_id, expiry, id, signature);
}

int gateway_ticket_check(const rf_signer *signer, const char *path, const char *ticket,
                         int64_t now_s, gateway_caller *ret)
{
    char copy[GATEWAY_TICKET_MAX];
    char name[SIGNED_MAX];
    char query[GATEWAY_TICKET_MAX + 16];
    char *parts[PARTS] = {NULL};
    size_t n = 0;
    if (rf_copy_str(copy, sizeof(copy), ticket) < 0) {
        return -EACCES;
    }
    char *rest = copy;
    for (char *part = strsep(&rest, "."); part != NULL && n < PARTS; part = strsep(&rest, ".")) {
        parts[n++] = part;
    }
    if (n != PARTS || rest != NULL || !rf_uuid4_valid(parts[0]) || !rf_uuid4_valid(parts[1])) {
        return -EACCES;
    }
    signed_path(name, path, parts[0], parts[1]);
    snprintf(query, sizeof(query), "e=%s&k=%s&s=%s", parts[2], parts[3], parts[4]);
    int err = rf_sign_check(signer, METHOD, name, query, now_s);
    if (err == 0) {
        *ret = (gateway_caller){.requests_per_second = 0};
        rf_copy_str(ret->application_id, sizeof(ret->application_id), parts[0]);
        rf_copy_str(ret->key_id, sizeof(ret->key_id), parts[1]);
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
    int64_t expires_s = rf_time_wall_ms() / 1000 + GATEWAY_TICKET_S;
    gateway_ticket_make(ex->gw->signer, route->path, &ex->caller, expires_s, ticket);
    rf_time_iso(expires_s * 1000, time);
    RF_CLEANUP(rf_cleanup_free)
    char *json = rf_asprintf("{\"ticket\":\"%s\",\"expires_at\":\"%s\"}", ticket, time);
    gateway_answer_json(ex, json, strlen(json));
}
