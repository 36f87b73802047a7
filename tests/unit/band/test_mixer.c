/* Stems: gains, mutes, solos, glides, and that they sum to the mix. */
#include "band_limiter.h"
#include "band_script.h"
#include "figures.h"

#include <criterion/criterion.h>
#include <math.h>

static jam_controls controls;
static band_player *player;
static band_take take;

static void open_player(void)
{
    band_script_clear();
    band_script_groove(16);
    jam_controls_default(&controls);
    player = band_player_new(band_script_bank(), 1, &controls, NULL);
    cr_assert_not_null(player);
    take = band_take_new(300);
}

static void close_player(void)
{
    player = band_player_free(player);
    band_take_done(&take);
}

TestSuite(mixer, .init = open_player, .fini = close_player);

static const char *const names[] = {"drums", "bass", "chords", "lead"};

Test(mixer, every_stem_sounds)
{
    band_take_play(&take, player, 0, 100);
    for (int s = 0; s < JAM_N_STEMS; s++) {
        const double db = band_stem_db(&take, (jam_stem)s, 96000, 192000);
        cr_expect_gt(db, -45, "%s: %.1f dB", names[s], db);
    }
}

Test(mixer, stems_sum_to_the_mix_before_the_limiter)
{
    controls.stems[JAM_STEM_BASS].gain_db = -9;
    band_player_control(player, 0, &controls);
    band_take_play(&take, player, 0, 100);
    /* where the limiter rests, the mix comes out as it went in */
    size_t compared = 0;
    for (size_t i = 0; i + 1 < (size_t)100 * JAM_FRAME_SAMPLES / BAND_BLOCK; i++) {
        for (size_t k = 0; k < BAND_BLOCK; k++) {
            double sum = 0;
            for (size_t s = 0; s < JAM_N_STEMS; s++) {
                sum += (double)take.taps[i][2 * s][k];
            }
            const double mix = take.left[(i + 1) * BAND_BLOCK + k];
            cr_assert_float_eq(sum, mix, 1e-6, "block %zu: %g, %g", i, sum, mix);
            compared += fabs(sum) > 0.001;
        }
    }
    cr_expect_gt(compared, 48000);
}

/* Two players side by side, of which the second gets a gain: the stems differ by it alone. */
static double gain_seen(jam_stem stem, double gain_db)
{
    band_player *other = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take other_take = band_take_new(100);
    jam_controls with = controls;
    with.stems[stem].gain_db = gain_db;
    band_player_control(other, 0, &with);
    band_take_play(&other_take, other, 0, 100);
    const double db = band_stem_db(&other_take, stem, 48000, 192000);
    band_take_done(&other_take);
    (void)band_player_free(other);
    return db - band_stem_db(&take, stem, 48000, 192000);
}

Test(mixer, gains_are_exact_to_a_tenth_of_a_decibel)
{
    band_take_play(&take, player, 0, 100);
    static const double gains[] = {-60, -24, -6, -0.5, 3, 12};
    for (int s = 0; s < JAM_N_STEMS; s++) {
        for (size_t i = 0; i < RF_ARRAY_LEN(gains); i += FIGURES_EVERY(4)) {
            cr_expect_float_eq(gain_seen((jam_stem)s, gains[i]), gains[i], 0.02, "%s %.1f dB",
                               names[s], gains[i]);
        }
    }
}

Test(mixer, one_stems_gain_leaves_the_others_alone)
{
    band_take_play(&take, player, 0, 100);
    band_player *other = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take other_take = band_take_new(100);
    controls.stems[JAM_STEM_DRUMS].gain_db = -40;
    band_player_control(other, 0, &controls);
    band_take_play(&other_take, other, 0, 100);
    for (int s = JAM_STEM_BASS; s < JAM_N_STEMS; s++) {
        cr_expect_float_eq(band_stem_db(&other_take, (jam_stem)s, 48000, 192000),
                           band_stem_db(&take, (jam_stem)s, 48000, 192000), 1e-6);
    }
    band_take_done(&other_take);
    (void)band_player_free(other);
}

Test(mixer, a_muted_stem_is_gone_after_20_ms_tails_included)
{
    for (int s = 0; s < JAM_N_STEMS; s++) {
        jam_stem_control *others = controls.stems;
        for (int i = 0; i < JAM_N_STEMS; i++) {
            others[i] = (jam_stem_control){.mute = i != s};
        }
        band_player *alone = band_player_new(band_script_bank(), 1, &controls, NULL);
        band_take heard = band_take_new(60);
        band_take_play(&heard, alone, 0, 50);
        controls.stems[s].mute = true;
        band_player_control(alone, 50 * JAM_FRAME_SAMPLES, &controls);
        band_take_play(&heard, alone, 50, 10);
        const size_t at = (size_t)50 * JAM_FRAME_SAMPLES;
        cr_expect_gt(band_rms_db(heard.left, heard.right, at - 4800, at), -60, "%s", names[s]);
        for (size_t i = at + 960; i < heard.n; i++) {
            cr_assert_lt(fabsf(heard.left[i]), 1e-4F, "%s at %zu", names[s], i - at);
            cr_assert_lt(fabsf(heard.right[i]), 1e-4F);
        }
        band_take_done(&heard);
        (void)band_player_free(alone);
    }
}

/* Another stem's ramp has the host ask for a glide of 40 ms; a mute does not wait for it. */
Test(mixer, a_mute_within_a_ramp_of_another_stem_takes_20_ms_too)
{
    for (int i = 0; i < JAM_N_STEMS; i++) {
        controls.stems[i] = (jam_stem_control){.mute = i != JAM_STEM_CHORDS && i != JAM_STEM_BASS};
    }
    band_player *two = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take heard = band_take_new(60);
    band_take_play(&heard, two, 0, 50);
    controls.glide_samples = JAM_FRAME_SAMPLES;
    controls.stems[JAM_STEM_BASS].gain_db = -1;
    controls.stems[JAM_STEM_CHORDS].mute = true;
    band_player_control(two, (int64_t)50 * JAM_FRAME_SAMPLES, &controls);
    band_take_play(&heard, two, 50, 10);
    const size_t at = (size_t)50 * JAM_FRAME_SAMPLES;
    cr_expect_gt(band_stem_db(&heard, JAM_STEM_CHORDS, at - 4800, at), -60);
    cr_expect_lt(band_stem_db(&heard, JAM_STEM_CHORDS, at + 960, at + 1920), -100);
    cr_expect_gt(band_stem_db(&heard, JAM_STEM_BASS, at + 960, at + 1920), -60);
    band_take_done(&heard);
    (void)band_player_free(two);
}

Test(mixer, any_solo_mutes_the_stems_without)
{
    controls.stems[JAM_STEM_BASS].solo = true;
    controls.stems[JAM_STEM_LEAD].solo = true;
    controls.stems[JAM_STEM_LEAD].mute = true; /* a mute holds against its own solo */
    band_player_control(player, 0, &controls);
    band_take_play(&take, player, 0, 100);
    cr_expect_gt(band_stem_db(&take, JAM_STEM_BASS, 48000, 192000), -45);
    cr_expect_lt(band_stem_db(&take, JAM_STEM_DRUMS, 48000, 192000), -100);
    cr_expect_lt(band_stem_db(&take, JAM_STEM_CHORDS, 48000, 192000), -100);
    cr_expect_lt(band_stem_db(&take, JAM_STEM_LEAD, 48000, 192000), -100);
}

/* A ramp of the host: a new record each frame, 1,920 samples to glide. */
Test(mixer, a_ramp_is_one_even_slope)
{
    band_take_play(&take, player, 0, 50);
    band_player *still = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take straight = band_take_new(100);
    band_take_play(&straight, still, 0, 100);
    controls.glide_samples = JAM_FRAME_SAMPLES;
    for (size_t i = 0; i < 25; i++) {
        controls.stems[JAM_STEM_CHORDS].gain_db = 20 * log10(1 - 0.5 * (double)(i + 1) / 25);
        band_player_control(player, (int64_t)(50 + i) * JAM_FRAME_SAMPLES, &controls);
        band_take_play(&take, player, 50 + i, 1);
    }
    double worst = 0;
    for (size_t i = 0; i < (size_t)25 * JAM_FRAME_SAMPLES; i++) {
        const size_t at = (size_t)50 * JAM_FRAME_SAMPLES + i, block = at / BAND_BLOCK;
        const double before = straight.taps[block][4][at % BAND_BLOCK];
        const double gain = 1 - 0.5 * (double)(i + 1) / (25.0 * JAM_FRAME_SAMPLES);
        worst = fmax(worst, fabs(take.taps[block][4][at % BAND_BLOCK] - gain * before));
    }
    cr_expect_lt(worst, 1e-4, "%g", worst);
    band_take_done(&straight);
    (void)band_player_free(still);
}

static double centroid(double brightness)
{
    controls.brightness = brightness;
    band_player *p = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take t = band_take_new(200);
    band_take_play(&t, p, 0, 200);
    /* of the first difference against the signal: rises and falls with the centroid */
    double signal = 0, slope = 0;
    for (size_t i = 1; i < t.n; i++) {
        signal += (double)t.left[i] * t.left[i];
        slope += ((double)t.left[i] - t.left[i - 1]) * ((double)t.left[i] - t.left[i - 1]);
    }
    band_take_done(&t);
    (void)band_player_free(p);
    return sqrt(slope / signal);
}

Test(mixer, brightness_rises_at_every_step)
{
    double last = 0, first = 0;
    for (int i = 0; i <= 4; i++) {
        const double now = centroid(i / 4.0);
        cr_expect_gt(now, last, "step %d: %g after %g", i, now, last);
        first = i == 0 ? now : first;
        last = now;
    }
    cr_expect_geq(last, 1.5 * first);
}

static double loudness_of_last_seconds(double bus_db)
{
    band_script_now.mix.bus_db = bus_db;
    band_player *p = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take t = band_take_new(750);
    band_take_play(&t, p, 0, 750);
    const double db = band_rms_db(t.left, t.right, t.n - 480000, t.n);
    band_take_done(&t);
    (void)band_player_free(p);
    return db;
}

Test(mixer, the_bus_levels_most_of_what_a_style_is_off)
{
    const double quiet = loudness_of_last_seconds(-3), loud = loudness_of_last_seconds(0);
    cr_expect_gt(loud, quiet - 0.01);
    cr_expect_lt(loud - quiet, 1.2, "%.2f dB of 3 are left", loud - quiet);
}

Test(mixer, mean_of_ten_seconds_is_nought)
{
    band_take_play(&take, player, 0, 250);
    double left = 0, right = 0;
    for (size_t i = 0; i < (size_t)480000; i++) {
        left += (double)take.left[i];
        right += (double)take.right[i];
    }
    cr_expect_lt(fabs(left) / 480000, 1e-4);
    cr_expect_lt(fabs(right) / 480000, 1e-4);
}
