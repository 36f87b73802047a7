#include "band_desk.h"
#include "band_state.h"

#include <string.h>

#define SILENT_DB (-40.0)

static const band_style *style_of(const band_composer *c, size_t k)
{
    const band_style *style = c->chooser.styles[k];
    return style != NULL ? style : band_style_neutral();
}

const band_style *band_sound_main(const band_composer *c)
{
    size_t best = 0;
    for (size_t k = 1; k < c->chooser.n_styles; k++) {
        best = c->chooser.weights[k] > c->chooser.weights[best] ? k : best;
    }
    return c->chooser.n_styles > 0 ? style_of(c, best) : band_style_neutral();
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
    const band_desk_part *desk = &BAND_DESKS[style->desk].parts[part];
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

static bool same_sound(const band_sound *a, const band_sound *b)
{
    return a->bank == b->bank && a->program == b->program && a->silent == b->silent &&
           a->level_db == b->level_db && a->pan == b->pan && a->reverb == b->reverb &&
           a->chorus == b->chorus && a->cutoff_hz == b->cutoff_hz && a->drive == b->drive;
}

static bool same_mix(const band_mix *a, const band_mix *b)
{
    bool same = a->room_s == b->room_s && a->bus_db == b->bus_db && a->pump == b->pump &&
                a->width == b->width;
    for (int p = 0; same && p < BAND_N_PARTS; p++) {
        same = same_sound(&a->parts[p], &b->parts[p]);
    }
    return same;
}

static void blend_mix(band_composer *c, const band_style *const *styles, const double *weights,
                      size_t n)
{
    band_mix mix = {.room_s = 0.0};
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
        const band_desk_row *desk = &BAND_DESKS[styles[k]->desk];
        mix.room_s += weights[k] * desk->room_s;
        mix.pump += weights[k] * desk->pump;
        mix.width += weights[k] * desk->width;
        mix.bus_db += weights[k] * styles[k]->bus_db_10 / 10.0;
    }
    if (!same_mix(&mix, &c->mix)) {
        c->mix = mix;
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
        c->loose += w * BAND_FEELS[styles[k]->feel].loose;
        for (int p = 0; p < BAND_N_PARTS; p++) {
            c->late[p] += w * BAND_FEELS[styles[k]->feel].late[p];
        }
        density += w * styles[k]->density / 100.0;
        brightness += w * styles[k]->brightness / 100.0;
        club += w * BAND_DESKS[styles[k]->desk].club;
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
