#include "cli_jam_track.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define HOP 19200

static cli_jam_track *track;

/* Chunk k of a stream at bpm whose first beat is at sample 0, at a level. */
static void add(uint64_t k, double bpm, float level)
{
    static float samples[2 * HOP];
    double beats = (double)(k * HOP) / 48000 * bpm / 60;
    reflection_jam_chunk chunk = {.bar = 1 + (uint64_t)(beats / 4),
                                  .beat = 1 + fmod(beats, 4),
                                  .bpm = bpm,
                                  .lead_ms = (double)k,
                                  .styles = {{"jazz", 0.75}, {"techno", 0.25}},
                                  .n_styles = k % 2 == 0 ? 1 : 2};
    for (size_t i = 0; i < 2 * HOP; i++) {
        samples[i] = level;
    }
    cli_jam_track_chunk(track, &chunk);
    cli_jam_track_add(track, samples, HOP);
}

static void begin(void)
{
    track = RF_NEW(cli_jam_track);
}

static void end(void)
{
    free(track);
}

TestSuite(jam_track, .init = begin, .fini = end);

Test(jam_track, nothing_is_known_before_the_first_chunk)
{
    cli_jam_place place;
    cr_expect_not(cli_jam_track_at(track, 0, &place));
    cr_expect_eq(cli_jam_track_level(track, 0), -99);
}

Test(jam_track, bar_and_beat_move_on_between_chunks)
{
    for (uint64_t k = 0; k < 10; k++) {
        add(k, 120, 0.5f);
    }
    for (uint64_t at = 0; at < 10 * HOP; at += 777) {
        cli_jam_place place;
        cr_assert(cli_jam_track_at(track, at, &place));
        double beats = (double)at / 24000;
        cr_assert_float_eq((double)(place.bar - 1) * 4 + place.beat - 1, beats, 1e-6);
        cr_assert_eq(place.lead_ms, (double)(at / HOP));
        cr_assert_eq(place.at, at);
        cr_assert_str_eq(place.styles, at / HOP % 2 == 0 ? "jazz" : "jazz 0.75 + techno 0.25");
    }
}

Test(jam_track, the_level_is_that_of_the_sample_asked_for)
{
    add(0, 120, 0.5f);
    add(1, 120, 0.0f);
    add(2, 120, 1.0f);
    cr_expect_float_eq(cli_jam_track_level(track, 100), -6.02, 0.01);
    cr_expect_eq(cli_jam_track_level(track, HOP + 100), -99);
    cr_expect_float_eq(cli_jam_track_level(track, 2 * HOP), 0, 0.01);
    cr_expect_eq(cli_jam_track_level(track, 3 * HOP), -99);
}

Test(jam_track, the_past_is_forgotten_and_the_present_is_right)
{
    for (uint64_t k = 0; k < 3000; k++) {
        add(k, 120, 0.5f);
    }
    cli_jam_place place;
    cr_assert(cli_jam_track_at(track, 3000 * HOP - 1, &place));
    cr_expect_eq(place.lead_ms, 2999);
    cr_expect_eq(cli_jam_track_level(track, 0), -99);
    cr_expect_float_eq(cli_jam_track_level(track, 3000 * HOP - 1920), -6.02, 0.01);
}

Test(jam_track, the_line_tells_everything_in_order)
{
    cli_jam_place place = {
        .at = 48000 * 75, .bar = 38, .beat = 3.5, .bpm = 121.6, .lead_ms = -4.4, .styles = "jazz"};
    cli_jam_controls c = {
        .key = 9, .scale = "minor", .section = {"verse", "drop", 5}, .paused = true};
    char line[CLI_JAM_LINE_MAX];
    cli_jam_line(&place, &c, -12, 200, line);
    cr_expect_str_eq(line, "1:15.0  bar 38.3  122 bpm  key A minor  jazz  drop  lead -4 ms  "
                           "[#########---] -12.0 dB  paused");
    cli_jam_line(&place, &c, -99, 20, line);
    cr_expect_str_eq(line, "1:15.0  bar 38.3  12");
}

Test(jam_track, a_cut_line_ends_with_a_whole_character)
{
    cli_jam_place place = {.bar = 1, .beat = 1, .styles = "\xc3\xa9\xc3\xa9"};
    cli_jam_controls c = {.key = -1, .scale = "auto", .section = {"verse", "verse", 1}};
    char line[CLI_JAM_LINE_MAX];
    cli_jam_line(&place, &c, 0, 200, line);
    size_t first = (size_t)(strchr(line, '\xc3') - line);
    cli_jam_line(&place, &c, 0, first + 3, line);
    cr_expect_eq(strlen(line), first + 2);
}
