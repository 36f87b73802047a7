#include "click_cases.h"

#include "jam_schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 2048
#define N_WORDS 3   /* styles at once */
#define SKIP_MAX 25 /* frames */
#define STRETCH_CHUNKS 6
#define RAMP_MAX_MS 2000 /* so that it is still under way when the next update comes, or is not */

uint32_t click_draw(click_luck *luck, uint32_t n)
{
    luck->state = luck->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(luck->state >> 33) % n;
}

double click_draw_real(click_luck *luck, double min, double max)
{
    return min + (max - min) * (double)click_draw(luck, 10001) / 10000.0;
}

/* The members of an update, as they grow. */
typedef struct members {
    size_t n;
    char text[TEXT_SIZE];
} members;

static void add(members *m, const char *fmt, ...) RF_PRINTF(2, 3);

static void add(members *m, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(m->text + m->n, sizeof(m->text) - m->n, fmt, args);
    va_end(args);
    m->n = RF_MIN(m->n + (size_t)n, sizeof(m->text) - 1);
}

/* Half of the updates hold from the next frame on, half from a sample within it. */
static void send(const click_turn *t, members *m)
{
    if (click_draw(t->luck, 2) == 0) {
        add(m, ",\"at_sample\":%lld",
            (long long)click_session_next(t->session) + click_draw(t->luck, JAM_FRAME_SAMPLES));
    }
    click_session_update(t->session, m->text);
}

/* ---- values ---- */

static void add_styles(const click_turn *t, members *m, uint32_t n)
{
    add(m, "\"styles\":[");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t style = click_draw(t->luck, (uint32_t)t->engine->n_styles(t->engine));
        add(m, "%s\"%s\"", i > 0 ? "," : "", t->engine->style_name(t->engine, style));
    }
    add(m, "]");
}

static void add_choice(const click_turn *t, members *m, jam_field field, uint32_t but)
{
    char choice[JAM_CHOICE_SIZE];
    uint32_t n = 1;
    for (const char *p = jam_field_get(field)->choices; *p != '\0'; p++) {
        n += *p == ',' ? 1 : 0;
    }
    add(m, "\"%s\":\"%s\"", jam_field_get(field)->name,
        jam_field_choice_name(field, (int)click_draw(t->luck, n - but), choice));
}

/* Any value of a field that holds one number or one choice; a fourth of the times "auto". */
static void add_value(const click_turn *t, members *m, jam_field field)
{
    const jam_field_def *def = jam_field_get(field);
    if (def->kind == JAM_KIND_CHOICE) {
        add_choice(t, m, field, 0);
    } else if (def->kind == JAM_KIND_INTEGER) {
        add(m, "\"%s\":%u", def->name,
            (unsigned)def->min + click_draw(t->luck, (uint32_t)(def->max - def->min) + 1));
    } else if (def->kind == JAM_KIND_AUTO_NUMBER && click_draw(t->luck, 4) == 0) {
        add(m, "\"%s\":\"auto\"", def->name);
    } else {
        add(m, "\"%s\":%.4f", def->name, click_draw_real(t->luck, def->min, def->max));
    }
}

static const char *draw_stem(const click_turn *t)
{
    uint32_t first = t->drums ? 0 : 1;
    return jam_stem_name((jam_stem)(first + click_draw(t->luck, JAM_N_STEMS - first)));
}

static void add_gain(const click_turn *t, members *m)
{
    const jam_field_def *def = jam_field_get(JAM_FIELD_STEMS);
    add(m, "\"stems\":{\"%s\":{\"gain_db\":%.3f}}", draw_stem(t),
        click_draw_real(t->luck, def->min, def->max));
}

/* A field that can ramp, and a value for it. */
static void add_ramping(const click_turn *t, members *m)
{
    jam_field field;
    do {
        field = (jam_field)click_draw(t->luck, JAM_N_FIELDS);
    } while (!jam_field_get(field)->ramps);
    if (field == JAM_FIELD_STEMS) {
        add_gain(t, m);
    } else {
        add_value(t, m, field);
    }
}

/* ---- updates ---- */

static void update_value(const click_case *self, const click_turn *t)
{
    members m = {0};
    add_value(t, &m, self->field);
    send(t, &m);
}

static void update_styles(const click_case *self, const click_turn *t)
{
    members m = {0};
    (void)self;
    add_styles(t, &m, click_draw(t->luck, N_WORDS + 1));
    send(t, &m);
}

/* Of a list of numbers that cannot all be 0. */
static void update_numbers(const click_case *self, const click_turn *t)
{
    const jam_field_def *def = jam_field_get(self->field);
    members m = {0};
    size_t n = click_session_n_styles(t->session);
    if (n < 2) {
        add_styles(t, &m, N_WORDS);
        n = N_WORDS;
        add(&m, ",");
    }
    add(&m, "\"%s\":[1", def->name);
    for (size_t i = 1; i < n; i++) {
        add(&m, ",%.4f", click_draw(t->luck, 4) == 0 ? 0.0 : click_draw_real(t->luck, 0, def->max));
    }
    add(&m, "]");
    send(t, &m);
}

static void update_style_ramp(const click_case *self, const click_turn *t)
{
    members m = {0};
    add_styles(t, &m, click_draw(t->luck, N_WORDS + 1));
    add(&m, ",\"%s\":%.3f", jam_field_get(self->field)->name, click_draw_real(t->luck, 0, 1));
    send(t, &m);
}

static void update_gain(const click_case *self, const click_turn *t)
{
    members m = {0};
    (void)self;
    add_gain(t, &m);
    send(t, &m);
}

static void update_switch(const click_turn *t, const char *name)
{
    members m = {0};
    add(&m, "\"stems\":{\"%s\":{\"%s\":%s}}", draw_stem(t), name,
        click_draw(t->luck, 2) == 0 ? "true" : "false");
    send(t, &m);
}

static void update_mute(const click_case *self, const click_turn *t)
{
    (void)self;
    update_switch(t, "mute");
}

static void update_solo(const click_case *self, const click_turn *t)
{
    (void)self;
    update_switch(t, "solo");
}

/* The last choice is the ending, which ends the session: rare. */
static void update_section(const click_case *self, const click_turn *t)
{
    members m = {0};
    add_choice(t, &m, self->field, click_draw(t->luck, 8) == 0 ? 0 : 1);
    send(t, &m);
}

static void update_ramp(const click_case *self, const click_turn *t)
{
    members m = {0};
    add_ramping(t, &m);
    add(&m, ",\"%s\":%u", jam_field_get(self->field)->name, click_draw(t->luck, RAMP_MAX_MS));
    send(t, &m);
}

static void update_at_sample(const click_case *self, const click_turn *t)
{
    members m = {0};
    add_ramping(t, &m);
    add(&m, ",\"%s\":%lld", jam_field_get(self->field)->name,
        (long long)click_session_next(t->session) + click_draw(t->luck, JAM_FRAME_SAMPLES));
    click_session_update(t->session, m.text);
}

static void update_at_bar(const click_case *self, const click_turn *t)
{
    members m = {0};
    add_ramping(t, &m);
    add(&m, ",\"%s\":%u", jam_field_get(self->field)->name, click_session_bar(t->session) + 1);
    click_session_update(t->session, m.text);
}

static void update_record(const click_case *self, const click_turn *t)
{
    members m = {0};
    add(&m, "\"%s\":false", jam_field_get(self->field)->name);
    send(t, &m);
}

/* The policy, and a stall that calls for it. */
static void update_catch_up(const click_case *self, const click_turn *t)
{
    members m = {0};
    char name[JAM_CHOICE_SIZE];
    int policy = (int)click_draw(t->luck, 3);
    add(&m, "\"%s\":\"%s\"", jam_field_get(self->field)->name,
        jam_field_choice_name(self->field, policy, name));
    send(t, &m);
    if (policy == JAM_CATCH_UP_SKIP) {
        click_session_skip(t->session, 1 + click_draw(t->luck, SKIP_MAX));
    } else if (policy == JAM_CATCH_UP_STRETCH) {
        click_session_stretch(t->session, JAM_STRETCH, 1 + click_draw(t->luck, STRETCH_CHUNKS));
    }
}

/* ---- doings ---- */

static void pause(const click_case *self, const click_turn *t)
{
    (void)self;
    click_session_pause(t->session);
}

static void reset(const click_case *self, const click_turn *t)
{
    (void)self;
    click_session_reset(t->session, click_draw(t->luck, JAM_SEED_MAX));
}

const click_case click_cases[] = {
    {"styles", JAM_FIELD_STYLES, CLICK_UPDATE, update_styles},
    {"style_weights", JAM_FIELD_STYLE_WEIGHTS, CLICK_UPDATE, update_numbers},
    {"style_ramp_seconds", JAM_FIELD_STYLE_RAMP_SECONDS, CLICK_UPDATE, update_style_ramp},
    {"temperature", JAM_FIELD_TEMPERATURE, CLICK_UPDATE, update_value},
    {"topk", JAM_FIELD_TOPK, CLICK_UPDATE, update_value},
    {"guidance_weight", JAM_FIELD_GUIDANCE_WEIGHT, CLICK_UPDATE, update_value},
    {"mean", JAM_FIELD_MEAN, CLICK_UPDATE, update_value},
    {"centroid_weights", JAM_FIELD_CENTROID_WEIGHTS, CLICK_UPDATE, update_numbers},
    {"pace", JAM_FIELD_PACE, CLICK_UPDATE, update_value},
    {"max_decode_frames", JAM_FIELD_MAX_DECODE_FRAMES, CLICK_UPDATE, update_value},
    {"buffer_chunks", JAM_FIELD_BUFFER_CHUNKS, CLICK_UPDATE, update_value},
    {"catch_up", JAM_FIELD_CATCH_UP, CLICK_UPDATE, update_catch_up},
    {"bpm", JAM_FIELD_BPM, CLICK_UPDATE, update_value},
    {"key", JAM_FIELD_KEY, CLICK_UPDATE, update_value},
    {"scale", JAM_FIELD_SCALE, CLICK_UPDATE, update_value},
    {"density", JAM_FIELD_DENSITY, CLICK_UPDATE, update_value},
    {"brightness", JAM_FIELD_BRIGHTNESS, CLICK_UPDATE, update_value},
    {"stems: gain", JAM_FIELD_STEMS, CLICK_UPDATE, update_gain},
    {"stems: mute", JAM_FIELD_STEMS, CLICK_UPDATE, update_mute},
    {"stems: solo", JAM_FIELD_STEMS, CLICK_UPDATE, update_solo},
    {"section", JAM_FIELD_SECTION, CLICK_UPDATE, update_section},
    {"ramp_ms", JAM_FIELD_RAMP_MS, CLICK_UPDATE, update_ramp},
    {"at_sample", JAM_FIELD_AT_SAMPLE, CLICK_UPDATE, update_at_sample},
    {"at_bar", JAM_FIELD_AT_BAR, CLICK_UPDATE, update_at_bar},
    {"record", JAM_FIELD_RECORD, CLICK_UPDATE, update_record},
    {"pause and resume", JAM_N_FIELDS, CLICK_RESUME, pause},
    {"reset", JAM_N_FIELDS, CLICK_RESET, reset},
};
const size_t click_n_cases = RF_ARRAY_LEN(click_cases);
