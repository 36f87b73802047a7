#include "jam_state.h"

#include "jam_timeline.h"

#include <string.h>

#define SAMPLES_A_MS (JAM_RATE_HZ / 1000)

static bool has(const jam_change *change, jam_field field)
{
    return (change->set & JAM_FIELD_BIT(field)) != 0;
}

/* Where the value of a ramp lives, and its field. */
static double *value_of(jam_controls *controls, size_t ramp)
{
    switch (ramp) {
    case JAM_RAMP_TEMPERATURE:
        return &controls->temperature;
    case JAM_RAMP_GUIDANCE:
        return &controls->guidance_weight;
    case JAM_RAMP_BPM:
        return &controls->bpm;
    case JAM_RAMP_DENSITY:
        return &controls->density;
    case JAM_RAMP_BRIGHTNESS:
        return &controls->brightness;
    default:
        return &controls->stems[ramp - JAM_RAMP_GAIN].gain_db;
    }
}

static jam_field field_of(size_t ramp)
{
    static const jam_field fields[] = {
        [JAM_RAMP_TEMPERATURE] = JAM_FIELD_TEMPERATURE,
        [JAM_RAMP_GUIDANCE] = JAM_FIELD_GUIDANCE_WEIGHT,
        [JAM_RAMP_BPM] = JAM_FIELD_BPM,
        [JAM_RAMP_DENSITY] = JAM_FIELD_DENSITY,
        [JAM_RAMP_BRIGHTNESS] = JAM_FIELD_BRIGHTNESS,
    };
    return ramp < JAM_RAMP_GAIN ? fields[ramp] : JAM_FIELD_STEMS;
}

/* "auto" in a record: 0 bpm, negative density and brightness. */
static bool is_auto(size_t ramp, double value)
{
    return ramp == JAM_RAMP_BPM
               ? !(value > 0.0)
               : (ramp == JAM_RAMP_DENSITY || ramp == JAM_RAMP_BRIGHTNESS) && value < 0.0;
}

static double part_of(const jam_ramp *ramp, int64_t sample)
{
    if (sample >= ramp->end) {
        return 1.0;
    }
    return sample <= ramp->start
               ? 0.0
               : (double)(sample - ramp->start) / (double)(ramp->end - ramp->start);
}

static double value_at(const jam_state *s, size_t i, int64_t sample)
{
    const jam_ramp *ramp = &s->ramps[i];
    if (!ramp->on) {
        return *value_of((jam_controls *)&s->now, i);
    }
    double part = part_of(ramp, sample);
    return part >= 1.0 ? ramp->to : ramp->from + (ramp->to - ramp->from) * part;
}

/* A new value ends a ramp from where it is, and may begin another. */
static void move(jam_state *s, size_t i, double to, uint32_t ramp_ms, int64_t sample)
{
    double from = value_at(s, i, sample);
    bool from_auto = is_auto(i, from) || (s->ramps[i].on && s->ramps[i].from_auto);
    *value_of(&s->now, i) = to;
    s->ramps[i] = (jam_ramp){.on = ramp_ms > 0 && !is_auto(i, to),
                             .from_auto = from_auto,
                             .from = from,
                             .to = to,
                             .start = sample,
                             .end = sample + (int64_t)ramp_ms * SAMPLES_A_MS};
}

static void move_stem(jam_state *s, const jam_change *c, size_t stem, int64_t sample)
{
    const jam_stem_change *change = &c->stems[stem];
    jam_stem_control *now = &s->now.stems[stem];
    uint32_t ramp_ms = c->ramp_ms[JAM_FIELD_STEMS];
    bool steps = (change->set & (JAM_STEM_MUTE | JAM_STEM_SOLO)) != 0;
    now->mute = (change->set & JAM_STEM_MUTE) != 0 ? change->to.mute : now->mute;
    now->solo = (change->set & JAM_STEM_SOLO) != 0 ? change->to.solo : now->solo;
    if ((change->set & JAM_STEM_GAIN) != 0) {
        move(s, JAM_RAMP_GAIN + stem, change->to.gain_db, ramp_ms, sample);
        steps = steps || ramp_ms == 0;
    }
    s->step_until = steps ? sample + JAM_GLIDE_SAMPLES : s->step_until;
}

static void move_values(jam_state *s, const jam_change *c, int64_t sample)
{
    const double to[JAM_RAMP_GAIN] = {
        [JAM_RAMP_TEMPERATURE] = c->temperature,
        [JAM_RAMP_GUIDANCE] = c->guidance_weight,
        [JAM_RAMP_BPM] = c->bpm,
        [JAM_RAMP_DENSITY] = c->density,
        [JAM_RAMP_BRIGHTNESS] = c->brightness,
    };
    for (size_t i = 0; i < JAM_RAMP_GAIN; i++) {
        if (has(c, field_of(i))) {
            move(s, i, to[i], c->ramp_ms[field_of(i)], sample);
        }
    }
    for (size_t i = 0; i < JAM_N_STEMS && has(c, JAM_FIELD_STEMS); i++) {
        move_stem(s, c, i, sample);
    }
}

static void mix_at(const jam_state *s, int64_t sample, jam_mix *ret)
{
    if (s->mix.on) {
        jam_mix_between(&s->from, &s->to, part_of(&s->mix, sample), ret);
    } else {
        *ret = s->to;
    }
}

static void move_styles(jam_state *s, const jam_change *c, int64_t sample)
{
    if (has(c, JAM_FIELD_STYLE_RAMP_SECONDS)) {
        s->style_ramp_seconds = c->style_ramp_seconds;
    }
    if (!has(c, JAM_FIELD_STYLES) && !has(c, JAM_FIELD_STYLE_WEIGHTS)) {
        return;
    }
    jam_mix current;
    mix_at(s, sample, &current);
    jam_style_list_change(&s->list, c);
    s->from = current;
    jam_mix_of(&s->list, &s->to);
    int64_t length = (int64_t)(s->style_ramp_seconds * JAM_RATE_HZ);
    s->mix = (jam_ramp){.on = length > 0, .start = sample, .end = sample + length};
}

void jam_state_apply(jam_state *state, const jam_change *change, int64_t sample)
{
    jam_state *s = state;
    const jam_change *c = change;
    move_styles(s, c, sample);
    move_values(s, c, sample);
    s->now.topk = has(c, JAM_FIELD_TOPK) ? c->topk : s->now.topk;
    s->now.key = has(c, JAM_FIELD_KEY) ? c->key : s->now.key;
    s->now.scale = has(c, JAM_FIELD_SCALE) ? c->scale : s->now.scale;
    if (has(c, JAM_FIELD_SECTION)) {
        s->now.section = c->section;
        s->now.section_count++;
    }
}

void jam_state_init(jam_state *state, const jam_change *start)
{
    *state = (jam_state){.style_ramp_seconds = 0.0};
    jam_controls_default(&state->now);
    jam_style_list_default(&state->list);
    jam_mix_of(&state->list, &state->to);
    jam_change at_once = *start;
    at_once.set &= ~JAM_FIELD_BIT(JAM_FIELD_STYLE_RAMP_SECONDS);
    memset(at_once.ramp_ms, 0, sizeof(at_once.ramp_ms));
    jam_state_apply(state, &at_once, 0);
    if (has(start, JAM_FIELD_STYLE_RAMP_SECONDS)) {
        state->style_ramp_seconds = start->style_ramp_seconds;
    }
    state->now.section_count = 0;
    state->step_until = 0;
}

static void begin_with(jam_ramp *ramp, double value, double unknown)
{
    if (!ramp->on || !ramp->from_auto) {
        return;
    }
    ramp->from_auto = false;
    ramp->from = value;
    if (value <= unknown) { /* the engine does not tell: no way to go */
        ramp->end = ramp->start;
    }
}

void jam_state_place(jam_state *state, const jam_place *place)
{
    begin_with(&state->ramps[JAM_RAMP_BPM], place->bpm, 0.0);
    begin_with(&state->ramps[JAM_RAMP_DENSITY], place->density, -0.5);
    begin_with(&state->ramps[JAM_RAMP_BRIGHTNESS], place->brightness, -0.5);
}

bool jam_state_moving(const jam_state *state)
{
    bool moving = state->mix.on;
    for (size_t i = 0; i < JAM_N_RAMPS; i++) {
        moving = moving || state->ramps[i].on;
    }
    return moving;
}

void jam_state_settle(jam_state *state, int64_t sample)
{
    for (size_t i = 0; i < JAM_N_RAMPS; i++) {
        jam_ramp *ramp = &state->ramps[i];
        ramp->on = ramp->on && sample < ramp->end;
    }
    state->mix.on = state->mix.on && sample < state->mix.end;
}

/* How long gains glide from `sample` on: to the next frame while one of them ramps. */
static uint32_t glide_at(const jam_state *s, int64_t sample)
{
    bool ramping = false;
    for (size_t i = JAM_RAMP_GAIN; i < JAM_N_RAMPS; i++) {
        ramping = ramping || s->ramps[i].on;
    }
    int64_t left = JAM_FRAME_SAMPLES - sample % JAM_FRAME_SAMPLES;
    bool stepping = sample < s->step_until;
    return ramping && !stepping && left > JAM_GLIDE_SAMPLES ? (uint32_t)left : JAM_GLIDE_SAMPLES;
}

void jam_state_record(const jam_state *state, int64_t sample, jam_controls *ret)
{
    *ret = state->now;
    ret->glide_samples = glide_at(state, sample);
    for (size_t i = 0; i < JAM_N_RAMPS; i++) {
        int64_t at = i < JAM_RAMP_GAIN ? sample : sample + ret->glide_samples;
        *value_of(ret, i) = value_at(state, i, at);
    }
    jam_mix mix;
    mix_at(state, sample, &mix);
    memcpy(ret->styles, mix.styles, mix.n * sizeof(mix.styles[0]));
    memset(ret->styles + mix.n, 0, (JAM_STYLES_MAX - mix.n) * sizeof(mix.styles[0]));
    ret->n_styles = mix.n;
}

double jam_state_bpm(const jam_state *state, int64_t sample)
{
    return value_at(state, JAM_RAMP_BPM, sample);
}

void jam_controls_of_start(const jam_change *change, jam_controls *ret)
{
    jam_state state;
    jam_state_init(&state, change);
    jam_state_record(&state, 0, ret);
}
