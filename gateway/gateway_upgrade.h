/*
 * gateway_upgrade.h - what stands before a WebSocket: the form of the handshake (RFC 6455 section
 * 4), the page it comes from, who opens it and how many they have. Everything is settled before the
 * 101; a refusal is an ordinary answer. Loop thread.
 *
 * A key comes in Authorization, or in the query as api_key for browsers (the same one when it is in
 * both), or a ticket in the query stands for one (gateway_ticket.h). Neither is ever logged or
 * passed on.
 */
#ifndef GATEWAY_UPGRADE_H
#define GATEWAY_UPGRADE_H

#include "gateway_exchange.h"

#define GATEWAY_ACCEPT_LEN 28 /* characters of Sec-WebSocket-Accept */

typedef enum gateway_opener {
    GATEWAY_OPENER_KEY,       /* ex->key_hash has been set */
    GATEWAY_OPENER_TICKET,    /* ex->caller has been set */
    GATEWAY_OPENER_ANONYMOUS, /* neither was given */
    GATEWAY_OPENER_WRONG,     /* they differ, or are not valid */
    GATEWAY_OPENER_MALFORMED, /* the query cannot be read */
} gateway_opener;

/* gateway_upgrade_admits checks form, drain and Origin. False when it has answered: 400, 426, 503
 * or 403. */
bool gateway_upgrade_admits(gateway_exchange *ex);

/* gateway_upgrade_opener reads who opens the socket. */
gateway_opener gateway_upgrade_opener(gateway_exchange *ex);

/* gateway_upgrade_form looks at the handshake alone. Returns 0, -EBADMSG for a bad key or a body
 * (400), or -EPROTO when it is no upgrade to version 13 (426). */
int gateway_upgrade_form(const gateway_request *req);

/* gateway_upgrade_accept answers a Sec-WebSocket-Key of 24 characters (section 4.2.2). */
void gateway_upgrade_accept(const char *key, char out[GATEWAY_ACCEPT_LEN + 1]);

/* gateway_upgrade_query appends the request's query without api_key and ticket, still encoded. */
void gateway_upgrade_query(const gateway_request *req, rf_buf *out);

/* gateway_upgrade_origin_allowed: listed; or, when nothing is listed, the server's own: that of
 * public.base, or the loopback name by which the client reached us. */
bool gateway_upgrade_origin_allowed(const gateway_request *req, bool tls,
                                    const gateway_socket_rules *rules, const char *public_base);

#endif
