#include "rf_buf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(buf, grows_and_terminates)
{
    rf_buf b;
    rf_buf_init(&b, 1000);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(rf_buf_printf(&b, "%02d,", i), 0);
    }
    cr_assert_eq(b.len, 300);
    cr_assert_eq(strncmp(rf_buf_str(&b), "00,01,02,", 9), 0);
    cr_assert_eq(strlen(rf_buf_str(&b)), 300);
    rf_buf_done(&b);
}

Test(buf, maximum_is_exact_and_contents_survive)
{
    rf_buf b;
    rf_buf_init(&b, 8);
    cr_assert_eq(rf_buf_append(&b, "12345678", 8), 0);
    cr_assert_eq(rf_buf_append_char(&b, '9'), -ENOSPC);
    cr_assert_eq(rf_buf_error(&b), -ENOSPC);
    cr_assert_str_eq(rf_buf_str(&b), "12345678");
    rf_buf_clear(&b);
    cr_assert_eq(rf_buf_error(&b), 0);
    cr_assert_eq(rf_buf_printf(&b, "%s", "123456789"), -ENOSPC);
    cr_assert_eq(b.len, 0);
    rf_buf_done(&b);
}

Test(buf, huge_lengths_do_not_wrap)
{
    rf_buf b;
    rf_buf_init(&b, 100);
    rf_buf_append_str(&b, "abc");
    cr_assert_eq(rf_buf_append(&b, "x", SIZE_MAX), -ENOSPC);
    cr_assert_null(rf_buf_reserve(&b, SIZE_MAX - 2));
    cr_assert_eq(b.len, 3);
    rf_buf_done(&b);
}

Test(buf, consume_drops_the_front)
{
    rf_buf b;
    rf_buf_init(&b, 100);
    rf_buf_append_str(&b, "hello world");
    rf_buf_consume(&b, 6);
    cr_assert_str_eq(rf_buf_str(&b), "world");
    rf_buf_consume(&b, 5);
    cr_assert_str_eq(rf_buf_str(&b), "");
    rf_buf_done(&b);
}

Test(buf, steal_leaves_an_empty_buffer)
{
    rf_buf b;
    rf_buf_init(&b, 100);
    rf_buf_append_str(&b, "mine");
    char *text = rf_buf_steal(&b);
    cr_assert_str_eq(text, "mine");
    cr_assert_eq(b.len, 0);
    cr_assert_eq(rf_buf_append_str(&b, "again"), 0);
    free(text);
    rf_buf_done(&b);
    text = rf_buf_steal(&b);
    cr_assert_str_eq(text, "");
    free(text);
}
