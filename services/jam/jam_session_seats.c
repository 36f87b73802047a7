/* The sockets of a session: who joins, resumes and leaves. */
#include "jam_session_internal.h"

#include "rf_crypto.h"
#include "rf_id.h"
#include "rf_log.h"

#include <errno.h>
#include <string.h>

static jam_seat *seat_of(jam_session *s, const jam_socket *socket)
{
    for (size_t i = 0; i < s->n_seats; i++) {
        if (s->seats[i].socket == socket) {
            return &s->seats[i];
        }
    }
    return NULL;
}

size_t jam_session_count(const jam_session *s, jam_role role)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_seats; i++) {
        n += s->seats[i].role == role;
    }
    return n;
}

jam_role jam_session_role(const jam_session *s, const jam_socket *socket)
{
    for (size_t i = 0; i < s->n_seats; i++) {
        if (s->seats[i].socket == socket) {
            return s->seats[i].role;
        }
    }
    return JAM_ROLE_LISTENER;
}

/* ---- tokens ---- */

static bool is_token(const char *held, const char *shown)
{
    return held[0] != '\0' && strlen(shown) == JAM_TOKEN_LEN &&
           rf_equal_ct(held, shown, JAM_TOKEN_LEN);
}

static jam_token *find_token(jam_session *s, const char *text)
{
    for (size_t i = 0; i < JAM_TOKENS_MAX; i++) {
        if (is_token(s->tokens[i].text, text)) {
            return &s->tokens[i];
        }
    }
    return NULL;
}

bool jam_session_has_token(const jam_session *s, const char *token)
{
    for (size_t i = 0; i < JAM_TOKENS_MAX; i++) {
        if (is_token(s->tokens[i].text, token)) {
            return true;
        }
    }
    return false;
}

bool jam_session_is_listen_token(const jam_session *s, const char *token)
{
    return is_token(s->listen_token, token);
}

/* A free slot, or that of the oldest token whose socket has left. */
static jam_token *token_slot(jam_session *s)
{
    jam_token *best = NULL;
    for (size_t i = 0; i < JAM_TOKENS_MAX; i++) {
        jam_token *t = &s->tokens[i];
        if (t->text[0] == '\0') {
            return t;
        }
        if (t->holder == NULL && (best == NULL || t->age < best->age)) {
            best = t;
        }
    }
    return best;
}

static const char *give_token(jam_session *s, const jam_socket *socket)
{
    uint8_t bits[16];
    jam_token *t = token_slot(s);
    rf_random(bits, sizeof(bits));
    rf_base64url_encode(bits, sizeof(bits), t->text);
    t->holder = socket;
    t->age = ++s->token_age;
    return t->text;
}

/* ---- taking a seat ---- */

void jam_session_go_on(jam_session *s)
{
    jam_session_enter(s, JAM_SESSION_RUNNING);
    jam_schedule_restart(&s->schedule);
    if (s->is_last) {
        jam_session_enter(s, JAM_SESSION_ENDING);
    }
}

static void unpark(jam_session *s)
{
    if (s->state != JAM_SESSION_PARKED) {
        return;
    }
    if (s->paused) {
        jam_session_enter(s, JAM_SESSION_PAUSED);
    } else {
        jam_session_go_on(s);
    }
}

static void answer_started(jam_session *s, jam_seat *seat, const jam_message *start, bool resumed)
{
    char text[JAM_ANSWER_SIZE];
    jam_present present;
    jam_maker_present(s->maker, &present);
    bool steers = seat->role == JAM_ROLE_CONTROLLER;
    const jam_started started = {
        .id = start->id,
        .session_id = s->id,
        .engine = s->engine->engine,
        .settings = &present.settings,
        .controls = &present.controls,
        .seed = s->seed,
        .role = seat->role,
        .resume_token = steers ? give_token(s, seat->socket) : NULL,
        .resumed = resumed,
        .next_index = seat->cursor,
    };
    jam_socket_text(seat->socket, text, jam_answer_started(&started, text, sizeof(text)));
}

void jam_session_seat(jam_session *s, jam_socket *socket, const jam_message *start, bool resumed,
                      int64_t cursor)
{
    jam_seat *seat = &s->seats[s->n_seats++];
    *seat = (jam_seat){.socket = socket,
                       .role = resumed ? JAM_ROLE_CONTROLLER : start->role,
                       .cursor = cursor,
                       .replaying = cursor < s->ring.next};
    rf_metric_add(s->service->metrics->sockets[seat->role], 1);
    if (seat->role == JAM_ROLE_LISTENER) {
        rf_metric_add(s->service->metrics->listeners, 1);
    } else {
        s->lost_ns = RF_NEVER_NS;
    }
    answer_started(s, seat, start, resumed);
    jam_session_greet(s, socket, start);
    unpark(s);
    jam_socket_joined(socket, s);
}

void jam_session_unseat(jam_session *s, const jam_seat *seat)
{
    rf_metric_add(s->service->metrics->sockets[seat->role], -1);
    if (seat->role == JAM_ROLE_LISTENER) {
        rf_metric_add(s->service->metrics->listeners, -1);
    }
}

static int check_count(const jam_session *s, jam_role role, jam_error *error)
{
    size_t max = role == JAM_ROLE_CONTROLLER ? JAM_CONTROLLERS_MAX : JAM_LISTENERS_MAX;
    if (jam_session_count(s, role) < max) {
        return 0;
    }
    jam_error_set(error, JAM_BUSY, "role", "the session has %zu of these already", max);
    error->has_retry = error->has_place = true;
    error->retry_after_ms = 1000;
    return -EBUSY;
}

/* As text, chunks may be too large. */
static int check_size(const jam_session *s, const jam_message *start, jam_error *error)
{
    return jam_chunk_check(s->settings.format, s->settings.bitrate_kbps, s->settings.chunk_frames,
                           s->settings.overlap, !start->binary_audio, error);
}

static bool is_live(const jam_session *s)
{
    return s->state != JAM_SESSION_NEW && s->state != JAM_SESSION_OVER;
}

int jam_session_join(jam_session *s, jam_socket *socket, const jam_message *start, jam_error *error)
{
    if (!is_live(s)) {
        jam_error_set(error, JAM_SESSION_NOT_FOUND, "session_id", "there is no such session");
        return -ENOENT;
    }
    int err = check_count(s, start->role, error);
    err = err == 0 ? check_size(s, start, error) : err;
    if (err == 0) {
        jam_session_seat(s, socket, start, false, s->ring.next);
        jam_session_step(s);
    }
    return err;
}

static void forget_holder(jam_session *s, const jam_socket *socket)
{
    for (size_t i = 0; i < JAM_TOKENS_MAX; i++) {
        if (s->tokens[i].holder == socket) {
            s->tokens[i].holder = NULL;
        }
    }
}

static void remove_seat(jam_session *s, jam_seat *seat)
{
    jam_session_unseat(s, seat);
    forget_holder(s, seat->socket);
    *seat = s->seats[--s->n_seats];
}

/* The socket that a token was given to may not know yet that its client has left it. */
static void oust(jam_session *s, const jam_token *token)
{
    jam_seat *seat = token->holder == NULL ? NULL : seat_of(s, token->holder);
    if (seat != NULL) {
        jam_socket *socket = seat->socket;
        remove_seat(s, seat);
        jam_socket_close(socket, 1008, "resumed on another socket");
        if (jam_session_count(s, JAM_ROLE_CONTROLLER) == 0) {
            jam_schedule_restart(&s->schedule);
        }
    }
}

static int check_last_index(const jam_session *s, const jam_message *start, jam_error *error)
{
    if (start->has_last_index && start->last_index >= s->ring.next) {
        jam_error_set(error, JAM_OUT_OF_RANGE, "last_index", "that chunk has not been sent");
        jam_error_limit(error, -1, (double)(s->ring.next - 1));
        return -EINVAL;
    }
    return 0;
}

static void tell_lost(jam_socket *socket, const jam_message *start)
{
    jam_error error;
    jam_error_set(&error, JAM_REPLAY_LOST, "last_index", "missed audio is older than 10 s");
    jam_socket_error(socket, &error, start->id);
}

int jam_session_resume(jam_session *s, jam_socket *socket, const jam_message *start,
                       jam_error *error)
{
    jam_token *token = find_token(s, start->resume_token);
    int64_t wanted = start->has_last_index ? start->last_index + 1 : s->ring.next;
    bool is_lost = wanted < s->ring.first;
    int err = check_last_index(s, start, error);
    err = err == 0 ? check_size(s, start, error) : err;
    if (err < 0) {
        return err;
    }
    oust(s, token);
    err = check_count(s, JAM_ROLE_CONTROLLER, error);
    if (err < 0) {
        return err;
    }
    token->text[0] = '\0';
    rf_metric_add(s->service->metrics->resumes[is_lost ? JAM_RESUME_LOST : JAM_RESUME_DONE], 1);
    jam_session_seat(s, socket, start, true, is_lost ? s->ring.next : wanted);
    if (is_lost) {
        tell_lost(socket, start);
    }
    jam_session_serve_all(s);
    jam_session_step(s);
    return 0;
}

/* ---- room ---- */

void jam_session_room(jam_session *s, jam_socket *socket)
{
    jam_seat *seat = seat_of(s, socket);
    if (seat != NULL && s->state != JAM_SESSION_PAUSED) {
        jam_session_serve(s, seat);
    }
    jam_session_step(s);
}

/* ---- leaving ---- */

static void park(jam_session *s)
{
    size_t n;
    jam_session_enter(s, JAM_SESSION_PARKED);
    s->lost_ns = RF_NEVER_NS;
    if (s->service->draining) {
        jam_session_evict(s);
        return;
    }
    jam_session *oldest = jam_registry_oldest_parked(s->service->registry, &n);
    if (n > (size_t)s->service->config->parked_max) {
        jam_session_stop(oldest, JAM_REASON_CONTROLLER_LOST);
    }
}

static void after_leaving(jam_session *s)
{
    if (s->n_seats == 0) {
        park(s);
    } else if (jam_session_count(s, JAM_ROLE_CONTROLLER) == 0 && s->lost_ns == RF_NEVER_NS) {
        s->lost_ns = rf_time_ns() + s->service->config->park_s * RF_NS_PER_S;
    }
    jam_session_step(s);
}

void jam_session_leave(jam_session *s, jam_socket *socket)
{
    if (s->state == JAM_SESSION_NEW && s->starter == socket) {
        s->starter = NULL;
        if (!s->is_restored) { /* that one waits, parked, for another try */
            jam_session_stop(s, JAM_REASON_CLIENT);
        }
        return;
    }
    jam_seat *seat = seat_of(s, socket);
    if (seat != NULL) {
        remove_seat(s, seat);
        after_leaving(s);
    }
}

void jam_session_quit(jam_session *s, jam_socket *socket, const char *id)
{
    char text[JAM_ANSWER_SIZE];
    jam_seat *seat = seat_of(s, socket);
    jam_role role = seat->role;
    if (role == JAM_ROLE_CONTROLLER) {
        jam_session_record_end(s); /* so that who ends it hears of it */
    }
    remove_seat(s, seat);
    jam_socket_text(socket, text,
                    jam_answer_stopped(JAM_REASON_CLIENT, s->chunks_sent, s->samples_sent, id, text,
                                       sizeof(text)));
    jam_socket_close(socket, 1000, "");
    if (role == JAM_ROLE_CONTROLLER) {
        jam_session_stop(s, JAM_REASON_CLIENT);
    } else {
        after_leaving(s);
    }
}
