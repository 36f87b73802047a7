/*
 * gateway_seat.h - the place that a socket takes among those open at once: of its key, or of its
 * address and all anonymous ones, and of the gateway. Loop threads.
 */
#ifndef GATEWAY_SEAT_H
#define GATEWAY_SEAT_H

#include "gateway_exchange.h"
#include "gateway_sockets.h"

#define GATEWAY_ADDRESS_MAX 48

typedef struct gateway_seat {
    gateway *gw;
    char name[GATEWAY_SOCKETS_NAME_MAX]; /* counted by; "" for no seat */
    bool anonymous;
    char address[GATEWAY_ADDRESS_MAX]; /* of the client, without port */
} gateway_seat;

/* gateway_seat_take counts the socket of an exchange. Returns 0, -EMFILE when its key or address
 * has as many as it may (429), -ENFILE when the gateway has (503). */
int gateway_seat_take(gateway_seat *seat, const gateway_exchange *ex);

void gateway_seat_give(gateway_seat *seat);

/* gateway_seat_address writes the address of a connection's peer, "" when it has none. */
void gateway_seat_address(int fd, char out[GATEWAY_ADDRESS_MAX]);

#endif
