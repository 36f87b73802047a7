/*
 * rf_fetch_guard.h - which addresses, ports and URLs the fetcher may use (spec jobs.md S2, S5, S6).
 * A guard is read-only once it is set up: any thread may ask.
 */
#ifndef RF_FETCH_GUARD_H
#define RF_FETCH_GUARD_H

#include "rf_fetch.h"

#include <sys/socket.h>

typedef struct rf_fetch_range {
    int family; /* AF_INET or AF_INET6 */
    uint8_t address[16];
    unsigned n_bits;
    const char *reason; /* label of the metric; a static text */
} rf_fetch_range;

typedef struct rf_fetch_guard {
    rf_fetch_range *deny;
    size_t n_deny;
    uint16_t *ports;
    size_t n_ports;
    bool allow_loopback;
    bool nat64;
} rf_fetch_guard;

/* rf_fetch_guard_init copies the rules of config. Returns 0 or -EINVAL with the range that cannot
 * be read. */
int rf_fetch_guard_init(rf_fetch_guard *guard, const rf_fetch_config *config, const char **ret_why);
void rf_fetch_guard_done(rf_fetch_guard *guard);

/* rf_fetch_range_parse reads "a.b.c.d/n" or "x:y::/n"; no "/n" is a single address. Returns 0 or
 * -EINVAL. */
int rf_fetch_range_parse(const char *text, rf_fetch_range *ret);

/* rf_fetch_guard_address says why a socket may not connect to address, NULL when it may. */
const char *rf_fetch_guard_address(const rf_fetch_guard *guard, const struct sockaddr *address,
                                   socklen_t len);

/* rf_fetch_guard_url says why a URL may not be used, before any name is looked up; NULL when it
 * may. The reason is a static label. */
const char *rf_fetch_guard_url(const rf_fetch_guard *guard, const char *url);

#endif
