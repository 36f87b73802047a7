/*
 * server_control.h - for test programs that run under tests/servers/with: what its server does.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "rf_base.h"

/* server_say calls a method of the server, "fault PUT 1 status 503", and returns its result as JSON
 * ("" for none), valid until the next call of this thread. Fails the test when the server does. */
const char *server_say(const char *fmt, ...) RF_PRINTF(1, 2);

/* server_is_there says whether a server was started for this program. */
bool server_is_there(void);

#endif
