/*
 * rf_crypto.h - hashes and encodings on OpenSSL's libcrypto. Any thread may call.
 */
#ifndef RF_CRYPTO_H
#define RF_CRYPTO_H

#include "rf_base.h"

#define RF_SHA256_LEN 32

typedef struct rf_sha256 rf_sha256;

/* Streaming SHA-256: new, add any number of times, then finish (which frees). */
rf_sha256 *rf_sha256_new(void);
void rf_sha256_add(rf_sha256 *h, const void *data, size_t len);
void rf_sha256_finish(rf_sha256 *h, uint8_t out[RF_SHA256_LEN]);
rf_sha256 *rf_sha256_free(rf_sha256 *h);

/* One-shot SHA-256 and HMAC-SHA256 (FIPS 180-4, RFC 2104). */
void rf_sha256_of(const void *data, size_t len, uint8_t out[RF_SHA256_LEN]);
void rf_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    uint8_t out[RF_SHA256_LEN]);

/* rf_equal_ct compares len bytes in constant time. */
bool rf_equal_ct(const void *a, const void *b, size_t len);

/* base64url without padding (RFC 4648 section 5). encode writes rf_base64url_len(len) + 1 bytes;
 * decode returns the byte count or -EINVAL, -ENOSPC when out is too small. */
#define RF_BASE64URL_LEN(len) (((len)*4 + 2) / 3)
void rf_base64url_encode(const void *data, size_t len, char *out);
int rf_base64url_decode(const char *s, size_t s_len, void *out, size_t out_size);

#endif
