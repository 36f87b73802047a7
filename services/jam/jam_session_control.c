/* What messages do to a session, and the statuses that say so. */
#include "jam_session_internal.h"

#include "rf_id.h"
#include "rf_log.h"

#include <errno.h>
#include <string.h>

static jam_field_set unsupported(const jam_session *s, jam_field_set set)
{
    return jam_fields_unsupported(s->engine->engine, set);
}

static const jam_names *names_or_null(const jam_names *names)
{
    return names->n > 0 ? names : NULL;
}

static void refuse(jam_socket *socket, const jam_message *message, jam_code code, const char *text)
{
    jam_error error;
    jam_error_set(&error, code, NULL, "%s", text);
    jam_socket_error(socket, &error, message->id);
}

/* ---- a start ---- */

static bool is_exact(const jam_style_match *match)
{
    return match->name != NULL && match->score >= 1.0;
}

void jam_session_greet(jam_session *s, jam_socket *socket, const jam_message *start)
{
    char text[JAM_ANSWER_SIZE];
    jam_present present;
    jam_style_match matches[JAM_STYLES_MAX];
    jam_maker_present(s->maker, &present);
    jam_status status = {.rev = present.rev,
                         .applied_at_sample = -1,
                         .ignored = names_or_null(&start->ignored),
                         .unsupported = unsupported(s, start->change.set),
                         .paused = s->paused};
    jam_recording_info recording;
    if (jam_session_role(s, socket) == JAM_ROLE_CONTROLLER &&
        jam_session_record_inform(s, &recording)) {
        status.recording = &recording;
    }
    size_t n = jam_style_matches(s->engine->engine, &present.controls, matches);
    for (size_t i = 0; i < n && status.matches == NULL; i++) {
        if (!is_exact(&matches[i])) {
            status.matches = matches;
            status.n_matches = n;
        }
    }
    if (status.ignored != NULL || status.unsupported != 0 || status.matches != NULL ||
        status.paused || status.recording != NULL) {
        jam_socket_text(socket, text, jam_answer_status(&status, text, sizeof(text)));
    }
}

/* ---- updates ---- */

static void apply_settings(jam_session *s)
{
    size_t n_styles;
    jam_maker_settings(s->maker, &s->settings, &n_styles);
    int64_t next = s->finished != NULL ? s->finished->chunk.start_sample : s->next_start;
    jam_schedule_set(&s->schedule, &s->settings, next, s->settings.chunk_frames, rf_time_ns());
}

static void tell_heard(jam_session *s, const jam_heard *heard, const jam_names *ignored)
{
    jam_present present;
    jam_style_match matches[JAM_STYLES_MAX];
    jam_status status = {.id = heard->id,
                         .rev = heard->rev,
                         .applied_at_sample = heard->sample,
                         .updated = heard->set & ~JAM_FIELDS_HOW,
                         .ignored = ignored,
                         .unsupported = unsupported(s, heard->set)};
    if ((heard->set & JAM_FIELD_BIT(JAM_FIELD_STYLES)) != 0) {
        jam_maker_present(s->maker, &present);
        status.n_matches = jam_style_matches(s->engine->engine, &present.controls, matches);
        status.matches = matches;
    }
    jam_session_tell(s, &status, heard->origin, false);
}

/* Tells of what holds now; `ignored` belongs to the change that has just been added, if that is
 * among them. */
static void listen_with(jam_session *s, const jam_names *ignored, uint64_t origin)
{
    jam_heard heard;
    jam_change change;
    bool any = false;
    while (jam_maker_heard(s->maker, &heard, &change)) {
        jam_session_record_heard(s, &heard, &change);
        bool is_new = !heard.was_scheduled && heard.origin == origin;
        any = true;
        tell_heard(s, &heard, is_new ? ignored : NULL);
    }
    if (any) {
        apply_settings(s);
    }
}

void jam_session_listen(jam_session *s)
{
    listen_with(s, NULL, 0);
}

static void update(jam_session *s, jam_socket *socket, const jam_message *m, int64_t arrived_ns)
{
    jam_when when = {0};
    jam_error error;
    jam_metrics *metrics = s->service->metrics;
    uint64_t origin = jam_socket_number(socket);
    const jam_names *ignored = names_or_null(&m->ignored);
    jam_session_listen(s); /* so that there is room for what this change makes heard */
    if (jam_maker_add(s->maker, &m->change, m->id, origin, &when, &error) < 0) {
        rf_metric_add(metrics->updates[1], 1);
        jam_socket_error(socket, &error, m->id);
        return;
    }
    rf_metric_add(metrics->updates[0], 1);
    if (when.scheduled) {
        jam_status status = {.id = m->id,
                             .rev = jam_maker_rev(s->maker),
                             .applied_at_sample = -1,
                             .ignored = ignored,
                             .scheduled = &when};
        jam_session_tell(s, &status, origin, false);
    }
    listen_with(s, ignored, origin);
    rf_metric_observe(metrics->update_seconds, (double)(rf_time_ns() - arrived_ns) / RF_NS_PER_S);
}

/* ---- pause ---- */

static void pause_stream(jam_session *s, jam_socket *socket, const jam_message *m)
{
    if (s->paused) {
        refuse(socket, m, JAM_ALREADY_PAUSED, "the session is paused already");
        return;
    }
    jam_status status = {.id = m->id, .applied_at_sample = -1, .paused = true};
    s->paused = true;
    s->pause_end_ns = rf_time_ns() + s->service->config->pause_max_s * RF_NS_PER_S;
    if (s->state == JAM_SESSION_RUNNING) { /* what is ending goes on to its end */
        jam_session_enter(s, JAM_SESSION_PAUSED);
    }
    jam_session_tell(s, &status, jam_socket_number(socket), false);
}

static void resume_stream(jam_session *s, jam_socket *socket, const jam_message *m)
{
    if (!s->paused) {
        refuse(socket, m, JAM_NOT_PAUSED, "the session is not paused");
        return;
    }
    jam_status status = {.id = m->id, .applied_at_sample = -1, .resumed = true};
    s->paused = false;
    s->pause_end_ns = RF_NEVER_NS;
    jam_session_tell(s, &status, jam_socket_number(socket), false);
    if (s->state == JAM_SESSION_PAUSED) {
        jam_session_go_on(s);
        jam_session_serve_all(s);
    }
}

/* ---- reset ---- */

static void begin_reset(jam_session *s, const jam_reset *reset)
{
    if (jam_maker_reset(s->maker, reset->seed) < 0) {
        s->next_reset = *reset; /* behind the one under way; of several, the newest counts */
    } else {
        s->reset = *reset;
    }
}

static void reset_context(jam_session *s, jam_socket *socket, const jam_message *m)
{
    bool has_seed = (m->change.set & JAM_FIELD_BIT(JAM_FIELD_SEED)) != 0;
    jam_reset reset = {.asked = true,
                       .origin = jam_socket_number(socket),
                       .seed = has_seed ? m->change.seed : s->seed};
    rf_copy_str(reset.id, sizeof(reset.id), m->id);
    begin_reset(s, &reset);
}

static jam_socket *socket_numbered(const jam_session *s, uint64_t number)
{
    for (size_t i = 0; i < s->n_seats; i++) {
        if (jam_socket_number(s->seats[i].socket) == number) {
            return s->seats[i].socket;
        }
    }
    return NULL;
}

static void tell_reset(jam_session *s, const jam_reset *reset, int64_t sample)
{
    jam_status status = {.id = reset->id,
                         .applied_at_sample = sample,
                         .rev = jam_maker_rev(s->maker),
                         .reset = true,
                         .seed = reset->seed};
    jam_session_tell(s, &status, reset->origin, false);
}

static void tell_no_reset(jam_session *s, const jam_reset *reset, const char *why)
{
    jam_error error;
    jam_socket *socket = socket_numbered(s, reset->origin);
    jam_error_set(&error, JAM_ENGINE_UNAVAILABLE, NULL, "no new instance: %s", why);
    if (socket != NULL) {
        jam_socket_error(socket, &error, reset->id);
    }
}

void jam_session_reset_done(jam_session *s, int err, const char *why, int64_t sample)
{
    if (err == 0) {
        s->seed = s->reset.seed;
        jam_session_record_reset(s, s->seed, sample);
        tell_reset(s, &s->reset, sample);
    } else {
        tell_no_reset(s, &s->reset, why);
    }
    s->reset.asked = false;
    if (s->next_reset.asked) {
        jam_reset next = s->next_reset;
        s->next_reset.asked = false;
        begin_reset(s, &next);
    }
}

/* ---- all of them ---- */

static void report(jam_session *s, const jam_message *m)
{
    int64_t next = s->finished != NULL ? s->finished->chunk.start_sample : s->next_start;
    if (m->has_buffer_ms && s->state == JAM_SESSION_RUNNING) {
        jam_schedule_report(&s->schedule, m->buffer_ms, next, rf_time_ns());
    }
}

/* A session on its way to the store can be steered no more. */
static void refuse_moving(jam_socket *socket, const jam_message *m)
{
    jam_error error;
    jam_error_set(&error, JAM_DRAINING, NULL, "the server is stopping");
    error.has_retry = true;
    error.retry_after_ms = 1000;
    jam_socket_error(socket, &error, m->id);
}

void jam_session_obey(jam_session *s, jam_socket *socket, const jam_message *m, int64_t arrived_ns)
{
    if (s->moving) {
        if (m->type != JAM_TYPE_PING) {
            refuse_moving(socket, m);
        }
        return;
    }
    switch (m->type) {
    case JAM_TYPE_UPDATE:
        update(s, socket, m, arrived_ns);
        break;
    case JAM_TYPE_PAUSE:
        pause_stream(s, socket, m);
        break;
    case JAM_TYPE_RESUME:
        resume_stream(s, socket, m);
        break;
    case JAM_TYPE_RESET_CONTEXT:
        reset_context(s, socket, m);
        break;
    case JAM_TYPE_PING:
        report(s, m);
        break;
    default:
        break;
    }
    jam_session_step(s);
}

void jam_session_context(jam_session *s, jam_message_context *ret)
{
    jam_settings settings;
    size_t n_styles;
    jam_maker_settings(s->maker, &settings, &n_styles);
    *ret = (jam_message_context){.n_styles = n_styles,
                                 .overlap = settings.overlap,
                                 .chunk_frames = settings.chunk_frames,
                                 .format = settings.format,
                                 .bitrate_kbps = settings.bitrate_kbps,
                                 .crossfade_default = s->service->crossfade_default};
    for (size_t i = 0; i < s->n_seats; i++) {
        ret->text |= !jam_socket_is_binary(s->seats[i].socket);
    }
}
