#include "processor_beatmap.h"
#include "processor_json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

Test(spans, touch_and_reach_from_zero_to_the_end)
{
    const double starts[] = {0.02, 1.00049, 1.0006, 2.5};
    int64_t ms[5];
    processor_spans(starts, 4, 3.14159, ms);
    const int64_t want[] = {0, 1000, 1001, 2500, 3142};
    for (size_t i = 0; i < 5; i++) {
        cr_expect_eq(ms[i], want[i], "boundary %zu is %lld", i, (long long)ms[i]);
    }
}

Test(spans, never_fall_and_never_pass_the_end)
{
    const double starts[] = {0, 2.0, 1.0, 9.0};
    int64_t ms[5];
    processor_spans(starts, 4, 3.0, ms);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_leq(ms[i], ms[i + 1]);
    }
    cr_assert_eq(ms[2], 2000, "a start that falls makes an empty row");
    cr_assert_eq(ms[4], 3000);
}

Test(json, times_have_three_decimals)
{
    rf_buf b;
    rf_buf_init(&b, 100);
    processor_json_ms(&b, 1234);
    rf_buf_append_char(&b, ' ');
    processor_json_ms(&b, 5);
    rf_buf_append_char(&b, ' ');
    processor_json_ms(&b, 60000);
    cr_assert_str_eq(rf_buf_str(&b), "1.234 0.005 60.000");
    rf_buf_done(&b);
}

Test(json, what_is_no_number_is_null)
{
    rf_buf b;
    rf_buf_init(&b, 100);
    processor_json_number(&b, -HUGE_VAL, 2);
    processor_json_number(&b, NAN, 2);
    processor_json_number(&b, -14.006, 2);
    cr_assert_str_eq(rf_buf_str(&b), "nullnull-14.01");
    rf_buf_done(&b);
}

Test(json, strings_are_escaped)
{
    rf_buf b;
    rf_buf_init(&b, 100);
    processor_json_string(&b, "a\"b\\c\nd");
    json_t *back = json_loads(rf_buf_str(&b), JSON_DECODE_ANY, NULL);
    cr_assert_str_eq(json_string_value(back), "a\"b\\c\nd");
    json_decref(back);
    rf_buf_done(&b);
}

/* ---- beat maps ---- */

static processor_value write_map(const analysis_beat *beats, size_t n, double duration_s)
{
    processor_value v = PROCESSOR_VALUE_NONE;
    v.fd = memfd_create("map", MFD_CLOEXEC);
    const analysis_beats b = {.beats = (analysis_beat *)(uintptr_t)beats, .n_beats = n};
    cr_assert_eq(processor_beatmap_write(&b, duration_s, &v), 0);
    return v;
}

Test(beatmap, reads_back_with_tempo_and_meter)
{
    analysis_beat beats[9];
    for (int i = 0; i < 9; i++) {
        beats[i] =
            (analysis_beat){.time_s = 0.1 + 0.5 * i, .number = i % 3 + 1, .confidence = 0.5f};
    }
    processor_value v = write_map(beats, 9, 5.0);
    analysis_beats back;
    cr_assert_eq(processor_beatmap_read(&v, &back), 0);
    cr_assert_eq(back.n_beats, 9);
    cr_assert_float_eq(back.bpm, 120.0, 1e-6);
    cr_assert_eq(back.beats_per_bar, 3);
    cr_assert_float_eq(back.beats[8].time_s, 4.1, 1e-9);
    processor_beatmap_done(&back);
    processor_value_done(&v);
}

Test(beatmap, beats_of_one_millisecond_and_beyond_the_end_are_left_out)
{
    const analysis_beat beats[] = {{1.0, 1, 1}, {1.0001, 2, 1}, {2.0, 3, 1}, {9.0, 4, 1}};
    processor_value v = write_map(beats, 4, 3.0);
    analysis_beats back;
    cr_assert_eq(processor_beatmap_read(&v, &back), 0);
    cr_assert_eq(back.n_beats, 2);
    processor_beatmap_done(&back);
    processor_value_done(&v);
}

Test(beatmap, other_json_is_refused)
{
    static const char *const bad[] = {
        "{}",
        "not json",
        "[1]",
        "[{\"time\":\"1\",\"beatNum\":1}]",
        "[{\"time\":1,\"beatNum\":0}]",
        "[{\"time\":2,\"beatNum\":1},{\"time\":1,\"beatNum\":2}]",
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        processor_value v;
        analysis_beats back;
        cr_assert_eq(processor_value_memfd(PROCESSOR_JSON, bad[i], strlen(bad[i]), &v), 0);
        cr_expect_eq(processor_beatmap_read(&v, &back), -EPROTO, "%s", bad[i]);
        cr_expect_null(back.beats);
        processor_value_done(&v);
    }
}
