#include "gateway_json.h"
#include "gateway_new_job.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool valid(const char *text)
{
    char why[256];
    json_t *root = gateway_json_parse(text, strlen(text), why);
    json_decref(root);
    return root != NULL;
}

static char *nested(size_t depth)
{
    char *text = calloc(1, 2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

/* G6 */
Test(json, what_is_accepted)
{
    cr_expect(valid("{\"a\":1,\"b\":[true,null,\"x\"]}"));
    cr_expect(valid(" {} "));
    cr_expect(valid("{\"n\":123456789012345678901234567890}"));
    cr_expect(valid("{\"s\":\"[[[[{{{{\\\"\"}"));
    cr_expect(!valid(""));
    cr_expect(!valid("{"));
    cr_expect(!valid("{\"a\":1}x"));
    cr_expect(!valid("{\"a\":1,}"));
    cr_expect(!valid("{'a':1}"));
    cr_expect(!valid("{\"a\":NaN}"));
    cr_expect(!valid("{\"a\":\"\\u0000\"}"));
    cr_expect(!valid("{\"a\":\"\xff\"}"));
    cr_expect(!valid("{\"a\":1,\"a\":2}"), "duplicate key");
    cr_expect(!valid("{\"a\":{\"b\":1,\"\\u0062\":2}}"), "duplicate key inside, with an escape");
}

/* G6 */
Test(json, depth)
{
    char *at = nested(GATEWAY_JSON_DEPTH);
    char *above = nested(GATEWAY_JSON_DEPTH + 1);
    cr_expect(valid(at));
    cr_expect(!valid(above));
    free(at);
    free(above);
}

static void raw(const char *text, const char *key, const char *expected)
{
    char *value = gateway_json_raw(text, strlen(text), key);
    if (expected == NULL) {
        cr_expect_null(value, "%s in %s", key, text);
    } else {
        cr_expect_str_eq(value, expected, "%s in %s", key, text);
    }
    free(value);
}

Test(json, raw_values_keep_their_spelling)
{
    raw("{\"a\":1.10,\"b\":{\"c\" : [1, 2]},\"d\":\"x,}\"}", "a", "1.10");
    raw("{\"a\":1.10,\"b\":{\"c\" : [1, 2]},\"d\":\"x,}\"}", "b", "{\"c\" : [1, 2]}");
    raw("{\"a\":1.10,\"b\":{\"c\" : [1, 2]},\"d\":\"x,}\"}", "d", "\"x,}\"");
    raw("{ \"a\" : 1e3 , \"b\" : true }", "a", "1e3");
    raw("{ \"a\" : 1e3 , \"b\" : true }", "b", "true");
    raw("{\"x\":{\"a\":1},\"a\":2}", "a", "2");
    raw("{\"x\":\"\\\"a\\\":3\",\"a\":[]}", "a", "[]");
    raw("{\"a\":{}}", "b", NULL);
    raw("{}", "a", NULL);
    raw("\n{\"a\"\n:\t12345678901234567890 }", "a", "12345678901234567890");
}

/* X1 */
Test(json, canonical_hash_is_blind_to_order_and_space)
{
    char why[256];
    uint8_t hash[3][RF_SHA256_LEN];
    static const char *const texts[] = {"{\"a\":1,\"b\":[2,3]}", "{ \"b\" : [2, 3], \"a\" : 1 }",
                                        "{\"a\":1,\"b\":[3,2]}"};
    for (size_t i = 0; i < 3; i++) {
        json_t *root = gateway_json_parse(texts[i], strlen(texts[i]), why);
        gateway_json_sha256(root, hash[i]);
        json_decref(root);
    }
    cr_expect_eq(memcmp(hash[0], hash[1], RF_SHA256_LEN), 0);
    cr_expect_neq(memcmp(hash[0], hash[2], RF_SHA256_LEN), 0);
}

/* ---- POST /job ---- */

static int status_of(const char *body)
{
    gateway_new_job_form form;
    gateway_error error;
    int err = gateway_new_job_read(&form, body, strlen(body), &error);
    gateway_new_job_done(&form);
    return err == 0 ? 200 : gateway_error_info(error)->status;
}

/* Q10, H1, G6 */
Test(new_job, form)
{
    static const struct {
        const char *body;
        int status;
    } cases[] = {
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{}}", 200},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"unknown\":1}", 200},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"metadata\":{\"a\":1}}", 200},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"metadata\":null}", 200},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"copyResultsTo\":{\"o\":\"u\"}}", 200},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"copyResultsTo\":null}", 200},
        {"{\"name\":{\"name\":\"n\",\"workflow\":\"w\",\"params\":{}}}", 200},
        {"[]", 400},
        {"\"x\"", 400},
        {"{}", 400},
        {"{\"workflow\":\"w\",\"params\":{}}", 400},
        {"{\"name\":1,\"workflow\":\"w\",\"params\":{}}", 400},
        {"{\"name\":\"\",\"workflow\":\"w\",\"params\":{}}", 400},
        {"{\"name\":\"n\",\"params\":{}}", 400},
        {"{\"name\":\"n\",\"workflow\":7,\"params\":{}}", 400},
        {"{\"name\":\"n\",\"workflow\":\"w\"}", 400},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":[]}", 400},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":\"{}\"}", 400},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"metadata\":[]}", 400},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"copyResultsTo\":[]}", 400},
        {"{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"copyResultsTo\":{\"o\":1}}", 400},
        {"{\"name\":{\"name\":\"n\",\"workflow\":\"w\",\"params\":{}},\"workflow\":\"w\"}", 400},
        {"{\"name\":{\"name\":\"n\",\"workflow\":\"w\"}}", 400},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(cases); i++) {
        cr_expect_eq(status_of(cases[i].body), cases[i].status, "%s: %d", cases[i].body,
                     status_of(cases[i].body));
    }
}

Test(new_job, params_pass_through_unchanged)
{
    static const char body[] =
        "{\"name\":\"n\",\"workflow\":\"w\",\"params\": {\"x\" : 0.10, \"n\": "
        "123456789012345678901} }";
    gateway_new_job_form form;
    gateway_error error;
    cr_assert_eq(gateway_new_job_read(&form, body, sizeof(body) - 1, &error), 0);
    cr_expect_str_eq(form.job.params, "{\"x\" : 0.10, \"n\": 123456789012345678901}");
    cr_expect_str_eq(form.job.metadata, "");
    gateway_new_job_done(&form);
}

Test(new_job, Q9_name_may_be_the_whole_job)
{
    static const char body[] = "{\"name\":{\"name\":\"n\",\"workflow\":\"w\",\"params\":{\"a\":1},"
                               "\"metadata\":{\"m\":2}}}";
    gateway_new_job_form form;
    gateway_error error;
    cr_assert_eq(gateway_new_job_read(&form, body, sizeof(body) - 1, &error), 0);
    cr_expect_str_eq(form.job.name, "n");
    cr_expect_str_eq(form.job.workflow, "w");
    cr_expect_str_eq(form.job.params, "{\"a\":1}");
    cr_expect_str_eq(form.job.metadata, "{\"m\":2}");
    gateway_new_job_done(&form);
}

static int status_with(const char *before, char fill, size_t n, const char *after)
{
    char *body = malloc(strlen(before) + n + strlen(after) + 1);
    strcpy(body, before);
    memset(body + strlen(before), fill, n);
    strcpy(body + strlen(before) + n, after);
    int status = status_of(body);
    free(body);
    return status;
}

Test(new_job, limits)
{
    static const char rest[] = "\",\"workflow\":\"w\",\"params\":{}}";
    cr_expect_eq(status_with("{\"name\":\"", 'x', 256, rest), 200);
    cr_expect_eq(status_with("{\"name\":\"", 'x', 257, rest), 400);
    static const char params[] = "{\"name\":\"n\",\"workflow\":\"w\",\"params\":{\"a\":\"";
    cr_expect_eq(status_with(params, 'x', 65536 - 8, "\"}}"), 200);
    cr_expect_eq(status_with(params, 'x', 65536 - 7, "\"}}"), 413);
    static const char meta[] =
        "{\"name\":\"n\",\"workflow\":\"w\",\"params\":{},\"metadata\":{\"a\":\"";
    cr_expect_eq(status_with(meta, 'x', 16384 - 8, "\"}}"), 200);
    cr_expect_eq(status_with(meta, 'x', 16384 - 7, "\"}}"), 413);
}
