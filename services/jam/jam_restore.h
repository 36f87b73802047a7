/*
 * jam_restore.h - a start with a token that no session of this process knows: the session is looked
 * for among those at rest in the store, and taken up from there.
 *
 *     begin --read--> checked, place taken --claimed--> jam_session_restore
 *        \               \                    \-- another process was faster
 *         \-- not there   \-- not the owner's, too old, no room
 *
 * Owner loop.
 */
#ifndef JAM_RESTORE_H
#define JAM_RESTORE_H

#include "jam_service.h"
#include "jam_socket.h"

typedef struct jam_restore jam_restore;

/* jam_restore_begin: jam_socket_restored or jam_socket_refused follows. */
jam_restore *jam_restore_begin(jam_service *service, jam_socket *socket, const jam_message *start);

/* jam_restore_forget: the socket is gone. */
void jam_restore_forget(jam_restore *restore);

#endif
