/*
 * echo.h - a jam service that echoes: in the test's own process, at the socket where the gateway
 * looks for it. A text that begins with '!' is an order instead:
 *
 *   !close CODE REASON     asks the gateway to close the socket
 *   !end CODE              ends the call with a status code of RPC
 *   !base64 B N A          a frame: B bytes before, N of attachment in base64, A after
 *   !pair N                a binary frame of N bytes, then the text "meta"
 *   !flood N SIZE          N binary frames of SIZE bytes, whatever the client takes
 *   !opened                what Opened said
 *   !taken                 the last Taken
 *   !deaf                  gives no room for further messages until echo_hear
 */
#ifndef GATEWAY_ECHO_H
#define GATEWAY_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* echo_start listens below the fixture's directory and waits until the gateway is connected. */
void echo_start(void);

/* echo_stop drains for at most drain_ms and ends the service. */
void echo_stop(int drain_ms);

/* echo_pattern gives byte number i of everything that the service makes up. */
uint8_t echo_pattern(size_t i);

/* echo_hear lets deaf sockets read on. */
void echo_hear(void);

/* echo_sockets counts the calls now. */
size_t echo_sockets(void);

/* echo_closed gives the code of the last Closed, waiting up to wait_ms for one since the last call;
 * 0 when none came. */
unsigned echo_closed(int wait_ms);

/* echo_order says whether each socket was Opened first and silent after Closed. */
bool echo_in_order(void);

#endif
