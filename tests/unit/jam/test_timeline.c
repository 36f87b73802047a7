/* jam.md sections 3, 6 and 7: when a change holds, and how values get there. */
#include "jam_timeline.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define FRAME JAM_FRAME_SAMPLES

/* A timeline under a band that plays at one tempo, or at the one it is given. */
typedef struct scene {
    jam_timeline *timeline;
    jam_plan plan;
    jam_place place;
    double beats;
    double own_bpm;
    jam_applied last;
    char last_id[JAM_ID_SIZE];
    unsigned n_applied;
    char order[128];       /* the first letters of the ids, as they were applied */
    jam_controls controls; /* the newest record */
} scene;

static void applied(void *user, const jam_applied *a)
{
    scene *s = user;
    s->last = *a;
    (void)rf_copy_str(s->last_id, sizeof(s->last_id), a->id);
    s->order[s->n_applied++] = a->id[0];
}

static scene *begin(uint32_t grain)
{
    static scene s;
    static const jam_change start;
    memset(&s, 0, sizeof(s));
    s.timeline = jam_timeline_new(&start, grain, applied, &s);
    s.own_bpm = 120.0;
    s.place = (jam_place){.struct_size = sizeof(s.place),
                          .bpm = 120.0,
                          .bar = 1,
                          .beat = 1.0,
                          .density = 0.5,
                          .brightness = -1.0};
    jam_controls_default(&s.controls);
    return &s;
}

static void play(scene *s)
{
    s->place.bar = (uint32_t)(s->beats / 4.0 + 1e-9) + 1;
    s->place.beat = s->beats - (s->place.bar - 1) * 4.0 + 1.0;
    jam_timeline_plan(s->timeline, &s->place, &s->plan);
    int64_t at = 0;
    double bpm = s->place.bpm;
    for (size_t i = 0; i < s->plan.n; i++) {
        s->beats += (double)(s->plan.points[i].offset - at) * bpm / 2880000.0;
        at = s->plan.points[i].offset;
        s->controls = s->plan.points[i].controls;
        bpm = s->controls.bpm > 0.0 ? s->controls.bpm : s->own_bpm;
    }
    s->beats += (double)(FRAME - at) * bpm / 2880000.0;
    s->place.bpm = bpm;
}

static void play_to(scene *s, int64_t sample)
{
    while (jam_timeline_next(s->timeline) < sample) {
        play(s);
    }
}

static jam_change change_of(jam_field field)
{
    return (jam_change){.set = JAM_FIELD_BIT(field), .key = JAM_KEY_AUTO};
}

static jam_change topk(uint32_t value)
{
    jam_change c = change_of(JAM_FIELD_TOPK);
    c.topk = value;
    return c;
}

static jam_change at_sample(jam_change c, int64_t sample)
{
    c.set |= JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE);
    c.at_sample = sample;
    return c;
}

static jam_change at_bar(jam_change c, uint32_t bar)
{
    c.set |= JAM_FIELD_BIT(JAM_FIELD_AT_BAR);
    c.at_bar = bar;
    return c;
}

static jam_when add(scene *s, jam_change c, const char *id)
{
    jam_when when = {.at_sample = -1};
    jam_error error;
    cr_expect_eq(jam_timeline_add(s->timeline, &c, id, 7, &when, &error), 0, "%s", id);
    return when;
}

static jam_error refused(scene *s, jam_change c, jam_code code, const char *field)
{
    jam_when when;
    jam_error error = {.code = JAM_N_CODES};
    cr_expect_eq(jam_timeline_add(s->timeline, &c, "", 0, &when, &error), -EINVAL);
    cr_expect_eq(error.code, code, "%s", error.text);
    cr_expect_str_eq(error.field, field);
    return error;
}

Test(timeline, a_change_holds_from_the_next_frame_and_is_told_at_once)
{
    scene *s = begin(64);
    play(s);
    cr_expect_eq(s->plan.n, 0);
    jam_when when = add(s, topk(7), "a");
    cr_expect(!when.scheduled && when.at_sample == FRAME);
    cr_expect(s->last.rev == 1 && s->last.applied_at_sample == FRAME && s->last.origin == 7 &&
              !s->last.was_scheduled);
    cr_expect_str_eq(s->last_id, "a");
    play(s);
    cr_expect_eq(s->plan.n, 1);
    cr_expect(s->plan.points[0].offset == 0 && s->plan.points[0].controls.topk == 7);
    cr_expect_eq(s->plan.rev, 1);
    play(s);
    cr_expect_eq(s->plan.n, 0);
    jam_timeline_free(s->timeline);
}

Test(timeline, an_absent_field_keeps_its_value)
{
    scene *s = begin(64);
    jam_change c = change_of(JAM_FIELD_STYLES);
    c.n_styles = 2;
    memcpy(c.styles[0], "jazz", 5);
    memcpy(c.styles[1], "techno", 7);
    add(s, c, "");
    cr_expect_eq(jam_timeline_n_styles(s->timeline), 2);
    add(s, topk(5), "");
    play(s);
    cr_expect_eq(s->controls.n_styles, 2);
    cr_expect_eq(s->controls.styles[0].weight, 0.5);
    c = change_of(JAM_FIELD_STYLE_WEIGHTS);
    c.n_style_weights = 2;
    c.style_weights[1] = 3.0;
    add(s, c, "");
    play(s);
    cr_expect(s->controls.n_styles == 1 && s->controls.styles[0].weight == 1.0);
    cr_expect_str_eq(s->controls.styles[0].name, "techno");
    c.style_weights[0] = 1.0;
    add(s, c, "");
    play(s);
    cr_expect(s->controls.n_styles == 2 && s->controls.styles[1].weight == 0.75);
    jam_timeline_free(s->timeline);
}

Test(timeline, at_sample_is_rounded_up_to_the_grain)
{
    scene *s = begin(64);
    jam_when when = add(s, at_sample(topk(3), 2 * FRAME + 65), "a");
    cr_expect(when.scheduled && when.at_sample == 2 * FRAME + 128 && when.at_bar == 1);
    cr_expect_eq(s->n_applied, 0);
    cr_expect_eq(jam_timeline_n_pending(s->timeline), 1);
    play_to(s, 2 * FRAME);
    cr_expect_eq(s->n_applied, 0);
    play(s);
    cr_expect(s->plan.n == 1 && s->plan.points[0].offset == 128 && s->plan.rev == 0);
    cr_expect(s->last.applied_at_sample == 2 * FRAME + 128 && s->last.was_scheduled);
    when = add(s, at_sample(topk(4), 4 * FRAME + 1900), "b");
    cr_expect_eq(when.at_sample, 5 * FRAME);
    jam_timeline_free(s->timeline);
}

Test(timeline, a_coarse_grain_tells_the_true_position)
{
    scene *s = begin(96000);
    play(s);
    jam_when when = add(s, topk(9), "a");
    cr_expect(when.scheduled && when.at_sample == 96000);
    play_to(s, 96000);
    cr_expect_eq(s->n_applied, 0);
    play(s);
    cr_expect(s->plan.n == 1 && s->plan.points[0].offset == 0 &&
              s->last.applied_at_sample == 96000);
    jam_timeline_free(s->timeline);
}

Test(timeline, equal_times_apply_in_order_of_arrival)
{
    scene *s = begin(64);
    add(s, at_sample(topk(1), 1000), "c");
    add(s, at_sample(topk(2), 100), "a");
    add(s, at_sample(topk(3), 970), "d");
    add(s, at_sample(topk(4), 128), "b");
    play(s);
    s->order[s->n_applied] = '\0';
    cr_expect_str_eq(s->order, "abcd");
    cr_expect(s->plan.n == 2 && s->plan.points[0].offset == 128 &&
              s->plan.points[0].controls.topk == 4);
    cr_expect(s->plan.points[1].offset == 1024 && s->plan.points[1].controls.topk == 3);
    add(s, at_sample(topk(5), FRAME), "x");
    add(s, topk(6), "y");
    s->order[s->n_applied] = '\0';
    cr_expect_str_eq(s->order, "abcdxy");
    play(s);
    cr_expect_eq(s->controls.topk, 6);
    jam_timeline_free(s->timeline);
}

Test(timeline, too_late_tells_the_earliest_sample)
{
    scene *s = begin(64);
    play_to(s, 10 * FRAME);
    jam_error e = refused(s, at_sample(topk(1), 10 * FRAME - 1), JAM_TOO_LATE, "at_sample");
    cr_expect(e.has_limit && e.min == 10.0 * FRAME);
    e = refused(s, at_bar(topk(1), 1), JAM_TOO_LATE, "at_bar");
    cr_expect(e.has_limit && e.min == 10.0 * FRAME);
    add(s, at_sample(topk(1), 10 * FRAME), "");
    cr_expect_eq(jam_timeline_rev(s->timeline), 0);
    jam_timeline_free(s->timeline);
}

Test(timeline, schedules_reach_600_s_and_1000_bars)
{
    scene *s = begin(64);
    play(s);
    add(s, at_sample(topk(1), FRAME + JAM_AT_SAMPLE_AHEAD), "");
    jam_error e = refused(s, at_sample(topk(1), FRAME + JAM_AT_SAMPLE_AHEAD + 1), JAM_OUT_OF_RANGE,
                          "at_sample");
    cr_expect(e.min == FRAME && e.max == FRAME + JAM_AT_SAMPLE_AHEAD);
    add(s, at_bar(topk(1), 1001), "");
    e = refused(s, at_bar(topk(1), 1002), JAM_OUT_OF_RANGE, "at_bar");
    cr_expect(e.min == 2.0 && e.max == 1001.0);
    jam_timeline_free(s->timeline);
}

Test(timeline, at_most_64_changes_wait)
{
    scene *s = begin(64);
    for (int i = 0; i < JAM_PENDING_MAX; i++) {
        add(s, at_sample(topk(1), 50000), "");
    }
    refused(s, at_sample(topk(1), 60000), JAM_TOO_MANY_PENDING, "");
    refused(s, at_bar(topk(1), 9), JAM_TOO_MANY_PENDING, "");
    add(s, topk(2), "");
    play_to(s, 52000);
    cr_expect_eq(s->n_applied, JAM_PENDING_MAX + 1);
    add(s, at_sample(topk(1), 60000), "");
    jam_timeline_free(s->timeline);
}

Test(timeline, at_bar_begins_on_the_bar_line)
{
    scene *s = begin(64); /* 120 bpm: a bar is 96,000 samples */
    jam_when when = add(s, at_bar(topk(3), 2), "a");
    cr_expect(when.scheduled && when.at_sample == 96000 && when.at_bar == 2);
    play_to(s, 96000 + FRAME);
    cr_expect_eq(s->last.applied_at_sample, 96000);
    when = add(s, at_bar(topk(4), 4), "b");
    cr_expect_eq(when.at_sample, 3 * 96000);
    play_to(s, 3 * 96000 + FRAME);
    cr_expect_eq(s->last.applied_at_sample, 3 * 96000);
    jam_timeline_free(s->timeline);
}

Test(timeline, at_bar_follows_the_tempo)
{
    scene *s = begin(64);
    jam_change c = change_of(JAM_FIELD_BPM);
    c.bpm = 100.0; /* a bar is 115,200 samples, a multiple of 64 */
    add(s, at_bar(topk(3), 3), "a");
    add(s, at_sample(c, 64 * 100), "t"); /* 6,400 samples at 120 bpm: 0.26667 beats */
    play_to(s, 300000);
    double exact = 6400.0 + (8.0 - 6400.0 * 120.0 / 2880000.0) * 28800.0;
    cr_expect_eq(s->last_id[0], 'a');
    cr_expect_eq(s->last.applied_at_sample, (int64_t)ceil(exact / 64.0) * 64, "%lld, %f",
                 (long long)s->last.applied_at_sample, exact);
    jam_timeline_free(s->timeline);
}

static jam_change ramped(jam_field field, uint32_t ms)
{
    jam_change c = change_of(field);
    c.set |= JAM_FIELD_BIT(JAM_FIELD_RAMP_MS);
    c.ramp_ms[field] = ms;
    return c;
}

Test(timeline, ramps_are_linear_in_steps_of_a_frame)
{
    scene *s = begin(64);
    jam_change c = ramped(JAM_FIELD_TEMPERATURE, 400); /* 10 frames */
    c.temperature = 2.1;
    add(s, c, "");
    for (int i = 0; i <= 10; i++) {
        play(s);
        cr_expect_eq(s->plan.n, 1, "%d", i);
        cr_expect_float_eq(s->controls.temperature, 1.1 + 0.1 * i, 1e-9, "%d", i);
    }
    cr_expect_eq(s->controls.temperature, 2.1);
    play(s);
    cr_expect_eq(s->plan.n, 0);
    jam_timeline_free(s->timeline);
}

Test(timeline, a_new_value_ends_a_ramp_where_it_is)
{
    scene *s = begin(64);
    jam_change c = ramped(JAM_FIELD_GUIDANCE_WEIGHT, 400);
    c.guidance_weight = 2.1;
    add(s, c, "");
    for (int i = 0; i < 5; i++) {
        play(s);
    }
    c.guidance_weight = 1.6;
    add(s, c, ""); /* at 1.6: it stays there */
    for (int i = 0; i < 12; i++) {
        play(s);
        cr_expect_float_eq(s->controls.guidance_weight, 1.6, 1e-9);
    }
    c = change_of(JAM_FIELD_GUIDANCE_WEIGHT);
    c.guidance_weight = 0.0;
    add(s, c, "");
    play(s);
    cr_expect_eq(s->controls.guidance_weight, 0.0);
    jam_timeline_free(s->timeline);
}

Test(timeline, bpm_ramps_from_what_the_band_plays)
{
    scene *s = begin(64);
    jam_change c = ramped(JAM_FIELD_BPM, 400);
    c.bpm = 140.0;
    add(s, c, "");
    play(s);
    cr_expect_eq(s->controls.bpm, 120.0);
    play(s);
    cr_expect_float_eq(s->controls.bpm, 122.0, 1e-9);
    play_to(s, 11 * FRAME);
    cr_expect_eq(s->controls.bpm, 140.0);
    c = ramped(JAM_FIELD_DENSITY, 400);
    c.density = 1.0;
    add(s, c, "");
    play(s);
    play(s);
    cr_expect_float_eq(s->controls.density, 0.55, 1e-9);
    c = ramped(JAM_FIELD_BRIGHTNESS, 400); /* the band does not tell: at once */
    c.brightness = 1.0;
    add(s, c, "");
    play(s);
    cr_expect_eq(s->controls.brightness, 1.0);
    jam_timeline_free(s->timeline);
}

static jam_change bass_gain(double gain_db, uint32_t ms)
{
    jam_change c = ramped(JAM_FIELD_STEMS, ms);
    c.stems[JAM_STEM_BASS] = (jam_stem_change){.set = JAM_STEM_GAIN, .to.gain_db = gain_db};
    return c;
}

Test(timeline, gains_glide_to_the_value_of_the_next_frame)
{
    scene *s = begin(64);
    add(s, bass_gain(-6.0, 0), "");
    play(s);
    cr_expect(s->controls.stems[JAM_STEM_BASS].gain_db == -6.0 && s->controls.glide_samples == 960);
    add(s, at_sample(bass_gain(-10.0, 80), 2 * FRAME + 640), ""); /* two frames long, from -6 */
    play(s);
    play(s);
    cr_expect_eq(s->plan.points[0].offset, 640);
    cr_expect_eq(s->controls.glide_samples, FRAME - 640);
    cr_expect_float_eq(s->controls.stems[JAM_STEM_BASS].gain_db, -6.0 - 4.0 * 1280 / 3840, 1e-9);
    play(s);
    cr_expect_eq(s->controls.glide_samples, FRAME);
    cr_expect_float_eq(s->controls.stems[JAM_STEM_BASS].gain_db, -6.0 - 4.0 * 3200 / 3840, 1e-9);
    play(s);
    cr_expect_eq(s->controls.stems[JAM_STEM_BASS].gain_db, -10.0);
    cr_expect_eq(s->controls.stems[JAM_STEM_LEAD].gain_db, 0.0);
    jam_timeline_free(s->timeline);
}

static jam_change styles(const char *a, const char *b, double seconds)
{
    jam_change c = change_of(JAM_FIELD_STYLES);
    c.set |= JAM_FIELD_BIT(JAM_FIELD_STYLE_RAMP_SECONDS);
    c.style_ramp_seconds = seconds;
    c.n_styles = b != NULL ? 2 : 1;
    (void)rf_copy_str(c.styles[0], JAM_STYLE_NAME_SIZE, a);
    (void)rf_copy_str(c.styles[1], JAM_STYLE_NAME_SIZE, b != NULL ? b : "");
    return c;
}

static double weight_of(const scene *s, const char *name)
{
    for (size_t i = 0; i < s->controls.n_styles; i++) {
        if (strcmp(s->controls.styles[i].name, name) == 0) {
            return s->controls.styles[i].weight;
        }
    }
    return 0.0;
}

Test(timeline, styles_cross_over_style_ramp_seconds)
{
    scene *s = begin(64);
    add(s, styles("jazz", "warmup", 0.4), "");
    for (int i = 0; i <= 10; i++) {
        play(s);
        cr_expect_float_eq(weight_of(s, "jazz"), 0.05 * i, 1e-9);
        cr_expect_float_eq(weight_of(s, "warmup"), 1.0 - 0.05 * i, 1e-9);
    }
    play(s);
    cr_expect_eq(s->plan.n, 0);
    jam_change c = change_of(JAM_FIELD_STYLES); /* neutral; the ramp is kept */
    add(s, c, "");
    play_to(s, jam_timeline_next(s->timeline) + 6 * FRAME);
    cr_expect_float_eq(weight_of(s, ""), 0.5, 1e-9);
    play_to(s, jam_timeline_next(s->timeline) + 6 * FRAME);
    cr_expect_eq(s->controls.n_styles, 0);
    jam_timeline_free(s->timeline);
}

Test(timeline, a_mix_has_16_styles_at_most_and_its_weights_sum_to_1)
{
    scene *s = begin(64);
    jam_change c = styles("x", NULL, 1.0);
    for (int round = 0; round < 2; round++) {
        c.n_styles = JAM_STYLES_MAX;
        for (int i = 0; i < JAM_STYLES_MAX; i++) {
            c.styles[i][0] = (char)('a' + i + 10 * round);
            c.styles[i][1] = '\0';
        }
        add(s, c, "");
        for (int i = 0; i < 12; i++) {
            double sum = 0.0;
            play(s);
            cr_expect_leq(s->controls.n_styles, JAM_STYLES_MAX);
            for (size_t k = 0; k < s->controls.n_styles; k++) {
                sum += s->controls.styles[k].weight;
            }
            cr_expect_float_eq(sum, 1.0, 1e-12);
        }
    }
    jam_timeline_free(s->timeline);
}

Test(timeline, each_order_of_a_section_counts)
{
    scene *s = begin(64);
    jam_change c = change_of(JAM_FIELD_SECTION);
    c.section = JAM_SECTION_FILL;
    for (uint32_t i = 1; i <= 3; i++) {
        add(s, c, "");
        play(s);
        cr_expect(s->controls.section == JAM_SECTION_FILL && s->controls.section_count == i);
    }
    jam_timeline_free(s->timeline);
}

Test(timeline, a_change_without_values_counts_as_one)
{
    scene *s = begin(64);
    add(s, (jam_change){.set = 0}, "");
    cr_expect_eq(jam_timeline_rev(s->timeline), 1);
    jam_timeline_free(s->timeline);
}

Test(timeline, a_restart_gives_the_record_again)
{
    scene *s = begin(64);
    add(s, topk(12), "");
    play(s);
    play(s);
    cr_expect_eq(s->plan.n, 0);
    jam_timeline_restart(s->timeline);
    play(s);
    cr_expect(s->plan.n == 1 && s->plan.points[0].controls.topk == 12);
    jam_timeline_free(s->timeline);
}
