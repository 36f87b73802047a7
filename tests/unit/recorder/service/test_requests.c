/* The JSON body of a start: every field, its range, and the error that names it. */
#include "recorder_request.h"

#include <criterion/criterion.h>
#include <string.h>

static recorder_code read_body(const char *body, recorder_start *ret, recorder_error *error)
{
    recorder_request_default(ret);
    return recorder_request_read(body, "recordings", ret, error);
}

Test(recorder_requests, section_1_an_empty_body_has_the_defaults_of_AudioConfig)
{
    recorder_start s;
    recorder_error error;
    cr_assert_eq(read_body("", &s, &error), RECORDER_OK, "%s", error.message);
    cr_expect_eq(s.source, RECORDER_SOURCE_NETWORK);
    cr_expect_eq(s.sample_format, RECORDER_SAMPLE_INT16);
    cr_expect_eq(s.channels, 1);
    cr_expect_eq(s.rate_hz, 16000);
    cr_expect_eq(s.chunk, 1024);
    cr_expect_eq(s.store_format, RECORDER_STORE_WAV);
    cr_expect_str_eq(s.folder, "recordings");
    cr_expect_eq(s.options.attach_window_s, 60);
}

Test(recorder_requests, K1_prefixes_are_split_and_every_field_is_read)
{
    recorder_start s;
    recorder_error error;
    const char *body =
        "{\"source\":\"device\",\"source_name\":\"pulse\",\"prefixes\":[\"a/b\",\"c\"],"
        "\"sample_format\":\"float32\",\"channels\":2,\"rate\":48000,\"chunk\":64,"
        "\"store_format\":\"opus\",\"options\":{\"split\":\"silence\",\"peaks\":false,"
        "\"max_length_s\":5}}";
    cr_assert_eq(read_body(body, &s, &error), RECORDER_OK, "%s", error.message);
    cr_expect_eq(s.source, RECORDER_SOURCE_DEVICE);
    cr_expect_str_eq(s.source_name, "pulse");
    cr_expect_str_eq(s.folder, "recordings/a/b/c");
    cr_expect_eq(s.sample_format, RECORDER_SAMPLE_FLOAT32);
    cr_expect_eq(s.channels, 2);
    cr_expect_eq(s.rate_hz, 48000);
    cr_expect_eq(s.chunk, 64);
    cr_expect_eq(s.store_format, RECORDER_STORE_OPUS);
    cr_expect_eq(s.options.split, RECORDER_SPLIT_SILENCE);
    cr_expect_eq(s.options.peaks, 0);
    cr_expect_eq(s.options.max_length_s, 5);
}

Test(recorder_requests, S1_eight_bit_samples_are_kept_as_int16_and_known_as_sent)
{
    recorder_start s;
    recorder_error error;
    cr_assert_eq(read_body("{\"sample_format\":\"uint8\"}", &s, &error), RECORDER_OK);
    cr_expect_eq(s.sample_format, RECORDER_SAMPLE_INT16);
    cr_expect_eq(recorder_request_sent(&s), RECORDER_SAMPLE_UINT8);
    cr_assert_eq(read_body("", &s, &error), RECORDER_OK);
    cr_expect_eq(recorder_request_sent(&s), RECORDER_SAMPLE_INT16);
}

Test(recorder_requests, section_1_a_device_has_its_index_and_keeps_its_name_whatever_it_sends)
{
    recorder_start s;
    recorder_error error;
    cr_assert_eq(read_body("{\"sample_format\":\"uint8\"}", &s, &error), RECORDER_OK);
    cr_assert_eq(recorder_request_read("{\"source\":\"device\",\"input_device_index\":3}",
                                       "recordings", &s, &error),
                 RECORDER_OK);
    cr_expect_str_eq(s.source_name, "3");
    cr_expect_eq(s.sent_format, RECORDER_SAMPLE_UINT8);
    cr_expect_eq(s.sample_format, RECORDER_SAMPLE_INT16);
    cr_assert_eq(read_body("{\"sample_format\":\"int8\"}", &s, &error), RECORDER_OK);
    cr_assert_eq(recorder_request_read("{\"source\":\"device\",\"input_device_index\":null}",
                                       "recordings", &s, &error),
                 RECORDER_OK);
    cr_expect_str_eq(s.source_name, "", "the default device");
    cr_assert_eq(read_body("{\"input_device_index\":-1}", &s, &error), RECORDER_INVALID_ARGUMENT);
    cr_expect_str_eq(error.message, "input_device_index: a whole number, 0 to 65535");
}

Test(recorder_requests, section_8_an_error_names_field_and_limit_and_changes_nothing)
{
    static const struct {
        const char *body;
        recorder_code code;
        const char *named;
    } table[] = {
        {"{\"channels\":9}", RECORDER_INVALID_ARGUMENT, "channels: a whole number, 1 to 8"},
        {"{\"channels\":\"2\"}", RECORDER_INVALID_ARGUMENT, "channels"},
        {"{\"rate\":7999}", RECORDER_INVALID_ARGUMENT, "8000 to 192000"},
        {"{\"chunk\":63}", RECORDER_INVALID_ARGUMENT, "chunk"},
        {"{\"source\":\"moon\"}", RECORDER_INVALID_ARGUMENT, "source"},
        {"{\"sample_format\":\"int12\"}", RECORDER_INVALID_ARGUMENT, "sample_format"},
        {"{\"store_format\":\"aac\"}", RECORDER_UNSUPPORTED_FORMAT, "store_format"},
        {"{\"options\":{\"split\":\"never\"}}", RECORDER_INVALID_ARGUMENT, "options.split"},
        {"{\"options\":{\"nonsense\":1}}", RECORDER_INVALID_ARGUMENT, "nonsense"},
        {"{\"options\":{\"peaks_bits\":9}}", RECORDER_INVALID_ARGUMENT, "peaks_bits"},
        {"{\"options\":[]}", RECORDER_INVALID_ARGUMENT, "options"},
        {"{\"prefixes\":[\".x\"]}", RECORDER_INVALID_KEY_PART, "prefixes"},
        {"{\"prefixes\":\"x\"}", RECORDER_INVALID_ARGUMENT, "prefixes"},
        {"{\"prefixes\":[1]}", RECORDER_INVALID_ARGUMENT, "prefixes"},
        {"{\"colour\":1}", RECORDER_INVALID_ARGUMENT, "colour"},
        {"[]", RECORDER_INVALID_ARGUMENT, "body"},
        {"{", RECORDER_INVALID_ARGUMENT, "body"},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        recorder_start s;
        recorder_start before;
        recorder_error error;
        recorder_request_default(&before);
        cr_expect_eq(read_body(table[i].body, &s, &error), table[i].code, "%s", table[i].body);
        cr_expect_not_null(strstr(error.message, table[i].named), "%s: %s", table[i].body,
                           error.message);
        const char *again = strstr(error.message, ": ");
        cr_expect(again == NULL ||
                      strncmp(error.message, again + 2, (size_t)(again - error.message)) != 0,
                  "the field is named twice: %s", error.message);
        cr_expect_eq(memcmp(&s, &before, sizeof(s)), 0, "%s", table[i].body);
    }
}
