#include "reflection_jam.h"

#include "reflection_jam_event.h"
#include "reflection_socket.h"
#include "reflection_wav.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 600000
#define RETRY_DEFAULT_MS 1000
#define SEED_MAX 2147483647
#define BUFFER_MAX_MS 60000
#define ID_MAX 64
#define CLOSE_WAIT_MS 1000

struct reflection_jam {
    reflection_url url;
    char *key;
    char *ca_file;
    reflection_socket *socket; /* NULL after a lost connection */
    reflection_jam_info info;
    reflection_jam_fault fault;
    bool has_index;
    uint64_t last_index;         /* of the last chunk had */
    bool is_stopped;             /* the stopped event was given */
    reflection_message *early;   /* an error that came before started, to be given first */
    reflection_message *pending; /* a binary frame whose chunk_meta is to come */
    reflection_message *file;    /* of the last event */
    reflection_message *message; /* of the last event */
    json_t *object;              /* the same, parsed */
    float samples[REFLECTION_JAM_CHANNELS * REFLECTION_JAM_SAMPLES_MAX];
};

/* ---- what an event lends ---- */

static void drop_lent(reflection_jam *jam)
{
    json_decref(jam->object);
    jam->object = NULL;
    free(jam->message);
    jam->message = NULL;
    free(jam->file);
    jam->file = NULL;
}

static void disconnect(reflection_jam *jam)
{
    jam->socket = reflection_socket_close(jam->socket);
    free(jam->early);
    jam->early = NULL;
    free(jam->pending);
    jam->pending = NULL;
}

/* Notes why the connection has ended, when nothing else was noted. */
static int lost(reflection_jam *jam, int err)
{
    int code = jam->socket == NULL ? 0 : reflection_socket_close_code(jam->socket);
    switch (err) {
    case -EPIPE:
        err = code == 1008 || code == 1009 || code == 1007 ? -EPIPE : -ECONNRESET;
        reflection_fail(&jam->fault, err, "the server closed the connection with code %d", code);
        break;
    case -EMSGSIZE:
        reflection_fail(&jam->fault, err, "a message of more than %d bytes",
                        REFLECTION_MESSAGE_MAX);
        break;
    case -EPROTO:
        reflection_fail(&jam->fault, err, "the server breaks the WebSocket protocol");
        break;
    case -ECONNRESET:
        reflection_fail(&jam->fault, err, "the connection was lost");
        break;
    default:
        reflection_fail(&jam->fault, err, "%s", strerror(-err));
        break;
    }
    jam->fault.close_code = code;
    disconnect(jam);
    return err;
}

/* ---- sending ---- */

static int send_object(reflection_jam *jam, json_t *object, reflection_jam_fault *fault)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory, or a text is not UTF-8");
    }
    int err = jam->socket == NULL ? -ECONNRESET : reflection_socket_send(jam->socket, text);
    free(text);
    return err == 0 ? 0
                    : reflection_fail(fault, err, "%s",
                                      err == -EAGAIN ? "too much waits to be sent"
                                                     : "the connection is over");
}

static int command(reflection_jam *jam, const char *type, const char *id, json_t *object)
{
    if (jam->is_stopped) {
        json_decref(object);
        return reflection_fail(&jam->fault, -EPIPE, "the session has ended");
    }
    if (id != NULL && (id[0] == '\0' || strlen(id) > ID_MAX)) {
        json_decref(object);
        return reflection_fail(&jam->fault, -EINVAL, "id: must have 1 to %d bytes", ID_MAX);
    }
    object = object == NULL ? json_object() : object;
    json_object_set_new(object, "type", json_string(type));
    if (id != NULL) {
        json_object_set_new(object, "id", json_string(id));
    }
    return send_object(jam, object, &jam->fault);
}

int reflection_jam_update(reflection_jam *jam, const char *fields, const char *id)
{
    json_error_t error;
    json_t *object = json_loads(fields != NULL ? fields : "", JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return reflection_fail(&jam->fault, -EINVAL, "fields: no JSON object: %s",
                               object == NULL ? error.text : "another value");
    }
    return command(jam, "update", id, object);
}

int reflection_jam_pause(reflection_jam *jam, const char *id)
{
    return command(jam, "pause", id, NULL);
}

int reflection_jam_resume(reflection_jam *jam, const char *id)
{
    return command(jam, "resume", id, NULL);
}

int reflection_jam_reset_context(reflection_jam *jam, int64_t seed, const char *id)
{
    if (seed < -1 || seed > SEED_MAX) {
        return reflection_fail(&jam->fault, -EINVAL, "seed: must be 0 to %d, or -1", SEED_MAX);
    }
    json_t *object = seed < 0 ? NULL : json_pack("{s:I}", "seed", (json_int_t)seed);
    return command(jam, "reset_context", id, object);
}

int reflection_jam_ping(reflection_jam *jam, int64_t buffer_ms, const char *id)
{
    if (buffer_ms < -1 || buffer_ms > BUFFER_MAX_MS) {
        return reflection_fail(&jam->fault, -EINVAL, "buffer_ms: must be 0 to %d, or -1",
                               BUFFER_MAX_MS);
    }
    json_t *object = buffer_ms < 0 ? NULL : json_pack("{s:I}", "buffer_ms", (json_int_t)buffer_ms);
    return command(jam, "ping", id, object);
}

int reflection_jam_stop(reflection_jam *jam)
{
    return command(jam, "stop", NULL, NULL);
}

/* ---- starting ---- */

/* The next text message before the session has begun. */
static int next_text(reflection_jam *jam, int64_t deadline_ns, reflection_jam_fault *fault)
{
    drop_lent(jam);
    int n = reflection_socket_next(jam->socket, deadline_ns, &jam->message);
    if (n == 0) {
        return reflection_fail(fault, -ETIMEDOUT, "the session did not begin in time");
    }
    if (n < 0) {
        n = lost(jam, n);
        if (fault != &jam->fault) {
            *fault = jam->fault;
        }
        return n;
    }
    return jam->message->is_binary
               ? reflection_fail(fault, -EPROTO, "audio came before the session began")
               : 0;
}

/* Waits, and answers the server's pings, for as long as it asked. */
static int wait_for_room(reflection_jam *jam, const reflection_jam_fault *busy, int64_t deadline_ns)
{
    int64_t wait_ms = busy->retry_after_ms > 0 ? busy->retry_after_ms : RETRY_DEFAULT_MS;
    int64_t until_ns = reflection_deadline_ns(wait_ms);
    if (until_ns >= deadline_ns) {
        return -EBUSY;
    }
    reflection_message *m = NULL;
    int n = reflection_socket_next(jam->socket, until_ns, &m);
    free(m);
    return n == 0 ? 0 : -EBUSY;
}

static int on_early_error(reflection_jam *jam, int64_t deadline_ns, json_t *start,
                          reflection_jam_fault *fault)
{
    reflection_event_error(jam->object, fault);
    if (strcmp(fault->code, "REPLAY_LOST") == 0 && jam->early == NULL) {
        jam->early = jam->message;
        jam->message = NULL;
        return 0;
    }
    if (strcmp(fault->code, "BUSY") == 0 && wait_for_room(jam, fault, deadline_ns) == 0) {
        return send_object(jam, json_incref(start), fault);
    }
    return fault->err;
}

/* Sends start and waits for `started`. */
static int begin(reflection_jam *jam, json_t *start, int64_t deadline_ns,
                 reflection_jam_fault *fault)
{
    int err = send_object(jam, json_incref(start), fault);
    while (err == 0) {
        const char *type = "";
        err = next_text(jam, deadline_ns, fault);
        err = err == 0 ? reflection_event_parse(jam->message->data, jam->message->len, &jam->object,
                                                &type, fault)
                       : err;
        if (err == 0 && strcmp(type, "started") == 0) {
            return reflection_event_started(jam->object, &jam->info, fault);
        }
        if (err == 0 && strcmp(type, "error") == 0) {
            err = on_early_error(jam, deadline_ns, start, fault);
        } else if (err == 0 && strcmp(type, "stopped") == 0) {
            err = reflection_fail(fault, -EPIPE, "the server stopped the session as it began");
        }
    }
    return err;
}

static int connect_and_begin(reflection_jam *jam, json_t *start, int64_t deadline_ns,
                             reflection_jam_fault *fault)
{
    int err = start == NULL ? reflection_fail(fault, -ENOMEM, "no memory, or a text is not UTF-8")
                            : reflection_socket_open(&jam->url, jam->ca_file, jam->key, deadline_ns,
                                                     &jam->socket, fault);
    err = err == 0 ? begin(jam, start, deadline_ns, fault) : err;
    json_decref(start);
    drop_lent(jam);
    if (err < 0) {
        disconnect(jam);
    }
    return err;
}

/* ---- open and close ---- */

static json_t *resume_message(const char *token, bool has_index, uint64_t last_index)
{
    json_t *m =
        json_pack("{s:s, s:b, s:s}", "type", "start", "binary_audio", 1, "resume_token", token);
    if (has_index) {
        json_object_set_new(m, "last_index", json_integer((json_int_t)last_index));
    }
    return m;
}

static int start_message(const reflection_jam_options *o, json_t **ret, reflection_jam_fault *fault)
{
    json_error_t error;
    if (o->resume_token != NULL) {
        *ret = resume_message(o->resume_token, o->last_index >= 0, (uint64_t)o->last_index);
        return 0;
    }
    json_t *params =
        json_loads(o->params != NULL ? o->params : "{}", JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(params)) {
        json_decref(params);
        return reflection_fail(fault, -EINVAL, "params: no JSON object: %s",
                               params == NULL ? error.text : "another value");
    }
    json_t *m = json_pack("{s:s, s:s, s:b, s:o}", "type", "start", "mode", "rt", "binary_audio", 1,
                          "params", params);
    if (o->session_id != NULL) {
        json_object_set_new(m, "session_id", json_string(o->session_id));
        json_object_set_new(m, "role", json_string(o->listener ? "listener" : "controller"));
    }
    *ret = m;
    return 0;
}

static int check_timeout(int64_t *timeout_ms, reflection_jam_fault *fault)
{
    *timeout_ms = *timeout_ms == 0 ? TIMEOUT_DEFAULT_MS : *timeout_ms;
    return *timeout_ms < 1 || *timeout_ms > TIMEOUT_MAX_MS
               ? reflection_fail(fault, -EINVAL, "timeout_ms: must be 1 to %d", TIMEOUT_MAX_MS)
               : 0;
}

static int copy_options(reflection_jam *jam, const reflection_jam_options *o,
                        reflection_jam_fault *fault)
{
    jam->key = o->key != NULL ? strdup(o->key) : NULL;
    jam->ca_file = o->ca_file != NULL ? strdup(o->ca_file) : NULL;
    bool failed =
        (o->key != NULL && jam->key == NULL) || (o->ca_file != NULL && jam->ca_file == NULL);
    return failed ? reflection_fail(fault, -ENOMEM, "no memory") : 0;
}

static int open_session(reflection_jam *jam, const reflection_jam_options *options,
                        reflection_jam_fault *fault)
{
    int64_t timeout_ms = options->timeout_ms;
    json_t *start = NULL;
    int err = check_timeout(&timeout_ms, fault);
    err = err == 0 ? reflection_url_parse(options->url, &jam->url, fault) : err;
    err = err == 0 ? copy_options(jam, options, fault) : err;
    err = err == 0 ? start_message(options, &start, fault) : err;
    if (err == 0) {
        jam->has_index = options->resume_token != NULL && options->last_index >= 0;
        jam->last_index = jam->has_index ? (uint64_t)options->last_index : 0;
        err = connect_and_begin(jam, start, reflection_deadline_ns(timeout_ms), fault);
    }
    return err;
}

int reflection_jam_open(const reflection_jam_options *options, reflection_jam **ret,
                        reflection_jam_fault *fault)
{
    reflection_jam_fault own;
    fault = fault == NULL ? &own : fault;
    *fault = (reflection_jam_fault){0};
    reflection_jam *jam = calloc(1, sizeof(*jam));
    if (jam == NULL) {
        return reflection_fail(fault, -ENOMEM, "no memory");
    }
    int err = open_session(jam, options, fault);
    if (err < 0) {
        reflection_jam_close(jam);
        return err;
    }
    *ret = jam;
    return 0;
}

reflection_jam *reflection_jam_close(reflection_jam *jam)
{
    if (jam != NULL) {
        drop_lent(jam);
        disconnect(jam);
        free(jam->key);
        free(jam->ca_file);
        free(jam);
    }
    return NULL;
}

int reflection_jam_reconnect(reflection_jam *jam, int64_t timeout_ms)
{
    if (jam->is_stopped || jam->info.resume_token[0] == '\0') {
        return reflection_fail(&jam->fault, -EPIPE, "the session has %s",
                               jam->is_stopped ? "ended" : "no resume token");
    }
    int err = check_timeout(&timeout_ms, &jam->fault);
    if (err < 0) {
        return err;
    }
    drop_lent(jam);
    disconnect(jam);
    json_t *start = resume_message(jam->info.resume_token, jam->has_index, jam->last_index);
    return connect_and_begin(jam, start, reflection_deadline_ns(timeout_ms), &jam->fault);
}

const reflection_jam_info *reflection_jam_info_of(const reflection_jam *jam)
{
    return &jam->info;
}

const reflection_jam_fault *reflection_jam_last_fault(const reflection_jam *jam)
{
    return &jam->fault;
}

/* ---- events ---- */

static bool is_wav(const reflection_jam *jam)
{
    return strncmp(jam->info.format, "wav-", 4) == 0;
}

/* The audio of a chunk must be what its metadata says. */
static int read_chunk(reflection_jam *jam, reflection_jam_chunk *chunk)
{
    if (jam->pending == NULL) {
        return reflection_fail(&jam->fault, -EPROTO, "chunk_meta came without audio");
    }
    jam->file = jam->pending;
    jam->pending = NULL;
    int err = reflection_event_chunk(jam->object, chunk, &jam->fault);
    if (err < 0) {
        return err;
    }
    chunk->file = jam->file->data;
    chunk->file_len = jam->file->len;
    if (is_wav(jam)) {
        int n = reflection_wav_decode(chunk->file, chunk->file_len, jam->samples,
                                      REFLECTION_JAM_SAMPLES_MAX, &jam->fault);
        if (n < 0) {
            return n;
        }
        if ((size_t)n != chunk->n_samples) {
            return reflection_fail(&jam->fault, -EPROTO,
                                   "samples: %d in the file, %zu in the metadata", n,
                                   chunk->n_samples);
        }
        chunk->samples = jam->samples;
    }
    jam->has_index = true;
    jam->last_index = chunk->index;
    return 1;
}

/* Fills *ret from the message at hand. 1, 0 for a type that is not known, or an error. */
static int read_event(reflection_jam *jam, reflection_jam_event *ret)
{
    const char *type = "";
    int err = reflection_event_parse(jam->message->data, jam->message->len, &jam->object, &type,
                                     &jam->fault);
    if (err < 0) {
        return err;
    }
    const char *id = json_string_value(json_object_get(jam->object, "id"));
    *ret = (reflection_jam_event){.json = jam->message->data, .id = id != NULL ? id : ""};
    if (strcmp(type, "chunk_meta") == 0) {
        ret->kind = REFLECTION_JAM_CHUNK;
        return read_chunk(jam, &ret->chunk);
    }
    if (jam->pending != NULL) {
        return reflection_fail(&jam->fault, -EPROTO, "audio came without its chunk_meta");
    }
    if (strcmp(type, "status") == 0) {
        ret->kind = REFLECTION_JAM_STATUS;
        err = reflection_event_status(jam->object, &ret->status, &jam->fault);
    } else if (strcmp(type, "error") == 0) {
        ret->kind = REFLECTION_JAM_ERROR;
        reflection_event_error(jam->object, &ret->error);
    } else if (strcmp(type, "stopped") == 0) {
        ret->kind = REFLECTION_JAM_STOPPED;
        err = reflection_event_stopped(jam->object, &ret->stopped, &jam->fault);
        jam->is_stopped = err == 0;
    } else if (strcmp(type, "pong") == 0) {
        ret->kind = REFLECTION_JAM_PONG;
    } else {
        return 0;
    }
    return err < 0 ? err : 1;
}

/* Takes the next message of the connection, or the one kept from the start. */
static int next_message(reflection_jam *jam, int64_t deadline_ns)
{
    if (jam->early != NULL) {
        jam->message = jam->early;
        jam->early = NULL;
        return 1;
    }
    return reflection_socket_next(jam->socket, deadline_ns, &jam->message);
}

/* As read_event, also for audio, which is kept until its chunk_meta comes. */
static int read_message(reflection_jam *jam, reflection_jam_event *ret)
{
    if (!jam->message->is_binary) {
        return read_event(jam, ret);
    }
    if (jam->pending != NULL) {
        return reflection_fail(&jam->fault, -EPROTO, "audio came without its chunk_meta");
    }
    jam->pending = jam->message;
    jam->message = NULL;
    return 0;
}

/* Reads on to the end of the connection, so that both sides close it in peace. */
static int end(reflection_jam *jam)
{
    int64_t deadline_ns = reflection_deadline_ns(CLOSE_WAIT_MS);
    reflection_message *m = NULL;
    while (jam->socket != NULL && reflection_socket_next(jam->socket, deadline_ns, &m) > 0) {
        free(m);
    }
    disconnect(jam);
    return reflection_fail(&jam->fault, -EPIPE, "the session has ended");
}

int reflection_jam_next(reflection_jam *jam, int64_t timeout_ms, reflection_jam_event *ret)
{
    int64_t deadline_ns = reflection_deadline_ns(timeout_ms);
    int n = 0;
    drop_lent(jam);
    if (jam->is_stopped) {
        return end(jam);
    }
    if (jam->socket == NULL) {
        return reflection_fail(&jam->fault, -ECONNRESET, "the connection was lost");
    }
    while (n == 0) {
        n = next_message(jam, deadline_ns);
        if (n <= 0) {
            return n == 0 ? 0 : lost(jam, n);
        }
        n = read_message(jam, ret);
        if (n == 0) {
            drop_lent(jam);
        }
    }
    if (n < 0) {
        disconnect(jam);
    }
    return n;
}

int reflection_jam_fd(const reflection_jam *jam)
{
    return jam->socket == NULL ? -1 : reflection_socket_fd(jam->socket);
}

short reflection_jam_poll_events(const reflection_jam *jam)
{
    return jam->socket == NULL ? 0 : reflection_socket_events(jam->socket);
}
