/*
 * rf_rpc_path.h - where in a message a JSON mapping stands, for its errors. Internal to common/rpc.
 */
#ifndef RF_RPC_PATH_H
#define RF_RPC_PATH_H

#include "rf_status.h"

typedef struct rf_rpc_path {
    char text[200]; /* "items[3].name"; cut when longer */
    size_t len;
    size_t depth, max_depth;
} rf_rpc_path;

/* rf_rpc_path_push adds a field name, or an index when name is NULL; returns what pop needs. */
size_t rf_rpc_path_push(rf_rpc_path *p, const char *name, size_t index);
void rf_rpc_path_pop(rf_rpc_path *p, size_t mark);

/* rf_rpc_path_fail fills st with "path: what" and returns its negative errno. */
int rf_rpc_path_fail(const rf_rpc_path *p, rf_status *st, rf_code code, const char *what);

#endif
