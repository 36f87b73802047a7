/* T2, T10, T11, T12: the map follows the true clock of a source whose messages come late. */
#include "recorder_fit.h"
#include "take_case.h"

#include <criterion/criterion.h>
#include <math.h>

#define OFFSET_NS (T0 - 5 * SECOND)
#define MS 1000000.0

/* A source: its clock is off by ppm, its messages come 0..jitter late. */
typedef struct scene {
    recorder_fit *fit;
    recorder_map map;
    recorder_gaps gaps;
    uint64_t seed;
    uint32_t rate;
    double ppm;
    double jitter_ms;
    int64_t message; /* frames */
    int64_t frame;   /* sent */
    double lost_ns;  /* audio that never was counted */
    double mono_ns;  /* of the last arrival: none comes before it */
    unsigned n_news;
} scene;

static scene begin(uint32_t rate, double ppm, double message_ms, uint64_t seed)
{
    recorder_fit_config config = {.rate_hz = rate, .utc_offset_ns = OFFSET_NS};
    return (scene){.fit = recorder_fit_new(&config, 0),
                   .seed = seed,
                   .rate = rate,
                   .ppm = ppm,
                   .jitter_ms = 20.0,
                   .message = (int64_t)(message_ms * rate / 1000.0)};
}

static void end(scene *s)
{
    recorder_fit_free(s->fit);
    recorder_map_done(&s->map);
    recorder_gaps_done(&s->gaps);
}

/* Monotonic time at which the source has captured all frames before this one. */
static double truth(const scene *s, int64_t frame)
{
    return 5e9 + (double)frame * 1e9 / (s->rate * (1.0 + s->ppm * 1e-6)) + s->lost_ns;
}

static void send(scene *s, double late_ns)
{
    recorder_fit_news news;
    s->frame += s->message;
    s->mono_ns = fmax(s->mono_ns, truth(s, s->frame) + late_ns);
    recorder_fit_add(s->fit, s->frame, (int64_t)s->mono_ns, &news);
    if (news.lost) {
        recorder_gaps_add(&s->gaps, &news.gap);
    }
    if (news.moved) {
        uint32_t index = s->map.n - (news.is_new || s->map.n == 0 ? 0 : 1);
        cr_assert_eq(recorder_map_put(&s->map, index, &news.piece), 0);
        s->n_news++;
    }
}

static void run(scene *s, double seconds)
{
    int64_t until = s->frame + (int64_t)(seconds * s->rate);
    while (s->frame < until) {
        send(s, chance_unit(&s->seed) * s->jitter_ms * MS);
    }
}

/* How far the map is from the truth at a frame, ms. */
static double error_ms(const scene *s, int64_t frame)
{
    double utc = (double)(recorder_map_utc(&s->map, frame) - OFFSET_NS);
    return fabs(utc - truth(s, frame)) / MS;
}

/* The worst over the last `seconds` of the session. */
static double worst_ms(const scene *s, double seconds)
{
    double worst = 0.0;
    int64_t from = s->frame - (int64_t)(seconds * s->rate);
    for (int i = 0; i <= 100; i++) {
        int64_t frame = (from < 0 ? 0 : from) + i * (s->frame - (from < 0 ? 0 : from)) / 100;
        worst = fmax(worst, error_ms(s, frame));
    }
    return worst;
}

static const double ppms[] = {-200.0, -37.0, 0.0, 12.5, 200.0};

/* Twenty messages of 100 ms in 2 s are too few for any fit to find the edge of 20 ms of jitter. */
static const struct {
    double message_ms;
    double from_s;
} sources[] = {{5.0, 2.0}, {10.0, 2.0}, {20.0, 2.0}, {100.0, 5.0}};

Test(time_fit, T12_map_within_5_ms_after_2_s_and_1_ms_after_60_s)
{
    double worst_2 = 0.0;
    double worst_60 = 0.0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        for (size_t p = 0; p < RF_ARRAY_LEN(ppms); p++) {
            for (size_t m = 0; m < RF_ARRAY_LEN(sources); m++) {
                scene s = begin(16000, ppms[p], sources[m].message_ms, seed * 77);
                run(&s, sources[m].from_s);
                while (s.frame < 60 * 16000) {
                    double error = worst_ms(&s, 2.0);
                    worst_2 = fmax(worst_2, error);
                    cr_assert(error <= 5.0, "%g ms at %g ppm, messages of %g ms", error, ppms[p],
                              sources[m].message_ms);
                    run(&s, 1.0);
                }
                double error = worst_ms(&s, 60.0);
                worst_60 = fmax(worst_60, error);
                cr_assert(error <= 1.0, "%g ms at %g ppm, messages of %g ms", error, ppms[p],
                          sources[m].message_ms);
                end(&s);
            }
        }
    }
    cr_log_info("worst after 2 s %.3f ms, after 60 s %.3f ms", worst_2, worst_60);
}

Test(time_fit, T11_T12_drift_within_5_ppm_after_10_min_and_1_ppm_after_an_hour)
{
    double worst_10 = 0.0;
    double worst_60 = 0.0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        for (size_t p = 0; p < RF_ARRAY_LEN(ppms); p++) {
            double ppm;
            double error;
            scene s = begin(48000, ppms[p], 20.0, seed * 1001);
            run(&s, 9.0);
            cr_assert_not(recorder_fit_drift(s.fit, &ppm, &error), "nothing is told before 10 s");
            run(&s, 591.0);
            cr_assert(recorder_fit_drift(s.fit, &ppm, &error));
            worst_10 = fmax(worst_10, fabs(ppm - ppms[p]));
            cr_assert(fabs(ppm - ppms[p]) <= 5.0 && fabs(ppm - ppms[p]) <= 4.0 * error);
            run(&s, 3001.0);
            cr_assert(recorder_fit_drift(s.fit, &ppm, &error));
            worst_60 = fmax(worst_60, fabs(ppm - ppms[p]));
            cr_assert(fabs(ppm - ppms[p]) <= 1.0 && error < 1.0 && error > 0.0);
            cr_assert_eq(s.gaps.n, 0);
            end(&s);
        }
    }
    cr_log_info("worst after 10 min %.3f ppm, after 1 h %.4f ppm", worst_10, worst_60);
}

Test(time_fit, T2_a_late_burst_does_not_bend_the_map)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        scene s = begin(16000, 50.0, 20.0, seed);
        run(&s, 60.0);
        double before = (double)recorder_map_utc(&s.map, s.frame);
        int64_t at = s.frame;
        double arrives = truth(&s, s.frame) + 3e9;
        while (truth(&s, s.frame + s.message) < arrives) {
            send(&s, arrives - truth(&s, s.frame + s.message)); /* 3 s at once, all late */
        }
        double moved = fabs((double)recorder_map_utc(&s.map, at) - before) / MS;
        cr_assert(moved < 0.5, "the burst moved the map by %g ms", moved);
        run(&s, 60.0);
        cr_assert(worst_ms(&s, 120.0) <= 1.0);
        cr_assert_eq(s.gaps.n, 0, "late is not lost");
        cr_assert_eq(s.map.n, 1);
        end(&s);
    }
}

Test(time_fit, T2_the_first_messages_late_are_put_right_within_2_s)
{
    scene s = begin(16000, 0.0, 20.0, 9);
    for (int i = 0; i < 20; i++) {
        send(&s, 400.0 * MS - i * 20.0 * MS); /* the sound server catches up */
    }
    run(&s, 2.0);
    cr_assert(worst_ms(&s, 3.0) <= 5.0);
    cr_assert_eq(s.map.n, 1);
    cr_assert_eq(s.gaps.n, 0);
    end(&s);
}

Test(time_fit, T10_a_lasting_step_is_a_gap_that_is_not_filled)
{
    static const double losses_ms[] = {45.0, 120.0, 2500.0};
    for (size_t i = 0; i < RF_ARRAY_LEN(losses_ms); i++) {
        scene s = begin(48000, -120.0, 10.0, 5 + i);
        run(&s, 30.0);
        int64_t at = s.frame;
        s.lost_ns = losses_ms[i] * MS;
        run(&s, 3.2);
        cr_assert_eq(s.gaps.n, 1, "a loss of %g ms", losses_ms[i]);
        recorder_gap gap = s.gaps.items[0];
        double length_ms = (double)gap.length_frames / 48.0;
        cr_assert(fabs(length_ms - losses_ms[i]) <= 2.0, "%g ms", length_ms);
        cr_assert(gap.start_frame >= at && gap.start_frame <= at + 2400, "within 50 ms of it");
        cr_assert(!gap.filled && !gap.exact);
        cr_assert_eq(s.map.n, 2, "a new piece, from the gap on");
        cr_assert_eq(s.map.items[1].first_frame, gap.start_frame);
        run(&s, 60.0);
        cr_assert(worst_ms(&s, 60.0) <= 1.0);
        cr_assert_eq(s.gaps.n, 1);
        end(&s);
    }
}

Test(time_fit, T10_steps_of_less_than_30_ms_or_2_s_are_no_gap)
{
    scene s = begin(48000, 0.0, 10.0, 3);
    run(&s, 30.0);
    for (int i = 0; i < 150; i++) {
        send(&s, 200.0 * MS); /* 1.5 s of lateness that passes */
    }
    run(&s, 30.0);
    s.lost_ns = 20.0 * MS;
    run(&s, 30.0);
    cr_assert_eq(s.gaps.n, 0);
    end(&s);
}

Test(time_fit, T10_a_slow_catching_up_is_no_gap)
{
    scene s = begin(48000, 0.0, 10.0, 3);
    run(&s, 30.0);
    for (int i = 0; i < 500; i++) {
        send(&s, (1000.0 - 2.0 * i) * MS); /* 5 s */
    }
    run(&s, 30.0);
    cr_assert_eq(s.gaps.n, 0);
    cr_assert(worst_ms(&s, 10.0) <= 1.0);
    end(&s);
}

Test(time_fit, T10_a_source_that_counts_its_losses_has_no_steps)
{
    recorder_fit_config config = {.rate_hz = 16000, .step_ns = INT64_MAX};
    recorder_fit *fit = recorder_fit_new(&config, 0);
    for (int i = 1; i < 2000; i++) {
        recorder_fit_news news;
        int64_t late = i > 1000 ? SECOND / 5 : 0;
        recorder_fit_add(fit, i * 320, i * SECOND / 50 + late, &news);
        cr_assert(!news.lost);
        cr_assert(i == 1 ? news.is_new : !news.is_new);
    }
    recorder_fit_free(fit);
}

Test(time_fit, T2_a_clock_that_wanders_gets_pieces_of_its_own)
{
    scene s = begin(16000, 0.0, 20.0, 21);
    double worst = 0.0;
    for (int i = 0; i < 6 * 60; i++) { /* 6 h; the rate swings by 5 ppm within 3 h */
        double ppm = 5.0 * sin(i * 2.0 * M_PI / 180.0);
        s.lost_ns += 60e9 * -ppm * 1e-6; /* the source runs fast: its frames come earlier */
        run(&s, 60.0);
        worst = fmax(worst, i > 0 ? error_ms(&s, s.frame) : 0.0);
    }
    cr_assert_eq(s.gaps.n, 0);
    cr_assert(worst <= 2.0, "%g ms", worst);
    cr_assert(s.map.n >= 6 && s.map.n < 40, "%u pieces", s.map.n);
    end(&s);
}

Test(time_fit, T2_a_resume_begins_a_new_line_with_the_known_rate)
{
    scene s = begin(16000, 150.0, 20.0, 4);
    run(&s, 700.0);
    double ppm;
    double error;
    s.lost_ns = 45e9; /* a pause */
    recorder_fit_begin(s.fit, s.frame, OFFSET_NS);
    run(&s, 2.0);
    cr_assert_eq(s.map.n, 2);
    cr_assert(recorder_fit_drift(s.fit, &ppm, &error), "the rate is known from before");
    cr_assert_float_eq(ppm, 150.0, 0.5);
    cr_assert(worst_ms(&s, 1.9) <= 5.0);
    run(&s, 58.0);
    cr_assert(worst_ms(&s, 59.0) <= 1.0);
    end(&s);
}

Test(time_fit, T2_what_does_not_go_forward_is_ignored)
{
    recorder_fit_config config = {.rate_hz = 16000};
    recorder_fit *fit = recorder_fit_new(&config, 100);
    recorder_fit_news a;
    recorder_fit_news b;
    recorder_fit_add(fit, 420, SECOND, &a);
    recorder_fit_add(fit, 420, SECOND / 2, &b);
    cr_assert(a.is_new && a.moved && !b.moved);
    recorder_fit_add(fit, 50, SECOND / 4, &b);
    cr_assert(!b.moved);
    recorder_fit_flush(fit, &b);
    cr_assert(!b.moved, "nothing has moved");
    cr_assert_eq(a.piece.utc_ns, SECOND - SECOND / 50);
    cr_assert_eq(a.piece.first_frame, 100);
    recorder_fit_free(fit);
}

Test(time_fit, T2_a_backlog_sent_fast_moves_the_begin_but_never_behind_the_piece_before)
{
    recorder_fit_config config = {.rate_hz = 16000};
    recorder_fit *fit = recorder_fit_new(&config, 0);
    recorder_fit_news news;
    unsigned n_told = 0;
    for (int64_t i = 1; i <= 500; i++) {
        recorder_fit_add(fit, i * 320, 100 * SECOND + i * SECOND / 50, &news);
    }
    int64_t end = 500 * 320;
    int64_t end_utc = news.piece.utc_ns + 10 * SECOND;
    recorder_fit_begin(fit, end, 0); /* a pause of 5 s, then 60 s of audio within 6 s */
    for (int64_t i = 1; i <= 3000; i++) {
        recorder_fit_add(fit, end + i * 320, 115 * SECOND + i * SECOND / 500, &news);
        n_told += news.moved;
        cr_assert(news.piece.first_frame == end && news.piece.utc_ns >= end_utc);
    }
    cr_assert_leq(n_told, 61, "at most every 100 ms: %u", n_told);
    recorder_fit_flush(fit, &news);
    recorder_fit_flush(fit, &news);
    cr_assert_not(news.moved);
    recorder_fit_free(fit);
}

Test(time_fit, T2_news_are_few)
{
    scene s = begin(16000, 80.0, 20.0, 31);
    run(&s, 3600.0);
    cr_assert(s.n_news < 200, "%u changes an hour", s.n_news);
    end(&s);
}
