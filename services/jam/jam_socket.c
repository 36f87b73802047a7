#include "jam_socket_internal.h"

#include "rf_scope.h"
#include "rf_time.h"

#define UNTAKEN_MAX 4096 /* frames that a client may leave untaken */

/* ---- life ---- */

static void let_go(jam_socket *s)
{
    jam_session *session = RF_STEAL(s->session);
    if (session != NULL) {
        jam_session_leave(session, s);
    }
    if (s->restore != NULL) {
        jam_restore_forget(RF_STEAL(s->restore));
    }
}

void jam_socket_shut(jam_socket *s, uint32_t code, const char *reason)
{
    let_go(s);
    jam_socket_close(s, code, reason);
}

static void on_timer(void *user)
{
    jam_socket *s = user;
    jam_socket_shut(s, 1008, s->is_lost ? "does not read" : "no start");
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
    s->may_record = rf_scope_has(client->scopes, RF_SCOPE_JAM_RECORD);
    s->address = rf_strdup(client->address);
    s->number = ++last_number;
    s->rate_left = JAM_SOCKET_BURST;
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
    s->state = JAM_SOCKET_CLOSING;
    let_go(s);
    jam_admission_forget(s->service->admission, s);
    jam_service_measure_queue(s->service);
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
    if (s->restore != NULL) {
        jam_restore_forget(RF_STEAL(s->restore));
    }
    if (s->state == JAM_SOCKET_CLOSING) {
        return;
    }
    s->state = JAM_SOCKET_CLOSING;
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
    if (s->state != JAM_SOCKET_CLOSING) {
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
    if (s->state == JAM_SOCKET_CLOSING) {
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
    return s->state == JAM_SOCKET_JOINED && s->n_taken >= s->chunk_end;
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

/* ---- from the session ---- */

void jam_socket_joined(jam_socket *s, jam_session *session)
{
    s->state = JAM_SOCKET_JOINED;
    s->session = session;
    jam_socket_read_held(s);
}

void jam_socket_restored(jam_socket *s, jam_session *session)
{
    s->restore = NULL;
    s->session = session;
}

void jam_socket_refused(jam_socket *s, const jam_error *error, const char *id)
{
    s->state = JAM_SOCKET_NEW;
    s->session = NULL;
    s->restore = NULL;
    expect_start(s, error->has_retry ? error->retry_after_ms : 0);
    jam_socket_tell(s, error, id);
    jam_socket_read_held(s);
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

bool jam_socket_is_joined(const jam_socket *s)
{
    return s->state == JAM_SOCKET_JOINED;
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
