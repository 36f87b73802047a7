/*
 * jam_start.h - what a start leads to: a new session, a place in one that runs, the resumption of
 * one, or a refusal. Owner loop.
 */
#ifndef JAM_START_H
#define JAM_START_H

#include "jam_restore.h"
#include "jam_service.h"
#include "jam_session.h"
#include "jam_socket.h"

/* What a start that was not refused has led to, so far: one of them. */
typedef struct jam_started_by {
    jam_session *session;
    jam_restore *restore;
} jam_started_by;

/* jam_start_begin does what a start without errors asks for. Returns 0: jam_socket_joined has come
 * or jam_socket_joined or _refused will; or a negative errno with an error for the client. */
int jam_start_begin(jam_service *service, jam_socket *socket, const jam_message *start,
                    jam_started_by *ret, jam_error *error);

#endif
