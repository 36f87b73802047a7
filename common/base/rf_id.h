/*
 * rf_id.h - random identifiers. Any thread may call. Randomness is getrandom(2).
 */
#ifndef RF_ID_H
#define RF_ID_H

#include "rf_base.h"

#define RF_UUID_LEN 37 /* 36 characters and the terminator */

/* rf_random fills data with len random bytes; aborts if the kernel gives none. */
void rf_random(void *data, size_t len);

/* rf_random_u64 is a uniform number in [0, bound); bound 0 gives the full range. */
uint64_t rf_random_u64(uint64_t bound);

/* rf_uuid4 writes a version 4 UUID (RFC 9562) in lower case and returns buf. */
char *rf_uuid4(char buf[RF_UUID_LEN]);

/* rf_uuid4_beside is rf_uuid4 for the keys of a large index. Of the ids that a thread makes with
 * it, RF_UUID_RUN in succession share their first 32 bits, random as the other 90, so that they lie
 * beside each other in the index: each would otherwise be in a page of its own. */
#define RF_UUID_RUN 256
char *rf_uuid4_beside(char buf[RF_UUID_LEN]);

/* rf_uuid4_valid: exactly 36 characters, lower case, version 4, variant 10. */
bool rf_uuid4_valid(const char *s);

/* rf_hex writes 2 * len lower-case digits and a terminator to out. */
void rf_hex(const void *data, size_t len, char *out);

/* rf_unhex reads len bytes back from 2 * len digits; -EBADMSG when one of them is none. */
int rf_unhex(const char *hex, void *out, size_t len);

#endif
