/* Places in a recording as people write them. */
#include "cli_recordings.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(recordings, places_become_frames_or_times)
{
    static const struct {
        const char *text;
        const char *place;
    } cases[] = {
        {"0", "f:0"},
        {"1.5", "f:72000"},
        {"1:30.25", "f:4332000"},
        {"1:00:00", "f:172800000"},
        {"0.0000104", "f:0"},
        {"f:123", "f:123"},
        {"2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.5Z"},
        {"2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"},
    };
    char place[CLI_PLACE_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(cli_recordings_place(cases[i].text, 48000, place), 0, "%s", cases[i].text);
        cr_expect_str_eq(place, cases[i].place);
    }
}

Test(recordings, what_is_no_place_is_refused)
{
    static const char *const cases[] = {"",     "-1",   "1:60",   "1:2:3:4", "x",   "1:-3",
                                        "f:1x", "f:-1", "1:60:0", "nan",     "inf", "2026T&x=1"};
    char place[CLI_PLACE_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(cli_recordings_place(cases[i], 48000, place), -EINVAL, "%s", cases[i]);
    }
}
