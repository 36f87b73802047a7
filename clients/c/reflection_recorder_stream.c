/* Hearing a session: a subscriber of /ws/recorder, whose messages become chunks. */
#include "reflection_recorder_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reflection_recorder_stream {
    reflection_socket *socket;
    reflection_recorder_fault fault;
    uint16_t id;
    bool is_standalone;
    int64_t codec_frame; /* a chunk ends with the one that ends nearest to its end */
    int64_t chunk_frames;
    /* Frames at the output rate. */
    int64_t coded;    /* in all */
    int64_t before;   /* the chunk in hand */
    int64_t boundary; /* where it ends */
    /* The chunk in hand. */
    uint8_t *data;
    size_t len;
    size_t size;
    int64_t first_frame;
    bool has_first;
    int64_t dropped_first; /* before the next */
    int64_t n_dropped;
    reflection_message *next; /* begins the chunk after it */
    bool is_given;            /* the chunk in hand, and must go */
    bool is_ended;
};

/* ---- opening ---- */

static int64_t codec_frame(reflection_recorder_format format, uint32_t rate_hz)
{
    switch (format) {
    case REFLECTION_RECORDER_MP3:
        return rate_hz >= 32000 ? 1152 : 576;
    case REFLECTION_RECORDER_OPUS:
        return rate_hz / 50;
    default:
        return 1;
    }
}

static json_t *subscribe_message(const reflection_recorder *r,
                                 const reflection_recorder_listen *listen)
{
    char from[REFLECTION_TIME_SIZE];
    reflection_bound_text(listen->from, from);
    json_t *m = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "type", "subscribe", "req", 1,
                          "session", r->session, "from",
                          listen->from_start ? "start"
                          : from[0] != '\0'  ? from
                                             : "now",
                          "framing", listen->standalone ? "standalone" : "continuous", "lag_policy",
                          listen->drop ? "drop" : "wait");
    if (listen->output.format != REFLECTION_RECORDER_DEFAULT) {
        json_object_set_new(m, "format",
                            json_string(reflection_recorder_format_name(listen->output.format)));
    }
    if (listen->output.rate_hz != 0) {
        json_object_set_new(m, "rate", json_integer(listen->output.rate_hz));
    }
    if (listen->output.channels != 0) {
        json_object_set_new(m, "channels", json_integer(listen->output.channels));
    }
    if (listen->chunk_frames != 0) {
        json_object_set_new(m, "chunk_size", json_integer(listen->chunk_frames));
    }
    return m;
}

static int lost(reflection_recorder_stream *s, int err)
{
    const int code = reflection_socket_close_code(s->socket);
    err = err == -EPIPE ? -ECONNRESET : err;
    reflection_break(&s->fault, err, "the stream was cut: %s", strerror(-err));
    s->fault.close_code = code;
    return err;
}

/* The answer to the subscription. */
static int await_subscribed(reflection_recorder_stream *s, int64_t deadline_ns)
{
    reflection_message *m = NULL;
    int64_t id = 0;
    int n = reflection_socket_next(s->socket, deadline_ns, &m);
    if (n <= 0) {
        return n == 0 ? reflection_break(&s->fault, -ETIMEDOUT, "the stream did not begin in time")
                      : lost(s, n);
    }
    json_t *answer = m->is_binary ? NULL : json_loadb(m->data, m->len, 0, NULL);
    const char *type = json_string_value(json_object_get(answer, "type"));
    int err = 0;
    if (type != NULL && strcmp(type, "error") == 0) {
        err = reflection_read_error(answer, 0, &s->fault);
    } else if (type == NULL || strcmp(type, "subscribed") != 0 ||
               !reflection_read_i64(answer, "stream_id", 0, UINT16_MAX, &id)) {
        err = reflection_break(&s->fault, -EPROTO, "the server did not say that the stream began");
    }
    s->id = (uint16_t)id;
    json_decref(answer);
    free(m);
    return err;
}

static int subscribe(reflection_recorder *r, const reflection_recorder_listen *listen,
                     reflection_recorder_stream *s)
{
    const int64_t deadline_ns = reflection_deadline_ns(r->options.timeout_ms);
    reflection_jam_fault fault = {0};
    reflection_url url = r->url;
    const size_t len = strlen(url.path);
    reflection_copy(url.path + len, sizeof(url.path) - len, "/ws/recorder");
    int err = reflection_socket_open(&url, r->ca_file, r->key, deadline_ns, &s->socket, &fault);
    if (err < 0) {
        return reflection_take_fault(&fault, &s->fault);
    }
    json_t *message = subscribe_message(r, listen);
    char *text = json_dumps(message, JSON_COMPACT);
    err = text != NULL ? reflection_socket_send(s->socket, text) : -ENOMEM;
    free(text);
    json_decref(message);
    return err < 0 ? lost(s, err) : await_subscribed(s, deadline_ns);
}

/* A PCM or WAV chunk must fit; the others are smaller than it. */
static int check_listen(reflection_recorder *r, const reflection_recorder_listen *listen)
{
    const uint32_t channels =
        listen->output.channels != 0 ? listen->output.channels : r->options.channels;
    if (r->life != REFLECTION_LIFE_READY || r->phase == REFLECTION_PHASE_NONE) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_RECORDING,
                                 "the recorder has no session");
    }
    if ((unsigned)listen->output.format > REFLECTION_RECORDER_FLAC) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_UNSUPPORTED_FORMAT,
                                 "format: pcm, wav, flac, mp3 or opus");
    }
    if (listen->from.place == REFLECTION_RECORDER_UTC) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                 "from: now, the start or a frame");
    }
    return (uint64_t)listen->chunk_frames * channels * 4 > REFLECTION_RECORDER_CHUNK_BYTES_MAX
               ? reflection_break(&r->fault, -EMSGSIZE,
                                  "chunk_frames: a chunk has at most %d bytes",
                                  REFLECTION_RECORDER_CHUNK_BYTES_MAX)
               : 0;
}

int reflection_recorder_stream_open(reflection_recorder *r,
                                    const reflection_recorder_listen *listen,
                                    reflection_recorder_stream **ret)
{
    const reflection_recorder_listen none = {0};
    listen = listen != NULL ? listen : &none;
    int err = check_listen(r, listen);
    if (err < 0) {
        return err;
    }
    reflection_recorder_stream *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return reflection_break(&r->fault, -ENOMEM, "no memory");
    }
    s->is_standalone = listen->standalone;
    s->chunk_frames = listen->chunk_frames != 0 ? listen->chunk_frames : r->options.chunk_frames;
    s->boundary = s->chunk_frames;
    s->codec_frame =
        codec_frame(listen->output.format,
                    listen->output.rate_hz != 0 ? listen->output.rate_hz : r->options.rate_hz);
    err = subscribe(r, listen, s);
    if (err < 0) {
        r->fault = s->fault;
        reflection_recorder_stream_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

reflection_recorder_stream *reflection_recorder_stream_close(reflection_recorder_stream *stream)
{
    if (stream != NULL) {
        reflection_socket_close(stream->socket);
        free(stream->next);
        free(stream->data);
        free(stream);
    }
    return NULL;
}

/* ---- chunks ---- */

static int append(reflection_recorder_stream *s, const void *data, size_t len)
{
    if (len > REFLECTION_RECORDER_CHUNK_BYTES_MAX - s->len) {
        return reflection_break(&s->fault, -EMSGSIZE, "a chunk has more than %d bytes",
                                REFLECTION_RECORDER_CHUNK_BYTES_MAX);
    }
    if (s->len + len > s->size) {
        const size_t size = 2 * (s->len + len);
        uint8_t *grown = realloc(s->data, size);
        if (grown == NULL) {
            return reflection_break(&s->fault, -ENOMEM, "no memory");
        }
        s->data = grown;
        s->size = size;
    }
    if (len > 0) {
        memcpy(s->data + s->len, data, len);
    }
    s->len += len;
    return 0;
}

/* Whether the chunk in hand is whole: coded in full, or as near to it as codec frames allow. */
static bool is_whole(const reflection_recorder_stream *s)
{
    return s->coded > s->before &&
           (s->is_standalone ? s->coded - s->before >= s->chunk_frames
                             : s->coded + s->codec_frame / 2 >= s->boundary);
}

/* Gives the chunk in hand. */
static int give(reflection_recorder_stream *s, reflection_recorder_chunk *ret)
{
    *ret = (reflection_recorder_chunk){.data = s->data,
                                       .len = s->len,
                                       .first_frame = s->first_frame,
                                       .n_frames = (uint32_t)(s->coded - s->before),
                                       .dropped_first = s->dropped_first,
                                       .n_dropped = s->n_dropped};
    while (s->coded + s->codec_frame / 2 >= s->boundary) {
        s->boundary += s->chunk_frames;
    }
    s->before = s->coded;
    s->dropped_first = 0;
    s->n_dropped = 0;
    s->is_given = true;
    return 1;
}

/* Takes a message of audio: 1 with a chunk, 0 when more must come, or an error. */
static int take_audio(reflection_recorder_stream *s, reflection_message *m,
                      reflection_recorder_chunk *ret)
{
    reflection_frame frame = {0};
    if (m->len >= REFLECTION_FRAME_HEAD) {
        reflection_frame_unpack((const uint8_t *)m->data, &frame);
    }
    if (frame.type != REFLECTION_FRAME_SUBSCRIBE || frame.stream_id != s->id ||
        frame.first_frame > INT64_MAX) {
        free(m);
        return reflection_break(&s->fault, -EPROTO, "audio of another stream");
    }
    if (s->has_first && s->len > 0 && (int64_t)frame.first_frame != s->first_frame &&
        s->coded > s->before) {
        s->next = m; /* of the next chunk */
        return give(s, ret);
    }
    s->first_frame = (int64_t)frame.first_frame;
    s->has_first = true;
    int err = append(s, m->data + REFLECTION_FRAME_HEAD, m->len - REFLECTION_FRAME_HEAD);
    free(m);
    s->coded += frame.n_frames;
    return err < 0 ? err : is_whole(s) ? give(s, ret) : 0;
}

/* What the server says between the audio. */
static int take_text(reflection_recorder_stream *s, const reflection_message *m)
{
    json_t *object = json_loadb(m->data, m->len, 0, NULL);
    const char *type = json_string_value(json_object_get(object, "type"));
    int64_t first = 0;
    int64_t n = 0;
    int err = 0;
    if (type == NULL) {
        err = reflection_break(&s->fault, -EPROTO, "a message of the server is no JSON object");
    } else if (strcmp(type, "error") == 0) {
        err = reflection_read_error(object, 0, &s->fault);
    } else if (strcmp(type, "end") == 0) {
        s->is_ended = true;
    } else if (strcmp(type, "lag") == 0 &&
               reflection_read_i64(object, "first_frame", 0, INT64_MAX, &first) &&
               reflection_read_i64(object, "count", 0, INT64_MAX, &n)) {
        s->dropped_first = s->n_dropped == 0 ? first : s->dropped_first;
        s->n_dropped += n;
    }
    json_decref(object);
    return err;
}

static int next_message(reflection_recorder_stream *s, int64_t deadline_ns,
                        reflection_message **ret)
{
    if (s->next != NULL) {
        *ret = s->next;
        s->next = NULL;
        return 1;
    }
    int n = reflection_socket_next(s->socket, deadline_ns, ret);
    return n < 0 ? lost(s, n) : n;
}

static int over(reflection_recorder_stream *s, reflection_recorder_chunk *ret)
{
    return s->len > 0 ? give(s, ret) : reflection_break(&s->fault, -EPIPE, "the stream has ended");
}

int reflection_recorder_stream_read(reflection_recorder_stream *stream, int64_t timeout_ms,
                                    reflection_recorder_chunk *ret)
{
    const int64_t deadline_ns = reflection_deadline_ns(timeout_ms);
    int n = 0;
    if (stream->is_given) {
        stream->is_given = false;
        stream->has_first = false;
        stream->len = 0;
    }
    while (n == 0 && !stream->is_ended) {
        reflection_message *m = NULL;
        n = next_message(stream, deadline_ns, &m);
        if (n <= 0) {
            return n;
        }
        if (m->is_binary) {
            n = take_audio(stream, m, ret);
        } else {
            n = take_text(stream, m);
            free(m);
        }
    }
    return n == 0 ? over(stream, ret) : n;
}

const reflection_recorder_fault *
reflection_recorder_stream_fault(const reflection_recorder_stream *stream)
{
    return &stream->fault;
}

int reflection_recorder_stream_fd(const reflection_recorder_stream *stream)
{
    return reflection_socket_fd(stream->socket);
}
