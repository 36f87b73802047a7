#include "rf_crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

struct rf_sha256 {
    EVP_MD_CTX *ctx;
};

rf_sha256 *rf_sha256_new(void)
{
    rf_sha256 *h = RF_NEW(rf_sha256);
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        abort();
    }
    return h;
}

void rf_sha256_add(rf_sha256 *h, const void *data, size_t len)
{
    EVP_DigestUpdate(h->ctx, data, len);
}

void rf_sha256_finish(rf_sha256 *h, uint8_t out[RF_SHA256_LEN])
{
    EVP_DigestFinal_ex(h->ctx, out, NULL);
    rf_sha256_free(h);
}

rf_sha256 *rf_sha256_free(rf_sha256 *h)
{
    if (h != NULL) {
        EVP_MD_CTX_free(h->ctx);
        free(h);
    }
    return NULL;
}

void rf_sha256_of(const void *data, size_t len, uint8_t out[RF_SHA256_LEN])
{
    SHA256(data, len, out);
}

void rf_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    uint8_t out[RF_SHA256_LEN])
{
    unsigned n = RF_SHA256_LEN;
    if (HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &n) == NULL) {
        abort();
    }
}

bool rf_equal_ct(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void rf_base64url_encode(const void *data, size_t len, char *out)
{
    const uint8_t *p = data;
    uint32_t bits = 0;
    int n_bits = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8) | p[i];
        n_bits += 8;
        while (n_bits >= 6) {
            n_bits -= 6;
            *out++ = alphabet[(bits >> n_bits) & 63];
        }
    }
    if (n_bits > 0) {
        *out++ = alphabet[(bits << (6 - n_bits)) & 63];
    }
    *out = '\0';
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int rf_base64url_decode(const char *s, size_t s_len, void *out, size_t out_size)
{
    uint8_t *p = out;
    uint32_t bits = 0;
    int n_bits = 0;
    size_t n = 0;
    if (s_len % 4 == 1) {
        return -EINVAL;
    }
    for (size_t i = 0; i < s_len; i++) {
        int v = sextet(s[i]);
        if (v < 0) {
            return -EINVAL;
        }
        bits = (bits << 6) | (uint32_t)v;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            if (n == out_size) {
                return -ENOSPC;
            }
            p[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    /* Left-over bits must be zero, so that one value has one spelling. */
    return (bits & ((1u << n_bits) - 1u)) != 0 ? -EINVAL : (int)n;
}
