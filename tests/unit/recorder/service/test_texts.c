/* Ids, times and places as text, and errors as they cross the process border. */
#include "recorder_error.h"
#include "recorder_text.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

Test(recorder_texts, T7_times_have_nanoseconds_and_a_zone_or_are_refused)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000000001Z", 1},
        {"2026-01-02T03:04:05.678901234Z", 1767323045678901234},
        {"2026-01-02T04:04:05.678901234+01:00", 1767323045678901234},
        {"2026-01-01t22:34:05.678901234-04:30", 1767323045678901234},
    };
    static const char *const bad[] = {
        "",
        "now",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z",
        "2026-13-02T03:04:05Z",
        "2026-02-31T00:00:00Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05Zx",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05+1:00",
        "2026-01-02T03:04:05.1234567891Z",
    };
    char text[RECORDER_TIME_LEN];
    int64_t ns;
    for (size_t i = 0; i < RF_ARRAY_LEN(good); i++) {
        cr_expect_eq(recorder_text_parse_time(good[i].text, &ns), 0, "%s", good[i].text);
        cr_expect_eq(ns, good[i].ns, "%s: %ld", good[i].text, ns);
    }
    cr_expect_str_eq(recorder_text_time(1767323045678901234, text),
                     "2026-01-02T03:04:05.678901234Z");
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        cr_expect_lt(recorder_text_parse_time(bad[i], &ns), 0, "%s", bad[i]);
    }
}

Test(recorder_texts, T4_a_place_is_a_frame_or_a_time)
{
    recorder_bound b;
    cr_assert_eq(recorder_text_bound("f:48000", &b), 0);
    cr_expect(b.is_frame && b.value == 48000);
    cr_assert_eq(recorder_text_bound("1970-01-01T00:00:01Z", &b), 0);
    cr_expect(!b.is_frame && b.value == 1000000000);
    cr_expect_lt(recorder_text_bound("f:-1", &b), 0);
    cr_expect_lt(recorder_text_bound("f:", &b), 0);
    cr_expect_lt(recorder_text_bound("48000", &b), 0);
}

Test(recorder_texts, ids_are_32_lower_case_digits)
{
    uint8_t id[RECORDER_ID_LEN];
    char text[RECORDER_ID_TEXT];
    const char *good = "00112233445566778899aabbccddeeff";
    cr_assert_eq(recorder_text_parse_id(good, id), 0);
    cr_expect_str_eq(recorder_text_id(id, text), good);
    cr_expect_lt(recorder_text_parse_id("00112233445566778899AABBCCDDEEFF", id), 0);
    cr_expect_lt(recorder_text_parse_id("00112233445566778899aabbccddeef", id), 0);
    cr_expect_lt(recorder_text_parse_id("00112233445566778899aabbccddeeff0", id), 0);
}

Test(recorder_texts, T5_an_error_carries_code_retry_and_the_available_range)
{
    recorder_error error;
    rf_status st;
    recorder_range range = {.code = RECORDER_RANGE_OUTSIDE,
                            .available = {.from_frame = 5, .to_frame = 16000}};
    recorder_fail_range(&error, &range);
    recorder_error_status(&error, &st);
    json_t *json = json_loads(st.message, 0, NULL);
    cr_assert_not_null(json, "%s", st.message);
    cr_expect_str_eq(json_string_value(json_object_get(json, "code")), "RANGE_OUTSIDE");
    const json_t *available = json_object_get(json, "available");
    cr_expect_eq(json_integer_value(json_object_get(available, "from_frame")), 5);
    cr_expect_eq(json_integer_value(json_object_get(available, "to_frame")), 16000);
    cr_expect_str_eq(json_string_value(json_object_get(available, "from")),
                     "1970-01-01T00:00:00.000000000Z");
    cr_expect_eq(st.code, recorder_code_canonical(RECORDER_RANGE_OUTSIDE));
    json_decref(json);
}

static json_t *error_json(const recorder_error *error)
{
    char text[RF_STATUS_MESSAGE_MAX];
    recorder_error_json(error, text, sizeof(text));
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    return json;
}

static const char *field_of(recorder_code code, const char *message)
{
    static char field[64];
    recorder_error error;
    (void)recorder_fail(&error, code, "%s", message);
    json_t *json = error_json(&error);
    const char *text = json_string_value(json_object_get(json, "field"));
    cr_assert_eq(rf_copy_str(field, sizeof(field), text != NULL ? text : ""), 0);
    json_decref(json);
    return field;
}

Test(recorder_texts, section_8_an_error_of_bad_input_names_its_field)
{
    cr_expect_str_eq(field_of(RECORDER_INVALID_ARGUMENT, "rate: 8000 to 192000 Hz, not 1"), "rate");
    cr_expect_str_eq(field_of(RECORDER_INVALID_ARGUMENT, "options.split: 0 to 2"), "options.split");
    cr_expect_str_eq(field_of(RECORDER_UNSUPPORTED_FORMAT, "format: wav or pcm"), "format");
    cr_expect_str_eq(field_of(RECORDER_INVALID_ARGUMENT, "a JSON object: none"), "");
    cr_expect_str_eq(field_of(RECORDER_RANGE_OUTSIDE, "range: not within the audio"), "");
}

Test(recorder_texts, section_8_an_error_is_a_whole_document_whatever_a_caller_has_sent)
{
    recorder_error error;
    char bad[200];
    memset(bad, 1, sizeof(bad) - 1); /* six bytes each in JSON */
    bad[sizeof(bad) - 1] = '\0';
    (void)recorder_fail(&error, RECORDER_INVALID_ARGUMENT, "%s", bad);
    json_decref(error_json(&error));
    (void)recorder_fail(&error, RECORDER_INVALID_ARGUMENT, "type: there is no \xc3\xa9\xc3");
    json_t *json = error_json(&error);
    cr_expect_str_eq(json_string_value(json_object_get(json, "message")), "type: there is no ???");
    json_decref(json);
}
