#include "jam_params.h"

#include "jam_controls_text.h"

static void put_choice(jam_text *t, jam_field field, int choice)
{
    char name[JAM_CHOICE_SIZE];
    jam_text_put_string(t, jam_field_get(field)->name, jam_field_choice_name(field, choice, name));
}

static void put_key(jam_text *t, int key)
{
    char name[JAM_CHOICE_SIZE];
    jam_text_put_string(t, "key", jam_controls_key_name(key, name));
}

static void put_record(jam_text *t, bool record, const char *name)
{
    jam_text_key(t, "record");
    if (!record || name[0] == '\0') {
        jam_text_bool(t, record);
        return;
    }
    jam_text_open(t, '{');
    jam_text_put_string(t, "name", name);
    jam_text_close(t, '}');
}

/* ---- controls that hold ---- */

/* A value that the engine decides is left out: that is its default. */
static void put_unless(jam_text *t, const char *key, double value, bool is_auto)
{
    if (!is_auto) {
        jam_text_put_f64(t, key, value);
    }
}

static void put_styles(jam_text *t, const jam_controls *c)
{
    jam_text_key(t, "styles");
    jam_text_open(t, '[');
    for (size_t i = 0; i < c->n_styles; i++) {
        jam_text_string(t, c->styles[i].name);
    }
    jam_text_close(t, ']');
    jam_text_key(t, "style_weights");
    jam_text_open(t, '[');
    for (size_t i = 0; i < c->n_styles; i++) {
        jam_text_f64(t, c->styles[i].weight);
    }
    jam_text_close(t, ']');
}

static void put_controls(jam_text *t, const jam_controls *c)
{
    put_styles(t, c);
    jam_text_put_f64(t, "temperature", c->temperature);
    jam_text_put_i64(t, "topk", c->topk);
    jam_text_put_f64(t, "guidance_weight", c->guidance_weight);
    put_unless(t, "bpm", c->bpm, c->bpm <= 0.0);
    put_key(t, c->key);
    put_choice(t, JAM_FIELD_SCALE, (int)c->scale);
    put_unless(t, "density", c->density, c->density < 0.0);
    put_unless(t, "brightness", c->brightness, c->brightness < 0.0);
    jam_controls_put_stems(t, c);
    put_choice(t, JAM_FIELD_SECTION, (int)c->section);
}

void jam_params_put(jam_text *t, const jam_settings *s, const jam_controls *c)
{
    jam_text_open(t, '{');
    put_controls(t, c);
    jam_text_put_string(t, "pace", jam_pace_name(s->pace));
    jam_text_put_i64(t, "max_decode_frames", s->chunk_frames);
    jam_text_put_f64(t, "crossfade_seconds", s->overlap / (double)JAM_RATE_HZ);
    jam_text_put_string(t, "format", jam_format_name(s->format));
    jam_text_put_i64(t, "bitrate_kbps", s->bitrate_kbps);
    jam_text_put_i64(t, "buffer_chunks", s->buffer_chunks);
    put_choice(t, JAM_FIELD_CATCH_UP, (int)s->catch_up);
    jam_text_put_string(t, "engine", s->engine);
    if (s->record) {
        put_record(t, true, s->record_name);
    }
    jam_text_close(t, '}');
}

/* ---- changes ---- */

static void put_auto(jam_text *t, const char *key, double value, bool is_auto)
{
    if (is_auto) {
        jam_text_put_string(t, key, "auto");
    } else {
        jam_text_put_f64(t, key, value);
    }
}

static void put_style_names(jam_text *t, const jam_change *c)
{
    jam_text_key(t, "styles");
    jam_text_open(t, '[');
    for (size_t i = 0; i < c->n_styles; i++) {
        jam_text_string(t, c->styles[i]);
    }
    jam_text_close(t, ']');
}

static void put_weights(jam_text *t, const jam_change *c)
{
    jam_text_key(t, "style_weights");
    jam_text_open(t, '[');
    for (size_t i = 0; i < c->n_style_weights; i++) {
        jam_text_f64(t, c->style_weights[i]);
    }
    jam_text_close(t, ']');
}

static void put_stem(jam_text *t, jam_stem stem, const jam_stem_change *c)
{
    jam_text_key(t, jam_stem_name(stem));
    jam_text_open(t, '{');
    if ((c->set & JAM_STEM_GAIN) != 0) {
        jam_text_put_f64(t, "gain_db", c->to.gain_db);
    }
    if ((c->set & JAM_STEM_MUTE) != 0) {
        jam_text_put_bool(t, "mute", c->to.mute);
    }
    if ((c->set & JAM_STEM_SOLO) != 0) {
        jam_text_put_bool(t, "solo", c->to.solo);
    }
    jam_text_close(t, '}');
}

static void put_stems(jam_text *t, const jam_change *c)
{
    jam_text_key(t, "stems");
    jam_text_open(t, '{');
    for (size_t i = 0; i < JAM_N_STEMS; i++) {
        if (c->stems[i].set != 0) {
            put_stem(t, (jam_stem)i, &c->stems[i]);
        }
    }
    jam_text_close(t, '}');
}

static void put_ramps(jam_text *t, const jam_change *c)
{
    jam_text_key(t, "ramp_ms");
    jam_text_open(t, '{');
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        if (c->ramp_ms[i] > 0) {
            jam_text_put_i64(t, jam_field_get((jam_field)i)->name, c->ramp_ms[i]);
        }
    }
    jam_text_close(t, '}');
}

static void put_control(jam_text *t, jam_field field, const jam_change *c)
{
    const char *name = jam_field_get(field)->name;
    switch (field) {
    case JAM_FIELD_STYLES:
        put_style_names(t, c);
        break;
    case JAM_FIELD_STYLE_WEIGHTS:
        put_weights(t, c);
        break;
    case JAM_FIELD_STYLE_RAMP_SECONDS:
        jam_text_put_f64(t, name, c->style_ramp_seconds);
        break;
    case JAM_FIELD_TEMPERATURE:
        jam_text_put_f64(t, name, c->temperature);
        break;
    case JAM_FIELD_TOPK:
        jam_text_put_i64(t, name, c->topk);
        break;
    case JAM_FIELD_GUIDANCE_WEIGHT:
        jam_text_put_f64(t, name, c->guidance_weight);
        break;
    case JAM_FIELD_BPM:
        put_auto(t, name, c->bpm, c->bpm <= 0.0);
        break;
    case JAM_FIELD_KEY:
        put_key(t, c->key);
        break;
    case JAM_FIELD_SCALE:
        put_choice(t, field, (int)c->scale);
        break;
    case JAM_FIELD_DENSITY:
        put_auto(t, name, c->density, c->density < 0.0);
        break;
    case JAM_FIELD_BRIGHTNESS:
        put_auto(t, name, c->brightness, c->brightness < 0.0);
        break;
    case JAM_FIELD_STEMS:
        put_stems(t, c);
        break;
    case JAM_FIELD_SECTION:
        put_choice(t, field, (int)c->section);
        break;
    default:
        break;
    }
}

static void put_setting(jam_text *t, jam_field field, const jam_change *c)
{
    const char *name = jam_field_get(field)->name;
    switch (field) {
    case JAM_FIELD_PACE:
        jam_text_put_string(t, name, jam_pace_name(c->pace));
        break;
    case JAM_FIELD_MAX_DECODE_FRAMES:
        jam_text_put_i64(t, name, c->max_decode_frames);
        break;
    case JAM_FIELD_CROSSFADE_SECONDS:
        jam_text_put_f64(t, name, c->overlap / (double)JAM_RATE_HZ);
        break;
    case JAM_FIELD_FORMAT:
        jam_text_put_string(t, name, jam_format_name(c->format));
        break;
    case JAM_FIELD_BITRATE_KBPS:
        jam_text_put_i64(t, name, c->bitrate_kbps);
        break;
    case JAM_FIELD_BUFFER_CHUNKS:
        jam_text_put_i64(t, name, c->buffer_chunks);
        break;
    case JAM_FIELD_CATCH_UP:
        put_choice(t, field, (int)c->catch_up);
        break;
    case JAM_FIELD_ENGINE:
        jam_text_put_string(t, name, c->engine);
        break;
    case JAM_FIELD_SEED:
        jam_text_put_i64(t, name, c->seed);
        break;
    case JAM_FIELD_RAMP_MS:
        put_ramps(t, c);
        break;
    case JAM_FIELD_AT_SAMPLE:
        jam_text_put_i64(t, name, c->at_sample);
        break;
    case JAM_FIELD_AT_BAR:
        jam_text_put_i64(t, name, c->at_bar);
        break;
    case JAM_FIELD_RECORD:
        put_record(t, c->record, c->record_name);
        break;
    default:
        put_control(t, field, c);
    }
}

void jam_params_put_change(jam_text *t, const jam_change *c)
{
    jam_text_open(t, '{');
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        if ((c->set & JAM_FIELD_BIT(i)) != 0) {
            put_setting(t, (jam_field)i, c);
        }
    }
    jam_text_close(t, '}');
}
