/*
 * job_keys.h - API keys: made here, shown once, stored as keyed hashes (spec jobs.md S9).
 * The gateway sends the SHA-256 of what a client showed; what is stored is the HMAC of that under a
 * secret of this service, so neither the database nor the time of a look-up tells anything about a
 * key. Read-only after opening: any thread may use it.
 */
#ifndef JOB_KEYS_H
#define JOB_KEYS_H

#include "rf_base.h"
#include "rf_crypto.h"

#define JOB_KEY_BYTES 24 /* 192 random bits */
#define JOB_KEY_TAG "rk_"
#define JOB_KEY_LEN (3 + RF_BASE64URL_LEN(JOB_KEY_BYTES) + 1) /* with the terminator */
#define JOB_KEY_PREFIX_LEN 9                                  /* shown to recognise a key by */

typedef struct job_keys job_keys;

/* job_keys_open reads the secret at path, which is made when it is missing. */
int job_keys_open(const char *path, job_keys **ret) RF_MUST_USE;
job_keys *job_keys_free(job_keys *k);

/* job_keys_make writes a new key, what is stored of it, and its first characters. */
void job_keys_make(const job_keys *k, char key[JOB_KEY_LEN], uint8_t stored[RF_SHA256_LEN],
                   char prefix[JOB_KEY_PREFIX_LEN]);

/* job_keys_stored is what is stored of a key whose SHA-256 is given. */
void job_keys_stored(const job_keys *k, const uint8_t sha256[RF_SHA256_LEN],
                     uint8_t stored[RF_SHA256_LEN]);

#endif
