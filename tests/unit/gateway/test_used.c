#include "gateway_used.h"

#include <criterion/criterion.h>

Test(used, a_name_is_used_once_while_it_is_valid)
{
    gateway_used *u = gateway_used_new(10);
    cr_expect(gateway_used_take(u, "a", 100, 50));
    cr_expect_not(gateway_used_take(u, "a", 100, 50));
    cr_expect(gateway_used_take(u, "b", 100, 50));
    cr_expect_not(gateway_used_take(u, "a", 100, 100), "its last second");
    cr_expect(gateway_used_take(u, "a", 200, 101), "forgotten, since it is of no use any more");
    gateway_used_free(u);
}

Test(used, a_full_table_takes_no_more_until_names_expire)
{
    gateway_used *u = gateway_used_new(2);
    cr_expect(gateway_used_take(u, "a", 100, 50));
    cr_expect(gateway_used_take(u, "b", 110, 50));
    cr_expect_not(gateway_used_take(u, "c", 110, 50));
    cr_expect(gateway_used_take(u, "c", 110, 101));
    gateway_used_free(u);
}
