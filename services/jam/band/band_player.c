#include "band_player.h"

#include "band_clock.h"
#include "band_composer.h"
#include "band_float.h"
#include "band_sounding.h"
#include "band_trims.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NOTES_AT_ONCE 32
#define BEATS_A_BAR ((double)JAM_BEATS_A_BAR)
#define DRUM_BEATS 8.0        /* drums ring, whatever their note's length */
#define BRIEF_S 0.2           /* notes of other parts below it are brief */
#define CLOSE_SAMPLES 144000U /* 3 s from an ending's last bar to silence */
#define KICK_LOW 35           /* General MIDI's two kicks */
#define KICK_HIGH 36

typedef struct pending {
    int64_t sample;
    jam_controls controls;
} pending;

struct band_player {
    band_synth *synth;
    band_mixer *mixer;
    band_composer *composer;
    jam_engine_host host;
    jam_controls controls; /* in force */
    band_trim trim;
    band_clock clock;
    int64_t sample;  /* next to be rendered */
    double next_bar; /* beat of the next bar line */
    uint32_t mix_count;
    double brightness;
    int64_t closed_at; /* when all is silent after an ending; -1 */
    bool closed;
    band_sounding sounding;
    pending pending[BAND_PLAYER_PENDING];
    size_t n_pending;
};

/* What the composer wants heard now, if it differs from what is. */
static void take_sound(band_player *player, bool always)
{
    uint32_t count = 0;
    const band_mix *mix = band_composer_mix(player->composer, &count);
    const double brightness = band_composer_brightness(player->composer);
    const bool changed = always || count != player->mix_count;
    if (changed) {
        for (int part = 0; part < BAND_N_PARTS; part++) {
            const band_sound *sound = &mix->parts[part];
            if (!sound->silent) {
                band_synth_program(player->synth, (band_part)part, sound->bank, sound->program);
            }
        }
    }
    if (changed || brightness < player->brightness || brightness > player->brightness) {
        band_mixer_sound(player->mixer, mix, &player->trim, brightness);
    }
    player->mix_count = count;
    player->brightness = brightness;
}

band_player *band_player_new(const band_bank *bank, uint64_t seed, const jam_controls *controls,
                             const jam_engine_host *host)
{
    band_player *player = RF_NEW(band_player);
    player->synth = band_synth_new(bank);
    player->mixer = band_mixer_new();
    player->composer = band_composer_new(seed, controls, host);
    if (player->synth == NULL || player->mixer == NULL || player->composer == NULL) {
        return band_player_free(player);
    }
    player->host = host != NULL ? *host : (jam_engine_host){0};
    player->controls = *controls;
    player->clock.bpm = band_composer_bpm(player->composer);
    band_trims_get(controls, &player->trim);
    take_sound(player, true);
    band_font_fetch(band_bank_font(bank)); /* rendering must not wait for a page of it */
    band_mixer_faders(player->mixer, controls->stems, 0);
    return player;
}

band_player *band_player_free(band_player *player)
{
    if (player != NULL) {
        (void)band_composer_free(player->composer);
        (void)band_mixer_free(player->mixer);
        (void)band_synth_free(player->synth);
        free(player);
    }
    return NULL;
}

static bool same_styles(const jam_controls *a, const jam_controls *b)
{
    if (a->n_styles != b->n_styles) {
        return false;
    }
    for (size_t i = 0; i < a->n_styles; i++) {
        const double difference = a->styles[i].weight - b->styles[i].weight;
        if (strcmp(a->styles[i].name, b->styles[i].name) != 0 || fabs(difference) > 0) {
            return false;
        }
    }
    return true;
}

static bool same_faders(const jam_controls *a, const jam_controls *b)
{
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        const jam_stem_control *x = &a->stems[i], *y = &b->stems[i];
        if (fabs(x->gain_db - y->gain_db) > 0 || x->mute != y->mute || x->solo != y->solo) {
            return false;
        }
    }
    return true;
}

static void apply(band_player *player, const jam_controls *controls)
{
    const double sample = (double)player->sample;
    const double beat = band_clock_beat(&player->clock, sample);
    const bool restyled = !same_styles(&player->controls, controls);
    const bool refaded = !same_faders(&player->controls, controls);
    player->controls = *controls;
    band_composer_control(player->composer, beat, controls);
    band_clock_set(&player->clock, sample, beat, band_composer_bpm(player->composer));
    if (restyled) {
        band_trims_get(controls, &player->trim);
    }
    if (refaded) {
        band_mixer_faders(player->mixer, controls->stems, controls->glide_samples);
    }
    take_sound(player, restyled);
}

void band_player_control(band_player *player, int64_t sample, const jam_controls *controls)
{
    if (sample <= player->sample && player->n_pending == 0) {
        apply(player, controls);
        return;
    }
    pending *last = player->n_pending > 0 ? &player->pending[player->n_pending - 1] : NULL;
    if (last == NULL || (last->sample != sample && player->n_pending < BAND_PLAYER_PENDING)) {
        last = &player->pending[player->n_pending++];
    }
    last->sample = sample;
    last->controls = *controls;
}

static void apply_due(band_player *player)
{
    size_t n = 0;
    while (n < player->n_pending && player->pending[n].sample <= player->sample) {
        apply(player, &player->pending[n++].controls);
    }
    if (n > 0) {
        player->n_pending -= n;
        memmove(player->pending, player->pending + n, player->n_pending * sizeof(pending));
    }
}

static void tell(const band_player *player, const band_note *note)
{
    if (player->host.note != NULL) {
        const jam_note told = {
            .sample = (int64_t)ceil(band_clock_sample(&player->clock, note->beat) - 1e-6),
            .beat = note->beat,
            .stem = band_part_stem(note->part),
            .pitch = note->pitch,
            .velocity = note->velocity,
        };
        player->host.note(player->host.user, &told);
    }
}

static void start(band_player *player, const band_note *note)
{
    const bool drums = note->part <= BAND_PERCUSSION;
    const bool brief = !drums && note->length * 60 < BRIEF_S * player->clock.bpm;
    const double length = drums ? RF_MAX(note->length, DRUM_BEATS) : note->length;
    band_sounding_make_room(&player->sounding, player->synth, note);
    tell(player, note);
    band_sounding_add(
        &player->sounding, note, note->beat + length,
        band_synth_start(player->synth, note->part, note->pitch, note->velocity, brief));
    if (note->part == BAND_DRUMS && note->pitch >= KICK_LOW && note->pitch <= KICK_HIGH) {
        band_mixer_kick(player->mixer, note->velocity);
    }
}

static void play_until(band_player *player, double beat)
{
    band_note notes[NOTES_AT_ONCE];
    size_t n = NOTES_AT_ONCE;
    while (n == NOTES_AT_ONCE) {
        n = band_composer_take(player->composer, beat, notes, NOTES_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            start(player, &notes[i]);
        }
    }
}

/* Takes the notes of the block. A bar line is a stop on the way: there the tempo may change, once
 * the composer has given what starts on it. */
static void play_block(band_player *player)
{
    const double end = (double)(player->sample + BAND_BLOCK);
    while (player->next_bar < band_clock_beat(&player->clock, end)) {
        play_until(player, nextafter(player->next_bar, INFINITY));
        band_clock_set(&player->clock, band_clock_sample(&player->clock, player->next_bar),
                       player->next_bar, band_composer_bpm(player->composer));
        player->next_bar += BEATS_A_BAR;
    }
    play_until(player, band_clock_beat(&player->clock, end));
}

static void close_when_over(band_player *player)
{
    if (!player->closed &&
        band_composer_is_over(player->composer,
                              band_clock_beat(&player->clock, (double)player->sample))) {
        player->closed = true;
        player->closed_at = player->sample + CLOSE_SAMPLES;
        band_mixer_close(player->mixer, CLOSE_SAMPLES - BAND_BLOCK);
    }
}

static void render_block(band_player *player, float *left, float *right, band_mixer_tap *tap)
{
    float rows[BAND_SYNTH_ROWS][BAND_BLOCK];
    apply_due(player);
    band_sounding_stop(&player->sounding, player->synth,
                       band_clock_beat(&player->clock, (double)(player->sample + BAND_BLOCK)));
    if (!player->closed) {
        play_block(player);
        take_sound(player, false);
        close_when_over(player);
    }
    band_synth_render(player->synth, rows);
    band_mixer_run(player->mixer, rows, left, right, tap);
    player->sample += BAND_BLOCK;
}

/* x - x is 0 but for infinities and what is no number. */
static bool is_finite(const float *left, const float *right)
{
    float sum = 0;
    for (size_t i = 0; i < BAND_BLOCK; i++) {
        sum += (left[i] - left[i]) + (right[i] - right[i]);
    }
    return sum == 0;
}

int band_player_render(band_player *player, size_t n_blocks, float *left, float *right,
                       band_mixer_tap *taps)
{
    const uint64_t state = band_float_get();
    band_float_set(state | BAND_FLOAT_FLUSH);
    bool finite = true;
    for (size_t i = 0; i < n_blocks; i++) {
        float *l = left + i * BAND_BLOCK, *r = right + i * BAND_BLOCK;
        render_block(player, l, r, taps != NULL ? &taps[i] : NULL);
        finite = finite && is_finite(l, r);
    }
    band_float_set(state);
    return finite ? 0 : -EDOM;
}

void band_player_place(const band_player *player, jam_place *ret)
{
    /* a bar line that falls on the sample has begun, however the quotient was rounded */
    const double beat = band_clock_beat(&player->clock, (double)player->sample) + 1e-9;
    const double bar = floor(beat / BEATS_A_BAR);
    *ret = (jam_place){
        .struct_size = sizeof(*ret),
        .bpm = player->clock.bpm,
        .bar = (uint32_t)bar + 1,
        .beat = RF_MAX(beat - bar * BEATS_A_BAR, 0.0) + 1,
        .section = band_composer_section(player->composer),
        .ended = player->closed && player->sample >= player->closed_at,
        .key = band_composer_key(player->composer),
        .scale = band_composer_scale(player->composer),
    };
}

int band_player_voices(const band_player *player)
{
    return band_synth_voices(player->synth);
}
