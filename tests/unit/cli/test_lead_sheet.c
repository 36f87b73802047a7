#include "cli_sheet.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json);
    return json;
}

Test(sheet, bars_hold_their_chords_under_their_sections)
{
    json_t *chords = parse("[{\"start\":0,\"end\":2,\"label\":\"Gmaj\"},"
                           "{\"start\":2,\"end\":3,\"label\":\"Emin\"},"
                           "{\"start\":3,\"end\":4,\"label\":\"D7\"},"
                           "{\"start\":4,\"end\":6,\"chord_simple_pop\":\"C\"}]");
    json_t *beats = json_array();
    for (int i = 0; i < 12; i++) {
        json_array_append_new(beats,
                              json_pack("{s:f, s:i}", "time", i * 0.5, "beatNum", i % 4 + 1));
    }
    json_t *sections = parse("[{\"start\":0,\"end\":3.9,\"label\":\"A\"},"
                             "{\"start\":3.9,\"end\":6,\"label\":\"B\"}]");
    json_t *loudness = parse("{\"integratedLufs\":-14.04,\"rangeLu\":3.2,\"truePeakDbtp\":-1}");
    rf_buf out;
    rf_buf_init(&out, 65536);
    cli_sheet_write(&out, "G Major", "120", chords, beats, sections, loudness);
    const char *text = rf_buf_str(&out);
    cr_expect_not_null(strstr(text, "Key    G Major\nTempo  120 bpm\nLength 0:06\n"), "%s", text);
    cr_expect_not_null(strstr(text, "-14.0 LUFS, range 3.2 LU, true peak -1.0 dBTP"), "%s", text);
    cr_expect_not_null(strstr(text, "\nA  0:00.0\n| G . . .         | Em . D7 .       |\n"), "%s",
                       text);
    cr_expect_not_null(strstr(text, "\nB  0:03.9\n| C . . .         |\n"), "%s", text);
    rf_buf_done(&out);
    json_decref(chords);
    json_decref(beats);
    json_decref(sections);
    json_decref(loudness);
}

Test(sheet, missing_results_are_no_crash)
{
    rf_buf out;
    rf_buf_init(&out, 65536);
    cli_sheet_write(&out, NULL, NULL, NULL, NULL, NULL, NULL);
    cr_expect_not_null(strstr(rf_buf_str(&out), "Key    unknown"));
    rf_buf_done(&out);
}
