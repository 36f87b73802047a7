/*
 * rf_sandbox_lock.h - the single layers of the lock-down, each irreversible. Private to
 * common/sandbox. All act on the calling process, which must be single-threaded.
 */
#ifndef RF_SANDBOX_LOCK_H
#define RF_SANDBOX_LOCK_H

#include "rf_sandbox_child.h"

/* rf_sandbox_lock_network moves into a new network namespace that has not even a loopback address.
 * Returns 0, or negative errno where the host forbids it. */
int rf_sandbox_lock_network(void);

/* rf_sandbox_lock_privileges sets no_new_privs and drops every capability. */
int rf_sandbox_lock_privileges(void);

/* rf_sandbox_lock_files forbids every path, TCP bind and connect, abstract sockets and signals to
 * others by Landlock, as far as the kernel knows them. -EOPNOTSUPP or -ENOSYS without Landlock. */
int rf_sandbox_lock_files(void);

/* rf_sandbox_lock_calls loads the seccomp allow-list. */
int rf_sandbox_lock_calls(const rf_sandbox_profile *profile);

#endif
