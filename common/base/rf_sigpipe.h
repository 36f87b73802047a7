/*
 * rf_sigpipe.h - keeps from the process the SIGPIPE that a library raises in this thread: OpenSSL
 * writes to a peer that has hung up, and libcurl is told to leave signals alone. What the process
 * itself does about SIGPIPE stays as it is. Begin and end on the same thread, any thread.
 */
#ifndef RF_SIGPIPE_H
#define RF_SIGPIPE_H

#include "rf_base.h"

#include <signal.h>

typedef struct rf_sigpipe {
    sigset_t before;  /* the thread's mask */
    bool was_pending; /* somebody else's, which is left to them */
} rf_sigpipe;

void rf_sigpipe_begin(rf_sigpipe *ret);
void rf_sigpipe_end(const rf_sigpipe *guard);

#endif
