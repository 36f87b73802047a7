/*
 * rf_sign.h - signed URLs (spec jobs.md 2.5 and S8): query e (expiry, Unix s), k (key id),
 * s (base64url HMAC-SHA256 over method, exact path, expiry and key id).
 * Whoever hands out URLs and whoever serves them share the keys through one file. A signer is
 * read-only after opening: any thread may use it.
 */
#ifndef RF_SIGN_H
#define RF_SIGN_H

#include "rf_base.h"

typedef struct rf_signer rf_signer;

/* rf_signer_open loads the keys at path, one line "<id> <64 hex digits>" each, the first is the one
 * that signs and every one is accepted (rotation); a missing file is made with one random key, mode
 * 0600. Returns 0, -EBADMSG for a bad file, or a negative errno. */
int rf_signer_open(const char *path, rf_signer **ret);
rf_signer *rf_signer_free(rf_signer *s);

/* rf_sign_path returns "<path>?e=<expiry>&k=<id>&s=<signature>"; the caller frees.
 * method is "GET" (serves HEAD too) or "PUT"; expires_s is Unix time. */
char *rf_sign_path(const rf_signer *s, const char *method, const char *path, int64_t expires_s);

/* rf_sign_check verifies the query (without '?') of a request for path. Returns 0, -EACCES for a
 * missing, malformed or wrong signature, -ETIMEDOUT when it expired. Constant-time compare. */
int rf_sign_check(const rf_signer *s, const char *method, const char *path, const char *query,
                  int64_t now_s);

#endif
