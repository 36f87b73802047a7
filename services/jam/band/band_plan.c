#include "band_scene.h"
#include "band_state.h"

#include <string.h>

#define NEW_GROOVE_BARS 32
#define ALL_NEW_BARS 64

/* What a phrase chooses for itself, in this order. */
static const band_kind GROOVE[] = {K_KICK, K_SNARE, K_HAT, K_PERC, K_TWIST,  K_FILL,
                                   K_BASS, K_COMP,  K_ARP, K_CAST, K_VOICING};

static const band_phrase *phrase_now(const band_composer *c)
{
    return &band_form_get(c->form)->phrases[c->phrase];
}

static size_t letter_index(const band_phrase *phrase)
{
    return (size_t)(phrase->letter - 'A');
}

static void forget_letters(band_composer *c)
{
    for (size_t i = 0; i < BAND_LETTERS; i++) {
        c->letters[i].made = false;
    }
}

/* The tonic chord of the style that weighs most. */
static void home_chord(const band_composer *c, jam_scale scale, band_chord *ret)
{
    band_harmony_name harmony = (band_harmony_name)band_sound_main(c)->harmony;
    band_theory_chord(scale, 0, band_harmony_home(harmony, scale), ret);
    if (band_state_is_strict(c)) {
        band_theory_within(scale, ret);
    }
}

static band_role role_of(const band_phrase *phrase, size_t i, size_t n)
{
    return i + 1 == n   ? phrase->cadence
           : i == 0     ? ROLE_OPEN
           : i + 2 == n ? ROLE_PREPARE
                        : ROLE_INNER;
}

static void write_harmony(band_composer *c, const band_phrase *phrase, band_letter *letter,
                          double beat)
{
    jam_scale scale = band_composer_scale(c);
    band_pace pace =
        phrase->fixed ? PACE_BAR : (band_pace)band_choice_pick(&c->chooser, K_PACE, beat);
    size_t n = band_form_pace(pace, letter->chord_at);
    band_harmony_place place = {
        .scale = scale, .strict = band_state_is_strict(c), .before = BAND_NO_TARGET};
    for (size_t i = 0; i < n; i++) {
        place.role = role_of(phrase, i, n);
        place.target = phrase->fixed ? phrase->roots[letter->chord_at[i] / 2] : BAND_NO_TARGET;
        if (i == 0 && phrase->home) {
            home_chord(c, scale, &letter->chords[i]);
        } else {
            band_harmony_choose(&c->chooser, &place, beat + 2.0 * letter->chord_at[i],
                                &letter->chords[i]);
        }
        place.before = letter->chords[i].root;
    }
    letter->n_chords = n;
}

static void write_groove(band_composer *c, band_letter *letter, double beat)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(GROOVE); i++) {
        letter->picks[GROOVE[i]] = (uint8_t)band_choice_pick(&c->chooser, GROOVE[i], beat);
    }
}

static void make_letter(band_composer *c, const band_phrase *phrase, band_letter *letter,
                        double beat)
{
    letter->number = c->letters_made++;
    write_harmony(c, phrase, letter, beat);
    write_groove(c, letter, beat);
    band_melody_write(c, letter, beat);
    letter->made = true;
}

/* The phrase plays its letter, made anew when it has not been heard in this form. */
static void begin_phrase(band_composer *c, double beat)
{
    const band_phrase *phrase = phrase_now(c);
    band_letter *letter = &c->letters[letter_index(phrase)];
    if (c->scale_written != band_composer_scale(c)) {
        c->scale_written = band_composer_scale(c);
        forget_letters(c);
    }
    if (!letter->made) {
        make_letter(c, phrase, letter, beat);
    }
    c->letter = letter;
    c->comp_chord = NULL;
}

static void choose_form(band_composer *c, double beat)
{
    c->scale_own = (jam_scale)(1 + band_choice_pick(&c->chooser, K_SCALE, beat));
    c->form = band_choice_pick(&c->chooser, K_FORM, beat);
    c->form_bars = 0;
    forget_letters(c);
}

/* Every round has a new melody; every 32 bars the groove changes too, every 64 all. */
static void renew(band_composer *c, double beat)
{
    uint32_t bars = c->form_bars;
    uint32_t round = (uint32_t)band_form_get(c->form)->n_phrases * BAND_PHRASE_BARS;
    if (bars >= ALL_NEW_BARS) {
        choose_form(c, beat);
        band_sound_pick(c, beat);
        return;
    }
    bool groove = bars / NEW_GROOVE_BARS != (bars - round) / NEW_GROOVE_BARS;
    for (size_t i = 0; i < BAND_LETTERS; i++) {
        band_letter *letter = &c->letters[i];
        if (letter->made) {
            letter->number = c->letters_made++;
            if (groove) {
                write_groove(c, letter, beat);
            }
            band_melody_write(c, letter, beat);
        }
    }
}

/* Another round of the form, or another form when the style has changed. */
static void begin_form(band_composer *c, double beat)
{
    if (c->form_stale) {
        c->form_stale = false;
        choose_form(c, beat);
    } else {
        renew(c, beat);
    }
    c->phrase = 0;
    c->bar = 0;
}

/* Two bars that end it: something that leads home, and home. */
static void begin_ending(band_composer *c, double beat)
{
    band_letter *e = &c->ending;
    jam_scale scale = band_composer_scale(c);
    band_harmony_place place = {.scale = scale,
                                .strict = band_state_is_strict(c),
                                .before = 0,
                                .role = ROLE_HALF,
                                .target = BAND_NO_TARGET};
    *e = *c->letter;
    e->n_chords = 2;
    e->chord_at[0] = 0;
    e->chord_at[1] = 2;
    band_harmony_choose(&c->chooser, &place, beat, &e->chords[0]);
    home_chord(c, scale, &e->chords[1]);
    c->letter = e;
    c->comp_chord = NULL;
    c->bar = 0;
    c->over_beat = (int64_t)beat + 2 * JAM_BEATS_A_BAR;
}

void band_plan_start(band_composer *c)
{
    c->key_own = (int)band_choice_pick(&c->chooser, K_KEY, 0.0);
    c->tempo = band_choice_pick(&c->chooser, K_TEMPO, 0.0);
    choose_form(c, 0.0);
    c->scale_written = band_composer_scale(c);
    band_sound_pick(c, 0.0);
}

/* One bar on; true when a phrase begins. */
static bool advance(band_composer *c, double beat, bool restarts)
{
    const band_form *form = band_form_get(c->form);
    bool first = c->letter == NULL;
    c->form_bars += !first;
    if (!first && !restarts && ++c->bar < BAND_PHRASE_BARS && c->letter != &c->ending) {
        return false;
    }
    if (!first && !restarts && ++c->phrase == form->n_phrases) {
        begin_form(c, beat);
    }
    if (restarts || first) {
        c->phrase = 0;
    }
    if (c->form_stale) {
        begin_form(c, beat);
    }
    c->bar = 0;
    return true;
}

void band_plan_bar(band_composer *c, double beat)
{
    bool restarts = band_scene_enter(c);
    if (c->section == JAM_SECTION_ENDING) {
        if (restarts) {
            if (c->letter == NULL) {
                begin_phrase(c, beat);
            }
            begin_ending(c, beat);
        } else {
            c->bar++;
        }
    } else if (advance(c, beat, restarts)) {
        begin_phrase(c, beat);
    }
    c->bpm = band_sound_bpm(c);
    band_scene_set(c);
}

void band_plan_restyle(band_composer *c, double beat)
{
    band_letter *letter = &c->letters[letter_index(phrase_now(c))];
    band_sound_pick(c, beat);
    c->form_stale = true;
    if (c->letter == letter) {
        letter->number = c->letters_made++;
        write_groove(c, letter, beat);
        band_melody_write(c, letter, beat);
    }
}

const band_chord *band_plan_chord(const band_composer *c, size_t half_bar)
{
    const band_letter *letter = c->letter;
    size_t i = letter->n_chords;
    while (i > 1 && letter->chord_at[i - 1] > half_bar) {
        i--;
    }
    return &letter->chords[i - 1];
}

const band_chord *band_plan_next(const band_composer *c, size_t half_bar)
{
    const band_chord *now = band_plan_chord(c, half_bar);
    if (now < &c->letter->chords[c->letter->n_chords - 1]) {
        return now + 1;
    }
    return &c->letter->chords[0];
}

const char *band_plan_steps(const band_composer *c, band_kind kind, bool second)
{
    const band_pattern *pattern = band_kinds_pattern(kind, c->letter->picks[kind]);
    const char *steps = second ? pattern->steps2 : pattern->steps;
    if (steps == NULL) {
        return NULL;
    }
    return steps + (c->bar % 2 == 1 && strlen(steps) > BAND_STEPS ? BAND_STEPS : 0);
}
