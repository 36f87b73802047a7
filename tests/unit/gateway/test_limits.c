#include "gateway_limits.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define T0 (1000 * RF_NS_PER_S)

/* H8 */
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

/* ---- several gateways ---- */

#define GATEWAYS_MAX 4
#define RATE 200u
#define BURST 400u
#define PERIOD_S 2

/* Gateways with a steady demand each, that share what they have made of one bucket. */
typedef struct side_by_side {
    gateway_limits *t[GATEWAYS_MAX];
    unsigned demand[GATEWAYS_MAX]; /* requests a second */
    gateway_limit_use use[GATEWAYS_MAX];
    size_t n;
    int64_t now_ns;
} side_by_side;

static void open_all(side_by_side *s, const unsigned *demand, size_t n)
{
    *s = (side_by_side){.n = n, .now_ns = T0};
    for (size_t i = 0; i < n; i++) {
        s->t[i] = gateway_limits_new(16);
        s->demand[i] = demand[i];
        gateway_limit_use none;
        gateway_limits_collect(s->t[i], T0, &none, 1);
    }
}

static void close_all(side_by_side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        gateway_limits_free(s->t[i]);
    }
}

static unsigned run_second(side_by_side *s)
{
    unsigned let_in = 0;
    for (int64_t ms = 0; ms < 1000; ms++) {
        for (size_t i = 0; i < s->n; i++) {
            unsigned due = (unsigned)(s->demand[i] * (ms + 1) / 1000 - s->demand[i] * ms / 1000);
            for (; due > 0; due--) {
                let_in += gateway_limits_take(s->t[i], "a", RATE, BURST,
                                              s->now_ns + ms * RF_NS_PER_MS) == 0;
            }
        }
    }
    s->now_ns += RF_NS_PER_S;
    return let_in;
}

static void share_all(side_by_side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (gateway_limits_collect(s->t[i], s->now_ns, &s->use[i], 1) == 0) {
            s->use[i] = (gateway_limit_use){.name = ""};
        }
    }
    for (size_t i = 0; i < s->n; i++) {
        double offered = 0;
        double admitted = 0;
        for (size_t k = 0; k < s->n; k++) {
            offered += k != i ? s->use[k].offered : 0;
            admitted += k != i ? s->use[k].admitted : 0;
        }
        if (s->use[i].name[0] != '\0') {
            gateway_limits_share(s->t[i], &s->use[i], offered, admitted, s->now_ns);
        }
    }
}

/* Requests let in during so many seconds. */
static unsigned run(side_by_side *s, int seconds)
{
    unsigned let_in = 0;
    for (int i = 0; i < seconds; i++) {
        let_in += run_second(s);
        if ((i + 1) % PERIOD_S == 0) {
            share_all(s);
        }
    }
    return let_in;
}

Test(shared_limits, gateways_keep_to_one_rate_together_after_two_periods)
{
    static const struct {
        unsigned demand[GATEWAYS_MAX];
        size_t n;
    } cases[] = {
        {{500}, 1},      {{500, 500}, 2}, {{500, 500, 500, 500}, 4},
        {{1000, 50}, 2}, {{150, 150}, 2}, {{1000, 100, 60, 40}, 4},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        side_by_side s;
        open_all(&s, cases[i].demand, cases[i].n);
        unsigned first = run(&s, 2 * PERIOD_S);
        unsigned most = (unsigned)cases[i].n * (BURST + 2 * PERIOD_S * RATE);
        cr_expect_leq(first, most, "case %d: %u", (int)i, first);
        unsigned then = run(&s, 20);
        cr_expect_leq(then, 20 * RATE * 11 / 10, "case %d: %u", (int)i, then);
        cr_expect_geq(then, 20 * RATE * 9 / 10, "case %d: %u", (int)i, then);
        close_all(&s);
    }
}

Test(shared_limits, what_the_others_leave_is_there_for_a_gateway_that_needs_it)
{
    static const unsigned demand[] = {20, 150};
    side_by_side s;
    open_all(&s, demand, 2);
    run(&s, 10);
    cr_expect_geq(run(&s, 10), 1690, "below the rate nobody is refused");
    close_all(&s);
}

Test(shared_limits, a_share_ends_when_nothing_is_heard_any_more)
{
    static const unsigned demand[] = {500, 500};
    side_by_side s;
    open_all(&s, demand, 2);
    run(&s, 10);
    s.n = 1; /* the other one is gone, and with it the job service */
    for (int i = 0; i < GATEWAY_LIMITS_SHARE_S; i++) {
        run_second(&s);
    }
    unsigned let_in = run_second(&s);
    cr_expect(let_in >= RATE * 9 / 10 && let_in <= RATE + BURST, "%u", let_in);
    s.n = 2;
    close_all(&s);
}

Test(shared_limits, a_bucket_that_is_hardly_used_is_not_told_of)
{
    gateway_limit_use use[2];
    gateway_limits *t = gateway_limits_new(16);
    gateway_limits_collect(t, T0, use, 2);
    gateway_limits_take(t, "little", 200, 400, T0);
    for (int i = 0; i < 100; i++) {
        gateway_limits_take(t, "much", 200, 400, T0);
    }
    cr_assert_eq(gateway_limits_collect(t, T0 + PERIOD_S * RF_NS_PER_S, use, 2), 1);
    cr_assert_str_eq(use[0].name, "much");
    cr_assert_float_eq(use[0].offered, 50, 1e-9);
    cr_assert_float_eq(use[0].admitted, 50, 1e-9);
    gateway_limits_free(t);
}
