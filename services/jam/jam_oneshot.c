#include "jam_oneshot.h"

#include "jam_format.h"
#include "jam_text.h"
#include "rf_id.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ERROR_TEXT_MAX 240 /* bytes, so that the whole fits an rf_status */

static int wrong(jam_error *error, jam_code code, const char *field, const char *text)
{
    jam_error_set(error, code, field, "%s", text);
    return -EINVAL;
}

/* ---- reading ---- */

static int parse_change(const json_t *object, jam_type type, const jam_message_context *context,
                        jam_change *ret, jam_error *error)
{
    jam_error errors[JAM_ERRORS_MAX];
    jam_names ignored;
    size_t n_errors;
    char *text = json_dumps(object, JSON_COMPACT);
    if (text == NULL) {
        return wrong(error, JAM_BAD_JSON, NULL, "the object cannot be read");
    }
    int err = jam_change_parse(text, strlen(text), type, context, ret, &ignored, errors, &n_errors);
    free(text);
    if (err < 0) {
        *error = errors[0];
        return -EINVAL;
    }
    if ((ret->set & JAM_FIELD_BIT(JAM_FIELD_RECORD)) != 0 && ret->record) {
        return wrong(error, JAM_UNSUPPORTED, "record", "record: a render is a file already");
    }
    return 0;
}

static int read_start(jam_oneshot *o, jam_engines *engines, const json_t *root, jam_error *error)
{
    const jam_message_context context = {.crossfade_default = -1.0, .wide_tempo = o->wide_tempo};
    const json_t *params = json_object_get(root, "params");
    json_t *none = json_object();
    if (params != NULL && !json_is_object(params) && !json_is_null(params)) {
        json_decref(none);
        return wrong(error, JAM_WRONG_TYPE, "params", "params is an object");
    }
    int err = parse_change(json_is_object(params) ? params : none, JAM_TYPE_START, &context,
                           &o->start, error);
    json_decref(none);
    if (err < 0) {
        return err;
    }
    jam_settings_default(&o->settings);
    jam_settings_apply(&o->settings, &o->start);
    o->seed = o->settings.has_seed ? o->settings.seed : rf_random_u64(JAM_SEED_MAX + UINT64_C(1));
    const jam_engine_entry *entry = jam_engines_find(engines, o->settings.engine);
    if (entry == NULL) {
        jam_error_set(error, JAM_ENGINE_UNAVAILABLE, "engine", "engine %s is not installed",
                      o->settings.engine);
        return -ENOENT;
    }
    o->engine = entry->engine;
    return 0;
}

static int read_seconds(jam_oneshot *o, const json_t *root, jam_error *error)
{
    const json_t *value = json_object_get(root, "seconds");
    double seconds = JAM_ONESHOT_SECONDS_DEFAULT;
    if (value != NULL && !json_is_null(value)) {
        if (!json_is_number(value)) {
            return wrong(error, JAM_WRONG_TYPE, "seconds", "seconds is a number");
        }
        seconds = json_number_value(value);
    }
    if (!(seconds >= JAM_ONESHOT_SECONDS_MIN) || seconds > JAM_ONESHOT_SECONDS_MAX) {
        jam_error_set(error, JAM_OUT_OF_RANGE, "seconds", "seconds is out of range");
        jam_error_limit(error, JAM_ONESHOT_SECONDS_MIN, JAM_ONESHOT_SECONDS_MAX);
        return -EINVAL;
    }
    o->n_samples = llround(seconds * JAM_RATE_HZ);
    return 0;
}

/* Rounded up to the engine's grain, as a session does. */
static int64_t on_grain(const jam_engine *engine, int64_t sample)
{
    int64_t grain = engine->control_grain_samples;
    return (sample + grain - 1) / grain * grain;
}

static int check_entry(const jam_oneshot *o, const jam_change *change, jam_error *error)
{
    bool has_sample = (change->set & JAM_FIELD_BIT(JAM_FIELD_AT_SAMPLE)) != 0;
    if (!has_sample) {
        return wrong(error, JAM_BAD_VALUE, "at_sample", "each control has an at_sample");
    }
    if (change->at_sample > o->n_samples) {
        jam_error_set(error, JAM_OUT_OF_RANGE, "at_sample", "at_sample is behind the end");
        jam_error_limit(error, 0, (double)o->n_samples);
        return -EINVAL;
    }
    return 0;
}

static int read_entry(jam_oneshot *o, const json_t *item, size_t *n_styles, jam_error *error)
{
    const jam_message_context context = {.n_styles = *n_styles,
                                         .overlap = o->settings.overlap,
                                         .chunk_frames = o->settings.chunk_frames,
                                         .format = o->settings.format,
                                         .bitrate_kbps = o->settings.bitrate_kbps,
                                         .crossfade_default = -1.0,
                                         .wide_tempo = o->wide_tempo};
    jam_log_entry *entry = &o->log[o->n_log];
    if (!json_is_object(item)) {
        return wrong(error, JAM_WRONG_TYPE, NULL, "each control is an object");
    }
    int err = parse_change(item, JAM_TYPE_UPDATE, &context, &entry->change, error);
    err = err == 0 ? check_entry(o, &entry->change, error) : err;
    if (err < 0) {
        return err;
    }
    entry->sample = on_grain(o->engine, entry->change.at_sample);
    if (o->n_log > 0 && entry->sample < o->log[o->n_log - 1].sample) {
        return wrong(error, JAM_BAD_VALUE, "at_sample", "controls stand in order of at_sample");
    }
    if ((entry->change.set & JAM_FIELD_BIT(JAM_FIELD_STYLES)) != 0) {
        *n_styles = entry->change.n_styles;
    }
    o->n_log++;
    return 0;
}

/* Says which control it was. */
static void name_entry(jam_error *error, size_t i)
{
    char field[sizeof(error->field)];
    rf_copy_str(field, sizeof(field), error->field);
    snprintf(error->field, sizeof(error->field), "controls[%zu]%s%.60s", i,
             field[0] == '\0' ? "" : ".", field);
}

static int read_controls(jam_oneshot *o, const json_t *root, jam_error *error)
{
    const json_t *list = json_object_get(root, "controls");
    jam_controls start;
    if (list == NULL || json_is_null(list)) {
        return 0;
    }
    if (!json_is_array(list)) {
        return wrong(error, JAM_WRONG_TYPE, "controls", "controls is an array");
    }
    if (json_array_size(list) > JAM_ONESHOT_CONTROLS_MAX) {
        jam_error_set(error, JAM_OUT_OF_RANGE, "controls", "there are too many controls");
        jam_error_limit(error, 0, JAM_ONESHOT_CONTROLS_MAX);
        return -EINVAL;
    }
    o->log = RF_NEW_ARRAY(jam_log_entry, json_array_size(list));
    jam_controls_of_start(&o->start, &start);
    size_t n_styles = start.n_styles;
    for (size_t i = 0; i < json_array_size(list); i++) {
        int err = read_entry(o, json_array_get(list, i), &n_styles, error);
        if (err < 0) {
            name_entry(error, i);
            return err;
        }
    }
    return 0;
}

int jam_oneshot_parse(jam_engines *engines, const char *json, size_t len, bool wide_tempo,
                      jam_oneshot **ret, jam_error *error)
{
    json_error_t why;
    json_t *root = len > 0 ? json_loadb(json, len, JSON_REJECT_DUPLICATES, &why) : json_object();
    if (root == NULL) {
        jam_error_set(error, JAM_BAD_JSON, NULL, "%.200s", why.text);
        return -EINVAL;
    }
    jam_oneshot *o = RF_NEW(jam_oneshot);
    o->wide_tempo = wide_tempo;
    int err = json_is_object(root) ? 0 : wrong(error, JAM_BAD_MESSAGE, NULL, "not an object");
    err = err == 0 ? read_start(o, engines, root, error) : err;
    err = err == 0 ? read_seconds(o, root, error) : err;
    err = err == 0 ? read_controls(o, root, error) : err;
    json_decref(root);
    if (err < 0) {
        jam_oneshot_free(o);
        return err;
    }
    *ret = o;
    return 0;
}

jam_oneshot *jam_oneshot_free(jam_oneshot *order)
{
    if (order != NULL) {
        free(order->log);
        free(order);
    }
    return NULL;
}

/* ---- running ---- */

uint64_t jam_oneshot_size(const jam_oneshot *o)
{
    bool is_wav =
        o->settings.format == JAM_FORMAT_WAV_F32 || o->settings.format == JAM_FORMAT_WAV_S16;
    return is_wav ? jam_format_max_bytes(o->settings.format, 0, (uint32_t)o->n_samples) : 0;
}

static int render_into(jam_render *render, jam_file *file, void (*beat)(void *user), void *user)
{
    const float *pcm;
    int n;
    int err = 0;
    while (err == 0 && (n = jam_render_next(render, &pcm)) != 0) {
        beat(user);
        err = n < 0 ? n : jam_file_write(file, pcm, (uint32_t)n);
    }
    return err;
}

int jam_oneshot_run(const jam_oneshot *o, rf_sink sink, void (*beat)(void *user), void *user,
                    char *why, size_t why_size)
{
    const jam_render_def def = {.engine = o->engine,
                                .seed = o->seed,
                                .start = &o->start,
                                .log = o->log,
                                .n_log = o->n_log,
                                .n_samples = o->n_samples};
    jam_render *render;
    jam_file *file;
    rf_copy_str(why, why_size, "");
    int err = jam_render_open(&def, &render, why, why_size);
    if (err < 0) {
        return err;
    }
    err = jam_file_open(o->settings.format, o->settings.bitrate_kbps, o->seed, o->n_samples, sink,
                        &file);
    if (err == 0) {
        err = render_into(render, file, beat, user);
        if (err == 0) {
            err = jam_file_close(file);
        } else {
            jam_file_free(file);
        }
    }
    jam_render_free(render);
    return err;
}

/* ---- errors ---- */

void jam_oneshot_error(const jam_error *error, char *ret, size_t size)
{
    jam_text t;
    char text[ERROR_TEXT_MAX];
    rf_copy_str(text, sizeof(text), error->text);
    jam_text_init(&t, ret, size - 1);
    jam_text_open(&t, '{');
    jam_text_key(&t, "code");
    jam_text_string(&t, jam_code_name(error->code));
    jam_text_key(&t, "message");
    jam_text_string(&t, text);
    jam_text_key(&t, "field");
    if (error->field[0] != '\0') {
        jam_text_string(&t, error->field);
    } else {
        jam_text_null(&t);
    }
    jam_text_key(&t, "limit");
    if (error->has_limit) {
        jam_text_open(&t, '{');
        jam_text_key(&t, "min");
        jam_text_f64(&t, error->min);
        jam_text_key(&t, "max");
        jam_text_f64(&t, error->max);
        jam_text_close(&t, '}');
    } else {
        jam_text_null(&t);
    }
    jam_text_close(&t, '}');
    ret[t.len] = '\0';
}
