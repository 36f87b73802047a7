/*
 * reflection_url.h - the address of a WebSocket, taken apart. Plain data.
 */
#ifndef REFLECTION_URL_H
#define REFLECTION_URL_H

#include "reflection_fault.h"

typedef struct reflection_url {
    bool is_tls;
    bool is_ip6;
    char host[256]; /* without brackets */
    char port[8];
    char path[1024]; /* with the query */
} reflection_url;

/* reflection_url_parse takes ws, wss, http or https. Returns 0 or -EINVAL with the fault's text.
 * reflection_url_parse_at has another path for a URL without one. */
REFLECTION_LOCAL int reflection_url_parse(const char *text, reflection_url *ret,
                                          reflection_jam_fault *fault);
REFLECTION_LOCAL int reflection_url_parse_at(const char *text, const char *default_path,
                                             reflection_url *ret, reflection_jam_fault *fault);

#endif
