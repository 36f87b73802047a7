/* jam.md sections 3, 5, 6 and 10: chunks of a stream, and what happens to it on its way. */
#include "stream_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#define FRAME JAM_FRAME_SAMPLES
#define PAIR (JAM_CHANNELS * sizeof(float))

static engine_fixture f;

static void set_up(void)
{
    engine_fixture_init(&f);
}

static void tear_down(void)
{
    cr_expect_eq(f.n_open, 0, "instances are closed");
    engine_fixture_done(&f);
}

TestSuite(stream, .init = set_up, .fini = tear_down);

static bool same(const float *a, const float *b, size_t n_pairs)
{
    return memcmp(a, b, n_pairs * PAIR) == 0;
}

Test(stream, chunks_share_their_overlap_and_hold_the_engines_samples)
{
    jam_stream *s = stream_of(&f, 1, NULL, 1200);
    RF_CLEANUP(rf_cleanup_free) float *all = stream_reference(&f, 1, NULL, 60 * FRAME);
    static const uint32_t frames[] = {50, 1, 2, 3};
    int64_t start = 0;
    for (size_t i = 0; i < RF_ARRAY_LEN(frames); i++) {
        jam_cut cut;
        cr_assert_eq(stream_chunk(s, frames[i], &cut), 0);
        cr_expect(cut.index == (int64_t)i && cut.start_sample == start && !cut.last);
        cr_expect(cut.n_frames == frames[i] && cut.n_samples == frames[i] * FRAME + 1200);
        cr_expect(same(cut.pcm, all + start * JAM_CHANNELS, cut.n_samples));
        start += frames[i] * FRAME;
        cr_expect_eq(jam_stream_next_start(s), start);
    }
    jam_stream_free(s);
}

Test(stream, real_earlier_audio_stands_before_a_chunk)
{
    jam_stream *s = stream_of(&f, 1, NULL, 1920);
    RF_CLEANUP(rf_cleanup_free) float *all = stream_reference(&f, 1, NULL, 20 * FRAME);
    static const float silence[JAM_HISTORY_SAMPLES * JAM_CHANNELS];
    jam_cut cut;
    stream_chunk(s, 5, &cut);
    cr_expect(same(cut.pcm - JAM_HISTORY_SAMPLES * JAM_CHANNELS, silence, JAM_HISTORY_SAMPLES));
    stream_chunk(s, 1, &cut);
    cr_expect(same(cut.pcm - JAM_HISTORY_SAMPLES * JAM_CHANNELS,
                   all + (cut.start_sample - JAM_HISTORY_SAMPLES) * JAM_CHANNELS,
                   JAM_HISTORY_SAMPLES));
    jam_stream_free(s);
}

Test(stream, marks_tell_what_holds_at_the_first_sample)
{
    jam_change c = {.set = JAM_FIELD_BIT(JAM_FIELD_BPM), .bpm = 120.0, .key = JAM_KEY_AUTO};
    jam_stream *s = stream_of(&f, 1, &c, 4800);
    jam_cut cut;
    stream_chunk(s, 50, &cut);
    cr_expect(cut.mark->bar == 1 && cut.mark->beat == 1.0 && cut.mark->bpm == 120.0);
    cr_expect(cut.mark->rev == 0 && cut.mark->n_styles == 1);
    c.bpm = 60.0;
    stream_update(s, &c); /* heard from sample 100,800 on: after the start of the next chunk */
    stream_chunk(s, 3, &cut);
    cr_expect(cut.mark->bar == 2 && fabs(cut.mark->beat - 1.0) < 1e-6, "%u %f", cut.mark->bar,
              cut.mark->beat);
    cr_expect(cut.mark->rev == 0 && cut.mark->bpm == 120.0);
    stream_chunk(s, 50, &cut);
    cr_expect(cut.mark->rev == 1 && cut.mark->bpm == 60.0);
    jam_stream_free(s);
}

Test(stream, a_change_is_heard_from_the_next_frame_in_the_middle_of_a_chunk)
{
    jam_stream *s = stream_of(&f, 1, NULL, 0);
    RF_CLEANUP(rf_cleanup_free) float *all = stream_reference(&f, 1, NULL, 10 * FRAME);
    jam_change c = {.set = JAM_FIELD_BIT(JAM_FIELD_TOPK), .topk = 3, .key = JAM_KEY_AUTO};
    jam_cut cut;
    jam_stream_start_chunk(s, 10);
    for (int i = 0; jam_stream_frames_left(s) > 0; i++) {
        if (i == 4) {
            stream_update(s, &c);
        }
        jam_stream_plan(s);
        cr_assert_eq(jam_stream_render(s), 0);
    }
    jam_stream_cut(s, &cut);
    cr_expect(same(cut.pcm, all, 4 * FRAME));
    cr_expect(cut.pcm[4 * FRAME * JAM_CHANNELS] != all[4 * FRAME * JAM_CHANNELS]);
    jam_stream_free(s);
}

Test(stream, a_reset_fades_40_ms_to_a_new_instance_and_bars_begin_again)
{
    jam_stream *s = stream_of(&f, 1, NULL, 0);
    RF_CLEANUP(rf_cleanup_free) float *old = stream_reference(&f, 1, NULL, 200 * FRAME);
    RF_CLEANUP(rf_cleanup_free) float *new = stream_reference(&f, 2, NULL, 200 * FRAME);
    jam_cut cut;
    int64_t sample;
    for (int i = 0; i < 2; i++) {
        stream_chunk(s, 50, &cut);
    }
    cr_expect_eq(jam_stream_reset(s, stream_open_instance(&f, s, 2), &sample), 0);
    cr_expect_eq(sample, 100 * FRAME);
    void *other = stream_open_instance(&f, s, 3);
    cr_expect_eq(jam_stream_reset(s, other, &sample), -EBUSY);
    f.engine.close(other);
    stream_chunk(s, 50, &cut);
    cr_expect_eq(cut.mark->bar, 1);
    for (size_t i = 0; i < FRAME * JAM_CHANNELS; i++) {
        float g = (float)(i / JAM_CHANNELS) / FRAME;
        float a = old[100 * FRAME * JAM_CHANNELS + i];
        cr_assert_float_eq(cut.pcm[i], a + g * (new[i] - a), 1e-6F);
    }
    cr_expect(same(cut.pcm + FRAME * JAM_CHANNELS, new + FRAME *JAM_CHANNELS, 49 * FRAME));
    cr_expect_eq(f.n_open, 1);
    jam_stream_free(s);
}

static void check_skip(uint32_t overlap, uint32_t skipped)
{
    jam_stream *s = stream_of(&f, 1, NULL, overlap);
    RF_CLEANUP(rf_cleanup_free) float *all = stream_reference(&f, 1, NULL, 300 * FRAME);
    jam_cut cut;
    stream_chunk(s, 10, &cut);
    jam_stream_skip(s, skipped);
    cr_assert_eq(stream_chunk(s, 10, &cut), 0);
    int64_t from = 10 * FRAME;
    int64_t to = from + skipped * FRAME;
    cr_expect(cut.start_sample == to && cut.index == 1);
    const float *old = all + from * JAM_CHANNELS;
    const float *new = all + to *JAM_CHANNELS;
    cr_expect(same(cut.pcm, old, overlap), "the copy rule holds");
    cr_expect(same(cut.pcm - JAM_HISTORY_SAMPLES * JAM_CHANNELS,
                   old - JAM_HISTORY_SAMPLES * JAM_CHANNELS, JAM_HISTORY_SAMPLES));
    for (size_t i = overlap * JAM_CHANNELS; i < (overlap + FRAME) * JAM_CHANNELS; i++) {
        float g = (float)(i / JAM_CHANNELS - overlap) / FRAME;
        cr_assert_float_eq(cut.pcm[i], old[i] + g * (new[i] - old[i]), 1e-6F);
    }
    size_t after = (overlap + FRAME) * JAM_CHANNELS;
    cr_expect(same(cut.pcm + after, new + after, 9 * FRAME));
    stream_chunk(s, 10, &cut);
    cr_expect(cut.start_sample == to + 10 * FRAME);
    cr_expect(same(cut.pcm, all + cut.start_sample * JAM_CHANNELS, cut.n_samples));
    jam_stream_free(s);
}

Test(stream, skips_keep_the_copy_rule_and_fade_over_the_next_frame)
{
    static const uint32_t overlaps[] = {0, 1200, 1920, 4800};
    static const uint32_t frames[] = {1, 2, 50, 200};
    for (size_t i = 0; i < RF_ARRAY_LEN(overlaps); i++) {
        for (size_t k = 0; k < RF_ARRAY_LEN(frames); k++) {
            check_skip(overlaps[i], frames[k]);
        }
    }
}

static void check_failure(uint32_t overlap, int64_t bad, int err)
{
    jam_stream *s = stream_of(&f, 1, NULL, overlap);
    jam_cut cut;
    float largest = 0.0F;
    cr_expect_eq(stream_chunk(s, 5, &cut), err);
    cr_expect(cut.last && cut.n_samples == 5 * FRAME + overlap);
    for (size_t i = 0; i < cut.n_samples * JAM_CHANNELS; i++) {
        cr_assert(isfinite(cut.pcm[i]));
        int64_t sample = (int64_t)(i / JAM_CHANNELS);
        cr_assert(sample < bad + 480 || cut.pcm[i] == 0.0F, "silent after 10 ms");
        if (i >= JAM_CHANNELS) {
            largest = fmaxf(largest, fabsf(cut.pcm[i] - cut.pcm[i - JAM_CHANNELS]));
        }
    }
    cr_expect_lt(largest, 0.05F);
    cr_expect_neq(cut.pcm[(bad - 1) * JAM_CHANNELS], 0.0F);
    cr_expect_eq(jam_stream_frames_left(s), 0);
    jam_stream_free(s);
}

Test(stream, nan_becomes_a_fade_of_10_ms_and_ends_the_stream)
{
    static const int64_t bad[] = {2 * FRAME + 100, 2 * FRAME, 3 * FRAME - 1, 5 * FRAME + 10};
    for (size_t i = 0; i < RF_ARRAY_LEN(bad); i++) {
        f.nan_at = bad[i];
        check_failure(1920, bad[i], -EBADMSG);
    }
    f.nan_at = 10;
    check_failure(0, 10, -EBADMSG);
}

Test(stream, a_failing_engine_fades_out_too)
{
    f.fail_at = 2 * FRAME;
    check_failure(1200, 2 * FRAME, -EIO);
}

Test(stream, nan_while_skipping_still_gives_a_chunk)
{
    jam_stream *s = stream_of(&f, 1, NULL, 1920);
    jam_cut cut;
    f.nan_at = 14 * FRAME;
    stream_chunk(s, 5, &cut);
    jam_stream_skip(s, 100);
    cr_expect_eq(stream_chunk(s, 5, &cut), -EBADMSG);
    cr_expect(cut.last && cut.start_sample == 105 * FRAME);
    for (size_t i = 0; i < cut.n_samples * JAM_CHANNELS; i++) {
        cr_assert(isfinite(cut.pcm[i]));
    }
    jam_stream_free(s);
}

Test(stream, an_ending_ends_it)
{
    jam_change c = {.set = JAM_FIELD_BIT(JAM_FIELD_SECTION) | JAM_FIELD_BIT(JAM_FIELD_BPM),
                    .section = JAM_SECTION_ENDING,
                    .bpm = 200.0, /* a bar is 57,600 samples */
                    .key = JAM_KEY_AUTO};
    jam_stream *s = stream_of(&f, 1, NULL, 1920);
    jam_cut cut;
    stream_chunk(s, 1, &cut);
    stream_update(s, &c);
    int n = 0;
    do {
        stream_chunk(s, 10, &cut);
        n++;
    } while (!cut.last && n < 100);
    int64_t end = cut.start_sample + cut.n_samples;
    cr_expect(end >= 3 * 57600 && end < 4 * 57600 + 20 * FRAME, "%lld", (long long)end);
    jam_stream_free(s);
}

/* The period of a tone: where it rises through a level well above the noise, having been as far
 * below. */
static double period_of(const float *pcm, size_t n)
{
    const float level = 0.05F;
    size_t first = 0;
    size_t last = 0;
    int count = -1;
    bool low = false;
    for (size_t i = 0; i < n; i++) {
        float x = pcm[i * JAM_CHANNELS];
        low = low || x < -level;
        if (low && x > level) {
            low = false;
            count++;
            first = count == 0 ? i : first;
            last = i;
        }
    }
    return (double)(last - first) / count;
}

static jam_change bass_alone(void)
{
    jam_change c = {.set = JAM_FIELD_BIT(JAM_FIELD_STEMS), .key = JAM_KEY_AUTO};
    c.stems[JAM_STEM_BASS] = (jam_stem_change){.set = JAM_STEM_SOLO | JAM_STEM_GAIN,
                                               .to = {.solo = true, .gain_db = 12.0}};
    return c;
}

Test(stream, a_stretch_lengthens_by_its_factor_at_equal_pitch)
{
    jam_change c = bass_alone();
    jam_stream *s = stream_of(&f, 97, &c, 1920);
    jam_cut cut;
    stream_chunk(s, 50, &cut);
    double before = period_of(cut.pcm, cut.n_samples);
    jam_stream_stretch(s, 1.1);
    float tail[1920 * JAM_CHANNELS];
    float largest = 0.0F;
    double worst = 0.0;
    for (int i = 0; i < 5; i++) {
        memcpy(tail, cut.pcm + (cut.n_samples - 1920) * JAM_CHANNELS, sizeof(tail));
        cr_assert_eq(stream_chunk(s, 50, &cut), 0);
        cr_expect(same(cut.pcm, tail, 1920), "the copy rule holds");
        worst = fmax(worst, fabs(period_of(cut.pcm, cut.n_samples) / before - 1.0));
        for (size_t k = JAM_CHANNELS; k < cut.n_samples * JAM_CHANNELS; k += JAM_CHANNELS) {
            largest = fmaxf(largest, fabsf(cut.pcm[k] - cut.pcm[k - JAM_CHANNELS]));
        }
    }
    double lengthened = (double)jam_stream_shift(s) / (5.0 * 50 * FRAME);
    cr_expect_lt(worst, 0.004, "period %f off by %f", before, worst);
    cr_expect_lt(largest, 0.04F);
    cr_expect(lengthened > 0.085 && lengthened < 0.0915, "%f", lengthened); /* 1 - 1 / 1.1 */
    jam_stream_stretch(s, 1.0);
    int64_t shift = jam_stream_shift(s);
    stream_chunk(s, 50, &cut);
    stream_chunk(s, 50, &cut);
    cr_expect_lt(llabs(jam_stream_shift(s) - shift), 3000);
    RF_CLEANUP(rf_cleanup_free) float *all = stream_reference(&f, 97, &c, 420 * FRAME);
    cr_expect(same(cut.pcm, all + (cut.start_sample - jam_stream_shift(s)) * JAM_CHANNELS,
                   cut.n_samples));
    jam_stream_free(s);
}

Test(stream, a_new_record_reaches_the_engine_at_its_sample)
{
    jam_change c = {.set = JAM_FIELD_BIT(JAM_FIELD_TOPK) | JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE),
                    .topk = 3,
                    .at_sample = 3 * FRAME + 65,
                    .key = JAM_KEY_AUTO};
    jam_controls controls;
    void *instance;
    char why[64];
    const fixture_call *calls;
    const jam_change start = {.set = 0};
    jam_cut cut;
    jam_controls_of_start(&start, &controls);
    cr_assert_eq(f.engine.open(&f.engine, 1, &controls, NULL, &instance, why, sizeof(why)), 0);
    jam_stream *s = jam_stream_new(&f.engine, instance, &start, 0, NULL, NULL);
    stream_update(s, &c);
    stream_chunk(s, 10, &cut);
    cr_expect_eq(engine_fixture_calls(instance, &calls), 1);
    cr_expect(calls[0].sample == 3 * FRAME + 128 && calls[0].controls.topk == 3);
    jam_stream_free(s);
}
