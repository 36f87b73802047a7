/*
 * gateway_ticket.h - tickets by which a browser, whose WebSocket sends no Authorization header,
 * opens a socket without a key in its URL: `POST /v1/socket-tickets` with a key gives one for one
 * path, `?ticket=` uses it. A ticket is signed (rf_sign.h) and names application, key and its
 * scopes. One for the jam service is valid for 30 s; it is not counted, so that any gateway takes
 * it without shared state, as often as those seconds allow. One for the recorder is valid for 60 s
 * and once, by what this gateway remembers. Any thread.
 */
#ifndef GATEWAY_TICKET_H
#define GATEWAY_TICKET_H

#include "gateway_exchange.h"
#include "rf_sign.h"

#define GATEWAY_TICKET_MAX 256 /* bytes with the terminator */

typedef struct gateway_ticket {
    gateway_caller caller;
    char number[24]; /* of no other ticket */
    int64_t expires_s;
} gateway_ticket;

/* gateway_ticket_make writes a ticket of caller for path, valid until expires_s (Unix time). */
void gateway_ticket_make(const rf_signer *signer, const char *path, const gateway_caller *caller,
                         int64_t expires_s, char out[GATEWAY_TICKET_MAX]);

/* gateway_ticket_check reads a ticket for path. Returns 0, -EACCES when it is not one of ours for
 * this path, -ETIMEDOUT when it has expired. */
int gateway_ticket_check(const rf_signer *signer, const char *path, const char *ticket,
                         int64_t now_s, gateway_ticket *ret);

/* gateway_ticket_use opens a socket of route with a ticket, as often as its service allows; *ret
 * then names application, key and scopes. Returns 0, -EACCES or -ETIMEDOUT. */
int gateway_ticket_use(const gateway *gw, const gateway_route *route, const char *ticket,
                       int64_t now_s, gateway_caller *ret);

/* gateway_ticket_post handles the request: {"path": "/ws/jam"} -> {"ticket", "expires_at"}. */
void gateway_ticket_post(gateway_exchange *ex);

#endif
