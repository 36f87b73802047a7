/*
 * gateway_used.h - names that may be used once, remembered until they are of no use anyway. Of this
 * gateway alone. Any thread.
 */
#ifndef GATEWAY_USED_H
#define GATEWAY_USED_H

#include "rf_base.h"

typedef struct gateway_used gateway_used;

#define GATEWAY_USED_NAME_MAX 32

/* gateway_used_new makes a table of at most max names. */
gateway_used *gateway_used_new(size_t max);
gateway_used *gateway_used_free(gateway_used *u);

/* gateway_used_take uses a name (below GATEWAY_USED_NAME_MAX bytes) that is valid until until_s.
 * False when it has been used before, or when there are max names already. */
bool gateway_used_take(gateway_used *u, const char *name, int64_t until_s,
                       int64_t now_s) RF_MUST_USE;

#endif
