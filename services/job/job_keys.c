#include "job_keys.h"

#include <string.h>

#include "rf_file.h"
#include "rf_id.h"

struct job_keys {
    uint8_t secret[RF_SHA256_LEN];
};

int job_keys_open(const char *path, job_keys **ret)
{
    job_keys *k = RF_NEW(job_keys);
    int err = rf_secret_load(path, k->secret, sizeof(k->secret));
    if (err < 0) {
        job_keys_free(k);
        return err;
    }
    *ret = k;
    return 0;
}

job_keys *job_keys_free(job_keys *k)
{
    if (k != NULL) {
        explicit_bzero(k, sizeof(*k));
        free(k);
    }
    return NULL;
}

void job_keys_make(const job_keys *k, char key[JOB_KEY_LEN], uint8_t stored[RF_SHA256_LEN],
                   char prefix[JOB_KEY_PREFIX_LEN])
{
    uint8_t random[JOB_KEY_BYTES];
    uint8_t sha256[RF_SHA256_LEN];
    rf_random(random, sizeof(random));
    memcpy(key, JOB_KEY_TAG, strlen(JOB_KEY_TAG));
    rf_base64url_encode(random, sizeof(random), key + strlen(JOB_KEY_TAG));
    rf_sha256_of(key, strlen(key), sha256);
    job_keys_stored(k, sha256, stored);
    memcpy(prefix, key, JOB_KEY_PREFIX_LEN - 1);
    prefix[JOB_KEY_PREFIX_LEN - 1] = '\0';
    explicit_bzero(random, sizeof(random));
}

void job_keys_stored(const job_keys *k, const uint8_t sha256[RF_SHA256_LEN],
                     uint8_t stored[RF_SHA256_LEN])
{
    rf_hmac_sha256(k->secret, sizeof(k->secret), sha256, RF_SHA256_LEN, stored);
}
