/*
 * gateway_round.h - small answers of one round of a loop go out together at its end: first every
 * request is taken, then every answer sent. Taking and sending are different code, the kernel's
 * included, and in turns they would drive each other out of the processor's caches. Loop thread.
 */
#ifndef GATEWAY_ROUND_H
#define GATEWAY_ROUND_H

#include "gateway_conn.h"

/* gateway_round_hold keeps what scratch holds for c until the end of the round, when c is left by
 * gateway_conn_leave; it stays entered until then. False: not c's whole answer, too long, or no
 * room; nothing is kept then. */
bool gateway_round_hold(gateway_conn *c);

#endif
