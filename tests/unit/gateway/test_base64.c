#include "gateway_base64.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#define LEN_MAX 1024

static void fill(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 167 + i / 7);
    }
}

Test(base64, is_what_openssl_makes_for_every_length)
{
    for (size_t len = 0; len <= LEN_MAX; len++) {
        uint8_t *data = malloc(len + 1); /* of its own size: no byte beyond is read */
        char *got = malloc(GATEWAY_BASE64_LEN(len) + 1);
        uint8_t want[2 * LEN_MAX];
        fill(data, len);
        int n = EVP_EncodeBlock(want, data, (int)len);
        cr_expect_eq(gateway_base64(data, len, got), (size_t)n, "%zu", len);
        cr_expect_eq(memcmp(got, want, (size_t)n), 0, "%zu", len);
        free(data);
        free(got);
    }
}

Test(base64, pieces_of_triples_join)
{
    uint8_t data[200];
    char whole[GATEWAY_BASE64_LEN(200)];
    fill(data, sizeof(data));
    gateway_base64(data, sizeof(data), whole);
    for (size_t cut = 0; cut < sizeof(data); cut += 3) {
        char parts[GATEWAY_BASE64_LEN(200)];
        size_t n = gateway_base64(data, cut, parts);
        n += gateway_base64(data + cut, sizeof(data) - cut, parts + n);
        cr_expect_eq(n, sizeof(whole));
        cr_expect_eq(memcmp(parts, whole, n), 0, "cut at %zu", cut);
    }
}
