/*
 * gateway_routes.h - the one route table: what is served, where, to whom, by what. The OpenAPI
 * document is made from it (gateway_openapi.h). Constant data.
 */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include "gateway_exchange.h"

typedef enum gateway_auth_kind {
    GATEWAY_AUTH_NONE,
    GATEWAY_AUTH_KEY,      /* Authorization: KEY or Bearer KEY */
    GATEWAY_AUTH_SOCKET,   /* a WebSocket: key, ticket or nothing, gateway_upgrade.h */
    GATEWAY_AUTH_SIGN_GET, /* query e, k, s over GET */
    GATEWAY_AUTH_SIGN_PUT,
} gateway_auth_kind;

typedef enum gateway_body_kind {
    GATEWAY_BODY_NONE,   /* one that comes all the same is read and dropped */
    GATEWAY_BODY_JSON,   /* whole in ex->body */
    GATEWAY_BODY_STREAM, /* the handler reads it */
} gateway_body_kind;

typedef enum gateway_limit_kind {
    GATEWAY_LIMIT_NONE,
    GATEWAY_LIMIT_GENERAL,
    GATEWAY_LIMIT_POLL, /* spec jobs.md Q5 */
} gateway_limit_kind;

struct gateway_route {
    gateway_method method;
    /* "{id}" is a lower-case UUIDv4, "{session}" 26 letters and digits, "{recording}" 32 lower-case
     * hex digits and, behind a colon, what is done with it, "{name}" any decoded segment */
    const char *path;
    bool prefixed; /* served below /v1 and /api, else as it stands */
    gateway_auth_kind auth;
    gateway_body_kind body;
    gateway_limit_kind limit;
    void (*handle)(gateway_exchange *ex);
    /* for the document */
    const char *rpc; /* method of the service behind it; NULL: the gateway's own */
    const char *summary;
    const char *query;   /* names of components/parameters, by commas */
    const char *request; /* name of components/schemas; NULL: none */
    const char *answer;  /* likewise; "" for bytes, a media type for text; "201:Schema", "204:" are
                            other than 200 */
    const char *errors;  /* statuses, by commas; "422:Schema" has a body other than Error */
    gateway_service service; /* behind a socket */
};

extern const gateway_route gateway_routes[];
extern const size_t gateway_n_routes;

/* gateway_routes_socket gives the socket route of exactly this path, NULL when there is none. */
const gateway_route *gateway_routes_socket(const char *path);

/* gateway_routes_path normalises a target's path into out (GATEWAY_PATH_MAX bytes): repeated
 * slashes become one, /v1 or /api goes. Returns 1 when there was such a prefix, 0 when not,
 * -ENAMETOOLONG. */
int gateway_routes_path(const char *path, size_t len, char *out);

/* gateway_routes_find looks a normalised path up. Returns the set of methods that the path has (0:
 * unknown path) and the route of method in *ret_route (NULL: not served); id and name receive what
 * the path holds ("" when malformed). HEAD is served wherever GET is. */
unsigned gateway_routes_find(gateway_method method, const char *path, bool prefixed,
                             const gateway_route **ret_route, char id[RF_UUID_LEN],
                             char name[GATEWAY_NAME_MAX]);

#endif
