/* Time: onsets, tempo, controls at their sample, calls of any length, the end. */
#include "band_limiter.h"
#include "band_script.h"
#include "figures.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* Ten minutes for drift. */
#define DRIFT_FRAMES (15000 / FIGURES_EVERY(7))
#define DRIFT_BEATS (1300 / FIGURES_EVERY(7))

static jam_controls controls;

static void prepare(void)
{
    band_script_clear();
    jam_controls_default(&controls);
}

TestSuite(player, .init = prepare);

typedef struct note_log {
    jam_note notes[BAND_SCRIPT_MAX];
    size_t n;
} note_log;

static note_log played;

static void keep(void *user, const jam_note *note)
{
    (void)user;
    played.notes[played.n++] = *note;
}

static const jam_engine_host host = {.struct_size = sizeof(host), .note = keep};

static band_player *open_player(void)
{
    played.n = 0;
    band_player *player = band_player_new(band_script_bank(), 1, &controls, &host);
    cr_assert_not_null(player);
    return player;
}

/* First sample at or after `from` that is not silent. */
static int64_t first_sound(const band_take *take, int64_t from)
{
    for (size_t i = (size_t)from; i < take->n; i++) {
        if (fabsf(take->left[i]) > 1e-5F) {
            return (int64_t)i;
        }
    }
    return -1;
}

Test(player, a_note_is_heard_within_64_samples_of_its_time)
{
    static const double beats[] = {0.5, 4.013, 8.7501, 13.33, 17.0, 22.2};
    for (size_t i = 0; i < RF_ARRAY_LEN(beats); i++) {
        band_script_add(beats[i], 0.1, BAND_DRUMS, 37, 120);
    }
    band_player *player = open_player();
    band_take take = band_take_new(300);
    band_take_play(&take, player, 0, 300);
    cr_assert_eq(played.n, RF_ARRAY_LEN(beats));
    for (size_t i = 0; i < RF_ARRAY_LEN(beats); i++) {
        const double exact = beats[i] * 24000;
        cr_expect_eq(played.notes[i].sample, (int64_t)ceil(exact - 1e-6));
        const int64_t heard = first_sound(&take, (int64_t)exact - 500);
        /* the sample's own first value may be 0 */
        cr_expect_geq((double)heard, exact, "note %zu comes early", i);
        cr_expect_leq((double)heard, exact + 64 + 8, "note %zu comes %f late", i,
                      (double)heard - exact);
    }
    band_take_done(&take);
    (void)band_player_free(player);
}

Test(player, onsets_do_not_drift_within_ten_minutes)
{
    controls.bpm = 131.7;
    const size_t n = DRIFT_BEATS;
    for (size_t i = 0; i < n; i++) {
        band_script_add((double)i, 0.1, BAND_DRUMS, 37, 100);
    }
    band_player *player = open_player();
    static float left[JAM_FRAME_SAMPLES], right[JAM_FRAME_SAMPLES];
    for (int i = 0; i < DRIFT_FRAMES; i++) {
        cr_assert_eq(band_player_render(player, JAM_FRAME_SAMPLES / BAND_BLOCK, left, right, NULL),
                     0);
    }
    cr_assert_eq(played.n, n);
    for (size_t i = 0; i < n; i++) {
        const double exact = (double)i * 60 * JAM_RATE_HZ / 131.7;
        cr_assert_eq(played.notes[i].sample, (int64_t)ceil(exact - 1e-6), "beat %zu", i);
    }
    (void)band_player_free(player);
}

Test(player, a_live_change_of_tempo_keeps_the_phase)
{
    controls.bpm = 120;
    for (size_t i = 0; i < 40; i++) {
        band_script_add((double)i, 0.1, BAND_DRUMS, 37, 100);
    }
    band_player *player = open_player();
    band_take take = band_take_new(250);
    band_take_play(&take, player, 0, 100);
    controls.bpm = 90;
    const int64_t at = 100 * JAM_FRAME_SAMPLES;
    band_player_control(player, at, &controls);
    jam_place place;
    band_player_place(player, &place);
    cr_expect_float_eq(place.bpm, 90, 1e-12);
    cr_expect_float_eq((place.bar - 1) * 4.0 + place.beat - 1, (double)at / 24000, 1e-6);
    band_take_play(&take, player, 100, 150);
    for (size_t i = 0; i < played.n; i++) {
        const double beat_at = (double)at / 24000;
        const double exact = (double)i <= beat_at
                                 ? (double)i * 24000
                                 : (double)at + ((double)i - beat_at) * 60 * JAM_RATE_HZ / 90;
        cr_expect_eq(played.notes[i].sample, (int64_t)ceil(exact - 1e-6), "beat %zu", i);
    }
    band_take_done(&take);
    (void)band_player_free(player);
}

Test(player, the_styles_tempo_changes_on_the_bar_line_itself)
{
    band_script_now.bpm = 117.3;
    band_script_now.bpm_from_bar = 8;
    band_script_now.bpm_then = 140.1;
    for (size_t i = 0; i < 20; i++) {
        band_script_add((double)i, 0.1, BAND_DRUMS, 37, 100);
    }
    band_player *player = open_player();
    band_take take = band_take_new(250);
    band_take_play(&take, player, 0, 250);
    const double bar = 8 * 60.0 * JAM_RATE_HZ / 117.3;
    for (size_t i = 0; i < played.n; i++) {
        const double exact = i <= 8 ? (double)i * 60 * JAM_RATE_HZ / 117.3
                                    : bar + ((double)i - 8) * 60 * JAM_RATE_HZ / 140.1;
        cr_expect_eq(played.notes[i].sample, (int64_t)ceil(exact - 1e-6), "beat %zu", i);
    }
    band_take_done(&take);
    (void)band_player_free(player);
}

Test(player, place_tells_bar_and_beat_of_the_next_sample)
{
    controls.bpm = 60; /* a beat a second */
    band_player *player = open_player();
    band_take take = band_take_new(125);
    jam_place place;
    band_player_place(player, &place);
    cr_expect_eq(place.bar, 1);
    cr_expect_float_eq(place.beat, 1, 1e-6);
    band_take_play(&take, player, 0, 100);
    band_player_place(player, &place);
    cr_expect_eq(place.bar, 2);
    cr_expect_float_eq(place.beat, 1, 1e-6);
    cr_expect_not(place.ended);
    band_take_play(&take, player, 100, 20);
    band_player_place(player, &place);
    cr_expect_eq(place.bar, 2);
    cr_expect_float_eq(place.beat, 1.8, 1e-6);
    band_take_done(&take);
    (void)band_player_free(player);
}

/* Some controls at grains of their own. */
static void steer(band_player *player, size_t frame, jam_controls *c)
{
    const int64_t at = (int64_t)frame * JAM_FRAME_SAMPLES;
    if (frame % 7 == 3) {
        c->stems[frame % JAM_N_STEMS].gain_db = -3 - (double)(frame % 9);
        band_player_control(player, at, c);
        c->brightness = (double)(frame % 11) / 10;
        band_player_control(player, at + 64, c);
        band_player_control(player, at + 640, c);
        c->bpm = 100 + (double)(frame % 60);
        band_player_control(player, at + 1856, c);
    }
}

static void play_in_frames_of(size_t step, band_take *take)
{
    jam_controls c = controls;
    band_player *player = open_player();
    for (size_t i = 0; i < 120; i += step) {
        for (size_t k = i; k < i + step; k++) {
            steer(player, k, &c);
        }
        band_take_play(take, player, i, step);
    }
    (void)band_player_free(player);
}

Test(player, one_seed_and_one_log_repeat_to_the_byte)
{
    band_script_groove(16);
    band_take a = band_take_new(120), b = band_take_new(120);
    play_in_frames_of(1, &a);
    play_in_frames_of(1, &b);
    cr_expect_eq(memcmp(a.left, b.left, a.n * sizeof(float)), 0);
    cr_expect_eq(memcmp(a.right, b.right, a.n * sizeof(float)), 0);
    cr_expect_gt(band_rms_db(a.left, a.right, 0, a.n), -50);
    band_take_done(&a);
    band_take_done(&b);
}

Test(player, frames_in_a_call_make_no_difference)
{
    band_script_groove(16);
    band_take a = band_take_new(120), b = band_take_new(120);
    play_in_frames_of(1, &a);
    play_in_frames_of(4, &b); /* at most 32 records wait: here 4 a frame at most */
    cr_expect_eq(memcmp(a.left, b.left, a.n * sizeof(float)), 0);
    cr_expect_eq(memcmp(a.right, b.right, a.n * sizeof(float)), 0);
    band_take_done(&a);
    band_take_done(&b);
}

Test(player, controls_hold_from_their_block_on)
{
    band_script_add(0, 400, BAND_BASS, 40, 127);
    band_player *player = open_player();
    band_take take = band_take_new(30);
    band_take_play(&take, player, 0, 20);
    controls.stems[JAM_STEM_BASS].mute = true;
    band_player_control(player, 20 * JAM_FRAME_SAMPLES + 640, &controls);
    band_take_play(&take, player, 20, 10);
    const size_t at = (size_t)20 * JAM_FRAME_SAMPLES + 640;
    cr_expect_gt(band_stem_db(&take, JAM_STEM_BASS, at - 512, at), -60);
    cr_expect_lt(band_stem_db(&take, JAM_STEM_BASS, at + 960, at + 2048), -120);
    band_take_done(&take);
    (void)band_player_free(player);
}

Test(player, a_sound_that_changes_lets_old_notes_ring)
{
    band_script_add(0, 12, BAND_PAD, 60, 110);
    band_script_add(20, 1, BAND_PAD, 60, 110);
    band_player *player = open_player();
    band_take take = band_take_new(60);
    band_take_play(&take, player, 0, 30);
    band_script_now.mix.parts[BAND_PAD].program = 48;
    band_script_now.mix.parts[BAND_PAD].level_db = -3;
    band_script_now.mix_count++;
    band_take_play(&take, player, 30, 30);
    const size_t at = (size_t)30 * JAM_FRAME_SAMPLES;
    const double before = band_stem_db(&take, JAM_STEM_CHORDS, at - 9600, at);
    const double after = band_stem_db(&take, JAM_STEM_CHORDS, at + 19200, at + 38400);
    cr_expect_gt(after, before - 9, "%.1f to %.1f dB", before, after);
    band_take_done(&take);
    (void)band_player_free(player);
}

Test(player, an_ending_decays_within_4_s_and_is_told)
{
    band_script_add(0, 400, BAND_PAD, 60, 110);
    band_script_now.over_beat = 8; /* 4 s */
    band_player *player = open_player();
    band_take take = band_take_new(225);
    band_take_play(&take, player, 0, 100);
    jam_place place;
    band_player_place(player, &place);
    cr_expect_not(place.ended);
    band_take_play(&take, player, 100, 100);
    band_player_place(player, &place);
    cr_expect(place.ended);
    band_take_play(&take, player, 200, 25);
    cr_expect_gt(band_rms_db(take.left, take.right, 150000, 192000), -60);
    for (size_t i = (size_t)4 * 48000 + 144000 + 1; i < take.n; i++) {
        cr_assert_lt(fabsf(take.left[i]), 1e-7F);
    }
    band_take_done(&take);
    (void)band_player_free(player);
}

Test(player, a_note_struck_again_replaces_itself)
{
    for (int i = 0; i < 200; i++) {
        band_script_add(i * 0.25, 64, BAND_LEAD, 72, 100);
    }
    band_player *player = open_player();
    band_take take = band_take_new(300);
    band_take_play(&take, player, 0, 300);
    cr_expect_leq(band_player_voices(player), 20, "%d", band_player_voices(player));
    band_take_done(&take);
    (void)band_player_free(player);
}

/* Voices after 4 s of four notes, struck a sixteenth apart in turn, that sound so many beats. */
static int voices_of_fast_notes(double length)
{
    band_script_clear();
    for (int i = 0; i < 200; i++) {
        band_script_add(i * 0.125, length, BAND_COMP, 60 + i % 4, 100);
    }
    band_player *player = open_player();
    band_take take = band_take_new(100);
    band_take_play(&take, player, 0, 100);
    const int voices = band_player_voices(player);
    band_take_done(&take);
    (void)band_player_free(player);
    return voices;
}

Test(player, brief_notes_are_let_go_quickly)
{
    const int brief = voices_of_fast_notes(0.1);
    cr_expect_gt(brief, 0);
    cr_expect_lt(brief, voices_of_fast_notes(1.0));
}

Test(player, more_notes_than_voices_are_survived)
{
    for (int i = 0; i < 2000; i++) {
        band_script_add(i * 0.01, 64, BAND_PAD, 36 + i % 60, 100);
    }
    band_player *player = open_player();
    band_take take = band_take_new(250);
    band_take_play(&take, player, 0, 250);
    cr_expect_leq(band_player_voices(player), BAND_SYNTH_VOICES);
    band_take_done(&take);
    (void)band_player_free(player);
}
