/*
 * rf_webhook_sign.h - signatures of webhooks (Standard Webhooks 1.0, symmetric scheme): pure
 * functions. A secret is "whsec_" and the base64 (RFC 4648 section 4, padded) of 24 to 64 random
 * bytes.
 */
#ifndef RF_WEBHOOK_SIGN_H
#define RF_WEBHOOK_SIGN_H

#include "rf_buf.h"

#define RF_WEBHOOK_SECRET_SIZE 96 /* bytes of its text with the terminator */
#define RF_WEBHOOK_MAX_SECRETS 4  /* that sign together while one is replaced */

typedef struct rf_webhook_secrets {
    char text[RF_WEBHOOK_MAX_SECRETS][RF_WEBHOOK_SECRET_SIZE]; /* newest first */
    size_t n;
} rf_webhook_secrets;

/* rf_webhook_secret_valid says whether text has the form above. */
bool rf_webhook_secret_valid(const char *text);

/* rf_webhook_secret_make writes a new secret of 32 random bytes. */
void rf_webhook_secret_make(char out[RF_WEBHOOK_SECRET_SIZE]);

/* rf_webhook_sign appends the value of `webhook-signature`: "v1,BASE64" for each secret, separated
 * by spaces, over "id.timestamp.body". Returns 0, -EINVAL (no or a bad secret), or -ENOSPC. */
int rf_webhook_sign(const rf_webhook_secrets *secrets, const char *id, int64_t timestamp_s,
                    const void *body, size_t len, rf_buf *out);

#endif
