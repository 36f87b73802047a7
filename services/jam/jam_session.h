/*
 * jam_session.h - one stream of music and the sockets that steer it or listen to it (jam.md
 * sections 6, 8, 9).
 *
 *            opened            pause               last chunk made
 *     NEW ------------> RUNNING <----> PAUSED      RUNNING --------> ENDING
 *      |                 |  ^ last socket |  ^                         |
 *      | cannot open     v  | gone        v  | attach                  | it has left
 *      |                PARKED <---------- (as before)                 |
 *      v                    | 30 s, or too many                        v
 *     OVER <----------------+---- stop, fault, 4 h, 600 s of pause --- OVER
 *
 * A session owns its maker (jam_maker.h), its schedule (jam_schedule.h) and the ring of its last 10
 * s (jam_ring.h), from which every socket is served at its own cursor. It moves by
 * jam_session_step, which its own timer, its maker and its sockets cause. Owner loop.
 */
#ifndef JAM_SESSION_H
#define JAM_SESSION_H

#include "jam_answer.h"
#include "jam_engines.h"
#include "jam_registry.h"
#include "jam_socket.h"

#define JAM_CONTROLLERS_MAX 4
#define JAM_LISTENERS_MAX 32
#define JAM_TOKEN_LEN 22 /* base64url of 128 bits */

typedef struct jam_session jam_session;
struct jam_service;

typedef enum jam_session_state {
    JAM_SESSION_NEW,
    JAM_SESSION_RUNNING,
    JAM_SESSION_PAUSED,
    JAM_SESSION_PARKED,
    JAM_SESSION_ENDING,
    JAM_SESSION_OVER,
    JAM_N_SESSION_STATES,
} jam_session_state;

const char *jam_session_state_name(jam_session_state state);

/* jam_session_open begins a session for the start of a socket, with a place of the engine that
 * jam_admission_ask has given. jam_socket_joined or _refused follows. */
jam_session *jam_session_open(struct jam_service *service, jam_engine_entry *engine,
                              jam_socket *socket, const jam_message *start);

/* jam_session_join adds a socket at the next chunk, as the start says. Returns 0 with
 * jam_socket_joined called, or -EBUSY, -ENOENT and an error for it. */
int jam_session_join(jam_session *s, jam_socket *socket, const jam_message *start,
                     jam_error *error);

/* jam_session_resume adds a socket that shows one of the session's tokens, behind the chunk it has
 * last got. As jam_session_join; the token is used up on success. */
int jam_session_resume(jam_session *s, jam_socket *socket, const jam_message *start,
                       jam_error *error);

/* jam_session_leave lets go of a socket that is gone or about to be closed. */
void jam_session_leave(jam_session *s, jam_socket *socket);

/* jam_session_quit answers a stop: a listener leaves, a controller ends the session. */
void jam_session_quit(jam_session *s, jam_socket *socket, const char *id);

/* jam_session_obey does what a message says, answers included. */
void jam_session_obey(jam_session *s, jam_socket *socket, const jam_message *message,
                      int64_t arrived_ns);

/* jam_session_context says what the parser has to know. */
void jam_session_context(jam_session *s, jam_message_context *ret);

/* jam_session_role: of a socket of the session. */
jam_role jam_session_role(const jam_session *s, const jam_socket *socket);

/* jam_session_room: the socket can take a chunk. */
void jam_session_room(jam_session *s, jam_socket *socket);

/* jam_session_stop ends it: every socket is told and closed. */
void jam_session_stop(jam_session *s, jam_reason reason);

/* jam_session_restore goes on with a session from the store, for a start with one of its tokens;
 * socket NULL: it has left meanwhile. As jam_session_open. */
struct jam_parked;
jam_session *jam_session_restore(struct jam_service *service, jam_engine_entry *engine,
                                 jam_socket *socket, const jam_message *start,
                                 const struct jam_parked *parked);

/* jam_session_evict puts the session into the store, if it can, and then closes its sockets with
 * code 1012; it is over. */
void jam_session_evict(jam_session *s);

/* jam_session_free: also when sockets are left; they are forgotten. Returns NULL. */
jam_session *jam_session_free(jam_session *s);

/* ---- looking ---- */

bool jam_session_is_over(const jam_session *s);
const char *jam_session_id(const jam_session *s);
jam_engine_entry *jam_session_engine(const jam_session *s);
const char *jam_session_tenant(const jam_session *s);
const char *jam_session_address(const jam_session *s);
bool jam_session_has_token(const jam_session *s, const char *token);
bool jam_session_is_listen_token(const jam_session *s, const char *token);
int64_t jam_session_parked_since(const jam_session *s); /* RF_NEVER_NS when it is not parked */

/* What the REST endpoints show. Texts are lent. */
typedef struct jam_session_info {
    const char *id;
    const jam_engine *engine;
    jam_session_state state;
    int64_t started_wall_ms;
    int64_t chunks_sent, samples_sent;
    size_t n_controllers, n_listeners;
    uint64_t seed;
    const char *listen_token;
    double bpm;
    uint32_t bar;
    double beat;
    double lateness_ms[3]; /* p50, p95, p99 */
    uint32_t rev;
    jam_controls controls;
    jam_settings settings;
} jam_session_info;

void jam_session_inform(jam_session *s, jam_session_info *ret);

#endif
