#include "band_composer.h"

#include <string.h>

#include "band_random.h"
#include "band_state.h"
#include "band_styles.h"

#define APART 1e-6         /* beats between any two notes */
#define SAME 0.02          /* beats within which a part plays a pitch once */
#define RESTYLE_DRIFT 0.25 /* of weight, for the parts to choose anew in mid-phrase */

/* Lowest and highest pitch of a part at brightness 0.5. */
static const uint8_t RANGES[BAND_N_PARTS][2] = {
    [BAND_BASS] = {28, 52}, [BAND_COMP] = {50, 78}, [BAND_PAD] = {50, 81},
    [BAND_ARP] = {52, 81},  [BAND_LEAD] = {58, 85}, [BAND_COUNTER] = {52, 77},
};

/* Semitones by which full brightness lifts a part; the ground stays. */
static const uint8_t LIFTS[BAND_N_PARTS] = {
    [BAND_COMP] = 8, [BAND_PAD] = 10, [BAND_ARP] = 12, [BAND_LEAD] = 10, [BAND_COUNTER] = 10};

static void resolve_styles(band_composer *c)
{
    for (size_t k = 0; k < c->controls.n_styles; k++) {
        double score;
        int i = band_styles_match(c->controls.styles[k].name, &score);
        c->chooser.styles[k] = i >= 0 ? band_style_get((size_t)i) : NULL;
    }
    c->chooser.n_styles = c->controls.n_styles;
}

static bool same_names(const jam_controls *a, const jam_controls *b)
{
    bool same = a->n_styles == b->n_styles;
    for (size_t k = 0; same && k < a->n_styles; k++) {
        same = strcmp(a->styles[k].name, b->styles[k].name) == 0;
    }
    return same;
}

/* How much of the weight has moved to other styles since the parts were chosen. */
static double drift(const band_composer *c)
{
    double sum = 0.0;
    for (size_t k = 0; k < c->chooser.n_styles; k++) {
        double d = c->chooser.weights[k] - c->styled_weights[k];
        sum += d > 0.0 ? d : -d;
    }
    return sum / 2.0;
}

static void take_controls(band_composer *c, const jam_controls *controls, bool names_too)
{
    c->controls = *controls;
    c->chooser.temperature = controls->temperature;
    c->chooser.guidance = controls->guidance_weight;
    c->chooser.topk = controls->topk;
    if (names_too) {
        resolve_styles(c);
    }
    for (size_t k = 0; k < c->chooser.n_styles; k++) {
        c->chooser.weights[k] = controls->styles[k].weight;
    }
    band_sound_blend(c);
    c->bpm = band_sound_bpm(c);
}

static void mark_styled(band_composer *c)
{
    memcpy(c->styled_weights, c->chooser.weights, sizeof(c->styled_weights));
}

band_composer *band_composer_new(uint64_t seed, const jam_controls *controls,
                                 const jam_engine_host *host)
{
    band_composer *c = RF_NEW(band_composer);
    c->chooser.seed = seed;
    if (host != NULL) {
        c->chooser.host = *host;
    }
    c->section = controls->section;
    c->section_before = JAM_SECTION_VERSE;
    c->section_count = controls->section_count;
    if (c->section == JAM_SECTION_FILL || c->section == JAM_SECTION_ENDING) {
        c->section = JAM_SECTION_VERSE;
        c->section_count = controls->section_count - 1; /* ordered for the first bar */
    }
    c->over_beat = -1;
    c->last_given = -1.0;
    memset(c->last_of, 0xff, sizeof(c->last_of));
    for (int p = 0; p < BAND_N_PARTS; p++) {
        for (int i = 0; i < 128; i++) {
            c->last_of[p][i] = -1.0;
        }
    }
    take_controls(c, controls, true);
    band_plan_start(c);
    c->bpm = band_sound_bpm(c);
    mark_styled(c);
    return c;
}

band_composer *band_composer_free(band_composer *c)
{
    free(c);
    return NULL;
}

void band_composer_control(band_composer *c, double beat, const jam_controls *controls)
{
    (void)beat;
    bool renamed = !same_names(&c->controls, controls);
    take_controls(c, controls, renamed);
    c->restyle = c->restyle || renamed || drift(c) > RESTYLE_DRIFT;
}

static void sort_events(band_composer *c)
{
    for (size_t i = 1; i < c->n_events; i++) {
        band_event e = c->events[i];
        size_t at = i;
        for (; at > 0 && c->events[at - 1].beat > e.beat; at--) {
            c->events[at] = c->events[at - 1];
        }
        c->events[at] = e;
    }
}

static void write_beat(band_composer *c)
{
    int first = (int)(c->next_beat % JAM_BEATS_A_BAR) * BAND_BEAT_STEPS;
    for (int step = first; step < first + BAND_BEAT_STEPS; step++) {
        band_drums_step(c, step);
        band_bass_step(c, step);
        band_comp_step(c, step);
        band_pad_step(c, step);
        band_arp_step(c, step);
        band_lead_step(c, step);
    }
    sort_events(c);
}

/* Composes the next beat: what is chosen for it is chosen now. */
static void compose_beat(band_composer *c)
{
    bool bar_begins = c->next_beat % JAM_BEATS_A_BAR == 0;
    c->n_events = 0;
    c->next_event = 0;
    if (c->restyle && c->letter != NULL) {
        band_plan_restyle(c, (double)c->next_beat);
        mark_styled(c);
    }
    c->restyle = false;
    if (bar_begins && !(c->over_beat >= 0 && c->next_beat >= c->over_beat &&
                        c->section_count == c->controls.section_count)) {
        band_plan_bar(c, (double)c->next_beat);
    }
    if (!band_composer_is_over(c, (double)c->next_beat)) {
        write_beat(c);
    }
    c->next_beat++;
}

static int folded(int pitch, int low, int high)
{
    while (pitch > high) {
        pitch -= 12;
    }
    while (pitch < low) {
        pitch += 12;
    }
    return pitch;
}

static int settle(const band_composer *c, const band_event *e)
{
    if (e->part <= BAND_PERCUSSION) {
        return e->key;
    }

    int pitch = band_theory_pitch(e->tone, band_composer_key(c), band_composer_scale(c),
                                  band_state_is_strict(c));
    int lift = (int)(LIFTS[e->part] * (c->brightness - 0.5) * 2.0);
    return folded(pitch, RANGES[e->part][0] + lift, RANGES[e->part][1] + lift);
}

/* Whether the note sounds now; then what it is. */
static bool give(band_composer *c, const band_event *e, double beat, band_note *ret)
{
    double density = c->density + c->scene.lift * (1.0 - c->density);
    if (e->need > density) {
        return false;
    }
    int pitch = settle(c, e);
    if (c->last_of[e->part][pitch] > beat - SAME) {
        return false;
    }
    c->last_of[e->part][pitch] = beat;
    c->last_given = beat;
    *ret = (band_note){.beat = beat,
                       .length = e->length,
                       .part = (band_part)e->part,
                       .pitch = (uint8_t)pitch,
                       .velocity = e->velocity};
    return true;
}

size_t band_composer_take(band_composer *c, double until, band_note *ret, size_t max)
{
    size_t n = 0;
    while (n < max) {
        if (c->next_event == c->n_events) {
            if ((double)c->next_beat >= until) {
                break;
            }
            compose_beat(c);
            continue;
        }
        const band_event *e = &c->events[c->next_event];
        double beat = RF_MAX(e->beat, c->last_given + APART);
        if (beat >= until) {
            break;
        }
        n += give(c, e, beat, &ret[n]);
        c->next_event++;
    }
    return n;
}

double band_composer_bpm(const band_composer *c)
{
    return c->bpm;
}

const band_mix *band_composer_mix(const band_composer *c, uint32_t *ret_count)
{
    *ret_count = c->mix_count;
    return &c->mix;
}

jam_section band_composer_section(const band_composer *c)
{
    return c->section;
}

bool band_composer_is_over(const band_composer *c, double beat)
{
    return c->over_beat >= 0 && beat >= (double)c->over_beat;
}

int band_composer_key(const band_composer *c)
{
    return c->controls.key != JAM_KEY_AUTO ? c->controls.key : c->key_own;
}

jam_scale band_composer_scale(const band_composer *c)
{
    return c->controls.scale != JAM_SCALE_AUTO ? c->controls.scale : c->scale_own;
}

double band_composer_brightness(const band_composer *c)
{
    return c->brightness;
}

double band_composer_density(const band_composer *c)
{
    return c->density;
}
