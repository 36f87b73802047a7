/*
 * rf_rpc_pool.h - memory for messages on their way. Internal to common/rpc.
 * Small blocks are malloc's. Blocks of 64 KiB and more are kept and used again, because the kernel
 * takes longer to clear fresh pages than a message takes to copy. At most 32 MiB are kept in all,
 * until rf_rpc_rest. Any thread may call.
 */
#ifndef RF_RPC_POOL_H
#define RF_RPC_POOL_H

#include "rf_base.h"

/* rf_rpc_pool_get returns at least size bytes, not cleared, or NULL when there is no memory. */
void *rf_rpc_pool_get(size_t size) RF_MUST_USE;

/* rf_rpc_pool_put gives back a block with the size that was asked for. NULL is allowed. */
void rf_rpc_pool_put(void *block, size_t size);

/* rf_rpc_pool_kept is the number of bytes held for use again. */
size_t rf_rpc_pool_kept(void);

#endif
