#include "jam_view.h"

#include "jam_controls_text.h"
#include "jam_session.h"
#include "rf_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIST_DEFAULT 20
#define LIST_MAX 100

/* ---- helpers ---- */

/* A text as large as out may still grow; end hands it over. */
static int begin(rf_buf *out, jam_text *ret, rf_status *st)
{
    size_t room = out->max - out->len;
    char *data = rf_buf_reserve(out, room);
    if (data == NULL) {
        return rf_status_from_errno(st, -ENOMEM, "document");
    }
    jam_text_init(ret, data, room);
    return 0;
}

static int end(rf_buf *out, const jam_text *text, rf_status *st)
{
    if (text->full) {
        return rf_status_from_errno(st, -ENOSPC, "document");
    }
    rf_buf_added(out, text->len);
    return 0;
}

/* Negative (or, of bpm, zero) means that the engine decides. */
static void put_auto(jam_text *t, const char *key, double value, bool is_auto)
{
    jam_text_key(t, key);
    if (is_auto) {
        jam_text_string(t, "auto");
    } else {
        jam_text_f64(t, value);
    }
}

/* ---- one session ---- */

static void put_styles(jam_text *t, const jam_controls *c)
{
    jam_text_key(t, "styles");
    jam_text_open(t, '[');
    for (size_t i = 0; i < c->n_styles; i++) {
        jam_text_open(t, '{');
        jam_text_put_string(t, "name", c->styles[i].name);
        jam_text_put_f64(t, "weight", c->styles[i].weight);
        jam_text_close(t, '}');
    }
    jam_text_close(t, ']');
}

static void put_controls(jam_text *t, const jam_controls *c)
{
    char name[JAM_CHOICE_SIZE];
    jam_text_key(t, "controls");
    jam_text_open(t, '{');
    put_styles(t, c);
    jam_text_put_f64(t, "temperature", c->temperature);
    jam_text_put_i64(t, "topk", c->topk);
    jam_text_put_f64(t, "guidance_weight", c->guidance_weight);
    put_auto(t, "bpm", c->bpm, c->bpm <= 0.0);
    jam_text_put_string(t, "key", jam_controls_key_name(c->key, name));
    jam_text_put_string(t, "scale", jam_field_choice_name(JAM_FIELD_SCALE, (int)c->scale, name));
    put_auto(t, "density", c->density, c->density < 0.0);
    put_auto(t, "brightness", c->brightness, c->brightness < 0.0);
    jam_controls_put_stems(t, c);
    jam_text_put_string(t, "section",
                        jam_field_choice_name(JAM_FIELD_SECTION, (int)c->section, name));
    jam_text_close(t, '}');
}

static void put_brief(jam_text *t, const jam_session_info *info)
{
    char time[RF_ISO_LEN];
    jam_text_put_string(t, "id", info->id);
    jam_text_put_string(t, "engine", info->engine->name);
    jam_text_put_string(t, "state", jam_session_state_name(info->state));
    jam_text_put_string(t, "started_at", rf_time_iso(info->started_wall_ms, time));
    jam_text_put_i64(t, "samples_sent", info->samples_sent);
    jam_text_put_i64(t, "chunks_sent", info->chunks_sent);
    jam_text_put_i64(t, "controllers", (int64_t)info->n_controllers);
    jam_text_put_i64(t, "listeners", (int64_t)info->n_listeners);
}

static void put_settings(jam_text *t, const jam_settings *settings)
{
    jam_text_put_string(t, "pace", jam_pace_name(settings->pace));
    jam_text_put_string(t, "format", jam_format_name(settings->format));
    jam_text_put_i64(t, "max_decode_frames", settings->chunk_frames);
    jam_text_put_i64(t, "overlap", settings->overlap);
}

static void put_lateness(jam_text *t, const jam_session_info *info)
{
    jam_text_key(t, "lateness_ms");
    jam_text_open(t, '{');
    jam_text_put_f64(t, "p50", info->lateness_ms[0]);
    jam_text_put_f64(t, "p95", info->lateness_ms[1]);
    jam_text_put_f64(t, "p99", info->lateness_ms[2]);
    jam_text_close(t, '}');
}

static bool is_of(const jam_session *session, const char *tenant)
{
    return tenant[0] != '\0' && !jam_session_is_over(session) &&
           strcmp(jam_session_tenant(session), tenant) == 0;
}

int jam_view_session(const jam_service *s, const char *tenant, const char *id, rf_buf *out,
                     rf_status *st)
{
    jam_text t;
    jam_session_info info;
    jam_session *session = jam_registry_find(s->registry, id);
    if (session == NULL || !is_of(session, tenant)) {
        return rf_status_set(st, RF_NOT_FOUND, "there is no such session");
    }
    int err = begin(out, &t, st);
    if (err < 0) {
        return err;
    }
    jam_session_inform(session, &info);
    jam_text_open(&t, '{');
    put_brief(&t, &info);
    jam_text_put_i64(&t, "seed", (int64_t)info.seed);
    jam_text_put_f64(&t, "bpm", info.bpm);
    jam_text_put_i64(&t, "bar", info.bar);
    jam_text_put_f64(&t, "beat", info.beat);
    jam_text_put_i64(&t, "rev", info.rev);
    put_settings(&t, &info.settings);
    put_controls(&t, &info.controls);
    put_lateness(&t, &info);
    jam_text_put_string(&t, "listen_token", info.listen_token);
    jam_text_close(&t, '}');
    return end(out, &t, st);
}

/* ---- lists ---- */

static size_t count_sessions(const jam_service *s)
{
    size_t n = 0;
    while (jam_registry_at(s->registry, n) != NULL) {
        n++;
    }
    return n;
}

static void put_list(const jam_service *s, const char *tenant, uint32_t limit, const char *cursor,
                     jam_text *t)
{
    const char *last = NULL;
    bool more = false;
    jam_text_key(t, "sessions");
    jam_text_open(t, '[');
    for (size_t i = count_sessions(s); i > 0 && !more; i--) {
        jam_session *session = jam_registry_at(s->registry, i - 1);
        const char *id = jam_session_id(session);
        if (!is_of(session, tenant) || (cursor[0] != '\0' && strcmp(id, cursor) >= 0)) {
            continue;
        }
        more = limit == 0;
        if (!more) {
            jam_session_info info;
            jam_session_inform(session, &info);
            jam_text_open(t, '{');
            put_brief(t, &info);
            jam_text_close(t, '}');
            last = id;
            limit--;
        }
    }
    jam_text_close(t, ']');
    jam_text_key(t, "next_cursor");
    if (more) {
        jam_text_string(t, last);
    } else {
        jam_text_null(t);
    }
}

int jam_view_sessions(const jam_service *s, const char *tenant, uint32_t limit, const char *cursor,
                      rf_buf *out, rf_status *st)
{
    jam_text t;
    if (limit > LIST_MAX) {
        return rf_status_set(st, RF_INVALID_ARGUMENT, "limit: 1 to 100");
    }
    if (cursor[0] != '\0' && strlen(cursor) != JAM_SESSION_ID_LEN) {
        return rf_status_set(st, RF_INVALID_ARGUMENT, "cursor: not one that a page gave");
    }
    int err = begin(out, &t, st);
    if (err < 0) {
        return err;
    }
    jam_text_open(&t, '{');
    put_list(s, tenant, limit == 0 ? LIST_DEFAULT : limit, cursor, &t);
    jam_text_close(&t, '}');
    return end(out, &t, st);
}

/* ---- engines ---- */

static void put_names(jam_text *t, const char *key, const char *names)
{
    char name[JAM_STYLE_NAME_SIZE];
    jam_text_key(t, key);
    jam_text_open(t, '[');
    while (*names != '\0') {
        size_t len = strcspn(names, ",");
        snprintf(name, sizeof(name), "%.*s", (int)len, names);
        jam_text_string(t, name);
        names += len + (names[len] == ',' ? 1 : 0);
    }
    jam_text_close(t, ']');
}

static void put_optional(jam_text *t, const char *key, const char *value)
{
    jam_text_key(t, key);
    if (value == NULL) {
        jam_text_null(t);
    } else {
        jam_text_string(t, value);
    }
}

static void put_engine(const jam_service *s, const jam_engine_entry *entry, jam_text *t)
{
    const jam_engine *e = entry->engine;
    jam_text_open(t, '{');
    jam_text_put_string(t, "name", e->name);
    jam_text_put_string(t, "version", e->version);
    jam_text_put_string(t, "kind", e->kind);
    jam_text_put_bool(t, "gpu", e->gpu);
    jam_text_put_bool(t, "deterministic", e->deterministic);
    jam_text_put_i64(t, "control_grain_samples", e->control_grain_samples);
    put_names(t, "controls", e->controls);
    put_names(t, "stems", e->stems);
    jam_text_put_i64(t, "max_sessions", e->max_sessions);
    jam_text_put_f64(t, "realtime_ratio", e->realtime_ratio);
    jam_text_put_f64(t, "measured_ratio", entry->ratio);
    put_optional(t, "model", e->model);
    put_optional(t, "soundfont_sha256", e->soundfont_sha256);
    jam_text_put_i64(t, "places_used", (int64_t)entry->n_used);
    jam_text_put_i64(t, "places_free", (int64_t)jam_admission_free_places(s->admission, entry));
    jam_text_key(t, "styles");
    jam_text_open(t, '[');
    for (size_t i = 0; i < e->n_styles(e); i++) {
        jam_text_string(t, e->style_name(e, i));
    }
    jam_text_close(t, ']');
    jam_text_close(t, '}');
}

int jam_view_engines(const jam_service *s, rf_buf *out, rf_status *st)
{
    jam_text t;
    int err = begin(out, &t, st);
    if (err < 0) {
        return err;
    }
    jam_text_open(&t, '{');
    jam_text_key(&t, "engines");
    jam_text_open(&t, '[');
    for (size_t i = 0; i < s->engines->n; i++) {
        put_engine(s, &s->engines->entries[i], &t);
    }
    jam_text_close(&t, ']');
    jam_text_close(&t, '}');
    return end(out, &t, st);
}

/* ---- the documents that the published tester asks for ---- */

static int64_t count_active(const jam_service *s)
{
    int64_t n = 0;
    jam_session *session;
    for (size_t i = 0; (session = jam_registry_at(s->registry, i)) != NULL; i++) {
        n += !jam_session_is_over(session) && jam_session_parked_since(session) == RF_NEVER_NS;
    }
    return n;
}

int jam_view_health(const jam_service *s, rf_buf *out, rf_status *st)
{
    jam_text t;
    int err = begin(out, &t, st);
    if (err < 0) {
        return err;
    }
    jam_text_open(&t, '{');
    jam_text_put_bool(&t, "ok", true);
    jam_text_put_string(&t, "status", s->draining ? "draining" : "ready");
    jam_text_put_string(&t, "mode", "rt");
    jam_text_put_bool(&t, "warmed", s->engines->n > 0);
    jam_text_put_i64(&t, "active_jams", count_active(s));
    jam_text_close(&t, '}');
    return end(out, &t, st);
}

int jam_view_model(const jam_service *s, rf_buf *out, rf_status *st)
{
    jam_text t;
    int err = begin(out, &t, st);
    if (err < 0) {
        return err;
    }
    bool any = s->engines->n > 0;
    jam_text_open(&t, '{');
    jam_text_put_bool(&t, "ok", true);
    jam_text_put_string(&t, "status", s->draining ? "draining" : "ready");
    jam_text_put_string(&t, "mode", "rt");
    jam_text_put_bool(&t, "warmed", any);
    jam_text_put_i64(&t, "active_jams", count_active(s));
    put_optional(&t, "engine", any ? s->engines->entries[0].engine->name : NULL);
    jam_text_put_i64(&t, "sample_rate", JAM_RATE_HZ);
    jam_text_put_i64(&t, "channels", JAM_CHANNELS);
    jam_text_put_bool(&t, "mean_loaded", false);
    jam_text_put_bool(&t, "centroids_loaded", false);
    jam_text_close(&t, '}');
    return end(out, &t, st);
}
