/* T1, T2, T3, T4: the time map as numbers. */
#include "take_case.h"

#include <criterion/criterion.h>
#include <errno.h>

static recorder_piece piece(int64_t first, int64_t utc, uint32_t rate)
{
    return (recorder_piece){first, utc, recorder_map_nominal(rate)};
}

static void put(recorder_map *map, recorder_piece p)
{
    cr_assert_eq(recorder_map_put(map, map->n, &p), 0);
}

Test(map, T1_duration_is_frames_by_rate_half_up)
{
    cr_assert_eq(recorder_duration_ms(0, 16000), 0);
    cr_assert_eq(recorder_duration_ms(10240, 16000), 640);
    cr_assert_eq(recorder_duration_ms(7, 16000), 0);
    cr_assert_eq(recorder_duration_ms(8, 16000), 1, "half a ms");
    cr_assert_eq(recorder_duration_ms(22, 44100), 0);
    cr_assert_eq(recorder_duration_ms(23, 44100), 1);
    cr_assert_eq(recorder_duration_ms(RECORDER_FRAMES_MAX, 192000), INT64_C(31) * 86400 * 1000);
}

Test(map, T1_a_long_session_has_exact_times_at_every_rate)
{
    static const uint32_t rates[] = {8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        recorder_map map = {0};
        put(&map, piece(0, T0, rates[i]));
        int64_t month = INT64_C(31) * 86400;
        int64_t frames = month * rates[i];
        int64_t off = recorder_map_utc(&map, frames) - T0 - month * SECOND;
        cr_assert(off > -100 && off < 100, "%ld ns after 31 days at %u Hz", (long)off, rates[i]);
        recorder_map_done(&map);
    }
}

Test(map, T4_a_frame_and_its_time_give_each_other_everywhere)
{
    static const uint32_t rates[] = {8000, 11025, 44100, 48000, 192000};
    uint64_t seed = 5;
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        recorder_map map = {0};
        put(&map, piece(0, T0, rates[i]));
        for (int k = 0; k < 20000; k++) {
            bool between;
            int64_t frame = chance_below(&seed, 0, INT64_C(31) * 86400 * rates[i]);
            int64_t utc = recorder_map_utc(&map, frame);
            cr_assert_eq(recorder_map_frame(&map, utc, &between), frame);
            cr_assert_not(between);
        }
        recorder_map_done(&map);
    }
}

Test(map, T4_the_nearest_frame_half_up)
{
    recorder_map map = {0};
    bool between;
    put(&map, piece(0, T0, 8000)); /* 125,000 ns a frame */
    cr_assert_eq(recorder_map_frame(&map, T0 + 62499, &between), 0);
    cr_assert_eq(recorder_map_frame(&map, T0 + 62500, &between), 1);
    cr_assert_eq(recorder_map_frame(&map, T0 + 187499, &between), 1);
    cr_assert_eq(recorder_map_frame(&map, T0 - 62500, &between), 0);
    cr_assert_eq(recorder_map_frame(&map, T0 - 62501, &between), -1);
    recorder_map_done(&map);
}

Test(map, T7_times_between_pieces_belong_to_the_later_one)
{
    recorder_map map = {0};
    bool between;
    put(&map, piece(0, T0, 8000));
    put(&map, piece(8000, T0 + 11 * SECOND, 8000)); /* 1 s of audio, 10 s of pause */
    cr_assert_eq(recorder_map_frame(&map, T0 + SECOND, &between), 8000);
    cr_assert_not(between, "the end of the audio is no pause");
    cr_assert_eq(recorder_map_frame(&map, T0 + 5 * SECOND, &between), 8000);
    cr_assert(between);
    cr_assert_eq(recorder_map_frame(&map, T0 + 12 * SECOND, &between), 16000);
    cr_assert_not(between);
    cr_assert_eq(recorder_map_utc(&map, 8000), T0 + 11 * SECOND);
    cr_assert_eq(recorder_map_utc_end(&map, 8000), T0 + SECOND);
    recorder_map_done(&map);
}

Test(map, T2_frames_never_go_back_while_time_goes_on)
{
    uint64_t seed = 8;
    recorder_map map = {0};
    int64_t frame = 0;
    int64_t utc = T0;
    for (int i = 0; i < 200; i++) {
        recorder_piece p = piece(frame, utc, 16000);
        p.ns_q32 += (uint64_t)chance_below(&seed, 0, INT64_C(53000000000)); /* 0..200 ppm */
        put(&map, p);
        frame += chance_below(&seed, 1, 100000);
        utc = recorder_map_utc(&map, frame) + chance_below(&seed, -2000000, 5 * SECOND);
        utc = RF_MAX(utc, p.utc_ns);
    }
    int64_t last = INT64_MIN;
    for (int64_t t = T0 - SECOND; t < utc + SECOND; t += (utc - T0) / 100000) {
        bool between;
        int64_t now = recorder_map_frame(&map, t, &between);
        cr_assert_geq(now, last);
        last = now;
    }
    recorder_map_done(&map);
}

Test(map, T2_a_piece_is_put_behind_the_last_or_in_its_place)
{
    recorder_map map = {0};
    recorder_piece p = piece(0, T0, 16000);
    cr_assert_eq(recorder_map_put(&map, 1, &p), -EINVAL, "a hole");
    put(&map, p);
    p = piece(0, T0 + 5, 16000);
    put(&map, p);
    cr_assert(map.n == 1 && map.items[0].utc_ns == T0 + 5, "one that begins there takes its place");
    p = piece(100, T0 + 4, 16000);
    cr_assert_eq(recorder_map_put(&map, 1, &p), -EINVAL, "back in time");
    p = piece(100, T0 + SECOND, 16000);
    put(&map, p);
    put(&map, piece(200, T0 + 2 * SECOND, 16000));
    p = piece(150, T0 + SECOND, 16000);
    cr_assert_eq(recorder_map_put(&map, 1, &p), 0);
    cr_assert_eq(map.n, 2, "those above it are dropped");
    p.ns_q32 = 0;
    cr_assert_eq(recorder_map_put(&map, 1, &p), -EINVAL, "no rate");
    recorder_map_done(&map);
}

Test(map, T2_at_most_32768_pieces)
{
    recorder_map map = {0};
    for (int64_t i = 0; i < RECORDER_PIECES_MAX; i++) {
        put(&map, piece(i, T0 + i * 62500, 16000));
    }
    recorder_piece p = piece(RECORDER_PIECES_MAX, T0 + SECOND * 1000, 16000);
    cr_assert_eq(recorder_map_put(&map, map.n, &p), -ENOSPC);
    recorder_map_done(&map);
}

Test(map, T3_clock_steps_are_told_in_ms)
{
    cr_assert_eq(recorder_clock_step_ms(T0, T0 + 3600 * SECOND), 3600000);
    cr_assert_eq(recorder_clock_step_ms(T0, T0 - 3600 * SECOND), -3600000);
    cr_assert_eq(recorder_clock_step_ms(T0, T0 + 9000000), 0, "reading two clocks takes time");
    cr_assert_eq(recorder_clock_step_ms(T0, T0 - 10000000), -10);
}

Test(map, Q2_T3_steps_of_an_hour_move_the_map_by_0_ns)
{
    recorder_take *t = take_begin();
    recorder_piece p = piece(0, T0 + 20000000, 16000);
    cr_assert_eq(
        take_do(t, (recorder_change){.kind = RECORDER_CHANGE_MAP, .map = {0, p, false, 0, 0}}), 0);
    cr_assert_eq(recorder_take_audio(t, 0, 160000), 0);
    int64_t before[11];
    for (int i = 0; i <= 10; i++) {
        before[i] = recorder_map_utc(&t->map, i * 16000);
    }
    for (int64_t step = -3600000; step <= 3600000; step += 7200000) {
        cr_assert_eq(take_do(t, (recorder_change){.kind = RECORDER_CHANGE_CLOCK_STEP,
                                                  .clock_step = {t->frames, step}}),
                     0);
        for (int i = 0; i <= 10; i++) {
            cr_assert_eq(recorder_map_utc(&t->map, i * 16000), before[i]);
        }
    }
    cr_assert_eq(t->clock_steps.n, 2);
    cr_assert_eq(t->clock_steps.items[0].step_ms, -3600000);
    recorder_take_free(t);
}
