/*
 * gateway_round.h - small answers that the gateway gives by itself go out together at the end of a
 * loop's round: first every request is taken, then every answer sent. Taking and sending are
 * different code, the kernel's included, and in turns they would drive each other out of the
 * processor's caches. What a service answers goes out at once. Loop thread.
 */
#ifndef GATEWAY_ROUND_H
#define GATEWAY_ROUND_H

#include "gateway_conn.h"

/* gateway_round_hold keeps what scratch holds for c until the end of the round, which also leaves
 * c: it stays entered until then. False: not c's whole answer, too long, or no room; nothing is
 * kept then. */
bool gateway_round_hold(gateway_conn *c);

/* gateway_round_end sends what is held; user is the gateway_loop, at each end of whose rounds it is
 * to be called. */
void gateway_round_end(void *user);

#endif
