/*
 * world.h - the whole runtime of the jam service in one process, with clients made of memory: what
 * a socket is sent is kept, message by message. The loop runs on the test's thread, a turn at a
 * time, so that a test decides what happens when; with rf_time_drive it decides the time too.
 */
#ifndef WORLD_H
#define WORLD_H

#include "engine_fixture.h"
#include "jam_recorder.h"
#include "jam_service.h"
#include "jam_session.h"
#include "jam_socket.h"

#include <jansson.h>

#define WORLD_CLIENTS_MAX 128

/* One message that a client was sent. */
typedef struct world_note {
    json_t *json; /* of a text; of a binary frame NULL */
    char *text;
    uint8_t *file; /* of a chunk, in either mode */
    size_t file_len;
    int64_t at_ns;
} world_note;

typedef struct world_client {
    struct world *world;
    jam_socket *socket; /* NULL once gone */
    world_note *notes;
    size_t n_notes, cap_notes;
    size_t n_read; /* by world_next */
    bool takes;    /* takes whatever it is sent, with the next turn */
    uint64_t n_taken;
    uint32_t closed; /* code, 0: open */
    bool keeps_no_files;
} world_client;

typedef struct world {
    jam_config config;
    const char *store_url;                      /* NULL: none */
    jam_recorder *(*recorder)(struct world *w); /* makes one on the loop; NULL: none */
    rf_loop *loop;
    engine_fixture fixture;
    jam_service service;
    world_client clients[WORLD_CLIENTS_MAX];
    size_t n_clients;
} world;

/* world_open starts it with the fixture as engine "band"; change may be NULL. */
void world_open(world *w, void (*change)(world *w));
void world_close(world *w);

/* world_turn runs what is posted and due, and takes for the clients that take. */
void world_turn(world *w);

/* world_settle turns until the pool has nothing to do and nothing more happens. */
void world_settle(world *w);

/* world_pass lets so much driven time pass in steps of 1 ms, settling after each. */
void world_pass(world *w, int64_t ms);

/* world_wait turns until the client has a text of that type, from note number `from` on; returns
 * it, and fails the test after 10 s of real time. */
json_t *world_wait(world_client *c, const char *type, size_t from);

/* world_connect: with every scope; without a tenant, and so a key, with none. */
world_client *world_connect(world *w, const char *tenant, const char *address);
world_client *world_connect_scoped(world *w, const char *tenant, const char *scopes);
void world_say(world_client *c, const char *json);
void world_leave(world_client *c); /* the connection is lost */

/* world_start connects, starts with these params (JSON object text) and waits for started. */
world_client *world_start(world *w, const char *params);

/* world_count counts the texts of a type; world_nth gives one of them, NULL when there is none. */
size_t world_count(const world_client *c, const char *type);
json_t *world_nth(const world_client *c, const char *type, size_t n);
json_t *world_last(const world_client *c, const char *type);

/* Chunks in either mode, by order of arrival. */
size_t world_n_chunks(const world_client *c);
const world_note *world_chunk(const world_client *c, size_t n);
json_t *world_meta(const world_client *c, size_t n); /* metadata */
int64_t world_meta_i64(const world_client *c, size_t n, const char *key);

const char *world_str(const json_t *object, const char *key); /* "" when it is none */

/* world_session is the session that the client is in, by its started. */
jam_session *world_session(const world_client *c);

#endif
