#include "gateway_outbox.h"

#include <string.h>

#define CONTROL_ROOM (GATEWAY_CONTROL_MAX_BYTES + 2)

/* ---- the queue ---- */

void gateway_outbox_push(gateway_outbox *o, gateway_frame *frame)
{
    frame->next = NULL;
    if (o->last != NULL) {
        o->last->next = frame;
    } else {
        o->first = frame;
    }
    o->last = frame;
    o->making = o->making == NULL ? frame : o->making;
    o->n_bytes += gateway_frame_payload(frame);
}

static void pop(gateway_outbox *o, bool sent)
{
    gateway_frame *f = o->first;
    o->first = f->next;
    o->last = o->first == NULL ? NULL : o->last;
    o->making = o->making == f ? f->next : o->making;
    o->n_bytes -= gateway_frame_payload(f);
    o->release(o->user, f, sent);
}

void gateway_outbox_clear(gateway_outbox *o)
{
    while (o->first != NULL) {
        pop(o, false);
    }
}

void gateway_outbox_cut(gateway_outbox *o)
{
    gateway_outbox kept = {.first = NULL};
    while (o->first != NULL && o->first->begun) {
        gateway_frame *f = o->first;
        o->first = f->next;
        o->n_bytes -= gateway_frame_payload(f);
        gateway_outbox_push(&kept, f);
    }
    gateway_outbox_clear(o);
    o->first = kept.first;
    o->last = kept.last;
    o->n_bytes = kept.n_bytes;
    o->making = kept.last != NULL && !kept.last->done ? kept.last : NULL;
}

void gateway_outbox_sent(gateway_outbox *o, uint64_t n_sent)
{
    while (o->first != NULL && o->first->done && o->first->end_at <= n_sent) {
        pop(o, true);
    }
}

/* ---- writing ---- */

void gateway_outbox_pong(gateway_outbox *o, const uint8_t *data, size_t len)
{
    memcpy(o->pong, data, len);
    o->n_pong = len;
    o->pong_wanted = true;
}

static bool control_is_next(const gateway_outbox *o)
{
    bool between = o->making == NULL || !o->making->begun;
    return (o->pong_wanted || o->ping_wanted) && between;
}

bool gateway_outbox_has_work(const gateway_outbox *o)
{
    return !o->close_made && (o->making != NULL || control_is_next(o));
}

static size_t write_control(gateway_outbox *o, uint8_t *out, size_t room)
{
    if (room < CONTROL_ROOM) {
        return 0;
    }
    if (o->pong_wanted) {
        o->pong_wanted = false;
        return gateway_frame_control(GATEWAY_OP_PONG, o->pong, o->n_pong, out);
    }
    o->ping_wanted = false;
    o->n_pings++;
    return gateway_frame_control(GATEWAY_OP_PING, NULL, 0, out);
}

static size_t write_message(gateway_outbox *o, uint8_t *out, size_t room, uint64_t offset)
{
    gateway_frame *f = o->making;
    size_t n = gateway_frame_write(f, out, room);
    if (f->done) {
        f->end_at = offset + n;
        o->making = f->next;
        o->close_made = f->opcode == GATEWAY_OP_CLOSE;
    }
    return n;
}

size_t gateway_outbox_write(gateway_outbox *o, uint8_t *out, size_t room, uint64_t offset)
{
    size_t n = 0;
    size_t got = 1;
    while (got > 0 && gateway_outbox_has_work(o)) {
        got = control_is_next(o) ? write_control(o, out + n, room - n)
                                 : write_message(o, out + n, room - n, offset + n);
        n += got;
    }
    return n;
}
