#include "jam_answer.h"

#include "jam_text.h"

#include <string.h>

static void begin(jam_text *t, const char *type, const char *id, char *ret, size_t cap)
{
    jam_text_init(t, ret, cap);
    jam_text_open(t, '{');
    jam_text_key(t, "type");
    jam_text_string(t, type);
    if (id != NULL && id[0] != '\0') {
        jam_text_key(t, "id");
        jam_text_string(t, id);
    }
}

static size_t end(jam_text *t)
{
    jam_text_close(t, '}');
    return t->full ? 0 : t->len;
}

static void text(jam_text *t, const char *key, const char *value)
{
    jam_text_key(t, key);
    if (value != NULL) {
        jam_text_string(t, value);
    } else {
        jam_text_null(t);
    }
}

static void integer(jam_text *t, const char *key, int64_t value)
{
    jam_text_key(t, key);
    jam_text_i64(t, value);
}

static void boolean(jam_text *t, const char *key, bool value)
{
    jam_text_key(t, key);
    jam_text_bool(t, value);
}

static void write_engine(jam_text *t, const jam_engine *engine)
{
    text(t, "engine", engine->name);
    jam_text_key(t, "engine_info");
    jam_text_open(t, '{');
    text(t, "version", engine->version);
    text(t, "kind", engine->kind);
    boolean(t, "gpu", engine->gpu);
    text(t, "model", engine->model);
    text(t, "soundfont_sha256", engine->soundfont_sha256);
    jam_text_close(t, '}');
}

static void write_styles(jam_text *t, const jam_controls *controls)
{
    jam_text_key(t, "styles");
    jam_text_open(t, '[');
    for (size_t i = 0; i < controls->n_styles; i++) {
        jam_text_open(t, '{');
        text(t, "name", controls->styles[i].name);
        jam_text_key(t, "weight");
        jam_text_f64(t, controls->styles[i].weight);
        jam_text_close(t, '}');
    }
    jam_text_close(t, ']');
}

static void write_settings(jam_text *t, const jam_settings *settings)
{
    integer(t, "overlap", settings->overlap);
    jam_text_key(t, "crossfade_seconds");
    jam_text_f64(t, settings->overlap / (double)JAM_RATE_HZ);
    integer(t, "chunk_frames", settings->chunk_frames);
    text(t, "format", jam_format_name(settings->format));
    text(t, "pace", jam_pace_name(settings->pace));
}

size_t jam_answer_started(const jam_started *started, char *ret, size_t cap)
{
    const jam_started *s = started;
    jam_text t;
    begin(&t, "started", s->id, ret, cap);
    text(&t, "mode", "rt");
    text(&t, "steering_assets", "none");
    text(&t, "session_id", s->session_id);
    integer(&t, "sample_rate", JAM_RATE_HZ);
    integer(&t, "channels", JAM_CHANNELS);
    integer(&t, "seed", (int64_t)s->seed);
    write_engine(&t, s->engine);
    write_settings(&t, s->settings);
    text(&t, "role", s->role == JAM_ROLE_LISTENER ? "listener" : "controller");
    write_styles(&t, s->controls);
    text(&t, "resume_token", s->resume_token);
    boolean(&t, "resumed", s->resumed);
    integer(&t, "next_index", s->next_index);
    return end(&t);
}

size_t jam_style_matches(const jam_engine *engine, const jam_controls *controls,
                         jam_style_match ret[JAM_STYLES_MAX])
{
    for (size_t i = 0; i < controls->n_styles; i++) {
        ret[i].style = controls->styles[i].name;
        ret[i].score = 0.0;
        ret[i].name = engine->style_match(engine, ret[i].style, &ret[i].score);
    }
    return controls->n_styles;
}

/* A list of fields, left out when it is empty unless it is always there. */
static void write_fields(jam_text *t, const char *key, jam_field_set set, bool always)
{
    if (set == 0 && !always) {
        return;
    }
    jam_text_key(t, key);
    jam_text_open(t, '[');
    for (size_t i = 0; i < JAM_N_FIELDS; i++) {
        if ((set & JAM_FIELD_BIT(i)) != 0) {
            jam_text_string(t, jam_field_get((jam_field)i)->name);
        }
    }
    jam_text_close(t, ']');
}

static void write_ignored(jam_text *t, const jam_names *names)
{
    if (names == NULL || names->n == 0) {
        return;
    }
    jam_text_key(t, "ignored");
    jam_text_open(t, '[');
    const char *name = names->text;
    for (size_t i = 0; i < names->n; i++, name += strlen(name) + 1) {
        jam_text_string(t, name);
    }
    jam_text_close(t, ']');
}

static void write_scheduled(jam_text *t, const jam_when *when)
{
    if (when == NULL) {
        return;
    }
    jam_text_key(t, "scheduled");
    jam_text_open(t, '{');
    integer(t, "at_sample", when->at_sample);
    integer(t, "at_bar", when->at_bar);
    jam_text_close(t, '}');
}

static void write_timing(jam_text *t, const jam_status *s)
{
    if (s->has_late) {
        jam_text_key(t, "late_ms");
        jam_text_fixed(t, s->late_ms, 2);
    }
    if (s->has_slip) {
        jam_text_key(t, "slip_ms");
        jam_text_fixed(t, s->slip_ms, 2);
    }
    if (s->has_skip) {
        jam_text_key(t, "skip");
        jam_text_open(t, '{');
        integer(t, "from", s->skip_from);
        integer(t, "to", s->skip_to);
        jam_text_close(t, '}');
    }
}

static void write_state(jam_text *t, const jam_status *s)
{
    if (s->paused) {
        boolean(t, "paused", true);
    }
    if (s->resumed) {
        boolean(t, "resumed", true);
    }
    if (s->reset) {
        jam_text_key(t, "reset");
        jam_text_open(t, '{');
        integer(t, "seed", (int64_t)s->seed);
        jam_text_close(t, '}');
    }
    if (s->draining) {
        jam_text_key(t, "draining");
        jam_text_open(t, '{');
        integer(t, "deadline_ms", s->deadline_ms);
        jam_text_close(t, '}');
    }
}

static void write_matches(jam_text *t, const jam_status *s)
{
    if (s->n_matches == 0) {
        return;
    }
    jam_text_key(t, "style_match");
    jam_text_open(t, '[');
    for (size_t i = 0; i < s->n_matches; i++) {
        jam_text_open(t, '{');
        text(t, "style", s->matches[i].style);
        text(t, "name", s->matches[i].name);
        jam_text_key(t, "score");
        jam_text_fixed(t, s->matches[i].score, 3);
        jam_text_close(t, '}');
    }
    jam_text_close(t, ']');
}

static void text_or_null(jam_text *t, const char *key, const char *value)
{
    text(t, key, value[0] != '\0' ? value : NULL);
}

static void write_recording(jam_text *t, const jam_recording_info *r)
{
    jam_text_key(t, "recording");
    jam_text_open(t, '{');
    text_or_null(t, "id", r->id);
    text(t, "state", r->state);
    text_or_null(t, "code", r->code);
    text_or_null(t, "key", r->key);
    integer(t, "start_sample", r->start_sample);
    integer(t, "samples", r->n_samples);
    integer(t, "missing_samples", r->n_missing);
    jam_text_key(t, "missing");
    jam_text_open(t, '[');
    for (size_t i = 0; i < r->n_ranges; i++) {
        jam_text_open(t, '[');
        jam_text_i64(t, r->missing[i].from);
        jam_text_i64(t, r->missing[i].to);
        jam_text_close(t, ']');
    }
    jam_text_close(t, ']');
    jam_text_close(t, '}');
}

size_t jam_answer_status(const jam_status *status, char *ret, size_t cap)
{
    const jam_status *s = status;
    jam_text t;
    begin(&t, "status", s->id, ret, cap);
    integer(&t, "rev", s->rev);
    if (s->applied_at_sample >= 0) {
        integer(&t, "applied_at_sample", s->applied_at_sample);
    }
    write_fields(&t, "updated", s->updated & ~JAM_FIELDS_HOW, true);
    write_ignored(&t, s->ignored);
    write_fields(&t, "unsupported", s->unsupported, false);
    write_scheduled(&t, s->scheduled);
    write_timing(&t, s);
    write_state(&t, s);
    write_matches(&t, s);
    if (s->recording != NULL) {
        write_recording(&t, s->recording);
    }
    return end(&t);
}

static void write_limit(jam_text *t, const jam_error *error)
{
    jam_text_key(t, "limit");
    if (!error->has_limit) {
        jam_text_null(t);
        return;
    }
    jam_text_open(t, '{');
    jam_text_key(t, "min");
    jam_text_f64(t, error->min);
    jam_text_key(t, "max");
    jam_text_f64(t, error->max);
    jam_text_close(t, '}');
}

size_t jam_answer_error(const jam_error *error, const char *id, char *ret, size_t cap)
{
    jam_text t;
    begin(&t, "error", id, ret, cap);
    text(&t, "error", error->text);
    text(&t, "code", jam_code_name(error->code));
    text(&t, "field", error->field[0] != '\0' ? error->field : NULL);
    write_limit(&t, error);
    if (error->has_retry) {
        integer(&t, "retry_after_ms", error->retry_after_ms);
    }
    if (error->has_place) {
        integer(&t, "queue_place", error->queue_place);
    }
    return end(&t);
}

const char *jam_reason_name(jam_reason reason)
{
    static const char *const names[JAM_N_REASONS] = {
        "client",          "ended",    "max_duration", "pause_timeout",
        "controller_lost", "draining", "engine"};
    return names[reason];
}

size_t jam_answer_stopped(jam_reason reason, int64_t chunks_sent, int64_t samples_sent,
                          const char *id, char *ret, size_t cap)
{
    jam_text t;
    begin(&t, "stopped", id, ret, cap);
    text(&t, "reason", jam_reason_name(reason));
    integer(&t, "chunks_sent", chunks_sent);
    integer(&t, "samples_sent", samples_sent);
    return end(&t);
}

size_t jam_answer_pong(const char *id, char *ret, size_t cap)
{
    jam_text t;
    begin(&t, "pong", id, ret, cap);
    return end(&t);
}
