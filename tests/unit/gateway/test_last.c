#include "gateway_last.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define T0 (1000 * RF_NS_PER_S)

/* Q5 */
Test(last, answers_for_a_minute_and_to_its_owner_only)
{
    static const char text[] = "{\"id\":\"j\",\"status\":\"QUEUED\"}";
    char out[GATEWAY_LAST_TEXT_MAX];
    gateway_last *t = gateway_last_new();
    cr_expect_eq(gateway_last_get(t, "a", "j", T0, out), -ENOENT);
    gateway_last_put(t, "a", "j", text, sizeof(text) - 1, T0);
    cr_expect_eq(gateway_last_get(t, "a", "j", T0 + 60 * RF_NS_PER_S, out), (int)sizeof(text) - 1);
    cr_expect_eq(memcmp(out, text, sizeof(text) - 1), 0);
    cr_expect_eq(gateway_last_get(t, "a", "j", T0 + 61 * RF_NS_PER_S, out), -ENOENT);
    cr_expect_eq(gateway_last_get(t, "b", "j", T0, out), -ENOENT);
    gateway_last_drop(t, "b", "j");
    cr_expect_gt(gateway_last_get(t, "a", "j", T0, out), 0);
    gateway_last_drop(t, "a", "j");
    cr_expect_eq(gateway_last_get(t, "a", "j", T0, out), -ENOENT);
    gateway_last_free(t);
}
