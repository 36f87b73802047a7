#include "jam_socket.h"

#include "jam_session.h"
#include "jam_start.h"
#include "rf_time.h"

#include <string.h>

#define RATE_PER_S 100.0
#define RATE_BURST 200.0
#define PROTOCOL_ERRORS_MAX 10
#define HELD_MAX 256 /* messages that wait for an engine to open */
#define HELD_BYTES_MAX (256 << 10)
#define UNTAKEN_MAX 4096 /* frames that a client may leave untaken */

typedef enum state { NEW, STARTING, JOINED, CLOSING } state;

typedef struct held {
    char *text;
    size_t len;
    int64_t arrived_ns;
} held;

struct jam_socket {
    jam_service *service;
    jam_socket *next, *prev; /* in the service's list */
    const jam_port *port;
    void *port_user;
    char *tenant;
    char *address;
    uint64_t number;
    state state;
    jam_session *session; /* of STARTING and JOINED */
    bool is_binary;
    rf_timer *timer; /* NEW: until the start must have come; else to end a lost one */
    bool is_lost;    /* its port has failed, or it does not read */
    double rate_left;
    int64_t rate_ns; /* when rate_left held */
    unsigned n_protocol_errors;
    uint64_t n_sent, n_taken; /* frames */
    uint64_t chunk_end;       /* n_sent behind the last chunk */
    size_t chunk_bytes;       /* of the chunk in hand */
    held *held;
    size_t n_held, held_bytes;
};

/* ---- life ---- */

static void let_go(jam_socket *s)
{
    jam_session *session = RF_STEAL(s->session);
    if (session != NULL) {
        jam_session_leave(session, s);
    }
}

static void shut(jam_socket *s, uint32_t code, const char *reason)
{
    let_go(s);
    jam_socket_close(s, code, reason);
}

static void on_timer(void *user)
{
    jam_socket *s = user;
    shut(s, 1008, s->is_lost ? "does not read" : "no start");
}

/* Not at once: who sends may still walk through the sockets of a session. */
static void lose(jam_socket *s)
{
    s->is_lost = true;
    rf_timer_set(s->timer, rf_time_ns());
}

static void expect_start(jam_socket *s, uint32_t more_ms)
{
    rf_timer_set(s->timer,
                 rf_time_ns() + s->service->config->start_s * RF_NS_PER_S + more_ms * RF_NS_PER_MS);
}

jam_socket *jam_socket_open(jam_service *service, const jam_port *port, void *port_user,
                            const jam_client *client)
{
    static uint64_t last_number;
    if (service->n_sockets >= (size_t)service->config->sockets_max) {
        return NULL;
    }
    jam_socket *s = RF_NEW(jam_socket);
    service->n_sockets++;
    s->service = service;
    s->next = service->sockets;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    service->sockets = s;
    s->port = port;
    s->port_user = port_user;
    s->tenant = rf_strdup(client->tenant);
    s->address = rf_strdup(client->address);
    s->number = ++last_number;
    s->rate_left = RATE_BURST;
    s->rate_ns = rf_time_ns();
    s->timer = rf_timer_new(service->loop, on_timer, s);
    expect_start(s, 0);
    return s;
}

static void unlist(jam_socket *s)
{
    if (s->prev != NULL) {
        s->prev->next = s->next;
    } else {
        s->service->sockets = s->next;
    }
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
    s->service->n_sockets--;
}

static void drop_held(jam_socket *s)
{
    for (size_t i = 0; i < s->n_held; i++) {
        free(s->held[i].text);
    }
    free(s->held);
    s->held = NULL;
    s->n_held = s->held_bytes = 0;
}

static void count_chunk_bytes(jam_socket *s, size_t bytes)
{
    rf_metric_add(s->service->metrics->send_queue_bytes, (int64_t)bytes - (int64_t)s->chunk_bytes);
    s->chunk_bytes = bytes;
}

void jam_socket_gone(jam_socket *s)
{
    s->state = CLOSING;
    let_go(s);
    jam_admission_forget(s->service->admission, s);
    count_chunk_bytes(s, 0);
    unlist(s);
    drop_held(s);
    rf_timer_free(s->timer);
    free(s->tenant);
    free(s->address);
    free(s);
}

void jam_socket_close(jam_socket *s, uint32_t code, const char *reason)
{
    s->session = NULL;
    if (s->state == CLOSING) {
        return;
    }
    s->state = CLOSING;
    rf_timer_set(s->timer, RF_NEVER_NS);
    jam_metrics_close(s->service->metrics, code);
    s->port->close(s->port_user, code, reason);
}

/* ---- towards the client ---- */

static void pass(jam_socket *s, const jam_frame *frame)
{
    s->n_sent++;
    if (s->port->frame(s->port_user, frame) < 0 || s->n_sent - s->n_taken > UNTAKEN_MAX) {
        lose(s);
    }
}

void jam_socket_text(jam_socket *s, const char *text, size_t len)
{
    const jam_frame frame = {.before = text, .n_before = len};
    if (s->state != CLOSING) {
        pass(s, &frame);
    }
}

void jam_socket_error(jam_socket *s, const jam_error *error, const char *id)
{
    char text[JAM_ANSWER_SIZE];
    rf_metric_add(s->service->metrics->errors[error->code], 1);
    jam_socket_text(s, text, jam_answer_error(error, id, text, sizeof(text)));
}

static void pass_binary(jam_socket *s, jam_block *block)
{
    char meta[JAM_ENVELOPE_MAX];
    const jam_frame file = {.binary = true, .block = block};
    size_t len = jam_chunk_meta(&block->chunk, block->lead_ms, meta, sizeof(meta));
    const jam_frame text = {.before = meta, .n_before = len};
    pass(s, &file);
    pass(s, &text);
}

static void pass_text(jam_socket *s, jam_block *block)
{
    char before[JAM_ENVELOPE_MAX];
    char after[JAM_ENVELOPE_MAX];
    size_t n_before = jam_chunk_before(before, sizeof(before));
    size_t n_after = jam_chunk_after(&block->chunk, block->lead_ms, after, sizeof(after));
    const jam_frame frame = {.base64 = true,
                             .before = before,
                             .n_before = n_before,
                             .after = after,
                             .n_after = n_after,
                             .block = block};
    pass(s, &frame);
}

void jam_socket_chunk(jam_socket *s, jam_block *block)
{
    if (s->state == CLOSING) {
        return;
    }
    if (s->is_binary) {
        pass_binary(s, block);
    } else {
        pass_text(s, block);
    }
    s->chunk_end = s->n_sent;
    count_chunk_bytes(s, block->size);
}

bool jam_socket_has_room(const jam_socket *s)
{
    return s->state == JOINED && s->n_taken >= s->chunk_end;
}

void jam_socket_taken(jam_socket *s, uint64_t n_frames)
{
    bool had_room = jam_socket_has_room(s);
    s->n_taken = RF_MAX(s->n_taken, RF_MIN(n_frames, s->n_sent));
    if (!had_room && jam_socket_has_room(s)) {
        count_chunk_bytes(s, 0);
        jam_session_room(s->session, s);
    }
}

/* ---- from the client ---- */

/* Tells of an error; the tenth of those that break the protocol ends the socket. */
static void tell(jam_socket *s, const jam_error *error, const char *id)
{
    jam_socket_error(s, error, id);
    if (jam_code_is_protocol(error->code) && ++s->n_protocol_errors == PROTOCOL_ERRORS_MAX) {
        shut(s, 1008, "too many protocol errors");
    }
}

static void tell_code(jam_socket *s, jam_code code, const char *id, const char *text)
{
    jam_error error;
    jam_error_set(&error, code, NULL, "%s", text);
    tell(s, &error, id);
}

static bool is_within_rate(jam_socket *s)
{
    int64_t now_ns = rf_time_ns();
    double gained = (double)(now_ns - s->rate_ns) * RATE_PER_S / RF_NS_PER_S;
    s->rate_left = RF_MIN(s->rate_left + gained, RATE_BURST);
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
    jam_session *session = NULL;
    s->state = STARTING;
    s->is_binary = m->binary_audio;
    rf_timer_set(s->timer, RF_NEVER_NS);
    if (jam_start_begin(s->service, s, m, &session, &error) < 0) {
        jam_socket_refused(s, &error, m->id);
    } else if (s->state == STARTING) {
        s->session = session;
    }
}

static void stop(jam_socket *s, const jam_message *m)
{
    char text[JAM_ANSWER_SIZE];
    if (s->state == JOINED) {
        jam_session_quit(RF_STEAL(s->session), s, m->id);
        return;
    }
    jam_socket_text(s, text,
                    jam_answer_stopped(JAM_REASON_CLIENT, 0, 0, m->id, text, sizeof(text)));
    shut(s, 1000, "");
}

static void ping(jam_socket *s, const jam_message *m, int64_t arrived_ns)
{
    char text[JAM_ANSWER_SIZE];
    jam_socket_text(s, text, jam_answer_pong(m->id, text, sizeof(text)));
    rf_metric_observe(s->service->metrics->pong_seconds,
                      (double)(rf_time_ns() - arrived_ns) / RF_NS_PER_S);
    if (s->state == JOINED && jam_session_role(s->session, s) == JAM_ROLE_CONTROLLER) {
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
        if (s->state == NEW) {
            return true;
        }
        tell_code(s, JAM_ALREADY_STARTED, m->id, "this socket has started already");
    } else if (s->state != JOINED) {
        tell_code(s, JAM_NOT_STARTED, m->id, "there is no start before this message");
    } else if (jam_session_role(s->session, s) == JAM_ROLE_LISTENER) {
        tell_code(s, JAM_FORBIDDEN, m->id, "a listener may send ping and stop");
    } else {
        return true;
    }
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
    if (s->state != STARTING || !steers || s->n_held == HELD_MAX ||
        s->held_bytes + len > HELD_BYTES_MAX) {
        return false;
    }
    if (s->held == NULL) {
        s->held = RF_NEW_ARRAY(held, HELD_MAX);
    }
    s->held[s->n_held++] =
        (held){.text = rf_strndup(text, len), .len = len, .arrived_ns = arrived_ns};
    s->held_bytes += len;
    return true;
}

static void make_context(const jam_socket *s, jam_message_context *ret)
{
    if (s->state == JOINED) {
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
    for (size_t i = 0; i < n_errors && s->state != CLOSING; i++) {
        tell(s, &errors[i], m.id);
    }
    if (err == 0) {
        obey(s, &m, arrived_ns);
    }
}

void jam_socket_message(jam_socket *s, const char *text, size_t len, int64_t arrived_ns)
{
    if (s->state == CLOSING) {
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
    if (s->state != CLOSING) {
        tell_code(s, JAM_BAD_MESSAGE, NULL, "messages are text");
    }
}

/* ---- from the session ---- */

static void read_held(jam_socket *s)
{
    held *waiting = RF_STEAL(s->held);
    size_t n = s->n_held;
    s->n_held = s->held_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->state != CLOSING) {
            read_message(s, waiting[i].text, waiting[i].len, waiting[i].arrived_ns);
        }
        free(waiting[i].text);
    }
    free(waiting);
}

void jam_socket_joined(jam_socket *s, jam_session *session)
{
    s->state = JOINED;
    s->session = session;
    read_held(s);
}

void jam_socket_refused(jam_socket *s, const jam_error *error, const char *id)
{
    s->state = NEW;
    s->session = NULL;
    expect_start(s, error->has_retry ? error->retry_after_ms : 0);
    tell(s, error, id);
    read_held(s);
}

void jam_socket_drain(jam_socket *s, uint32_t deadline_ms)
{
    char text[JAM_ANSWER_SIZE];
    const jam_status status = {
        .applied_at_sample = -1, .draining = true, .deadline_ms = deadline_ms};
    jam_socket_text(s, text, jam_answer_status(&status, text, sizeof(text)));
}

/* ---- looking ---- */

jam_socket *jam_socket_next(const jam_socket *s)
{
    return s->next;
}

bool jam_socket_is_binary(const jam_socket *s)
{
    return s->is_binary;
}

const char *jam_socket_tenant(const jam_socket *s)
{
    return s->tenant;
}

const char *jam_socket_address(const jam_socket *s)
{
    return s->address;
}

uint64_t jam_socket_number(const jam_socket *s)
{
    return s->number;
}
