/*
 * gateway_exchange.h - one request and its answer. The connection makes it when a head is complete;
 * handlers hold it with references while services and disks work. All on the loop's thread.
 *
 * A handler answers exactly once, at once or later, with a function of gateway_answer.h. When the
 * client goes away first, conn is NULL and answering does nothing.
 */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "gateway_conn.h"
#include "gateway_http.h"
#include "rf_buf.h"
#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_scope.h"

#define GATEWAY_REQUEST_ID_MAX 65
#define GATEWAY_TRACEPARENT_LEN 56
#define GATEWAY_PATH_MAX 512
#define GATEWAY_NAME_MAX 256
#define GATEWAY_IDEMPOTENCY_KEY_SIZE 256

typedef struct gateway_route gateway_route;
typedef struct gateway_bucket gateway_bucket;

/* Who calls: the answer of KeyService/Authenticate. */
typedef struct gateway_caller {
    char application_id[RF_UUID_LEN];
    char key_id[RF_UUID_LEN];
    uint32_t requests_per_second; /* of the key; 0: the setting */
    uint32_t burst;
    char scopes[RF_SCOPES_MAX]; /* never ""; RF_SCOPES_NONE of an anonymous client */
} gateway_caller;

/* What a handler with a streamed body, or with something to let go, adds; any may be NULL. */
typedef struct gateway_exchange_ops {
    size_t (*room)(gateway_exchange *ex); /* bytes of body it takes now */
    /* Takes content, at most room. Returns 0, or -ECANCELED when it has answered instead. */
    int (*data)(gateway_exchange *ex, const char *data, size_t len);
    void (*end)(gateway_exchange *ex);      /* the body is complete */
    void (*writable)(gateway_exchange *ex); /* nothing is queued and the socket takes bytes */
    /* Of an upgraded connection. take takes bytes of the client and returns how many: fewer mean
     * none until gateway_conn_body_room. sent comes after bytes may have gone out (n_sent). drain
     * asks for the end; it may come more than once. */
    ssize_t (*take)(gateway_exchange *ex, const char *data, size_t len);
    void (*sent)(gateway_exchange *ex);
    void (*drain)(gateway_exchange *ex);
    /* The answer is complete or the client has gone: free ex->task, stop what it runs. */
    void (*gone)(gateway_exchange *ex);
} gateway_exchange_ops;

struct gateway_exchange {
    gateway *gw;
    gateway_loop *loop;
    gateway_conn *conn; /* NULL once the client has gone or the answer is complete */
    unsigned refs;
    const gateway_route *route;
    const gateway_exchange_ops *ops;
    void *task; /* of the handler */
    gateway_request req;
    rf_buf head; /* copy of the request's head, once the handler did not answer at once */
    rf_buf body; /* small bodies */
    gateway_caller caller;
    uint8_t key_hash[RF_SHA256_LEN]; /* SHA-256 of the API key */
    char path[GATEWAY_PATH_MAX];     /* normalised: single slashes, no query, no /v1 or /api */
    char id[RF_UUID_LEN];            /* of the path: job, upload, session; "" when not a valid id */
    char name[GATEWAY_NAME_MAX];     /* of the path: file name, decoded */
    bool audited;                    /* its line is in the audit log */
    char request_id[GATEWAY_REQUEST_ID_MAX];
    char traceparent[GATEWAY_TRACEPARENT_LEN];
    gateway_exchange *next_spare;
};

/* gateway_exchange_new begins one for the request that conn has read; one reference, the
 * connection's. */
gateway_exchange *gateway_exchange_new(gateway_conn *conn);

gateway_exchange *gateway_exchange_ref(gateway_exchange *ex);
gateway_exchange *gateway_exchange_unref(gateway_exchange *ex);

/* gateway_exchange_keep_head copies the request's head, which stands in the loop's scratch. */
void gateway_exchange_keep_head(gateway_exchange *ex);

/* gateway_exchange_detach ends the tie to the connection: gone is called, conn becomes NULL and the
 * connection's reference is dropped. */
void gateway_exchange_detach(gateway_exchange *ex);

/* gateway_exchange_trace makes traceparent the caller's, one step on, or a new one. */
void gateway_exchange_trace(gateway_exchange *ex);

/* gateway_exchange_idempotency_key reads Idempotency-Key: 1 to 255 printable ASCII characters, ""
 * when there is none. Returns 0 or -EINVAL. */
int gateway_exchange_idempotency_key(const gateway_exchange *ex,
                                     char ret[GATEWAY_IDEMPOTENCY_KEY_SIZE]);

/* gateway_exchange_free_spares frees the loop's unused exchanges. */
void gateway_exchange_free_spares(gateway_loop *l);

#endif
