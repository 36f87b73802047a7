#include "band_script.h"

#include "band_styles.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

band_script band_script_now;

struct band_composer {
    jam_controls controls;
    size_t next;
    double taken; /* beat */
};

void band_script_clear(void)
{
    memset(&band_script_now, 0, sizeof(band_script_now));
    band_script_now.bpm = 120;
    band_script_now.over_beat = -1;
    band_mix *mix = &band_script_now.mix;
    static const int programs[BAND_N_PARTS] = {0, 0, 33, 0, 89, 11, 80, 73};
    for (int part = 0; part < BAND_N_PARTS; part++) {
        mix->parts[part] = (band_sound){.bank = part <= BAND_PERCUSSION ? 128 : 0,
                                        .program = (uint8_t)programs[part],
                                        .pan = part >= BAND_COMP ? (part % 2 ? 0.3 : -0.3) : 0,
                                        .reverb = 0.3};
    }
    mix->room_s = 1.2;
    mix->width = 1;
}

void band_script_add(double beat, double length, band_part part, int pitch, int velocity)
{
    cr_assert_lt(band_script_now.n, BAND_SCRIPT_MAX);
    band_script_now.notes[band_script_now.n++] = (band_note){
        beat, length, part, (uint8_t)pitch, (uint8_t)velocity,
    };
}

static void add_beat(double beat, int in_bar)
{
    static const int roots[4] = {36, 41, 43, 36};
    const int root = roots[(int)beat / 4 % 4];
    band_script_add(beat, 0.5, BAND_DRUMS, in_bar % 2 == 0 ? 36 : 38, 100);
    band_script_add(beat, 0.25, BAND_DRUMS, 42, 70);
    band_script_add(beat, 0.9, BAND_BASS, root, 95);
    if (in_bar == 0) {
        for (int i = 0; i < 3; i++) {
            band_script_add(beat, 3.9, BAND_PAD, root + 12 + (int[]){0, 4, 7}[i], 80);
            band_script_add(beat, 1.9, BAND_COMP, root + 24 + (int[]){0, 4, 7}[i], 80);
        }
    }
    band_script_add(beat, 0.9, BAND_LEAD, root + 36 + (int[]){0, 4, 7, 4}[in_bar], 90);
    band_script_add(beat + 0.5, 0.25, BAND_DRUMS, 42, 60);
}

void band_script_groove(size_t bars)
{
    for (size_t beat = 0; beat < bars * JAM_BEATS_A_BAR; beat++) {
        add_beat((double)beat, (int)(beat % JAM_BEATS_A_BAR));
    }
}

band_composer *band_composer_new(uint64_t seed, const jam_controls *controls,
                                 const jam_engine_host *host)
{
    (void)seed, (void)host;
    band_composer *composer = RF_NEW(band_composer);
    composer->controls = *controls;
    return composer;
}

band_composer *band_composer_free(band_composer *composer)
{
    free(composer);
    return NULL;
}

void band_composer_control(band_composer *composer, double beat, const jam_controls *controls)
{
    cr_assert_geq(beat, composer->taken - 1e-9, "controls for the past");
    composer->controls = *controls;
}

size_t band_composer_take(band_composer *composer, double until, band_note *ret, size_t max)
{
    size_t n = 0;
    cr_assert_geq(until, composer->taken, "time runs backwards");
    while (n < max && composer->next < band_script_now.n &&
           band_script_now.notes[composer->next].beat < until) {
        ret[n++] = band_script_now.notes[composer->next++];
    }
    composer->taken = until;
    return n;
}

double band_composer_bpm(const band_composer *composer)
{
    const band_script *script = &band_script_now;
    if (composer->controls.bpm > 0) {
        return composer->controls.bpm;
    }
    return script->bpm_then > 0 && composer->taken > script->bpm_from_bar ? script->bpm_then
                                                                          : script->bpm;
}

const band_mix *band_composer_mix(const band_composer *composer, uint32_t *ret_count)
{
    (void)composer;
    *ret_count = band_script_now.mix_count;
    return &band_script_now.mix;
}

jam_section band_composer_section(const band_composer *composer)
{
    return composer->controls.section;
}

bool band_composer_is_over(const band_composer *composer, double beat)
{
    (void)composer;
    return band_script_now.over_beat >= 0 && beat >= band_script_now.over_beat;
}

int band_composer_key(const band_composer *composer)
{
    return composer->controls.key >= 0 ? composer->controls.key : 0;
}

jam_scale band_composer_scale(const band_composer *composer)
{
    return composer->controls.scale != JAM_SCALE_AUTO ? composer->controls.scale : JAM_SCALE_MAJOR;
}

double band_composer_brightness(const band_composer *composer)
{
    return composer->controls.brightness >= 0 ? composer->controls.brightness : 0.5;
}

double band_composer_density(const band_composer *composer)
{
    return composer->controls.density >= 0 ? composer->controls.density : 0.5;
}

void jam_controls_default(jam_controls *ret)
{
    *ret = (jam_controls){.temperature = 1.1,
                          .topk = 40,
                          .guidance_weight = 1.1,
                          .key = JAM_KEY_AUTO,
                          .density = -1,
                          .brightness = -1,
                          .glide_samples = 960,
                          .section = JAM_SECTION_VERSE};
}

static const char *const style_names[] = {"plain", "loud"};

size_t band_styles_count(void)
{
    return RF_ARRAY_LEN(style_names);
}

const char *band_styles_name(size_t i)
{
    return style_names[i];
}

int band_styles_match(const char *text, double *ret_score)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(style_names); i++) {
        if (strcmp(style_names[i], text) == 0) {
            *ret_score = 1;
            return (int)i;
        }
    }
    *ret_score = 0;
    return -1;
}

const band_bank *band_script_bank(void)
{
    static band_bank *bank;
    if (bank == NULL) {
        band_font *font = NULL;
        cr_assert_eq(band_font_load("/usr/share/sounds/sf2/TimGM6mb.sf2", NULL, &font), 0);
        bank = band_bank_new(font);
    }
    return bank;
}

band_take band_take_new(size_t n_frames)
{
    const size_t n = n_frames * JAM_FRAME_SAMPLES;
    return (band_take){RF_NEW_ARRAY(float, n), RF_NEW_ARRAY(float, n), n,
                       RF_NEW_ARRAY(band_mixer_tap, n / BAND_BLOCK)};
}

void band_take_done(band_take *take)
{
    free(take->left);
    free(take->right);
    free(take->taps);
}

void band_take_play(band_take *take, band_player *player, size_t first, size_t n)
{
    const size_t at = first * JAM_FRAME_SAMPLES;
    cr_assert_leq(at + n * JAM_FRAME_SAMPLES, take->n);
    cr_assert_eq(band_player_render(player, n * JAM_FRAME_SAMPLES / BAND_BLOCK, take->left + at,
                                    take->right + at, take->taps + at / BAND_BLOCK),
                 0);
}

static double to_db(double sum, size_t n)
{
    return 10 * log10(sum / (double)(2 * n) + 1e-20);
}

double band_rms_db(const float *left, const float *right, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        sum += (double)left[i] * left[i] + (double)right[i] * right[i];
    }
    return to_db(sum, to - from);
}

double band_stem_db(const band_take *take, jam_stem stem, size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        const float *row = take->taps[i / BAND_BLOCK][2 * stem];
        const double left = row[i % BAND_BLOCK], right = row[BAND_BLOCK + i % BAND_BLOCK];
        sum += left * left + right * right;
    }
    return to_db(sum, to - from);
}
