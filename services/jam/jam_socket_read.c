/* What comes from the client of a socket. */
#include "jam_socket_internal.h"

#include "rf_scope.h"
#include "rf_time.h"

#include <string.h>

#define RATE_PER_S 100.0
#define PROTOCOL_ERRORS_MAX 10
#define HELD_MAX 256 /* messages that wait for an engine to open */
#define HELD_BYTES_MAX (256 << 10)

void jam_socket_tell(jam_socket *s, const jam_error *error, const char *id)
{
    jam_socket_error(s, error, id);
    if (jam_code_is_protocol(error->code) && ++s->n_protocol_errors == PROTOCOL_ERRORS_MAX) {
        jam_socket_shut(s, 1008, "too many protocol errors");
    }
}

static void tell_code(jam_socket *s, jam_code code, const char *id, const char *text)
{
    jam_error error;
    jam_error_set(&error, code, NULL, "%s", text);
    jam_socket_tell(s, &error, id);
}

static bool is_within_rate(jam_socket *s)
{
    int64_t now_ns = rf_time_ns();
    double gained = (double)(now_ns - s->rate_ns) * RATE_PER_S / RF_NS_PER_S;
    s->rate_left = RF_MIN(s->rate_left + gained, JAM_SOCKET_BURST);
    s->rate_ns = now_ns;
    if (s->rate_left < 1.0) {
        return false;
    }
    s->rate_left -= 1.0;
    return true;
}

static void begin(jam_socket *s, const jam_message *m)
{
    jam_error error;
    jam_started_by by = {0};
    s->state = JAM_SOCKET_STARTING;
    s->is_binary = m->binary_audio;
    rf_timer_set(s->timer, RF_NEVER_NS);
    if (jam_start_begin(s->service, s, m, &by, &error) < 0) {
        jam_socket_refused(s, &error, m->id);
    } else if (s->state == JAM_SOCKET_STARTING) {
        s->session = by.session;
        s->restore = by.restore;
    }
}

static void stop(jam_socket *s, const jam_message *m)
{
    char text[JAM_ANSWER_SIZE];
    if (s->state == JAM_SOCKET_JOINED) {
        jam_session_quit(RF_STEAL(s->session), s, m->id);
        return;
    }
    jam_socket_text(s, text,
                    jam_answer_stopped(JAM_REASON_CLIENT, 0, 0, m->id, text, sizeof(text)));
    jam_socket_shut(s, 1000, "");
}

static void ping(jam_socket *s, const jam_message *m, int64_t arrived_ns)
{
    char text[JAM_ANSWER_SIZE];
    jam_socket_text(s, text, jam_answer_pong(m->id, text, sizeof(text)));
    rf_metric_observe(s->service->metrics->pong_seconds,
                      (double)(rf_time_ns() - arrived_ns) / RF_NS_PER_S);
    if (s->state == JAM_SOCKET_JOINED && jam_session_role(s->session, s) == JAM_ROLE_CONTROLLER) {
        jam_session_obey(s->session, s, m, arrived_ns);
    }
}

/* Whether the state and the role allow a message of that type; else tells why not. */
static bool is_allowed(jam_socket *s, const jam_message *m)
{
    bool always = m->type == JAM_TYPE_PING || m->type == JAM_TYPE_STOP || m->type == JAM_TYPE_NONE;
    if (always) {
        return true;
    }
    if (m->type == JAM_TYPE_START) {
        if (s->state == JAM_SOCKET_NEW) {
            return true;
        }
        tell_code(s, JAM_ALREADY_STARTED, m->id, "this socket has started already");
    } else if (s->state != JAM_SOCKET_JOINED) {
        tell_code(s, JAM_NOT_STARTED, m->id, "there is no start before this message");
    } else if (jam_session_role(s->session, s) == JAM_ROLE_LISTENER) {
        tell_code(s, JAM_FORBIDDEN, m->id, "a listener may send ping and stop");
    } else {
        return true;
    }
    return false;
}

/* The same for what its key may do. */
static bool is_in_scope(jam_socket *s, const jam_message *m)
{
    bool asks = (m->type == JAM_TYPE_START || m->type == JAM_TYPE_UPDATE) &&
                (m->change.set & JAM_FIELD_BIT(JAM_FIELD_RECORD)) != 0 && m->change.record;
    if (!asks || s->may_record) {
        return true;
    }
    jam_error error;
    jam_error_set(&error, JAM_FORBIDDEN, "record", "record: the API key lacks the scope %s",
                  RF_SCOPE_JAM_RECORD);
    jam_socket_tell(s, &error, m->id);
    return false;
}

static void obey(jam_socket *s, const jam_message *m, int64_t arrived_ns)
{
    if (m->type == JAM_TYPE_START) {
        begin(s, m);
    } else if (m->type == JAM_TYPE_STOP) {
        stop(s, m);
    } else if (m->type == JAM_TYPE_PING) {
        ping(s, m, arrived_ns);
    } else {
        jam_session_obey(s->session, s, m, arrived_ns);
    }
}

/* Messages that steer are kept until the engine has been opened. */
static bool hold(jam_socket *s, const jam_message *m, const char *text, size_t len,
                 int64_t arrived_ns)
{
    bool steers = m->type == JAM_TYPE_UPDATE || m->type == JAM_TYPE_PAUSE ||
                  m->type == JAM_TYPE_RESUME || m->type == JAM_TYPE_RESET_CONTEXT;
    if (s->state != JAM_SOCKET_STARTING || !steers || s->n_held == HELD_MAX ||
        s->held_bytes + len > HELD_BYTES_MAX) {
        return false;
    }
    if (s->held == NULL) {
        s->held = RF_NEW_ARRAY(jam_held, HELD_MAX);
    }
    s->held[s->n_held++] =
        (jam_held){.text = rf_strndup(text, len), .len = len, .arrived_ns = arrived_ns};
    s->held_bytes += len;
    return true;
}

static void make_context(const jam_socket *s, jam_message_context *ret)
{
    if (s->state == JAM_SOCKET_JOINED) {
        jam_session_context(s->session, ret);
    } else {
        *ret = (jam_message_context){.crossfade_default = s->service->crossfade_default};
    }
}

static void read_message(jam_socket *s, const char *text, size_t len, int64_t arrived_ns)
{
    jam_message_context context;
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n_errors = 0;
    make_context(s, &context);
    int err = jam_message_parse(text, len, &context, &m, errors, &n_errors);
    if (hold(s, &m, text, len, arrived_ns) || !is_allowed(s, &m)) {
        return;
    }
    for (size_t i = 0; i < n_errors && s->state != JAM_SOCKET_CLOSING; i++) {
        jam_socket_tell(s, &errors[i], m.id);
    }
    if (err == 0 && is_in_scope(s, &m)) {
        obey(s, &m, arrived_ns);
    }
}

void jam_socket_message(jam_socket *s, const char *text, size_t len, int64_t arrived_ns)
{
    if (s->state == JAM_SOCKET_CLOSING) {
        return;
    }
    if (!is_within_rate(s)) {
        tell_code(s, JAM_RATE_LIMITED, NULL, "more than 100 messages a second");
    } else {
        read_message(s, text, len, arrived_ns);
    }
}

void jam_socket_binary(jam_socket *s)
{
    if (s->state != JAM_SOCKET_CLOSING) {
        tell_code(s, JAM_BAD_MESSAGE, NULL, "messages are text");
    }
}

void jam_socket_read_held(jam_socket *s)
{
    jam_held *waiting = RF_STEAL(s->held);
    size_t n = s->n_held;
    s->n_held = s->held_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->state != JAM_SOCKET_CLOSING) {
            read_message(s, waiting[i].text, waiting[i].len, waiting[i].arrived_ns);
        }
        free(waiting[i].text);
    }
    free(waiting);
}
