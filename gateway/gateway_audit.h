/*
 * gateway_audit.h - who used which API key for what, and what came of it: a line of JSON for each
 * request that a key came with, or should have. README.md lists the fields; no key, query, name or
 * body is among them.
 *
 * Bounded: at most audit.files files of audit.max_bytes, the oldest goes first; lines wait for the
 * disk in 1 MiB of memory, what does not fit is counted (reflection_audit_dropped_total) and lost.
 * One thread writes. Any thread may add.
 */
#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

#include "gateway_exchange.h"

typedef struct gateway_audit gateway_audit;

/* gateway_audit_start opens <dir>/gateway.log for appending (mode 0600; dir is made). Returns 0 or
 * the negative errno of the file system. */
int gateway_audit_start(const char *dir, int64_t max_bytes, int64_t n_files,
                        gateway_audit **ret) RF_MUST_USE;

/* gateway_audit_stop writes what waits and frees. NULL is fine. */
gateway_audit *gateway_audit_stop(gateway_audit *a);

/* gateway_audit_request adds the line of an exchange whose route wants a key; status 0: its client
 * went before it was answered. Nothing is done for other routes, nor when a is NULL. */
void gateway_audit_request(gateway_audit *a, const gateway_exchange *ex, int status);

#endif
