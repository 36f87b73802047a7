/*
 * rf_rpc_describe.h - talking to any server by what it says about itself: `reflection call`.
 * A description is read-only once fetched: any thread may use it. Functions that call block.
 */
#ifndef RF_RPC_DESCRIBE_H
#define RF_RPC_DESCRIBE_H

#include "rf_rpc_channel.h"
#include "rf_rpc_json.h"

typedef struct rf_rpc_description rf_rpc_description;

/* rf_rpc_describe asks the server's rpc.v1.Describe. Returns 0 or the negative errno of *st. */
int rf_rpc_describe(rf_rpc_channel *channel, const rf_rpc_options *options,
                    rf_rpc_description **ret, rf_status *st);
rf_rpc_description *rf_rpc_description_free(rf_rpc_description *d);

const rf_rpc_schema *rf_rpc_description_schema(const rf_rpc_description *d);

/* rf_rpc_description_list appends "service/method" lines, each with its kind when it streams. */
void rf_rpc_description_list(const rf_rpc_description *d, rf_buf *out);

/* rf_rpc_description_show appends the method, message, enum or service called name as .proto text,
 * with the messages and enums it uses. -ENOENT when there is none. */
int rf_rpc_description_show(const rf_rpc_description *d, const char *name, rf_buf *out);

/* Where requests come from and answers go, in JSON without line breaks. */
typedef struct rf_rpc_json_io {
    /* Next request: 1 with *text (lent until the next call), 0 at the end, or negative errno.
     * Called once for methods with one request. */
    int (*next)(void *user, const char **text, size_t *len);
    /* One answer. A negative errno cancels the call. */
    int (*answer)(void *user, const char *text, size_t len);
    /* The call has ended: a next that waits on another thread has to return. May be NULL, then the
     * end is told when next returns by itself. */
    void (*stop)(void *user);
    void *user;
} rf_rpc_json_io;

/* rf_rpc_call_json calls method ("job.v1.JobService/GetJob") of any kind; json may be NULL. For
 * streams, requests are sent while answers are read. Returns 0, or the negative errno of *st:
 * NOT_FOUND for an unknown method, INVALID_ARGUMENT for requests that do not fit, or the status of
 * the call. */
int rf_rpc_call_json(rf_rpc_channel *channel, const rf_rpc_description *d, const char *method,
                     const rf_rpc_options *options, const rf_rpc_json_options *json,
                     const rf_rpc_json_io *io, rf_status *st);

#endif
