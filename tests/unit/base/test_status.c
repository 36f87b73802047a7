#include "rf_status.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(status, names_and_numbers_are_grpc_s)
{
    static const struct {
        int number;
        const char *name;
    } cases[] = {{0, "OK"},
                 {1, "CANCELLED"},
                 {4, "DEADLINE_EXCEEDED"},
                 {5, "NOT_FOUND"},
                 {12, "UNIMPLEMENTED"},
                 {14, "UNAVAILABLE"},
                 {16, "UNAUTHENTICATED"}};
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        rf_code code;
        cr_expect_str_eq(rf_code_name((rf_code)cases[i].number), cases[i].name);
        cr_expect_eq(rf_code_parse(cases[i].name, &code), 0);
        cr_expect_eq((int)code, cases[i].number);
    }
    cr_expect_str_eq(rf_code_name((rf_code)99), "UNKNOWN");
}

Test(status, errno_and_back)
{
    for (int c = 1; c < RF_N_CODES; c++) {
        rf_status st;
        int err = rf_code_errno((rf_code)c);
        cr_expect_lt(err, 0);
        cr_expect_eq(rf_status_from_errno(&st, err, "doing"), err);
        cr_expect_eq((int)st.code, c, "%s", rf_code_name((rf_code)c));
    }
}

Test(status, only_unavailable_is_retriable)
{
    for (int c = 1; c < RF_N_CODES; c++) {
        rf_status st;
        rf_status_set(&st, (rf_code)c, "x");
        cr_expect_eq(st.retriable, c == RF_UNAVAILABLE);
    }
}

Test(status, long_messages_are_cut_at_a_character)
{
    char text[2000];
    rf_status st;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text + RF_STATUS_MESSAGE_MAX - 2, "\xc3\xa9", 2); /* straddles the end */
    rf_status_set(&st, RF_INTERNAL, "%s", text);
    cr_assert(rf_utf8_valid(st.message, strlen(st.message)));
    cr_assert_eq(strlen(st.message), RF_STATUS_MESSAGE_MAX - 2);
}
