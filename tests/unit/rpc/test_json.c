/* The JSON mapping: every type both ways, what job.v1.Job must look like, and what is refused. */
#include "rf_rpc_json.h"
#include "rf_rpc_wire.h"

#include <criterion/criterion.h>
#include <echo.rpc.h>
#include <errno.h>
#include <reflection/job/v1/job.rpc.h>
#include <string.h>

#define MAX_TEXT 65536

static rf_rpc_schema *echo_schema(void)
{
    rf_rpc_schema *s = NULL;
    cr_assert_eq(rf_rpc_schema_new(echo_file.set, echo_file.set_len, &s), 0);
    return s;
}

static rf_rpc_schema *job_schema(void)
{
    rf_rpc_schema *s = NULL;
    const rf_rpc_file *f = &reflection_job_v1_job_file;
    cr_assert_eq(rf_rpc_schema_new(f->set, f->set_len, &s), 0);
    return s;
}

/* JSON in -> bytes -> JSON out. */
static char *round_trip(const rf_rpc_schema *s, const char *type, const char *json,
                        const rf_rpc_json_options *options)
{
    rf_buf packed;
    rf_buf text;
    rf_status st;
    rf_buf_init(&packed, MAX_TEXT);
    rf_buf_init(&text, MAX_TEXT);
    int err = rf_rpc_json_decode(s, type, json, strlen(json), NULL, &packed, &st);
    cr_assert_eq(err, 0, "%s: %s", json, st.message);
    err = rf_rpc_json_encode(s, type, packed.data, packed.len, options, &text, &st);
    cr_assert_eq(err, 0, "%s: %s", json, st.message);
    rf_buf_done(&packed);
    return rf_buf_steal(&text);
}

Test(json, values_come_back_in_canonical_form)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"{}", "{}"},
        {" { \"text\" : \"a\" } ", "{\"text\":\"a\"}"},
        {"{\"text\":\"\\u00e9\\ud83d\\ude00\\n\\u0001\\\"\\\\\\/\"}",
         "{\"text\":\"\xc3\xa9\xf0\x9f\x98\x80\\n\\u0001\\\"\\\\/\"}"},
        {"{\"body\":\"AQID\"}", "{\"body\":\"AQID\"}"},
        {"{\"body\":\"-_8\"}", "{\"body\":\"+/8=\"}"},
        {"{\"body\":\"AA==\"}", "{\"body\":\"AA==\"}"},
        {"{\"number\":\"9223372036854775807\"}", "{\"number\":\"9223372036854775807\"}"},
        {"{\"number\":-5}", "{\"number\":\"-5\"}"},
        {"{\"color\":\"COLOR_DEEP_BLUE\"}", "{\"color\":\"COLOR_DEEP_BLUE\"}"},
        {"{\"color\":2}", "{\"color\":\"COLOR_DEEP_BLUE\"}"},
        {"{\"color\":77}", "{\"color\":77}"},
        {"{\"inner\":{\"name\":\"n\",\"small\":-3,\"ratio\":0.1,\"on\":true}}",
         "{\"inner\":{\"name\":\"n\",\"small\":-3,\"ratio\":0.1,\"on\":true}}"},
        {"{\"inner\":{\"ratio\":\"NaN\"}}", "{\"inner\":{\"ratio\":\"NaN\"}}"},
        {"{\"inner\":{\"ratio\":1e300}}", "{\"inner\":{\"ratio\":1e+300}}"},
        {"{\"inner\":{}}", "{\"inner\":{}}"},
        {"{\"inner\":null}", "{}"},
        {"{\"items\":[{\"name\":\"a\"},{},{\"text\":\"\"}]}",
         "{\"items\":[{\"name\":\"a\"},{},{\"text\":\"\"}]}"},
        {"{\"counts\":[1,2,4294967295]}", "{\"counts\":[1,2,4294967295]}"},
        {"{\"counts\":[]}", "{}"},
    };
    rf_rpc_schema *s = echo_schema();
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        char *out = round_trip(s, "rpc.test.Ping", rows[i].in, NULL);
        cr_assert_str_eq(out, rows[i].out, "%s gave %s", rows[i].in, out);
        free(out);
    }
    (void)rf_rpc_schema_free(s);
}

Test(json, bad_input_is_refused_by_path)
{
    static const struct {
        const char *in, *message;
    } rows[] = {
        {"", "expected an object"},
        {"[]", "expected an object"},
        {"{", "expected a name in quotes"},
        {"{}x", "something follows the JSON object"},
        {"{\"text\":\"a\",}", "expected a name in quotes"},
        {"{\"text\" \"a\"}", "text: expected :"},
        {"{\"text\":\"a\" \"b\":1}", "expected , or }"},
        {"{\"nope\":1}", "nope: unknown field"},
        {"{\"text\":1}", "text: expected a string"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "text: given twice"},
        {"{\"text\":\"\\ud800\"}", "text: not valid UTF-8"},
        {"{\"text\":\"\\udc00\"}", "text: not valid UTF-8"},
        {"{\"text\":\"\xff\"}", "text: not valid UTF-8"},
        {"{\"text\":\"\xc0\xaf\"}", "text: not valid UTF-8"},
        {"{\"text\":\"\xed\xa0\x80\"}", "text: not valid UTF-8"},
        {"{\"text\":\"\\u0000\"}", "text: must not contain U+0000"},
        {"{\"text\":\"a\nb\"}", "text: expected a string"},
        {"{\"text\":\"\\x\"}", "text: expected a string"},
        {"{\"text\":\"open", "text: expected a string"},
        {"{\"body\":\"A\"}", "body: not valid base64"},
        {"{\"body\":\"A=AA\"}", "body: not valid base64"},
        {"{\"body\":7}", "body: expected a base64 string"},
        {"{\"number\":1.5}", "number: expected a whole number"},
        {"{\"number\":9223372036854775808}", "number: number out of range"},
        {"{\"number\":\"\"}", "number: expected a number"},
        {"{\"number\":true}", "number: expected a number"},
        {"{\"number\":01}", "number: expected a number"},
        {"{\"color\":\"PINK\"}", "color: unknown name"},
        {"{\"color\":2147483648}", "color: number out of range"},
        {"{\"counts\":[1,-1]}", "counts[1]: number out of range"},
        {"{\"counts\":[1,4294967296]}", "counts[1]: number out of range"},
        {"{\"counts\":1}", "counts: expected a list"},
        {"{\"counts\":[1 2]}", "counts: expected , or ]"},
        {"{\"items\":[{},{\"name\":3}]}", "items[1].name: expected a string"},
        {"{\"inner\":{\"on\":\"true\"}}", "inner.on: expected true or false"},
        {"{\"inner\":{\"small\":2147483648}}", "inner.small: number out of range"},
        {"{\"inner\":{\"text\":\"a\",\"small\":1}}",
         "inner.small: only one of its group may be given"},
        {"{\"inner\":{\"ratio\":\"x\"}}", "inner.ratio: expected a number in range"},
    };
    rf_rpc_schema *s = echo_schema();
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_buf packed;
        rf_status st = {0};
        rf_buf_init(&packed, MAX_TEXT);
        int err = rf_rpc_json_decode(s, "rpc.test.Ping", rows[i].in, strlen(rows[i].in), NULL,
                                     &packed, &st);
        cr_assert_eq(err, -EINVAL, "%s was taken", rows[i].in);
        cr_assert_eq(st.code, RF_INVALID_ARGUMENT);
        cr_assert_str_eq(st.message, rows[i].message, "%s: %s", rows[i].in, st.message);
        cr_assert_eq(packed.len, 0);
        rf_buf_done(&packed);
    }
    (void)rf_rpc_schema_free(s);
}

static const char *const job_options_omit[] = {"job.v1.Job.attempts", "job.v1.Job.progress",
                                               "job.v1.Job.priority", "job.v1.Job.retention", NULL};
static const rf_rpc_json_options job_options = {.emit_unset = true, .omit_unset = job_options_omit};

Test(json, a_job_has_its_thirteen_keys)
{
    rf_rpc_schema *s = job_schema();
    char *out = round_trip(s, "job.v1.Job",
                           "{\"id\":\"i\",\"name\":\"n\",\"metadata\":{\"a\": [1, 2.50]},"
                           "\"status\":\"QUEUED\",\"created_at\":\"2026-01-02T03:04:05.678Z\"}",
                           &job_options);
    cr_assert_str_eq(out, "{\"id\":\"i\",\"app\":\"\",\"name\":\"n\",\"batchName\":null,"
                          "\"metadata\":{\"a\": [1, 2.50]},\"workflow\":\"\","
                          "\"workflowParams\":null,\"status\":\"QUEUED\",\"error\":null,"
                          "\"result\":null,\"createdAt\":\"2026-01-02T03:04:05.678Z\","
                          "\"startedAt\":null,\"completedAt\":null}");
    free(out);
    out = round_trip(s, "job.v1.Job", "{\"batchName\":\"b\",\"attempts\":[]}", &job_options);
    cr_assert_not_null(strstr(out, "\"batchName\":\"b\""));
    cr_assert_not_null(strstr(out, "\"completedAt\":null,\"attempts\":[]}"));
    free(out);
    (void)rf_rpc_schema_free(s);
}

Test(json, special_types_are_checked)
{
    static const char *const bad[] = {
        "{\"createdAt\":\"2026-02-30T00:00:00Z\"}",
        "{\"createdAt\":\"2026-01-01\"}",
        "{\"createdAt\":\"2026-01-01T00:00:00+01:00\"}",
        "{\"createdAt\":5}",
        "{\"metadata\":{\"a\":}}",
        "{\"metadata\":[1,]}",
        "{\"batchName\":7}",
        "{\"createdAt\":\"2026-01-01T00:00:00.Z\"}",
        "{\"createdAt\":\"2026-13-01T00:00:00Z\"}",
    };
    rf_rpc_schema *s = job_schema();
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_buf packed;
        rf_status st;
        rf_buf_init(&packed, MAX_TEXT);
        cr_assert_lt(
            rf_rpc_json_decode(s, "job.v1.Job", bad[i], strlen(bad[i]), NULL, &packed, &st), 0,
            "%s was taken", bad[i]);
        rf_buf_done(&packed);
    }
    (void)rf_rpc_schema_free(s);
}

Test(json, embedded_json_must_be_valid_on_the_way_out)
{
    static const char *const bad[] = {"{", "nul", "1 2", "\"\xff\"", "[1,]", "{\"a\" 1}", "+1"};
    rf_rpc_schema *s = job_schema();
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        rf_buf inner;
        rf_buf packed;
        rf_buf text;
        rf_status st;
        rf_buf_init(&inner, 256);
        rf_buf_init(&packed, 256);
        rf_buf_init(&text, MAX_TEXT);
        rf_rpc_wire_put_bytes(&inner, 1, bad[i], strlen(bad[i]));
        rf_rpc_wire_put_bytes(&packed, 5, inner.data, inner.len);
        cr_assert_lt(rf_rpc_json_encode(s, "job.v1.Job", packed.data, packed.len, NULL, &text, &st),
                     0, "%s", bad[i]);
        cr_assert_str_eq(st.message, "metadata: not valid JSON");
        cr_assert_eq(text.len, 0);
        rf_buf_done(&inner);
        rf_buf_done(&packed);
        rf_buf_done(&text);
    }
    (void)rf_rpc_schema_free(s);
}

Test(json, depth_and_size_are_limited)
{
    rf_rpc_schema *s = job_schema();
    char deep[512] = "{\"metadata\":";
    memset(deep + 12, '[', 100);
    memset(deep + 112, ']', 100);
    memcpy(deep + 212, "}", 2);
    rf_buf packed;
    rf_status st;
    rf_buf_init(&packed, MAX_TEXT);
    cr_assert_lt(rf_rpc_json_decode(s, "job.v1.Job", deep, strlen(deep), NULL, &packed, &st), 0);
    cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED);
    cr_assert_str_eq(st.message, "metadata: nested too deeply");
    rf_rpc_json_options wide = {.max_depth = 200};
    cr_assert_eq(rf_rpc_json_decode(s, "job.v1.Job", deep, strlen(deep), &wide, &packed, &st), 0);
    rf_buf small;
    rf_buf_init(&small, 50);
    cr_assert_lt(rf_rpc_json_encode(s, "job.v1.Job", packed.data, packed.len, &wide, &small, &st),
                 0);
    cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED);
    rf_buf_done(&packed);
    rf_buf_init(&packed, 4);
    const char *text = "{\"id\":\"0123456789\"}";
    cr_assert_lt(rf_rpc_json_decode(s, "job.v1.Job", text, strlen(text), NULL, &packed, &st), 0);
    cr_assert_eq(st.code, RF_RESOURCE_EXHAUSTED);
    rf_buf_done(&packed);
    rf_buf_done(&small);
    (void)rf_rpc_schema_free(s);
}

Test(json, malformed_bytes_are_refused)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x0a", 1},
        {"\x0a\x05"
         "ab",
         4},
        {"\x08\x01", 2}, /* text as a varint */
        {"\x1a\x01"
         "x",
         3},
        {"\x0b\x0c", 2},
        {"\x00\x00", 2},
        {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11},
        {"\x2a\x02\x0a\x05", 4},
        {"\x3a\x01\x80", 3},
    };
    rf_rpc_schema *s = echo_schema();
    for (size_t i = 0; i < RF_ARRAY_LEN(rows); i++) {
        rf_buf text;
        rf_status st;
        rf_buf_init(&text, MAX_TEXT);
        cr_assert_lt(
            rf_rpc_json_encode(s, "rpc.test.Ping", rows[i].bytes, rows[i].len, NULL, &text, &st), 0,
            "row %zu", i);
        rf_buf_done(&text);
    }
    (void)rf_rpc_schema_free(s);
}

Test(json, agrees_with_generated_code)
{
    static const char json[] =
        "{\"text\":\"t\",\"body\":\"AQI=\",\"number\":\"-9\",\"color\":\"COLOR_RED\","
        "\"inner\":{\"name\":\"n\",\"small\":-70000,\"ratio\":2.5,\"on\":true},"
        "\"items\":[{\"text\":\"x\"},{\"small\":5}],\"counts\":[3,200,70000]}";
    rf_rpc_schema *s = echo_schema();
    rf_buf packed;
    rf_status st;
    rf_buf_init(&packed, MAX_TEXT);
    cr_assert_eq(rf_rpc_json_decode(s, "rpc.test.Ping", json, strlen(json), NULL, &packed, &st), 0,
                 "%s", st.message);
    Rpc__Test__Ping *p = rpc__test__ping__unpack(NULL, packed.len, packed.data);
    cr_assert_not_null(p);
    cr_assert_str_eq(p->text, "t");
    cr_assert_eq(p->body.len, 2);
    cr_assert_eq(p->number, -9);
    cr_assert_eq(p->color, RPC__TEST__COLOR__COLOR_RED);
    cr_assert_eq(p->inner->small, -70000);
    cr_assert_eq(p->inner->ratio, 2.5);
    cr_assert(p->inner->on);
    cr_assert_eq(p->n_items, 2);
    cr_assert_str_eq(p->items[0]->text, "x");
    cr_assert_eq(p->items[1]->small, 5);
    cr_assert_eq(p->n_counts, 3);
    cr_assert_eq(p->counts[2], 70000);
    uint8_t again[512];
    size_t n = rpc__test__ping__pack(p, again);
    rf_buf text;
    rf_buf_init(&text, MAX_TEXT);
    cr_assert_eq(rf_rpc_json_encode(s, "rpc.test.Ping", again, n, NULL, &text, &st), 0);
    cr_assert_str_eq(rf_buf_str(&text), json);
    rpc__test__ping__free_unpacked(p, NULL);
    rf_buf_done(&text);
    rf_buf_done(&packed);
    (void)rf_rpc_schema_free(s);
}

Test(json, output_options)
{
    rf_rpc_schema *s = echo_schema();
    rf_rpc_json_options o = {.numbers = true, .emit_unset = true};
    char *out = round_trip(s, "rpc.test.Inner", "{\"name\":\"a\"}", &o);
    cr_assert_str_eq(out, "{\"name\":\"a\",\"ratio\":0,\"on\":false}");
    free(out);
    out = round_trip(s, "rpc.test.Ping", "{\"number\":7}", &(rf_rpc_json_options){.numbers = true});
    cr_assert_str_eq(out, "{\"number\":7}");
    free(out);
    out = round_trip(s, "rpc.test.Ping", "{\"items\":[{\"name\":\"a\"}],\"counts\":[1]}",
                     &(rf_rpc_json_options){.indent = true});
    cr_assert_str_eq(out, "{\n  \"items\": [\n    {\n      \"name\": \"a\"\n    }\n  ],\n"
                          "  \"counts\": [\n    1\n  ]\n}");
    free(out);
    (void)rf_rpc_schema_free(s);
}

Test(json, damaged_schemas_are_refused)
{
    const rf_rpc_file *f = &reflection_job_v1_job_file;
    uint8_t *copy = (uint8_t *)malloc(f->set_len);
    for (size_t cut = 0; cut < f->set_len; cut += 31) {
        rf_rpc_schema *s = NULL;
        if (rf_rpc_schema_new(f->set, cut, &s) == 0) {
            (void)rf_rpc_schema_free(s);
        }
    }
    for (size_t i = 0; i < f->set_len; i += 5) {
        rf_rpc_schema *s = NULL;
        memcpy(copy, f->set, f->set_len);
        copy[i] ^= 0x55;
        if (rf_rpc_schema_new(copy, f->set_len, &s) == 0) {
            (void)rf_rpc_schema_free(s);
        }
    }
    free(copy);
    rf_rpc_schema *s = echo_schema();
    rf_status st;
    rf_buf out;
    rf_buf_init(&out, 10);
    cr_assert_eq(rf_rpc_json_encode(s, "no.Such", "", 0, NULL, &out, &st), -ENOENT);
    cr_assert_eq(rf_rpc_json_decode(s, "no.Such", "{}", 2, NULL, &out, &st), -ENOENT);
    (void)rf_rpc_schema_free(s);
}
