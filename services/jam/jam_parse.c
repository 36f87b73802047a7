/* The fields of params, by the table, and the rules that join them. */
#include "jam_parse.h"

#include "jam_chunk.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CENTROIDS_MAX 64
#define NAME_SIZE 80
#define WIDE_BPM_MIN 40.0 /* workflow reflection/jam: jobs.md section 6 */
#define WIDE_BPM_MAX 240.0

static bool given(const jam_parse *p, jam_field field)
{
    return (p->change->set & JAM_FIELD_BIT(field)) != 0;
}

static bool parse_choice(jam_parse *p, jam_field field, const json_t *value, int *ret)
{
    const jam_field_def *def = jam_field_get(field);
    if (!json_is_string(value)) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, def->name, "%s: must be a text, one of %s",
                             def->name, def->choices);
        return false;
    }
    const char *text = json_string_value(value);
    int choice =
        strlen(text) == json_string_length(value) ? jam_field_choice(field, text) : -ENOENT;
    if (choice < 0) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, def->name, "%s: must be one of %s", def->name,
                             def->choices);
        return false;
    }
    *ret = choice;
    return true;
}

static void take_choice(jam_change *c, jam_field field, int choice)
{
    switch (field) {
    case JAM_FIELD_PACE:
        c->pace = (jam_pace)choice;
        break;
    case JAM_FIELD_FORMAT:
        c->format = (jam_format)choice;
        break;
    case JAM_FIELD_CATCH_UP:
        c->catch_up = (jam_catch_up)choice;
        break;
    case JAM_FIELD_KEY:
        c->key = jam_key_of_choice(choice);
        break;
    case JAM_FIELD_SCALE:
        c->scale = (jam_scale)choice;
        break;
    default:
        c->section = (jam_section)choice;
        break;
    }
}

static void take_integer(jam_change *c, jam_field field, double value)
{
    switch (field) {
    case JAM_FIELD_TOPK:
        c->topk = (uint32_t)value;
        break;
    case JAM_FIELD_MAX_DECODE_FRAMES:
        c->max_decode_frames = (uint32_t)value;
        break;
    case JAM_FIELD_BITRATE_KBPS:
        c->bitrate_kbps = (uint32_t)value;
        break;
    case JAM_FIELD_BUFFER_CHUNKS:
        c->buffer_chunks = (uint32_t)value;
        break;
    case JAM_FIELD_SEED:
        c->seed = (uint32_t)value;
        break;
    case JAM_FIELD_AT_SAMPLE:
        c->at_sample = (int64_t)value;
        break;
    default:
        c->at_bar = (uint32_t)value;
        break;
    }
}

/* 0 bpm, and a negative density or brightness, stand for "auto". */
static void take_number(jam_change *c, jam_field field, double value)
{
    switch (field) {
    case JAM_FIELD_STYLE_RAMP_SECONDS:
        c->style_ramp_seconds = value;
        break;
    case JAM_FIELD_TEMPERATURE:
        c->temperature = value;
        break;
    case JAM_FIELD_GUIDANCE_WEIGHT:
        c->guidance_weight = value;
        break;
    case JAM_FIELD_BPM:
        c->bpm = fmax(value, 0.0);
        break;
    case JAM_FIELD_DENSITY:
        c->density = value;
        break;
    case JAM_FIELD_BRIGHTNESS:
        c->brightness = value;
        break;
    default: /* mean: without effect */
        break;
    }
}

static bool parse_overlap(jam_parse *p, double seconds)
{
    double samples = seconds * JAM_RATE_HZ;
    if (fabs(samples - rint(samples)) > 1e-6) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "crossfade_seconds",
                             "crossfade_seconds: must be whole samples of 1/%d s", JAM_RATE_HZ);
        return false;
    }
    p->change->overlap = (uint32_t)rint(samples);
    return true;
}

static bool parse_number(jam_parse *p, jam_field field, const json_t *value)
{
    const jam_field_def *def = jam_field_get(field);
    double number = -1.0;
    const char *text = json_string_value(value);
    bool is_auto = def->kind == JAM_KIND_AUTO_NUMBER && text != NULL && strcmp(text, "auto") == 0;
    bool wide = field == JAM_FIELD_BPM && p->context->wide_tempo;
    double min = wide ? WIDE_BPM_MIN : def->min;
    double max = wide ? WIDE_BPM_MAX : def->max;
    if (!is_auto && !jam_parse_number(p, def->name, value, min, max, &number)) {
        return false;
    }
    if (field == JAM_FIELD_CROSSFADE_SECONDS) {
        return parse_overlap(p, number);
    }
    take_number(p->change, field, number);
    return true;
}

static bool parse_stem_part(jam_parse *p, jam_stem_change *stem, const char *path, const char *key,
                            const json_t *value)
{
    const jam_field_def *def = jam_field_get(JAM_FIELD_STEMS);
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%s.%s", path, key);
    if (strcmp(key, "gain_db") == 0) {
        stem->set |= JAM_STEM_GAIN;
        return jam_parse_number(p, name, value, def->min, def->max, &stem->to.gain_db);
    }
    if (strcmp(key, "mute") == 0) {
        stem->set |= JAM_STEM_MUTE;
        return jam_parse_bool(p, name, value, &stem->to.mute);
    }
    if (strcmp(key, "solo") == 0) {
        stem->set |= JAM_STEM_SOLO;
        return jam_parse_bool(p, name, value, &stem->to.solo);
    }
    jam_parse_ignore(p, path, key);
    return true;
}

static bool parse_stem(jam_parse *p, const char *key, json_t *value)
{
    int stem = jam_field_choice(JAM_FIELD_STEMS, key);
    if (stem < 0) {
        jam_parse_ignore(p, "stems", key);
        return true;
    }
    char path[NAME_SIZE];
    (void)snprintf(path, sizeof(path), "stems.%s", key);
    if (!json_is_object(value)) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, path, "%s: must be an object", path);
        return false;
    }
    bool good = true;
    const char *part;
    json_t *v;
    json_object_foreach(value, part, v)
    {
        good =
            (json_is_null(v) || parse_stem_part(p, &p->change->stems[stem], path, part, v)) && good;
    }
    return good;
}

static bool parse_stems(jam_parse *p, json_t *value)
{
    if (!json_is_object(value)) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, "stems", "stems: must be an object");
        return false;
    }
    bool good = true;
    const char *key;
    json_t *v;
    json_object_foreach(value, key, v)
    {
        good = (json_is_null(v) || parse_stem(p, key, v)) && good;
    }
    return good;
}

static bool parse_ramp(jam_parse *p, const char *key, const json_t *value)
{
    jam_field field;
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "ramp_ms.%s", key);
    if (jam_field_find(key, &field) != 0) {
        jam_parse_ignore(p, "ramp_ms", key);
        return true;
    }
    if (!jam_field_get(field)->ramps) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, name, "%s: %s has no ramp", name, key);
        return false;
    }
    double ms = 0.0;
    bool good = jam_parse_integer(p, name, value, 0, JAM_RAMP_MS_MAX, &ms);
    p->change->ramp_ms[field] = (uint32_t)ms;
    return good;
}

static bool parse_ramps(jam_parse *p, json_t *value)
{
    bool good = true;
    if (json_is_object(value)) {
        const char *key;
        json_t *v;
        json_object_foreach(value, key, v)
        {
            good = (json_is_null(v) || parse_ramp(p, key, v)) && good;
        }
        return good;
    }
    double ms = 0.0;
    good = jam_parse_integer(p, "ramp_ms", value, 0, JAM_RAMP_MS_MAX, &ms);
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        p->change->ramp_ms[i] = jam_field_get((jam_field)i)->ramps ? (uint32_t)ms : 0;
    }
    return good;
}

static bool parse_record(jam_parse *p, json_t *value)
{
    jam_change *c = p->change;
    c->record = true;
    c->record_name[0] = '\0';
    if (json_is_object(value)) {
        json_t *v = json_object_get(value, "name");
        return v == NULL || json_is_null(v) ||
               jam_parse_text(p, "record.name", v, c->record_name, sizeof(c->record_name));
    }
    if (!json_is_boolean(value)) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, "record", "record: must be a bool or an object");
        return false;
    }
    c->record = json_is_true(value);
    return true;
}

static bool parse_list(jam_parse *p, jam_field field, const json_t *value)
{
    double unused[CENTROIDS_MAX];
    size_t n;
    jam_change *c = p->change;
    return field == JAM_FIELD_CENTROID_WEIGHTS
               ? jam_parse_numbers(p, field, value, CENTROIDS_MAX, unused, &n)
               : jam_parse_numbers(p, field, value, JAM_STYLES_MAX, c->style_weights,
                                   &c->n_style_weights);
}

static bool parse_value(jam_parse *p, jam_field field, json_t *value)
{
    const jam_field_def *def = jam_field_get(field);
    double number = 0.0;
    int choice = 0;
    bool good = true;
    switch (def->kind) {
    case JAM_KIND_NUMBER:
    case JAM_KIND_AUTO_NUMBER:
        return parse_number(p, field, value);
    case JAM_KIND_INTEGER:
        good = jam_parse_integer(p, def->name, value, def->min, def->max, &number);
        take_integer(p->change, field, number);
        return good;
    case JAM_KIND_CHOICE:
        good = parse_choice(p, field, value, &choice);
        take_choice(p->change, field, choice);
        return good;
    case JAM_KIND_NAME:
        return jam_parse_text(p, def->name, value, p->change->engine, sizeof(p->change->engine));
    case JAM_KIND_NAMES:
        return jam_parse_styles(p, value);
    case JAM_KIND_NUMBERS:
        return parse_list(p, field, value);
    case JAM_KIND_STEMS:
        return parse_stems(p, value);
    case JAM_KIND_RAMP:
        return parse_ramps(p, value);
    case JAM_KIND_RECORD:
        return parse_record(p, value);
    }
    return false;
}

void jam_parse_field(jam_parse *p, jam_field field, json_t *value)
{
    const jam_field_def *def = jam_field_get(field);
    if (parse_value(p, field, value) && !def->ignored) {
        p->change->set |= JAM_FIELD_BIT(field);
    }
    if (def->ignored) {
        jam_parse_ignore(p, "", def->name);
    }
}

/* Whether the field may stand in a message of that type; says why not. */
static bool may_stand(jam_parse *p, jam_type type, jam_field field)
{
    const jam_field_def *def = jam_field_get(field);
    unsigned when = type == JAM_TYPE_START    ? JAM_WHEN_START
                    : type == JAM_TYPE_UPDATE ? JAM_WHEN_UPDATE
                                              : JAM_WHEN_RESET;
    if ((def->when & when) != 0) {
        return true;
    }
    if (type == JAM_TYPE_UPDATE) {
        (void)jam_parse_fail(p, JAM_IMMUTABLE, def->name, "%s: cannot be changed by an update",
                             def->name);
    } else if (type == JAM_TYPE_START) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, def->name, "%s: is for updates only", def->name);
    } else {
        jam_parse_ignore(p, "", def->name);
    }
    return false;
}

static void parse_named(jam_parse *p, jam_type type, const char *key, json_t *value)
{
    jam_field field;
    if (json_is_null(value)) {
        return;
    }
    if (jam_field_find(key, &field) != 0) {
        jam_parse_ignore(p, "", key);
    } else if (may_stand(p, type, field)) {
        jam_parse_field(p, field, value);
    }
}

static bool is_envelope(const char *key)
{
    return strcmp(key, "type") == 0 || strcmp(key, "id") == 0 || strcmp(key, "params") == 0;
}

/* Fields at the top level, for which `params` has a field of the same name or not. */
static void parse_top(jam_parse *p, jam_type type, json_t *top, const json_t *params)
{
    const char *key;
    json_t *value;
    json_object_foreach(top, key, value)
    {
        jam_field field;
        const json_t *other = json_object_get(params, key);
        bool twice = !json_is_null(value) && other != NULL && !json_is_null(other) &&
                     jam_field_find(key, &field) == 0;
        if (twice) {
            (void)jam_parse_fail(p, JAM_DUPLICATE_FIELD, key,
                                 "%s: stands both at the top level and in params", key);
        } else if (!is_envelope(key)) {
            parse_named(p, type, key, value);
        }
    }
}

/* More weights than styles have no style to belong to. */
static void check_weights(jam_parse *p)
{
    const jam_change *c = p->change;
    size_t n = given(p, JAM_FIELD_STYLES) ? c->n_styles : p->context->n_styles;
    if (given(p, JAM_FIELD_STYLE_WEIGHTS) && c->n_style_weights > n) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "style_weights",
                             "style_weights: %zu weights for %zu styles", c->n_style_weights, n);
    }
}

static void check_when(jam_parse *p)
{
    if (given(p, JAM_FIELD_AT_SAMPLE) && given(p, JAM_FIELD_AT_BAR)) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "at_bar", "at_bar: cannot stand beside at_sample");
    }
}

static void check_chunk(jam_parse *p, jam_type type)
{
    const jam_change *c = p->change;
    const jam_message_context *x = p->context;
    if (type == JAM_TYPE_UPDATE && !given(p, JAM_FIELD_MAX_DECODE_FRAMES)) {
        return;
    }
    jam_format format = given(p, JAM_FIELD_FORMAT) ? c->format : x->format;
    uint32_t bitrate = given(p, JAM_FIELD_BITRATE_KBPS) ? c->bitrate_kbps : x->bitrate_kbps;
    uint32_t frames =
        given(p, JAM_FIELD_MAX_DECODE_FRAMES) ? c->max_decode_frames : x->chunk_frames;
    uint32_t overlap = given(p, JAM_FIELD_CROSSFADE_SECONDS) ? c->overlap : x->overlap;
    jam_error error;
    if (jam_chunk_check(format, bitrate, frames, overlap, x->text, &error) != 0) {
        jam_error *to = jam_parse_fail(p, error.code, error.field, "%s", error.text);
        jam_error_limit(to, error.min, error.max);
    }
}

/* V-AUTO: what the published page sends, and nothing else, has an overlap of 25 ms. */
static bool is_page(const json_t *params)
{
    static const char *const page[] = {"styles", "style_weights",   "temperature",
                                       "topk",   "guidance_weight", "pace"};
    size_t n = 0;
    size_t n_set = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)params, key, value)
    {
        n_set += json_is_null(value) ? 0 : 1;
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(page); i++) {
        const json_t *v = json_object_get(params, page[i]);
        n += v != NULL && !json_is_null(v) ? 1 : 0;
    }
    return n == n_set;
}

static void choose_overlap(jam_parse *p, const json_t *params)
{
    double seconds = p->context->crossfade_default;
    if (given(p, JAM_FIELD_CROSSFADE_SECONDS)) {
        return;
    }
    if (seconds < 0.0) {
        seconds = is_page(params) ? 0.025 : 0.04;
    }
    p->change->overlap = (uint32_t)rint(seconds * JAM_RATE_HZ);
    p->change->set |= JAM_FIELD_BIT(JAM_FIELD_CROSSFADE_SECONDS);
}

void jam_parse_params(jam_parse *p, jam_type type, json_t *top, json_t *params)
{
    if (top != NULL) {
        parse_top(p, type, top, params);
    }
    const char *key;
    json_t *value;
    json_object_foreach(params, key, value)
    {
        const json_t *other = json_object_get(top, key);
        jam_field field;
        bool twice = other != NULL && !json_is_null(other) && jam_field_find(key, &field) == 0;
        if (!twice) {
            parse_named(p, type, key, value);
        }
    }
    if (type == JAM_TYPE_START) {
        choose_overlap(p, params);
    }
    if (p->n_errors == 0 && type != JAM_TYPE_RESET_CONTEXT) {
        check_weights(p);
        check_when(p);
        check_chunk(p, type);
    }
}
