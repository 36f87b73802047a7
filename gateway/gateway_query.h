/*
 * gateway_query.h - query strings, percent encoding, byte ranges and digests of requests. Pure
 * functions; any thread.
 */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include "rf_base.h"

/* gateway_query_decode writes text with %XX (and, with plus, '+' as space) decoded, terminated.
 * Returns its length, or -EINVAL for a bad escape, NUL, bad UTF-8 or a text that does not fit. */
int gateway_query_decode(const char *text, size_t len, bool plus, char *out, size_t out_size);

/* Called for each name and value, decoded. A non-zero result ends the walk. */
typedef int (*gateway_query_fn)(const char *name, const char *value, void *user);

/* gateway_query_each walks the pairs of a query; empty ones are passed over. Returns 0, what fn
 * returned, or -EINVAL for a pair that cannot be decoded. */
int gateway_query_each(const char *query, size_t len, gateway_query_fn fn, void *user);

/* gateway_query_range reads a Range value (RFC 9110 section 14.2) for a file of size bytes. Returns
 * 1 and the first and last byte for one satisfiable range, 0 when the header is to be ignored
 * (other units, several ranges, malformed), -ERANGE when it cannot be satisfied. */
int gateway_query_range(const char *value, uint64_t size, uint64_t *ret_first, uint64_t *ret_last);

/* gateway_query_digest reads the sha-256 member of a Content-Digest value (RFC 9530). Returns 1 and
 * the digest, 0 when there is none, -EINVAL when it is malformed. */
int gateway_query_digest(const char *value, uint8_t ret[32]);

#endif
