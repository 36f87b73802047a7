#include "rf_scope.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(scopes, a_list_holds_whole_names_only)
{
    static const struct {
        const char *scopes, *scope;
        bool has;
    } rows[] = {
        {"jam.record", "jam.record", true},
        {"jam.record recorder.device", "recorder.device", true},
        {"jam.record recorder.device", "jam.record", true},
        {"jam.record", "recorder.device", false},
        {"jam.recordings", "jam.record", false},
        {"jam", "jam.record", false},
        {"none", "jam.record", false},
        {"x jam.record", "jam.record", true},
        {" ", "jam.record", false},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        cr_expect_eq(rf_scope_has(rows[i].scopes, rows[i].scope), rows[i].has, "row %zu", i);
    }
}

Test(scopes, a_caller_that_came_past_no_gateway_has_all)
{
    rf_status st = RF_STATUS_OK;
    cr_expect(rf_scope_has("", RF_SCOPE_JAM_RECORD));
    cr_expect(rf_scope_has("", RF_SCOPE_RECORDER_DEVICE));
    cr_expect_eq(rf_scope_require("", RF_SCOPE_RECORDER_DEVICE, &st), 0);
    cr_expect_eq(st.code, RF_OK);
}

Test(scopes, a_refusal_names_the_scope)
{
    rf_status st;
    cr_assert_eq(rf_scope_require(RF_SCOPES_NONE, RF_SCOPE_RECORDER_DEVICE, &st), -EACCES);
    cr_expect_eq(st.code, RF_PERMISSION_DENIED);
    cr_expect(!st.retriable);
    cr_expect_str_eq(st.message, "The API key lacks the scope recorder.device.");
}

Test(scopes, are_made_of_names_in_one_order)
{
    static const struct {
        const char *names[3];
        size_t n;
        const char *scopes; /* NULL: refused */
    } rows[] = {
        {{NULL}, 0, "jam.record"},
        {{"none"}, 1, "none"},
        {{"jam.record"}, 1, "jam.record"},
        {{"recorder.device"}, 1, "recorder.device"},
        {{"recorder.device", "jam.record"}, 2, "jam.record recorder.device"},
        {{"recorder.device", "jam.record", "jam.record"}, 3, "jam.record recorder.device"},
        {{"none", "jam.record"}, 2, NULL},
        {{"jam.record", "none"}, 2, NULL},
        {{"JAM.RECORD"}, 1, NULL},
        {{""}, 1, NULL},
        {{"jam.record recorder.device"}, 1, NULL},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char out[RF_SCOPES_MAX];
        int err = rf_scopes_make(rows[i].names, rows[i].n, out);
        cr_assert_eq(err, rows[i].scopes != NULL ? 0 : -EINVAL, "row %zu: %d", i, err);
        if (err == 0) {
            cr_expect_str_eq(out, rows[i].scopes, "row %zu", i);
        }
    }
}
