/* The click test of jam.md section 10 on the player's own doings, and on itself. */
#include "band_click.h"
#include "band_script.h"

#include <criterion/criterion.h>
#include <math.h>

#define N_FRAMES 500
#define FIRST_EVENT 100 /* frames */
#define EVERY 7

static jam_controls controls;

/* Long chords, kicks that push them down where the mix pumps and, when asked, a soft ride: little
 * to hide a click behind. */
static void write_score(bool drums)
{
    band_script_clear();
    jam_controls_default(&controls);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 3; k++) {
            band_script_add(i * 8 + 0.3, 7.9, BAND_PAD, 48 + (int[]){0, 4, 7}[k], 90);
        }
        for (int k = 0; k < 8; k++) {
            if (drums) {
                band_script_add(i * 8 + k + 0.8, 0.5, BAND_DRUMS, 51, 50);
            }
            band_script_add(i * 8 + k + 0.9, 0.1, BAND_DRUMS, 36, drums ? 40 : 127);
        }
    }
    controls.stems[JAM_STEM_DRUMS].mute = !drums;
}

static bool is_free_of_notes(int64_t event)
{
    for (size_t i = 0; i < band_script_now.n; i++) {
        const double start = band_script_now.notes[i].beat * 24000;
        if (fabs(start - (double)event) < BAND_CLICK_NOTE_FREE + 96) {
            return false;
        }
    }
    return true;
}

typedef void change_fn(jam_controls *c, uint32_t luck);

static void change_gain(jam_controls *c, uint32_t luck)
{
    c->stems[JAM_STEM_CHORDS].gain_db = (double)(luck % 72) - 60;
}

static void change_mute(jam_controls *c, uint32_t luck)
{
    c->stems[JAM_STEM_CHORDS].mute = luck % 2 == 0;
}

static void change_solo(jam_controls *c, uint32_t luck)
{
    c->stems[luck % 2 ? JAM_STEM_CHORDS : JAM_STEM_LEAD].solo = luck % 3 == 0;
}

static void change_brightness(jam_controls *c, uint32_t luck)
{
    c->brightness = (double)(luck % 101) / 100;
}

static void change_bpm(jam_controls *c, uint32_t luck)
{
    c->bpm = 110 + (double)(luck % 20);
}

static void change_sound(jam_controls *c, uint32_t luck)
{
    (void)c;
    band_sound *pad = &band_script_now.mix.parts[BAND_PAD];
    pad->level_db = (double)(luck % 13) - 8;
    pad->pan = (double)(luck % 21) / 10 - 1;
    pad->reverb = (double)(luck % 5) / 4;
    pad->chorus = (double)(luck % 3) / 2;
    pad->cutoff_hz = luck % 4 == 0 ? 0 : 500 * (luck % 17);
    pad->drive = (double)(luck % 7) / 10;
    band_script_now.mix.room_s = 0.3 + (double)(luck % 30) / 10;
    band_script_now.mix.bus_db = (double)(luck % 7) - 3;
    band_script_now.mix.width = (double)(luck % 11) / 10;
    band_script_now.mix.pump = (double)(luck % 3) / 2;
    band_script_now.mix_count++;
}

/* Largest ratio over all events of a run, and how many were looked at. */
static double worst_ratio(bool drums, change_fn *change, size_t *ret_n)
{
    write_score(drums);
    band_player *player = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take take = band_take_new(N_FRAMES);
    uint32_t luck = 12345;
    double worst = 0;
    band_take_play(&take, player, 0, FIRST_EVENT);
    for (size_t i = FIRST_EVENT; i < N_FRAMES; i++) {
        luck = luck * 1664525U + 1013904223U;
        if (i % EVERY == 0) {
            change(&controls, luck >> 16);
            band_player_control(player, (int64_t)i * JAM_FRAME_SAMPLES, &controls);
        }
        band_take_play(&take, player, i, 1);
    }
    *ret_n = 0;
    for (size_t i = FIRST_EVENT; i < N_FRAMES - 3; i++) {
        const int64_t event = (int64_t)i * JAM_FRAME_SAMPLES;
        if (i % EVERY == 0 && (change == change_bpm || is_free_of_notes(event))) {
            worst = fmax(worst, band_click_ratio(take.left, take.right, (size_t)event));
            (*ret_n)++;
        }
    }
    band_take_done(&take);
    (void)band_player_free(player);
    return worst;
}

static void expect_no_clicks(const char *what, change_fn *change)
{
    for (int drums = 0; drums < 2; drums++) {
        size_t n = 0;
        const double worst = worst_ratio(drums == 1, change, &n);
        cr_expect_leq(worst, 2, "%s, drums %d: ratio %.2f", what, drums, worst);
        cr_expect_gt(n, 40);
    }
}

Test(clicks, gains_move_without)
{
    expect_no_clicks("gain", change_gain);
}

Test(clicks, mutes_move_without)
{
    expect_no_clicks("mute", change_mute);
}

Test(clicks, solos_move_without)
{
    expect_no_clicks("solo", change_solo);
}

Test(clicks, brightness_moves_without)
{
    expect_no_clicks("brightness", change_brightness);
}

Test(clicks, tempo_moves_without)
{
    expect_no_clicks("bpm", change_bpm);
}

Test(clicks, sounds_move_without)
{
    expect_no_clicks("sound", change_sound);
}

Test(clicks, the_test_flags_a_step_of_a_hundredth)
{
    write_score(false);
    band_player *player = band_player_new(band_script_bank(), 1, &controls, NULL);
    band_take take = band_take_new(N_FRAMES);
    band_take_play(&take, player, 0, N_FRAMES);
    const size_t event = (size_t)300 * JAM_FRAME_SAMPLES;
    cr_expect_gt(band_rms_db(take.left, take.right, event - 4800, event + 4800), -50, "music");
    cr_expect_leq(band_click_ratio(take.left, take.right, event), 2);
    for (size_t i = event; i < take.n; i++) {
        take.left[i] += 0.01F;
    }
    cr_expect_gt(band_click_ratio(take.left, take.right, event), 2);
    band_take_done(&take);
    (void)band_player_free(player);
}
