#include "jam_session_internal.h"

#include "jam_parking.h"
#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_log.h"

#include <string.h>

static const char *const state_names[JAM_N_SESSION_STATES] = {"new",    "running", "paused",
                                                              "parked", "ending",  "over"};

const char *jam_session_state_name(jam_session_state state)
{
    return state_names[state];
}

/* ---- states ---- */

static const unsigned may_follow[JAM_N_SESSION_STATES] = {
    [JAM_SESSION_NEW] =
        1u << JAM_SESSION_RUNNING | 1u << JAM_SESSION_PARKED | 1u << JAM_SESSION_OVER,
    [JAM_SESSION_RUNNING] = 1u << JAM_SESSION_PAUSED | 1u << JAM_SESSION_PARKED |
                            1u << JAM_SESSION_ENDING | 1u << JAM_SESSION_OVER,
    [JAM_SESSION_PAUSED] =
        1u << JAM_SESSION_RUNNING | 1u << JAM_SESSION_PARKED | 1u << JAM_SESSION_OVER,
    [JAM_SESSION_PARKED] = 1u << JAM_SESSION_RUNNING | 1u << JAM_SESSION_PAUSED |
                           1u << JAM_SESSION_ENDING | 1u << JAM_SESSION_OVER,
    [JAM_SESSION_ENDING] = 1u << JAM_SESSION_PARKED | 1u << JAM_SESSION_OVER,
    [JAM_SESSION_OVER] = 0,
};

static rf_metric *gauge(const jam_session *s, jam_session_state state)
{
    return s->service->metrics->engines[s->engine->number].sessions[state];
}

static void count_state(jam_session *s, jam_session_state state, int64_t by)
{
    if (state != JAM_SESSION_OVER) {
        rf_metric_add(gauge(s, state), by);
    }
    if (state == JAM_SESSION_PARKED) {
        rf_metric_add(s->service->metrics->parked_sessions, by);
    }
}

void jam_session_enter(jam_session *s, jam_session_state state)
{
    if ((may_follow[s->state] & 1u << state) == 0) {
        RF_LOG_ERROR("session cannot change state", RF_STR("session", s->id),
                     RF_STR("from", state_names[s->state]), RF_STR("to", state_names[state]));
        abort();
    }
    RF_LOG_DEBUG("session", RF_STR("session", s->id), RF_STR("from", state_names[s->state]),
                 RF_STR("to", state_names[state]));
    count_state(s, s->state, -1);
    count_state(s, state, 1);
    s->state = state;
    s->parked_ns = state == JAM_SESSION_PARKED ? rf_time_ns() : RF_NEVER_NS;
}

/* ---- the timer ---- */

static int64_t park_end_ns(const jam_session *s)
{
    return s->parked_ns == RF_NEVER_NS ? RF_NEVER_NS
                                       : s->parked_ns + s->service->config->park_s * RF_NS_PER_S;
}

/* Ends it when one of its deadlines has passed. */
static bool is_overdue(jam_session *s, int64_t now_ns)
{
    if (now_ns >= s->end_ns) {
        jam_session_stop(s, JAM_REASON_MAX_DURATION);
    } else if (now_ns >= park_end_ns(s) || now_ns >= s->lost_ns) {
        jam_session_stop(s, JAM_REASON_CONTROLLER_LOST);
    } else if (now_ns >= s->pause_end_ns) {
        jam_session_stop(s, JAM_REASON_PAUSE_TIMEOUT);
    }
    return s->state == JAM_SESSION_OVER;
}

static void set_timer(jam_session *s)
{
    int64_t at_ns = RF_MIN(RF_MIN(s->end_ns, s->pause_end_ns), RF_MIN(s->lost_ns, park_end_ns(s)));
    if (jam_session_has_room(s)) {
        at_ns = RF_MIN(at_ns, jam_session_leave_ns(s));
    }
    rf_timer_set(s->timer, RF_MAX(RF_MIN(at_ns, jam_session_make_ns(s)), INT64_C(0)));
}

void jam_session_step(jam_session *s)
{
    int64_t now_ns = rf_time_ns();
    if (s->state == JAM_SESSION_OVER || is_overdue(s, now_ns)) {
        return;
    }
    if (jam_session_leave_ns(s) <= now_ns && jam_session_has_room(s)) {
        jam_session_send(s, now_ns);
    }
    if (jam_session_make_ns(s) <= now_ns) {
        jam_session_make(s, now_ns);
    }
    if (s->state != JAM_SESSION_OVER) {
        set_timer(s);
    }
}

/* A session that is over is freed from here, when nothing on the stack knows it any more. */
static void on_timer(void *user)
{
    jam_session *s = user;
    if (s->state == JAM_SESSION_OVER) {
        jam_session_free(s);
    } else {
        jam_session_step(s);
    }
}

/* ---- opening ---- */

static void make_token(char ret[JAM_TOKEN_LEN + 1])
{
    uint8_t bits[16];
    rf_random(bits, sizeof(bits));
    rf_base64url_encode(bits, sizeof(bits), ret);
}

jam_session *jam_session_new(jam_service *service, jam_engine_entry *engine, const char *tenant,
                             const char *address, const jam_change *start)
{
    jam_session *s = RF_NEW(jam_session);
    s->service = service;
    s->engine = engine;
    s->tenant = rf_strdup(tenant);
    s->address = rf_strdup(address);
    s->pause_end_ns = s->lost_ns = s->parked_ns = RF_NEVER_NS;
    s->skip_from = -1;
    s->timer = rf_timer_new(service->loop, on_timer, s);
    jam_settings_default(&s->settings);
    jam_settings_apply(&s->settings, start);
    jam_schedule_init(&s->schedule, &s->settings);
    jam_registry_add(service->registry, s);
    rf_metric_add(gauge(s, JAM_SESSION_NEW), 1);
    return s;
}

void jam_session_begin(jam_session *s, const jam_change *start, const jam_border *border)
{
    const jam_maker_def def = {.pool = s->service->pool,
                               .engine = s->engine->engine,
                               .seed = s->seed,
                               .encoder_seed = s->first_seed,
                               .start = start,
                               .border = border,
                               .events = &jam_session_maker_events,
                               .user = s};
    s->maker = jam_maker_open(&def);
    rf_timer_set(s->timer, s->end_ns);
}

jam_session *jam_session_open(jam_service *service, jam_engine_entry *engine, jam_socket *socket,
                              const jam_message *start)
{
    jam_session *s = jam_session_new(service, engine, jam_socket_tenant(socket),
                                     jam_socket_address(socket), &start->change);
    s->started_wall_ms = rf_time_wall_ms();
    s->start_ns = rf_time_ns();
    s->end_ns = s->start_ns + service->config->duration_max_s * RF_NS_PER_S;
    s->starter = socket;
    s->start = RF_NEW(jam_message);
    *s->start = *start;
    jam_registry_id(s->id);
    make_token(s->listen_token);
    s->seed = s->settings.has_seed ? s->settings.seed : rf_random_u64(JAM_SEED_MAX + UINT64_C(1));
    s->first_seed = s->seed;
    jam_ring_init(&s->ring, 0);
    jam_session_begin(s, &start->change, NULL);
    return s;
}

/* ---- ending ---- */

void jam_session_let_go(jam_session *s)
{
    jam_session_enter(s, JAM_SESSION_OVER);
    if (s->starter != NULL) {
        jam_socket_close(RF_STEAL(s->starter), 1011, "the session has ended");
    }
    if (s->errand != NULL) {
        jam_errand_forget(RF_STEAL(s->errand));
    }
    jam_session_record_end(s);
    s->maker = jam_maker_free(s->maker);
    s->finished = jam_block_unref(s->finished);
    s->finished_pcm = jam_block_unref(s->finished_pcm);
    free(RF_STEAL(s->border));
    jam_ring_done(&s->ring);
    jam_admission_give(s->service->admission, s->engine);
    rf_timer_set(s->timer, rf_time_ns());
}

/* The last chunks are music that was made: they are given even to a socket that is slow. */
static void close_seats(jam_session *s, jam_reason reason)
{
    char text[JAM_ANSWER_SIZE];
    size_t len =
        jam_answer_stopped(reason, s->chunks_sent, s->samples_sent, NULL, text, sizeof(text));
    while (s->n_seats > 0) {
        jam_seat *seat = &s->seats[--s->n_seats];
        jam_session_unseat(s, seat);
        if (reason == JAM_REASON_ENDED || reason == JAM_REASON_ENGINE) {
            jam_session_flush(s, seat);
        }
        jam_socket_text(seat->socket, text, len);
        jam_socket_close(seat->socket, 1000, "");
    }
}

void jam_session_stop(jam_session *s, jam_reason reason)
{
    if (s->state == JAM_SESSION_OVER) {
        return;
    }
    RF_LOG_INFO("session ends", RF_STR("session", s->id), RF_STR("reason", jam_reason_name(reason)),
                RF_INT("chunks", s->chunks_sent));
    rf_metric_add(s->service->metrics->stops[reason], 1);
    jam_session_record_end(s);
    close_seats(s, reason);
    jam_session_let_go(s);
}

void jam_session_fail(jam_session *s, jam_code code, const char *why)
{
    jam_error error;
    jam_error_set(&error, code, NULL, "%s", why);
    RF_LOG_ERROR("engine fails", RF_STR("session", s->id),
                 RF_STR("engine", s->engine->engine->name), RF_STR("why", why));
    if (s->state == JAM_SESSION_NEW) {
        jam_socket *starter = RF_STEAL(s->starter);
        jam_session_let_go(s);
        if (starter != NULL) {
            jam_socket_refused(starter, &error, s->start->id);
        }
        return;
    }
    for (size_t i = 0; i < s->n_seats; i++) {
        jam_socket_error(s->seats[i].socket, &error, NULL);
    }
    jam_session_stop(s, JAM_REASON_ENGINE);
}

jam_session *jam_session_free(jam_session *s)
{
    if (s == NULL) {
        return NULL;
    }
    if (s->state != JAM_SESSION_OVER) {
        jam_session_let_go(s);
    }
    jam_registry_remove(s->service->registry, s);
    jam_service_session_gone(s->service);
    rf_timer_free(s->timer);
    free(s->start);
    free(s->tenant);
    free(s->address);
    free(s);
    return NULL;
}

/* ---- looking ---- */

bool jam_session_is_over(const jam_session *s)
{
    return s->state == JAM_SESSION_OVER;
}

const char *jam_session_id(const jam_session *s)
{
    return s->id;
}

jam_engine_entry *jam_session_engine(const jam_session *s)
{
    return s->engine;
}

const char *jam_session_tenant(const jam_session *s)
{
    return s->tenant;
}

const char *jam_session_address(const jam_session *s)
{
    return s->address;
}

int64_t jam_session_parked_since(const jam_session *s)
{
    return s->parked_ns;
}

static void inform_place(const jam_session *s, jam_session_info *ret)
{
    const jam_block *newest = jam_ring_get(&s->ring, s->ring.next - 1);
    if (newest != NULL) {
        ret->bpm = newest->chunk.mark.bpm;
        ret->bar = newest->chunk.mark.bar;
        ret->beat = newest->chunk.mark.beat;
    }
}

void jam_session_inform(jam_session *s, jam_session_info *ret)
{
    static const double quantiles[] = {0.5, 0.95, 0.99};
    jam_present present = {.settings = s->settings};
    if (s->state != JAM_SESSION_NEW && s->state != JAM_SESSION_OVER) {
        jam_maker_present(s->maker, &present);
    } else if (s->start != NULL) {
        jam_controls_of_start(&s->start->change, &present.controls);
    }
    *ret = (jam_session_info){.id = s->id,
                              .engine = s->engine->engine,
                              .state = s->state,
                              .started_wall_ms = s->started_wall_ms,
                              .chunks_sent = s->chunks_sent,
                              .samples_sent = s->samples_sent,
                              .n_controllers = jam_session_count(s, JAM_ROLE_CONTROLLER),
                              .n_listeners = jam_session_count(s, JAM_ROLE_LISTENER),
                              .seed = s->seed,
                              .listen_token = s->listen_token,
                              .bar = 1,
                              .beat = 1.0,
                              .rev = present.rev,
                              .controls = present.controls,
                              .settings = present.settings};
    for (size_t i = 0; i < RF_ARRAY_LEN(quantiles); i++) {
        ret->lateness_ms[i] = jam_lateness_quantile(&s->lateness, quantiles[i]);
    }
    inform_place(s, ret);
}
