#include "rf_base.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(utf8, well_formed_and_not)
{
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain text that is longer than a machine word", true},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e", true},
        {"\xf4\x8f\xbf\xbf", true},  /* U+10FFFF */
        {"\xf4\x90\x80\x80", false}, /* U+110000 */
        {"\xed\x9f\xbf", true},      /* U+D7FF */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xc0\xaf", false},         /* overlong */
        {"\xe0\x80\xaf", false},     /* overlong */
        {"\xf0\x80\x80\xaf", false}, /* overlong */
        {"\x80", false},             /* lone continuation */
        {"\xe2\x82", false},         /* cut */
        {"12345678\xff", false},
        {"1234567\xc3\xa9", true}, /* across the word border */
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        cr_expect_eq(rf_utf8_valid(cases[i].bytes, strlen(cases[i].bytes)), cases[i].valid,
                     "case %zu", i);
    }
}

Test(numbers, whole_strings_only)
{
    int64_t i = 7;
    double d = 7;
    cr_expect_eq(rf_parse_i64("-12", &i), 0);
    cr_expect_eq(i, -12);
    cr_expect_eq(rf_parse_i64("9223372036854775808", &i), -ERANGE);
    static const char *const bad[] = {"", " 1", "1 ", "1x", "x", "--1"};
    for (size_t k = 0; k < RF_ARRAY_LEN(bad); k++) {
        cr_expect_eq(rf_parse_i64(bad[k], &i), -EINVAL, "%s", bad[k]);
        cr_expect_eq(rf_parse_f64(bad[k], &d), -EINVAL, "%s", bad[k]);
    }
    cr_expect_eq(i, -12);
    cr_expect_eq(rf_parse_f64("-14.5", &d), 0);
    cr_expect_eq(d, -14.5);
    cr_expect_eq(rf_parse_f64("nan", &d), -EINVAL);
    cr_expect_eq(rf_parse_f64("inf", &d), -ERANGE);
    cr_expect_eq(rf_parse_f64("1e999", &d), -ERANGE);
    cr_expect_eq(d, -14.5);
}

Test(text, copy_is_always_terminated)
{
    char out[4];
    cr_expect_eq(rf_copy_str(out, sizeof(out), "abc"), 0);
    cr_expect_str_eq(out, "abc");
    cr_expect_eq(rf_copy_str(out, sizeof(out), "abcd"), -ENOSPC);
    cr_expect_str_eq(out, "abc");
}

Test(text, steal_leaves_null)
{
    char *a = rf_strdup("x");
    char *b = RF_STEAL(a);
    cr_expect_null(a);
    cr_expect_str_eq(b, "x");
    free(b);
    cr_expect_null(rf_strdup(NULL));
}
