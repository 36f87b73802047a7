#include "gateway_limits.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define T0 (1000 * RF_NS_PER_S)

Test(limits, burst_then_rate)
{
    gateway_limits *t = gateway_limits_new(16);
    for (int i = 0; i < 400; i++) {
        cr_assert_eq(gateway_limits_take(t, "a", 200, 400, T0), 0u, "request %d", i);
    }
    cr_expect_eq(gateway_limits_take(t, "a", 200, 400, T0), 1u);
    /* 5 ms give one more request, and only one */
    cr_expect_eq(gateway_limits_take(t, "a", 200, 400, T0 + 5 * RF_NS_PER_MS), 0u);
    cr_expect_eq(gateway_limits_take(t, "a", 200, 400, T0 + 5 * RF_NS_PER_MS), 1u);
    gateway_limits_free(t);
}

Test(limits, rate_over_time)
{
    gateway_limits *t = gateway_limits_new(16);
    int let_in = 0;
    for (int ms = 0; ms < 10000; ms++) {
        let_in += gateway_limits_take(t, "a", 200, 400, T0 + ms * RF_NS_PER_MS) == 0;
    }
    cr_expect(let_in >= 2395 && let_in <= 2400, "%d", let_in);
    gateway_limits_free(t);
}

Test(limits, buckets_are_apart)
{
    gateway_limits *t = gateway_limits_new(16);
    cr_expect_eq(gateway_limits_take(t, "a", 1, 1, T0), 0u);
    cr_expect_eq(gateway_limits_take(t, "a", 1, 1, T0), 1u);
    cr_expect_eq(gateway_limits_take(t, "b", 1, 1, T0), 0u);
    gateway_limits_free(t);
}

Test(limits, wait_is_in_whole_seconds)
{
    gateway_limits *t = gateway_limits_new(16);
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(gateway_limits_take(t, "a", 1, 10, T0), 0u);
    }
    cr_expect_eq(gateway_limits_take(t, "a", 1, 10, T0 + RF_NS_PER_S / 2), 1u);
    cr_expect_eq(gateway_limits_take(t, "a", 1, 10, T0 + RF_NS_PER_S), 0u);
    gateway_limits_free(t);
}

Test(limits, table_is_bounded)
{
    gateway_limits *t = gateway_limits_new(100);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        cr_expect_eq(gateway_limits_take(t, name, 1, 1, T0), 0u);
        cr_expect_leq(gateway_limits_len(t), 100);
    }
    gateway_limits_free(t);
}
