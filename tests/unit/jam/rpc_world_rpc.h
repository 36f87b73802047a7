/*
 * rpc_world_rpc.h - the service behind its RPC, with its loop on a thread of its own, and a client
 * that plays the gateway. Real time.
 */
#ifndef RPC_WORLD_RPC_H
#define RPC_WORLD_RPC_H

#include "engine_fixture.h"
#include "jam_rpc.h"
#include "rf_rpc.h"

#include <jansson.h>
#include <pthread.h>
#include <reflection/jam/v1/jam.rpc.h>
#include <reflection/socket/v1/socket.pb-c.h>

typedef struct rpc_world {
    char dir[64];
    char *listen;
    jam_config config;
    engine_fixture fixture;
    rf_loop *loop;
    pthread_t thread;
    jam_service service;
    jam_rpc *rpc;
    rf_rpc_channel *channel;
    rf_status status; /* of the last call */
} rpc_world;

void rpc_world_open(rpc_world *w);
void rpc_world_close(rpc_world *w);

/* rpc_world_do runs fn on the loop's thread and waits for it. */
void rpc_world_do(rpc_world *w, void (*fn)(rpc_world *w));

/* rpc_world_document calls a method that answers with a Document; NULL on failure, see status. */
json_t *rpc_world_document(rpc_world *w, const rf_rpc_method *method, const char *tenant,
                           const ProtobufCMessage *request);

/* One socket, as a gateway has it. */
typedef struct rpc_client {
    rf_rpc_stream *stream;
    uint64_t n_frames;
    uint32_t closed; /* code */
} rpc_client;

/* What has come: text with its JSON (before and after joined), or a binary file. */
typedef struct rpc_note {
    json_t *json;
    uint8_t *file;
    size_t file_len;
    bool base64;
} rpc_note;

rpc_client rpc_client_open(rpc_world *w, const char *tenant);
void rpc_client_say(rpc_client *c, const char *json);
void rpc_client_take(rpc_client *c); /* all that has come */

/* rpc_client_next waits for the next frame and takes it; false when the socket is closed. */
bool rpc_client_next(rpc_client *c, rpc_note *ret);
void rpc_note_done(rpc_note *note);

/* rpc_client_find reads on to a text of that type. The caller owns it. */
json_t *rpc_client_find(rpc_client *c, const char *type);

/* rpc_client_close says Closed and ends its side; returns the status the call ended with. */
rf_code rpc_client_close(rpc_client *c);

#endif
