#include "band_state.h"

#include <string.h>

#define SILENT_DB (-40.0)

typedef struct band_desk_part {
    int8_t level_db;
    int8_t pan;     /* % */
    uint8_t reverb; /* % */
    uint8_t chorus; /* % */
    uint8_t drive;  /* % */
    uint8_t cutoff; /* hundreds of Hz; 0: none */
} band_desk_part;

typedef struct band_desk_row {
    double room_s;
    double pump;
    double width;
    bool club;
    band_desk_part parts[BAND_N_PARTS];
} band_desk_row;

/* drums, percussion, bass, comp, pad, arp, lead, counter: level, pan, reverb, chorus, drive, cutoff
 */
static const band_desk_row DESKS[BAND_N_DESKS] = {
    [DESK_LIVE] = {1.2,
                   0.0,
                   0.6,
                   false,
                   {{0, 0, 12, 0, 0, 0},
                    {-6, 35, 18, 0, 0, 0},
                    {0, 0, 4, 0, 5, 0},
                    {-4, -30, 20, 10, 0, 0},
                    {-12, 0, 40, 20, 0, 60},
                    {-8, 35, 28, 10, 0, 0},
                    {-2, 5, 26, 6, 0, 0},
                    {-7, -20, 30, 10, 0, 0}}},
    [DESK_ROCK] = {1.0,
                   0.0,
                   0.7,
                   false,
                   {{1, 0, 14, 0, 8, 0},
                    {-7, 40, 15, 0, 0, 0},
                    {0, 0, 2, 0, 15, 0},
                    {-3, -45, 12, 5, 25, 70},
                    {-14, 20, 30, 20, 0, 50},
                    {-8, 45, 18, 10, 10, 0},
                    {-2, 10, 24, 5, 20, 0},
                    {-6, -35, 22, 5, 10, 0}}},
    [DESK_METAL] = {0.8,
                    0.0,
                    0.8,
                    false,
                    {{1, 0, 8, 0, 15, 0},
                     {-12, 40, 10, 0, 0, 0},
                     {-1, 0, 0, 0, 35, 40},
                     {-2, -50, 6, 0, 60, 60},
                     {-15, 20, 30, 20, 0, 40},
                     {-8, 50, 10, 0, 40, 70},
                     {-3, 10, 24, 5, 45, 80},
                     {-6, 40, 18, 5, 40, 80}}},
    [DESK_JAZZ] = {1.5,
                   0.0,
                   0.5,
                   false,
                   {{-3, -10, 18, 0, 0, 0},
                    {-8, 30, 20, 0, 0, 0},
                    {1, 0, 8, 0, 0, 50},
                    {-3, 25, 22, 0, 0, 0},
                    {-14, 0, 40, 10, 0, 50},
                    {-8, 30, 28, 0, 0, 0},
                    {-1, -15, 26, 0, 0, 0},
                    {-5, 30, 28, 0, 0, 0}}},
    [DESK_CLUB] =
        {1.4,
         0.45,
         0.8,
         true,
         {{1, 0, 6, 0, 8, 0},
          {-7, 30, 15, 0, 0, 0},
          {0, 0, 2, 0, 15, 30},
          {-5, -25, 22, 25, 5, 50},
          {-10, 0, 40, 35, 0, 45},
          {-8, 30, 30, 20, 5, 60},
          {-4, 5, 28, 20, 5, 0},
          {-8, -30, 30, 20, 0, 0}}},
    [DESK_DEEP] =
        {1.8,
         0.35,
         0.7,
         true,
         {{0, 0, 10, 0, 4, 0},
          {-7, 30, 22, 0, 0, 0},
          {1, 0, 4, 0, 8, 15},
          {-5, -20, 34, 30, 0, 35},
          {-9, 0, 50, 40, 0, 30},
          {-9, 35, 40, 25, 0, 45},
          {-6, 10, 40, 20, 0, 60},
          {-9, -25, 42, 20, 0, 50}}},
    [DESK_BEATS] = {0.9,
                    0.1,
                    0.6,
                    false,
                    {{2, 0, 6, 0, 12, 0},
                     {-7, 35, 12, 0, 0, 0},
                     {2, 0, 0, 0, 12, 12},
                     {-6, -20, 18, 15, 0, 45},
                     {-12, 0, 32, 25, 0, 35},
                     {-9, 35, 24, 15, 0, 60},
                     {-5, 8, 24, 12, 0, 0},
                     {-8, -25, 26, 12, 0, 60}}},
    [DESK_LOFI] = {0.9,
                   0.2,
                   0.5,
                   false,
                   {{-1, 0, 8, 0, 20, 50},
                    {-9, 30, 10, 0, 10, 40},
                    {1, 0, 2, 0, 15, 10},
                    {-3, -15, 22, 35, 15, 25},
                    {-11, 0, 30, 40, 10, 20},
                    {-9, 30, 28, 30, 10, 30},
                    {-6, 10, 28, 25, 10, 30},
                    {-9, -25, 30, 25, 5, 30}}},
    [DESK_DUB] =
        {2.2,
         0.0,
         0.6,
         false,
         {{0, 0, 18, 0, 4, 0},
          {-7, 35, 26, 0, 0, 0},
          {3, 0, 0, 0, 8, 10},
          {-5, -25, 40, 10, 0, 55},
          {-12, 10, 40, 20, 0, 40},
          {-9, 35, 44, 10, 0, 50},
          {-4, 8, 40, 8, 0, 0},
          {-8, -30, 46, 8, 0, 0}}},
    [DESK_AIR] =
        {3.2,
         0.0,
         0.9,
         false,
         {{-7, 0, 40, 0, 0, 40},
          {-10, 35, 46, 0, 0, 50},
          {-3, 0, 16, 10, 0, 20},
          {-6, -25, 48, 30, 0, 45},
          {-3, 0, 60, 40, 0, 40},
          {-6, 35, 56, 20, 0, 55},
          {-5, 5, 56, 15, 0, 60},
          {-8, -30, 58, 20, 0, 50}}},
    [DESK_HALL] = {2.6,
                   0.0,
                   0.8,
                   false,
                   {{-2, 0, 34, 0, 0, 0},
                    {-4, -30, 40, 0, 0, 0},
                    {0, 20, 28, 0, 0, 0},
                    {-4, -25, 36, 0, 0, 0},
                    {-5, 0, 46, 10, 0, 0},
                    {-6, 30, 40, 0, 0, 0},
                    {-2, 5, 38, 0, 0, 0},
                    {-5, -35, 40, 0, 0, 0}}},
    [DESK_CHIP] = {0.4,
                   0.0,
                   0.5,
                   true,
                   {{-1, 0, 2, 0, 0, 0},
                    {-8, 25, 2, 0, 0, 0},
                    {-1, 0, 0, 0, 10, 0},
                    {-6, -30, 4, 0, 5, 0},
                    {-14, 0, 10, 10, 0, 50},
                    {-6, 35, 6, 0, 5, 0},
                    {-3, 0, 8, 0, 5, 0},
                    {-7, -25, 8, 0, 0, 0}}},
};

/* Beats behind the grid: drums, percussion, bass, comp, pad, arp, lead, counter; and how loosely.
 */
static const struct {
    double late[BAND_N_PARTS];
    double loose;
} FEELS[BAND_N_FEELS] = {
    [FEEL_TIGHT] = {{0.0, 0.002, 0.003, 0.004, 0.0, 0.005, 0.006, 0.008}, 0.004},
    [FEEL_EASY] = {{0.0, 0.008, 0.01, 0.014, 0.0, 0.01, 0.016, 0.02}, 0.014},
    [FEEL_LAID_BACK] = {{0.006, 0.012, 0.02, 0.03, 0.0, 0.02, 0.04, 0.036}, 0.016},
    [FEEL_PUSHED] = {{0.0, 0.0, 0.012, 0.01, 0.0, 0.008, 0.01, 0.014}, 0.008},
    [FEEL_DRUNK] = {{0.008, 0.03, 0.024, 0.036, 0.0, 0.03, 0.045, 0.04}, 0.03},
};

static const band_style *style_of(const band_composer *c, size_t k)
{
    const band_style *style = c->chooser.styles[k];
    return style != NULL ? style : band_style_neutral();
}

/* The styles in force with their weights; the neutral one alone when there are none. */
static size_t styles_of(const band_composer *c, const band_style **ret, double *ret_weights)
{
    size_t n = c->chooser.n_styles;
    for (size_t k = 0; k < n; k++) {
        ret[k] = style_of(c, k);
        ret_weights[k] = c->chooser.weights[k];
    }
    if (n == 0) {
        ret[0] = band_style_neutral();
        ret_weights[0] = 1.0;
    }
    return n == 0 ? 1 : n;
}

static void blend_part(band_sound *sound, const band_style *style, int part, double w)
{
    const band_desk_part *desk = &DESKS[style->desk].parts[part];
    bool off = style->trim_db[part] == BAND_OFF;
    double cutoff_hz = desk->cutoff == 0 ? 12000.0 : 100.0 * desk->cutoff;
    sound->level_db += w * (off ? SILENT_DB : desk->level_db + style->trim_db[part]);
    sound->pan += w * desk->pan / 100.0;
    sound->reverb += w * desk->reverb / 100.0;
    sound->chorus += w * desk->chorus / 100.0;
    sound->drive += w * desk->drive / 100.0;
    sound->cutoff_hz += w * cutoff_hz;
    sound->silent = sound->silent && off;
}

static void blend_mix(band_composer *c, const band_style *const *styles, const double *weights,
                      size_t n)
{
    band_mix mix;
    memset(&mix, 0, sizeof(mix)); /* padding too: it is compared */
    for (int p = 0; p < BAND_N_PARTS; p++) {
        band_sound *sound = &mix.parts[p];
        sound->silent = true;
        for (size_t k = 0; k < n; k++) {
            blend_part(sound, styles[k], p, weights[k]);
        }
        sound->bank = p <= BAND_PERCUSSION ? 128 : 0;
        sound->program = c->programs[p];
        sound->cutoff_hz = sound->cutoff_hz > 11999.0 ? 0.0 : sound->cutoff_hz;
    }
    for (size_t k = 0; k < n; k++) {
        const band_desk_row *desk = &DESKS[styles[k]->desk];
        mix.room_s += weights[k] * desk->room_s;
        mix.pump += weights[k] * desk->pump;
        mix.width += weights[k] * desk->width;
        mix.bus_db += weights[k] * styles[k]->bus_db_10 / 10.0;
    }
    if (memcmp(&mix, &c->mix, sizeof(mix)) != 0) {
        memcpy(&c->mix, &mix, sizeof(mix));
        c->mix_count++;
    }
}

void band_sound_blend(band_composer *c)
{
    const band_style *styles[JAM_STYLES_MAX];
    double weights[JAM_STYLES_MAX];
    size_t n = styles_of(c, styles, weights);
    double density = 0.0, brightness = 0.0, club = 0.0;
    c->swing_8 = c->swing_16 = c->loose = 0.0;
    memset(c->late, 0, sizeof(c->late));
    for (size_t k = 0; k < n; k++) {
        double w = weights[k];
        c->swing_8 += w * styles[k]->swing_8 / 100.0;
        c->swing_16 += w * styles[k]->swing_16 / 100.0;
        c->loose += w * FEELS[styles[k]->feel].loose;
        for (int p = 0; p < BAND_N_PARTS; p++) {
            c->late[p] += w * FEELS[styles[k]->feel].late[p];
        }
        density += w * styles[k]->density / 100.0;
        brightness += w * styles[k]->brightness / 100.0;
        club += w * DESKS[styles[k]->desk].club;
    }
    c->density = c->controls.density >= 0.0 ? c->controls.density : density;
    c->brightness = c->controls.brightness >= 0.0 ? c->controls.brightness : brightness;
    c->club = club >= 0.5;
    c->chooser.brightness = c->brightness;
    blend_mix(c, styles, weights, n);
}

static uint8_t program(band_composer *c, band_kind kind, double beat)
{
    return (uint8_t)band_kinds_item(kind, band_choice_pick(&c->chooser, kind, beat));
}

void band_sound_pick(band_composer *c, double beat)
{
    c->programs[BAND_DRUMS] = program(c, K_KIT_SOUND, beat);
    c->programs[BAND_PERCUSSION] = c->programs[BAND_DRUMS];
    c->programs[BAND_BASS] = program(c, K_BASS_SOUND, beat);
    c->programs[BAND_COMP] = program(c, K_COMP_SOUND, beat);
    c->programs[BAND_PAD] = program(c, K_PAD_SOUND, beat);
    c->programs[BAND_ARP] = program(c, K_ARP_SOUND, beat);
    c->programs[BAND_LEAD] = program(c, K_LEAD_SOUND, beat);
    c->programs[BAND_COUNTER] = program(c, K_COUNTER_SOUND, beat);
    band_sound_blend(c);
}

/* A place in the range of each style: 0 its slowest, 3 its own, 6 its fastest. */
static double bpm_at(const band_style *style, size_t tempo)
{
    double t = ((double)tempo - 3.0) / 3.0;
    double own = style->bpm;
    return t < 0.0 ? own + t * (own - style->bpm_low) : own + t * (style->bpm_high - own);
}

double band_sound_bpm(const band_composer *c)
{
    const band_style *styles[JAM_STYLES_MAX];
    double weights[JAM_STYLES_MAX];
    size_t n = styles_of(c, styles, weights);
    double bpm = 0.0;
    for (size_t k = 0; k < n; k++) {
        bpm += weights[k] * bpm_at(styles[k], c->tempo);
    }
    bpm = (double)(int64_t)(bpm + 0.5);
    return c->controls.bpm > 0.0 ? c->controls.bpm : RF_MIN(RF_MAX(bpm, 60.0), 200.0);
}
