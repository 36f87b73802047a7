/*
 * jam_asyncapi.h - the AsyncAPI 3 document of /ws/jam, made from the table of fields and the types
 * and codes of messages. Allocates; any thread.
 */
#ifndef JAM_ASYNCAPI_H
#define JAM_ASYNCAPI_H

#include "rf_buf.h"

#define JAM_ASYNCAPI_MAX (256u << 10)

/* jam_asyncapi_write appends the document as JSON; server_url is the public address ("wss://host"),
 * "" for a path alone. Returns 0, -ENOSPC or -ENOMEM. */
int jam_asyncapi_write(rf_buf *out, const char *server_url);

#endif
