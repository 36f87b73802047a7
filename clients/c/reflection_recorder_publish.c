/* The network source: frames are kept until they are durable, and sent. */
#include "reflection_recorder_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define NS_PER_MS 1000000
#define GAP_MAX_S 86400

static int send_block(reflection_recorder *r, reflection_block *b)
{
    if (b->len > 0) {
        const reflection_frame frame = {.type = REFLECTION_FRAME_PUBLISH,
                                        .stream_id = r->stream_id,
                                        .n_frames = (uint32_t)b->n_frames,
                                        .first_frame = (uint64_t)b->first_frame};
        reflection_frame_pack(&frame, b->data);
        return reflection_socket_send_binary(r->socket, b->data, b->len);
    }
    json_t *message =
        json_pack("{s:s, s:i, s:I, s:I}", "type", "gap", "stream_id", (int)r->stream_id,
                  "first_frame", (json_int_t)b->first_frame, "length", (json_int_t)b->n_frames);
    int err = reflection_link_send(r, message);
    json_decref(message);
    return err;
}

/* Sends as much as the connection takes; a lost one is noticed by receive. */
static void send_kept(reflection_recorder *r)
{
    while (r->kept.unsent != NULL && send_block(r, r->kept.unsent) == 0) {
        r->kept.unsent = r->kept.unsent->next;
    }
}

static void sleep_until(int64_t at_ns)
{
    const int64_t left_ns = at_ns - reflection_now_ns();
    if (left_ns > 0) {
        (void)poll(NULL, 0, (int)(left_ns / NS_PER_MS) + 1);
    }
}

/* Goes on with sending, receiving and attaching: 1 when something has happened, 0 when nothing did
 * until the deadline, or an error that stands. */
static int step(reflection_recorder *r, int64_t deadline_ns)
{
    int err = reflection_link_attach(r);
    if (err == -EAGAIN) {
        const bool is_near = r->next_try_ns < deadline_ns;
        sleep_until(is_near ? r->next_try_ns : deadline_ns);
        return is_near;
    }
    if (err < 0) {
        return err;
    }
    send_kept(r);
    int n = reflection_link_receive(r, deadline_ns);
    return n < 0 ? 1 : n;
}

static int check_publisher(reflection_recorder *r)
{
    if (r->options.source != REFLECTION_RECORDER_NETWORK) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                 "source: only a network source is published");
    }
    return r->life != REFLECTION_LIFE_READY || r->phase != REFLECTION_PHASE_ACTIVE
               ? reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_RECORDING,
                                   "the session does not record")
               : 0;
}

/* Keeps as many frames as there is room for, in messages. How many, or -ENOMEM. */
static int64_t keep(reflection_recorder *r, const uint8_t *pcm, int64_t n)
{
    const int64_t most = reflection_kept_most(r->frame_bytes);
    int64_t done = 0;
    while (done < n && r->kept.n_frames < r->window_frames) {
        const int64_t room = r->window_frames - r->kept.n_frames;
        int64_t part = n - done < most ? n - done : most;
        part = part < room ? part : room;
        if (reflection_kept_audio(&r->kept, r->published, pcm + (size_t)done * r->frame_bytes, part,
                                  r->frame_bytes) < 0) {
            return reflection_break(&r->fault, -ENOMEM, "no memory");
        }
        r->published += part;
        done += part;
    }
    return done;
}

int64_t reflection_recorder_publish(reflection_recorder *r, const void *pcm, size_t n_frames,
                                    int64_t timeout_ms)
{
    const int64_t deadline_ns = reflection_deadline_ns(timeout_ms);
    const int64_t n = (int64_t)n_frames;
    int64_t done = 0;
    int err = check_publisher(r);
    while (err == 0) {
        const uint8_t *rest = (const uint8_t *)pcm + (size_t)done * r->frame_bytes;
        const int64_t part = r->paused ? n - done : keep(r, rest, n - done);
        if (part < 0) {
            return part;
        }
        done += part;
        err = step(r, done == n ? reflection_now_ns() : deadline_ns);
        if (err >= 0 && (done == n || err == 0 || r->phase != REFLECTION_PHASE_ACTIVE)) {
            return done; /* the next call says what has ended it */
        }
        err = err < 0 ? err : 0;
    }
    return err;
}

int reflection_recorder_gap(reflection_recorder *r, int64_t n_frames)
{
    int err = check_publisher(r);
    if (err == 0 && (n_frames < 1 || n_frames > (int64_t)GAP_MAX_S * r->options.rate_hz)) {
        err = reflection_refuse(&r->fault, REFLECTION_RECORDER_GAP_TOO_LONG,
                                "n_frames: 1 frame to 24 h, not %lld", (long long)n_frames);
    }
    if (err == 0 && !r->paused) {
        err = reflection_kept_gap(&r->kept, r->published, n_frames);
        r->published += err == 0 ? n_frames : 0;
        err =
            err < 0 ? reflection_break(&r->fault, err, "no memory") : step(r, reflection_now_ns());
    }
    return err < 0 ? err : 0;
}

int reflection_recorder_anchor(reflection_recorder *r, int64_t frame, int64_t utc_ns)
{
    int err = check_publisher(r);
    if (err == 0 && (frame < 0 || frame > r->published)) {
        err = reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                "frame: 0 to %lld, not %lld", (long long)r->published,
                                (long long)frame);
    }
    if (err < 0) {
        return err;
    }
    err = step(r, reflection_now_ns());
    if (err >= 0 && r->socket != NULL) { /* one that is lost with its connection does no harm */
        json_t *message =
            json_pack("{s:s, s:i, s:I, s:I}", "type", "anchor", "stream_id", (int)r->stream_id,
                      "frame", (json_int_t)frame, "utc_ns", (json_int_t)utc_ns);
        (void)reflection_link_send(r, message);
        json_decref(message);
    }
    return err < 0 ? err : 0;
}

int64_t reflection_recorder_wait(reflection_recorder *r, int64_t durable_frames, int64_t timeout_ms,
                                 int64_t *ret_published)
{
    const int64_t deadline_ns = reflection_deadline_ns(timeout_ms);
    int n = check_publisher(r);
    n = n == 0 ? step(r, reflection_now_ns()) : n;
    while (n >= 0 && r->durable < durable_frames && r->phase == REFLECTION_PHASE_ACTIVE) {
        n = step(r, deadline_ns);
        durable_frames = n == 0 ? 0 : durable_frames; /* the time is over */
    }
    if (n >= 0 && ret_published != NULL) {
        *ret_published = r->published;
    }
    return n < 0 ? n : r->durable;
}

void reflection_publish_look(reflection_recorder *r)
{
    while (r->socket != NULL && reflection_link_receive(r, reflection_now_ns()) > 0) {
    }
}

/* Everything kept is on its way: 0, or an error. */
static int send_all(reflection_recorder *r, int64_t deadline_ns)
{
    int n = 1;
    while (n > 0 && r->phase == REFLECTION_PHASE_ACTIVE) {
        n = step(r, reflection_now_ns());
        if (n < 0 || (r->socket != NULL && r->kept.unsent == NULL)) {
            return n < 0 ? n : 0;
        }
        n = step(r, deadline_ns);
    }
    return n == 0  ? reflection_break(&r->fault, -ETIMEDOUT, "the frames could not be sent in time")
           : n < 0 ? n
                   : reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_RECORDING,
                                       "the session has ended");
}

int reflection_publish_command(reflection_recorder *r, const char *type, json_t *fields,
                               bool repeats, int64_t deadline_ns, json_t **ret)
{
    json_t *message = fields != NULL ? fields : json_object();
    json_object_set_new(message, "type", json_string(type));
    int err;
    do {
        err = send_all(r, deadline_ns);
        if (err == 0) {
            json_object_set_new(message, "stream_id", json_integer(r->stream_id));
            err = reflection_link_ask(r, message, deadline_ns, ret);
        }
    } while (repeats && r->socket == NULL && err == -ECONNRESET &&
             r->phase == REFLECTION_PHASE_ACTIVE && r->options.attach_ms >= 0 &&
             reflection_now_ns() < deadline_ns);
    json_decref(message);
    return err;
}
