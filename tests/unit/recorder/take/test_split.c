/* Section 7, Split: to the number. */
#include "recorder_split.h"
#include "take_case.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define RATE 16000
#define MS (RATE / 1000)
#define CUTS_MAX 100000

typedef struct scene {
    recorder_split *split;
    recorder_split_config config;
    uint64_t seed;
    int64_t frames;
    int64_t next; /* first frame not told */
    size_t n;
    recorder_cut cuts[CUTS_MAX];
} scene;

static scene scene_;

/* Cuts come in order and leave nothing out. */
static void take_cut(void *user, const recorder_cut *cut)
{
    scene *s = user;
    cr_assert_eq(cut->first_frame, s->next);
    cr_assert(cut->n_frames > 0 || (cut->n_frames == 0 && s->frames == 0));
    s->next += cut->n_frames;
    cr_assert_lt(s->n, (size_t)CUTS_MAX);
    s->cuts[s->n++] = *cut;
}

static scene *begin_with(recorder_split_config config)
{
    scene *s = &scene_;
    memset(s, 0, sizeof(*s));
    s->config = config;
    s->seed = 4;
    s->split = recorder_split_new(&config, 0, false, take_cut, s);
    return s;
}

static recorder_split_config defaults(recorder_split_mode mode)
{
    return (recorder_split_config){.mode = mode,
                                   .sample_format = RECORDER_SAMPLE_INT16,
                                   .channels = 1,
                                   .rate_hz = RATE,
                                   .silence_ms = 800,
                                   .pad_before_ms = 200,
                                   .pad_after_ms = 300,
                                   .max_s = 60};
}

static scene *begin(recorder_split_mode mode)
{
    return begin_with(defaults(mode));
}

/* Noise of a level (dB of full scale, as a mean square) for some ms, in pieces of any size. */
static void play(scene *s, double db, int ms)
{
    static int16_t pcm[1000];
    double peak = sqrt(3.0) * pow(10.0, db / 20.0) * 32768.0;
    for (int left = ms * MS; left > 0;) {
        int n = (int)chance_below(&s->seed, 1, 1000);
        n = n < left ? n : left;
        for (int i = 0; i < n; i++) {
            pcm[i] = (int16_t)lrint((chance_unit(&s->seed) * 2.0 - 1.0) * peak);
        }
        recorder_split_add(s->split, pcm, (size_t)n);
        left -= n;
        s->frames += n;
    }
}

static void finish(scene *s)
{
    recorder_split_finish(s->split);
    cr_assert_eq(s->next, s->frames, "every frame is in a segment or a silence");
    s->split = recorder_split_free(s->split);
}

static void is_cut(const scene *s, size_t i, bool is_segment, int64_t from_ms, int64_t to_ms)
{
    cr_assert_lt(i, s->n);
    const recorder_cut *c = &s->cuts[i];
    cr_assert_eq(c->is_segment, is_segment, "cut %zu", i);
    cr_assert_eq(c->first_frame, from_ms * MS, "cut %zu begins at %ld", i, (long)c->first_frame);
    cr_assert_eq(c->first_frame + c->n_frames, to_ms * MS, "cut %zu ends at %ld", i,
                 (long)(c->first_frame + c->n_frames));
}

Test(split, speech_with_its_pads_and_the_silence_between)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -60, 3000);
    play(s, -20, 1000);
    play(s, -60, 2000);
    play(s, -20, 500);
    play(s, -60, 5000);
    finish(s);
    cr_assert_eq(s->n, 5);
    is_cut(s, 0, false, 0, 2800);
    is_cut(s, 1, true, 2800, 4300);
    is_cut(s, 2, false, 4300, 5800);
    is_cut(s, 3, true, 5800, 6800);
    is_cut(s, 4, false, 6800, 11500);
}

Test(split, speech_is_12_dB_above_the_floor_and_silence_6)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -60, 10500);
    play(s, -50, 1000); /* +10: no speech */
    play(s, -60, 1000);
    play(s, -46, 1000); /* +14: speech */
    play(s, -51, 2000); /* +9: not yet silence */
    play(s, -60, 2000);
    finish(s);
    cr_assert_eq(s->n, 3);
    is_cut(s, 0, false, 0, 12300);
    is_cut(s, 1, true, 12300, 15800);
}

Test(split, speech_lasts_200_ms_and_silence_800)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -60, 10500);
    play(s, -20, 190); /* a knock */
    play(s, -60, 1310);
    play(s, -20, 200);
    play(s, -60, 790); /* a pause for breath */
    play(s, -20, 300);
    play(s, -60, 800);
    play(s, -20, 300);
    play(s, -60, 3000);
    finish(s);
    cr_assert_eq(s->n, 5);
    is_cut(s, 0, false, 0, 11800);
    is_cut(s, 1, true, 11800, 13590);
    is_cut(s, 2, false, 13590, 13890);
    is_cut(s, 3, true, 13890, 14690);
}

Test(split, pads_longer_than_the_silence_share_it_without_overlap)
{
    recorder_split_config c = defaults(RECORDER_SPLIT_SILENCE);
    c.silence_ms = 100;
    c.pad_before_ms = 2000;
    c.pad_after_ms = 2000;
    scene *s = begin_with(c);
    play(s, -60, 11000);
    play(s, -20, 500);
    play(s, -60, 400);
    play(s, -20, 500);
    play(s, -60, 3000);
    play(s, -20, 500);
    play(s, -60, 100);
    finish(s);
    cr_assert_eq(s->n, 4);
    is_cut(s, 0, false, 0, 9000);
    is_cut(s, 1, true, 9000, 11900);
    is_cut(s, 2, true, 11900, 14400);
    is_cut(s, 3, true, 14400, 16000);
}

Test(split, the_floor_follows_the_last_10_s)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -70, 12000);
    play(s, -50, 12000); /* a fan: speech at first, then the floor */
    play(s, -30, 1000);
    play(s, -50, 3000);
    finish(s);
    cr_assert_geq(s->n, 4);
    const recorder_cut *last = &s->cuts[s->n - 2];
    cr_assert(last->is_segment);
    cr_assert_eq(last->first_frame, 23800 * MS, "found over the fan");
    cr_assert_eq(last->first_frame + last->n_frames, 25300 * MS);
}

Test(split, speech_at_the_very_begin_and_to_the_very_end)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -20, 1000);
    play(s, -60, 2000);
    play(s, -20, 1000);
    finish(s);
    cr_assert_eq(s->n, 3);
    is_cut(s, 0, true, 0, 1300);
    is_cut(s, 1, false, 1300, 2800);
    is_cut(s, 2, true, 2800, 4000);
}

Test(split, a_segment_is_cut_at_the_quietest_50_ms_of_its_last_2_s)
{
    recorder_split_config c = defaults(RECORDER_SPLIT_SILENCE);
    c.max_s = 5;
    scene *s = begin_with(c);
    play(s, -60, 6000);
    play(s, -20, 2000);
    play(s, -45, 50); /* before the last 2 s */
    play(s, -20, 1950);
    play(s, -40, 50); /* at 10.00 s; the segment from 5.8 s may last to 10.8 s */
    play(s, -20, 2950);
    play(s, -60, 2000);
    finish(s);
    cr_assert_eq(s->n, 4);
    is_cut(s, 0, false, 0, 5800);
    is_cut(s, 1, true, 5800, 10025);
    is_cut(s, 2, true, 10025, 13300);
}

Test(split, mode_length_does_only_that)
{
    recorder_split_config c = defaults(RECORDER_SPLIT_LENGTH);
    c.max_s = 1;
    scene *s = begin_with(c);
    play(s, -20, 700);
    play(s, -50, 50);
    play(s, -20, 3000);
    finish(s);
    is_cut(s, 0, true, 0, 725);
    for (size_t i = 0; i < s->n; i++) {
        cr_assert(s->cuts[i].is_segment && s->cuts[i].n_frames <= RATE);
    }
}

Test(split, O2_a_session_has_one_segment_at_least)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -60, 30000);
    finish(s);
    cr_assert_eq(s->n, 1, "nothing was loud: all of it is one");
    is_cut(s, 0, true, 0, 30000);
    s = begin(RECORDER_SPLIT_SILENCE);
    finish(s);
    cr_assert(s->n == 1 && s->cuts[0].is_segment && s->cuts[0].n_frames == 0);
    s = begin(RECORDER_SPLIT_LENGTH);
    finish(s);
    cr_assert_eq(s->n, 1);
}

static void gap(scene *s, int64_t frames)
{
    recorder_split_silence(s->split, frames);
    s->frames += frames;
}

Test(split, S6_a_gap_of_24_h_is_silence_and_costs_nothing)
{
    scene *s = begin(RECORDER_SPLIT_SILENCE);
    play(s, -60, 11000);
    play(s, -20, 1005);
    gap(s, INT64_C(86400) * RATE);
    play(s, -60, 2000); /* no speech: the gap is no part of the floor */
    play(s, -20, 1000);
    play(s, -60, 2000);
    finish(s);
    cr_assert_eq(s->n, 5);
    is_cut(s, 0, false, 0, 10800);
    cr_assert(s->cuts[1].is_segment && s->cuts[2].n_frames > INT64_C(86390) * RATE);
    cr_assert(s->cuts[3].n_frames >= 1500 * MS && s->cuts[3].n_frames <= 1510 * MS);
    cr_assert(s->cuts[1].n_frames >= 1500 * MS && s->cuts[1].n_frames <= 1510 * MS);
    s = begin(RECORDER_SPLIT_LENGTH);
    play(s, -20, 1000);
    gap(s, INT64_C(86400) * RATE);
    finish(s);
    for (size_t i = 0; i + 1 < s->n; i++) {
        cr_assert(s->cuts[i].n_frames > 57 * RATE && s->cuts[i].n_frames <= 60 * RATE);
    }
}

Test(split, a_restart_goes_on_from_the_cuts_it_knows)
{
    recorder_split_config c = defaults(RECORDER_SPLIT_SILENCE);
    scene *s = begin_with(c);
    recorder_split_free(s->split);
    s->split = recorder_split_new(&c, 12345, true, take_cut, s);
    s->next = 12345;
    s->frames = 12345;
    play(s, -60, 3000);
    finish(s);
    cr_assert(s->n == 1 && !s->cuts[0].is_segment, "there is a segment before it");
    cr_assert_eq(s->cuts[0].first_frame, 12345);
}

/* Any signal, any setting: order, completeness and the greatest length hold. */
Test(split, random_sessions_are_covered_frame_by_frame)
{
    uint64_t seed = 11;
    for (int round = 0; round < 60; round++) {
        recorder_split_config c =
            defaults(round % 3 == 0 ? RECORDER_SPLIT_LENGTH : RECORDER_SPLIT_SILENCE);
        c.silence_ms = (int32_t)chance_below(&seed, 100, 3000);
        c.pad_before_ms = (int32_t)chance_below(&seed, 0, 2001);
        c.pad_after_ms = (int32_t)chance_below(&seed, 0, 2001);
        c.max_s = (int32_t)chance_below(&seed, 1, 12);
        scene *s = begin_with(c);
        s->seed = seed;
        for (int i = 0; i < 40; i++) {
            int what = (int)chance_below(&seed, 0, 10);
            if (what == 0) {
                gap(s, chance_below(&seed, 1, 30 * RATE));
            } else {
                play(s, (double)-chance_below(&seed, 10, 80), (int)chance_below(&seed, 1, 4000));
            }
        }
        finish(s);
        size_t n_segments = 0;
        for (size_t i = 0; i < s->n; i++) {
            n_segments += s->cuts[i].is_segment;
            cr_assert(!s->cuts[i].is_segment ||
                      s->cuts[i].n_frames <= (int64_t)c.max_s * RATE + RATE / 100);
        }
        cr_assert_geq(n_segments, 1);
    }
}

Test(split, odd_rates_channels_and_formats)
{
    static const uint32_t rates[] = {8000, 11025, 22050, 44100, 192000};
    for (size_t r = 0; r < RF_ARRAY_LEN(rates); r++) {
        recorder_split_config c = defaults(RECORDER_SPLIT_SILENCE);
        c.rate_hz = rates[r];
        c.channels = 2;
        c.sample_format = RECORDER_SAMPLE_FLOAT32;
        scene *s = begin_with(c);
        int64_t n = 15 * (int64_t)rates[r];
        for (int64_t i = 0; i < n; i++) {
            bool loud = i / rates[r] == 12;
            float x = (float)(chance_unit(&s->seed) - 0.5) * (loud ? 0.5F : 0.001F);
            float frame[2] = {x, -x};
            recorder_split_add(s->split, frame, 1);
            s->frames++;
        }
        finish(s);
        cr_assert_eq(s->n, 3);
        cr_assert_eq(s->cuts[1].first_frame, 12 * rates[r] - 200 * rates[r] / 1000);
        cr_assert_eq(s->cuts[1].n_frames, 1500 * rates[r] / 1000);
    }
}
