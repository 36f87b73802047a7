#include "gateway_sockets.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(sockets, each_name_has_its_own_number)
{
    gateway_sockets *t = gateway_sockets_new();
    cr_expect(gateway_sockets_take(t, "a", 2));
    cr_expect(gateway_sockets_take(t, "a", 2));
    cr_expect_not(gateway_sockets_take(t, "a", 2));
    cr_expect(gateway_sockets_take(t, "b", 1));
    cr_expect_not(gateway_sockets_take(t, "b", 1));
    gateway_sockets_give(t, "a");
    cr_expect(gateway_sockets_take(t, "a", 2));
    gateway_sockets_free(t);
}

Test(sockets, names_without_sockets_are_forgotten)
{
    gateway_sockets *t = gateway_sockets_new();
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        cr_expect(gateway_sockets_take(t, name, 1));
    }
    cr_expect_eq(gateway_sockets_names(t), 1000u);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        gateway_sockets_give(t, name);
    }
    cr_expect_eq(gateway_sockets_names(t), 0u);
    cr_expect_not(gateway_sockets_take(t, "none", 0));
    cr_expect_eq(gateway_sockets_names(t), 0u);
    gateway_sockets_free(t);
}

Test(sockets, giving_back_what_was_not_taken_changes_nothing)
{
    gateway_sockets *t = gateway_sockets_new();
    gateway_sockets_give(t, "a");
    cr_expect(gateway_sockets_take(t, "a", 1));
    gateway_sockets_free(t);
}
