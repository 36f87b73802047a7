#include "reflection_socket.h"

#include "reflection_upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wslay/wslay.h>

#define NO_CODE 1005
#define LOST_CODE 1006
#define RESTART_CODE 1012 /* up to 1014: registered after RFC 6455, wslay takes them for errors */
#define LAST_CODE 1014
#define PASS_BYTES 65536 /* read between two looks at what waits to be sent */
#define SILENT_BYTES                                                                               \
    (4u << 20)           /* read without a message in them; 1 MiB in 1-byte fragments is 3         \
                          */
#define ANSWERS_MAX 1000 /* pongs that the server does not take */

struct reflection_socket {
    reflection_net *net;
    wslay_event_context_ptr ws;
    reflection_early early; /* read with the head of the upgrade, [early_at, len) not yet used */
    size_t early_at;
    reflection_message *first;
    reflection_message **last;
    size_t pass;   /* bytes left of this pass */
    size_t silent; /* bytes since the last message */
    bool is_close; /* the frame being read is a close frame */
    size_t n_body; /* bytes of its body */
    uint8_t body[2];
    int64_t heard_ns;
    int err;        /* of the connection, of memory; stands */
    int close_code; /* of the server */
};

/* ---- what wslay calls ---- */

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *data, size_t len, int flags, void *user)
{
    (void)flags;
    reflection_socket *s = user;
    size_t early = s->early.len - s->early_at;
    if (early > 0) {
        len = early < len ? early : len;
        memcpy(data, s->early.data + s->early_at, len);
        s->early_at += len;
        return (ssize_t)len;
    }
    /* No more than one message is asked of the kernel, so that a slow reader fills no memory. */
    len = len < s->pass ? len : s->pass;
    ssize_t n = s->first != NULL || len == 0 ? -EAGAIN : reflection_net_read(s->net, data, len);
    if (n > 0) {
        s->pass -= (size_t)n;
        s->silent += (size_t)n;
        s->heard_ns = reflection_now_ns();
        return n;
    }
    if (n != -EAGAIN) {
        s->err = -ECONNRESET;
    }
    wslay_event_set_error(ws, n == -EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
                       void *user)
{
    (void)flags;
    reflection_socket *s = user;
    ssize_t n = reflection_net_write(s->net, data, len);
    if (n > 0) {
        return n;
    }
    if (n != -EAGAIN) {
        s->err = -ECONNRESET;
    }
    wslay_event_set_error(ws, n == -EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *data, size_t len, void *user)
{
    (void)user;
    if (getrandom(data, len, 0) == (ssize_t)len) {
        return 0;
    }
    wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void on_frame(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_start_arg *arg, void *user)
{
    (void)ws;
    reflection_socket *s = user;
    s->is_close = arg->opcode == WSLAY_CONNECTION_CLOSE;
}

static void on_bytes(wslay_event_context_ptr ws,
                     const struct wslay_event_on_frame_recv_chunk_arg *arg, void *user)
{
    (void)ws;
    reflection_socket *s = user;
    for (size_t i = 0; s->is_close && i < arg->data_length; i++, s->n_body++) {
        if (s->n_body < sizeof(s->body)) {
            s->body[s->n_body] = arg->data[i];
        }
    }
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *arg,
                       void *user)
{
    (void)ws;
    reflection_socket *s = user;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
        s->close_code = arg->status_code != 0 ? arg->status_code : NO_CODE;
        s->err = s->n_body == 1 ? -EPROTO : s->err;
        return;
    }
    if (wslay_is_ctrl_frame(arg->opcode)) {
        return;
    }
    reflection_message *m = malloc(sizeof(*m) + arg->msg_length + 1);
    if (m == NULL) {
        s->err = -ENOMEM;
        return;
    }
    *m = (reflection_message){.is_binary = arg->opcode == WSLAY_BINARY_FRAME,
                              .len = arg->msg_length};
    if (arg->msg_length > 0) {
        memcpy(m->data, arg->msg, arg->msg_length);
    }
    m->data[m->len] = '\0';
    *s->last = m;
    s->last = &m->next;
}

/* ---- opening and closing ---- */

static void flush(reflection_socket *s)
{
    if (s->err == 0 && wslay_event_want_write(s->ws) && wslay_event_send(s->ws) != 0 &&
        s->err == 0) {
        s->err = -ENOMEM;
    }
}

static int start(reflection_socket *s, reflection_jam_fault *fault)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .genmask_callback = on_mask,
        .on_frame_recv_start_callback = on_frame,
        .on_frame_recv_chunk_callback = on_bytes,
        .on_msg_recv_callback = on_message,
    };
    if (wslay_event_context_client_init(&s->ws, &callbacks, s) != 0) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    wslay_event_config_set_max_recv_msg_length(s->ws, REFLECTION_MESSAGE_MAX);
    return 0;
}

int reflection_socket_open(const reflection_url *url, const char *ca_file, const char *key,
                           int64_t deadline_ns, reflection_socket **ret,
                           reflection_jam_fault *fault)
{
    reflection_socket *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    s->last = &s->first;
    s->heard_ns = reflection_now_ns();
    int err = reflection_net_open(url, ca_file, deadline_ns, &s->net, fault);
    err = err == 0 ? reflection_upgrade(s->net, url, key, deadline_ns, &s->early, fault) : err;
    err = err == 0 ? start(s, fault) : err;
    if (err < 0) {
        reflection_socket_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

reflection_socket *reflection_socket_close(reflection_socket *s)
{
    if (s == NULL) {
        return NULL;
    }
    while (s->first != NULL) {
        reflection_message *m = s->first;
        s->first = m->next;
        free(m);
    }
    if (s->ws != NULL) {
        if (s->err == 0) {
            wslay_event_queue_close(s->ws, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
            flush(s);
        }
        wslay_event_context_free(s->ws);
    }
    reflection_net_close(s->net);
    free(s);
    return NULL;
}

/* ---- use ---- */

static int send_message(reflection_socket *s, uint8_t opcode, const void *data, size_t len)
{
    const struct wslay_event_msg message = {.opcode = opcode, .msg = data, .msg_length = len};
    if (s->err < 0 || s->close_code != 0) {
        return s->err < 0 ? s->err : -EPIPE;
    }
    flush(s);
    if (wslay_event_get_queued_msg_length(s->ws) + message.msg_length > REFLECTION_QUEUE_MAX) {
        return -EAGAIN;
    }
    int code = wslay_event_queue_msg(s->ws, &message);
    if (code != 0) {
        return code == WSLAY_ERR_NOMEM ? -ENOMEM : -EPIPE;
    }
    flush(s);
    return s->err;
}

int reflection_socket_send(reflection_socket *s, const char *text)
{
    return send_message(s, WSLAY_TEXT_FRAME, text, strlen(text));
}

int reflection_socket_send_binary(reflection_socket *s, const void *data, size_t len)
{
    return send_message(s, WSLAY_BINARY_FRAME, data, len);
}

int64_t reflection_socket_heard_ns(const reflection_socket *s)
{
    return s->heard_ns;
}

static int take(reflection_socket *s, reflection_message **ret)
{
    *ret = s->first;
    s->first = (*ret)->next;
    if (s->first == NULL) {
        s->last = &s->first;
    }
    return 1;
}

/* The code of a close frame that wslay refused; 0 when it was no such. */
static int late_code(const reflection_socket *s)
{
    int code = s->body[0] << 8 | s->body[1];
    return s->n_body >= 2 && code >= RESTART_CODE && code <= LAST_CODE ? code : 0;
}

/* Why no message can come any more; 0 while one can. */
static int ended(reflection_socket *s)
{
    if (s->err == -ECONNRESET && s->close_code == 0) {
        s->close_code = LOST_CODE;
    }
    if (s->err < 0 && (s->err != -ECONNRESET || s->close_code == LOST_CODE)) {
        return s->err;
    }
    if (s->close_code != 0) {
        return -EPIPE;
    }
    if (wslay_event_get_read_enabled(s->ws)) {
        return 0;
    }
    s->close_code = late_code(s);
    bool is_large = wslay_event_get_status_code_sent(s->ws) == WSLAY_CODE_MESSAGE_TOO_BIG;
    return s->close_code != 0 ? -EPIPE : is_large ? -EMSGSIZE : -EPROTO;
}

/* Takes in what is there and sends what waits. True when the kernel may have more. */
static bool pass(reflection_socket *s)
{
    s->pass = PASS_BYTES;
    int code = wslay_event_recv(s->ws);
    if (code != 0 && s->err == 0) {
        s->err = code == WSLAY_ERR_NOMEM ? -ENOMEM : -EPROTO;
    }
    flush(s);
    bool is_flood = s->first == NULL && s->silent > SILENT_BYTES;
    if (s->err == 0 && (is_flood || wslay_event_get_queued_msg_count(s->ws) > ANSWERS_MAX)) {
        s->err = -EPROTO;
    }
    return s->pass == 0;
}

int reflection_socket_next(reflection_socket *s, int64_t deadline_ns, reflection_message **ret)
{
    for (;;) {
        if (s->first != NULL) {
            s->silent = 0;
            return take(s, ret);
        }
        int err = ended(s);
        if (err < 0) {
            return err;
        }
        if (pass(s) || s->first != NULL || ended(s) < 0) {
            continue;
        }
        err = reflection_net_wait(s->net, wslay_event_want_write(s->ws), deadline_ns);
        if (err < 0) {
            return err == -ETIMEDOUT ? 0 : err;
        }
    }
}

int reflection_socket_close_code(const reflection_socket *s)
{
    return s->close_code;
}

int reflection_socket_fd(const reflection_socket *s)
{
    return reflection_net_fd(s->net);
}

short reflection_socket_events(const reflection_socket *s)
{
    return reflection_net_events(s->net, wslay_event_want_write(s->ws));
}
