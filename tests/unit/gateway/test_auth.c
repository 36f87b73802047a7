#include "gateway_auth.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define T0 (1000 * RF_NS_PER_S)

static void hash_of(const char *value, uint8_t ret[RF_SHA256_LEN])
{
    cr_assert_eq(gateway_auth_hash(value, strlen(value), ret), 0, "%s", value);
}

/* G2 */
Test(auth, raw_key_and_bearer_are_the_same)
{
    static const char *const forms[] = {"Bearer key-1", "bearer key-1", "BEARER key-1",
                                        "Bearer  key-1"};
    uint8_t raw[RF_SHA256_LEN];
    uint8_t other[RF_SHA256_LEN];
    hash_of("key-1", raw);
    for (size_t i = 0; i < RF_ARRAY_LEN(forms); i++) {
        hash_of(forms[i], other);
        cr_expect_eq(memcmp(raw, other, sizeof(raw)), 0, "%s", forms[i]);
    }
    hash_of("bearer", other); /* no scheme, but a key of that name */
    cr_expect_neq(memcmp(raw, other, sizeof(raw)), 0);
}

Test(auth, no_key)
{
    uint8_t hash[RF_SHA256_LEN];
    cr_expect_eq(gateway_auth_hash("", 0, hash), -EACCES);
    cr_expect_eq(gateway_auth_hash("Bearer ", 7, hash), -EACCES);
    cr_expect_eq(gateway_auth_hash("Bearer    ", 10, hash), -EACCES);
}

/* S9 */
Test(auth, known_keys_are_believed_at_most_30_seconds)
{
    gateway_auth *a = gateway_auth_new(4);
    gateway_caller caller = {.application_id = "app", .requests_per_second = 5};
    gateway_caller got = {.application_id = ""};
    uint8_t hash[RF_SHA256_LEN] = {1};
    cr_expect_eq(gateway_auth_find(a, hash, T0, &got), GATEWAY_AUTH_ASK);
    gateway_auth_know(a, hash, &caller, 3600, T0);
    cr_expect_eq(gateway_auth_find(a, hash, T0 + 29 * RF_NS_PER_S, &got), GATEWAY_AUTH_KNOWN);
    cr_expect_str_eq(got.application_id, "app");
    cr_expect_eq(got.requests_per_second, 5u);
    cr_expect_eq(gateway_auth_find(a, hash, T0 + 30 * RF_NS_PER_S, &got), GATEWAY_AUTH_ASK);
    gateway_auth_know(a, hash, &caller, 2, T0);
    cr_expect_eq(gateway_auth_find(a, hash, T0 + 2 * RF_NS_PER_S, &got), GATEWAY_AUTH_ASK);
    gateway_auth_free(a);
}

Test(auth, S9_in_an_outage_a_known_key_works_on_but_less_than_a_minute)
{
    gateway_auth *a = gateway_auth_new(4);
    gateway_caller caller = {.application_id = "app"};
    gateway_caller got = {.application_id = ""};
    uint8_t hash[RF_SHA256_LEN] = {1};
    cr_expect_not(gateway_auth_last(a, hash, T0, &got));
    gateway_auth_know(a, hash, &caller, 30, T0);
    int64_t later = T0 + 54 * RF_NS_PER_S;
    cr_expect_eq(gateway_auth_find(a, hash, later, &got), GATEWAY_AUTH_ASK);
    cr_expect(gateway_auth_last(a, hash, later, &got));
    cr_expect_str_eq(got.application_id, "app");
    cr_expect_not(gateway_auth_last(a, hash, later + RF_NS_PER_S, &got));
    gateway_auth_know(a, hash, &caller, 2, T0);
    cr_expect_not(gateway_auth_last(a, hash, T0 + 2 * RF_NS_PER_S, &got), "a key that ends soon");
    gateway_auth_know(a, hash, &caller, 30, T0);
    gateway_auth_deny(a, hash, T0);
    cr_expect_not(gateway_auth_last(a, hash, T0, &got), "a key that was revoked");
    cr_expect_eq(gateway_auth_find(a, hash, T0, &got), GATEWAY_AUTH_UNKNOWN);
    gateway_auth_free(a);
}

Test(auth, unknown_keys_push_no_known_one_out)
{
    gateway_auth *a = gateway_auth_new(4);
    gateway_caller caller = {.application_id = "app"};
    gateway_caller got;
    uint8_t known[RF_SHA256_LEN] = {0xff};
    gateway_auth_know(a, known, &caller, 30, T0);
    for (uint8_t i = 0; i < 100; i++) {
        uint8_t hash[RF_SHA256_LEN] = {i};
        gateway_auth_deny(a, hash, T0);
        cr_expect_eq(gateway_auth_find(a, hash, T0, &got), GATEWAY_AUTH_UNKNOWN);
    }
    uint8_t first[RF_SHA256_LEN] = {0};
    uint8_t last[RF_SHA256_LEN] = {99};
    cr_expect_eq(gateway_auth_find(a, first, T0, &got), GATEWAY_AUTH_ASK);
    cr_expect_eq(gateway_auth_find(a, last, T0 + 2 * RF_NS_PER_S, &got), GATEWAY_AUTH_ASK);
    cr_expect_eq(gateway_auth_find(a, known, T0, &got), GATEWAY_AUTH_KNOWN);
    gateway_auth_free(a);
}
