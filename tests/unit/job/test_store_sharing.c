/*
 * What gateways tell each other of the use of rate limits, through the store.
 */
#include "job_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "rf_time.h"

static fixture f;

static void set_up(void)
{
    rf_time_drive();
    fixture_open(&f);
}

static void tear_down(void)
{
    fixture_close(&f);
}

TestSuite(sharing, .init = set_up, .fini = tear_down);

static void tell(const char *gateway, const char *name, int64_t offered, int64_t admitted,
                 int64_t expected_offered, int64_t expected_admitted)
{
    job_limit_use use = {.name = name, .offered = offered, .admitted = admitted};
    job_op_limits *op = JOB_OP_NEW(JOB_OP_LIMITS, job_op_limits, NULL, NULL);
    op->gateway = gateway;
    op->uses = &use;
    op->n_uses = 1;
    cr_assert_eq(fixture_run(&f, &op->op), 0);
    cr_assert_eq(use.others_offered, expected_offered, "%s %s", gateway, name);
    cr_assert_eq(use.others_admitted, expected_admitted, "%s %s", gateway, name);
    job_op_free(&op->op);
}

Test(sharing, each_gateway_hears_what_all_others_have_made_of_a_bucket)
{
    tell("g1", "a", 5000, 4000, 0, 0);
    tell("g2", "a", 300, 200, 5000, 4000);
    tell("g3", "a", 10, 10, 5300, 4200);
    tell("g1", "a", 6000, 4500, 310, 210);
    tell("g2", "a", 300, 200, 6010, 4510);
    tell("g2", "b", 1, 1, 0, 0);
}

Test(sharing, what_is_older_than_6_s_does_not_count)
{
    tell("g1", "a", 5000, 4000, 0, 0);
    fixture_advance(JOB_LIMIT_FRESH_MS - 1);
    tell("g2", "a", 1, 1, 5000, 4000);
    fixture_advance(1);
    tell("g2", "a", 1, 1, 0, 0);
}
