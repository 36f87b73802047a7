/* Bytes for a connection that has no socket. */
#ifndef FEED_H
#define FEED_H

#include "rf_rpc_internal.h"

#include <string.h>

/* Gives the connection bytes as its socket would and drops what it answers; false when it is over.
 */
static inline bool feed_conn(rf_rpc_conn *conn, const uint8_t *data, size_t len)
{
    while (len > 0) {
        rf_rpc_iov iov[RF_RPC_NET_IOV];
        size_t n_iov = rf_rpc_input_iov(conn, iov);
        size_t n = 0;
        for (size_t i = 0; i < n_iov && len > 0; i++) {
            size_t take = RF_MIN(len, iov[i].len);
            memcpy(iov[i].data, data, take);
            data += take;
            len -= take;
            n += take;
        }
        if (!rf_rpc_input(conn, n)) {
            return false;
        }
        rf_buf_clear(&conn->out);
    }
    return true;
}

#endif
