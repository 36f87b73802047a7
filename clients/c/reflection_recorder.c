/* The recorder and its states; see the diagram in reflection_recorder.h. */
#include "reflection_recorder_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 16

/* ---- life ---- */

int reflection_recorder_new(const reflection_recorder_options *options, reflection_recorder **ret,
                            reflection_recorder_fault *fault)
{
    reflection_recorder_fault own;
    fault = fault != NULL ? fault : &own;
    *fault = (reflection_recorder_fault){0};
    reflection_recorder *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return reflection_break(fault, -ENOMEM, "no memory");
    }
    int err = reflection_take_options(r, options, fault);
    if (err < 0) {
        reflection_recorder_free(r);
        return err;
    }
    *ret = r;
    return 0;
}

reflection_recorder *reflection_recorder_free(reflection_recorder *r)
{
    if (r != NULL) {
        reflection_link_close(r);
        reflection_link_forget(r);
        json_decref(r->settings);
        free(r->document);
        free(r->key);
        free(r->ca_file);
        free(r->source_name);
        free(r);
    }
    return NULL;
}

int reflection_recorder_init(reflection_recorder *r)
{
    if (r->life == REFLECTION_LIFE_READY) {
        return 0;
    }
    int err = r->options.source == REFLECTION_RECORDER_NETWORK
                  ? reflection_link_open(r, reflection_deadline_ns(r->options.timeout_ms))
                  : reflection_call(r, "GET", "/recordings?page_size=1", NULL,
                                    r->options.timeout_ms, NULL);
    if (err == 0) {
        r->life = REFLECTION_LIFE_READY;
        r->phase = REFLECTION_PHASE_NONE;
    }
    return err;
}

const reflection_recorder_fault *reflection_recorder_last_fault(const reflection_recorder *r)
{
    return &r->fault;
}

int reflection_recorder_close(reflection_recorder *r)
{
    reflection_recorder_segment segment;
    int err = r->life == REFLECTION_LIFE_READY && r->phase == REFLECTION_PHASE_ACTIVE
                  ? reflection_recorder_stop(r, &segment)
                  : 0;
    reflection_link_close(r);
    reflection_link_forget(r);
    r->phase = REFLECTION_PHASE_NONE;
    r->life = r->life == REFLECTION_LIFE_NEW ? REFLECTION_LIFE_NEW : REFLECTION_LIFE_CLOSED;
    return err;
}

static int not_open(reflection_recorder *r)
{
    return reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_INITIALISED,
                             "the recorder is not open");
}

static int not_recording(reflection_recorder *r)
{
    return reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_RECORDING,
                             "the recorder has no session that records");
}

/* ---- start ---- */

static json_t *start_body(const reflection_recorder *r, const char *const *prefixes, size_t n)
{
    const reflection_recorder_options *o = &r->options;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, json_string(prefixes[i]));
    }
    json_t *body = json_pack(
        "{s:s, s:s, s:i, s:i, s:i, s:s, s:o}", "source", reflection_source_name(o->source),
        "sample_format", reflection_recorder_sample_name(o->sample_format), "channels",
        (int)o->channels, "rate", (int)o->rate_hz, "chunk", (int)o->chunk_frames, "store_format",
        reflection_recorder_format_name(o->store_format), "prefixes", list);
    if (r->source_name != NULL) {
        json_object_set_new(body, "source_name", json_string(r->source_name));
    }
    if (r->settings != NULL) {
        json_object_set(body, "options", r->settings);
    }
    return body;
}

static int post_start(reflection_recorder *r, json_t *body)
{
    json_t *answer = NULL;
    int err = reflection_call(r, "POST", "/recordings", body, r->options.timeout_ms, &answer);
    if (err == 0 &&
        (!reflection_read_text(answer, "id", r->session, sizeof(r->session)) ||
         !reflection_read_text(answer, "key", r->session_key, sizeof(r->session_key)))) {
        err = reflection_break(&r->fault, -EPROTO, "the server did not say what has begun");
    }
    json_decref(answer);
    return err;
}

static bool captures(reflection_recorder_state_kind state)
{
    return state == REFLECTION_RECORDER_RECORDING || state == REFLECTION_RECORDER_PAUSED ||
           state == REFLECTION_RECORDER_INTERRUPTED;
}

/* Whether the session that is taken to capture still does; one may have ended by itself. */
static bool still_captures(reflection_recorder *r)
{
    reflection_recorder_info info;
    if (r->phase == REFLECTION_PHASE_ACTIVE && r->options.source == REFLECTION_RECORDER_NETWORK) {
        reflection_publish_look(r);
    } else if (r->phase == REFLECTION_PHASE_ACTIVE && reflection_recorder_state(r, &info) == 0 &&
               !captures(info.state)) {
        r->phase = REFLECTION_PHASE_ENDED;
    }
    return r->phase == REFLECTION_PHASE_ACTIVE;
}

int reflection_recorder_start(reflection_recorder *r, const char *const *prefixes,
                              size_t n_prefixes)
{
    if (r->life != REFLECTION_LIFE_READY) {
        return not_open(r);
    }
    if (n_prefixes > PARTS_MAX) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_KEY_PART,
                                 "prefixes: at most %d parts, not %zu", PARTS_MAX, n_prefixes);
    }
    if (still_captures(r)) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_ALREADY_RECORDING,
                                 "the recorder has a session that records");
    }
    json_t *body = start_body(r, prefixes, n_prefixes);
    int err = r->options.source == REFLECTION_RECORDER_NETWORK ? reflection_link_start(r, body)
                                                               : post_start(r, body);
    r->phase = err == 0 ? REFLECTION_PHASE_ACTIVE : r->phase;
    return err;
}

const char *reflection_recorder_current_key(const reflection_recorder *r)
{
    return r->phase == REFLECTION_PHASE_ACTIVE || r->phase == REFLECTION_PHASE_ENDED
               ? r->session_key
               : NULL;
}

const char *reflection_recorder_session(const reflection_recorder *r)
{
    return r->phase != REFLECTION_PHASE_NONE ? r->session : NULL;
}

int reflection_recorder_select(reflection_recorder *r, const char *session)
{
    if (r->life != REFLECTION_LIFE_READY) {
        return not_open(r);
    }
    if (r->phase == REFLECTION_PHASE_ACTIVE) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_ALREADY_RECORDING,
                                 "the recorder has a session that records");
    }
    if (strlen(session) != sizeof(r->session) - 1 ||
        strspn(session, "0123456789abcdef") != sizeof(r->session) - 1) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_FOUND,
                                 "session: 32 hexadecimal digits");
    }
    reflection_copy(r->session, sizeof(r->session), session);
    r->phase = REFLECTION_PHASE_GIVEN;
    return 0;
}

/* ---- pause, resume, marker ---- */

/* A call that moves the session on, in its way: a message of the publisher or a request. */
static int64_t move(reflection_recorder *r, const char *verb, json_t *fields, bool repeats)
{
    char path[REFLECTION_PATH_MAX];
    json_t *answer = NULL;
    int64_t frame = 0;
    int err;
    if (r->life != REFLECTION_LIFE_READY || r->phase != REFLECTION_PHASE_ACTIVE) {
        json_decref(fields);
        return r->life != REFLECTION_LIFE_READY ? not_open(r) : not_recording(r);
    }
    if (r->options.source == REFLECTION_RECORDER_NETWORK) {
        err = reflection_publish_command(r, verb, fields, repeats,
                                         reflection_deadline_ns(r->options.timeout_ms), &answer);
    } else {
        snprintf(path, sizeof(path), "/recordings/%s:%s", r->session, verb);
        err = reflection_call(r, "POST", path, fields != NULL ? fields : json_object(),
                              r->options.timeout_ms, &answer);
    }
    if (err == 0 && !reflection_read_i64(answer, "frame", 0, INT64_MAX, &frame)) {
        err = reflection_break(&r->fault, -EPROTO, "frame: missing in an answer of the server");
    }
    json_decref(answer);
    return err < 0 ? err : frame;
}

int64_t reflection_recorder_pause(reflection_recorder *r)
{
    const int64_t frame = move(r, "pause", NULL, true);
    if (frame >= 0 && r->options.source == REFLECTION_RECORDER_NETWORK) {
        r->paused = true;
        /* A paused session takes nothing a second time: what is kept is to be safe first. */
        (void)reflection_recorder_wait(r, r->published, r->options.timeout_ms, NULL);
    }
    return frame;
}

int64_t reflection_recorder_resume(reflection_recorder *r)
{
    const int64_t frame = move(r, "resume", NULL, true);
    if (frame >= 0) {
        r->paused = false;
        r->published = frame > r->published ? frame : r->published; /* a pause of silence */
    }
    return frame;
}

int64_t reflection_recorder_marker(reflection_recorder *r, reflection_recorder_bound at,
                                   const char *label)
{
    char place[REFLECTION_TIME_SIZE];
    json_t *fields = json_pack("{s:s}", "label", label);
    if (fields == NULL) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                 "label: is not UTF-8");
    }
    if (reflection_bound_text(at, place)[0] != '\0') {
        json_object_set_new(fields, "at", json_string(place));
    }
    return move(r, "marker", fields, false);
}

/* ---- stop ---- */

/* Asks for the segment, whatever has become of the session. */
static int post_stop(reflection_recorder *r, json_t **ret)
{
    char path[REFLECTION_PATH_MAX];
    snprintf(path, sizeof(path), "/recordings/%s:stop", r->session);
    return reflection_call(r, "POST", path, json_object(),
                           r->options.timeout_ms + REFLECTION_STOP_MS, ret);
}

static int stop_publisher(reflection_recorder *r, json_t **ret)
{
    json_t *answer = NULL;
    json_t *fields = json_pack("{s:I}", "last_frame", (json_int_t)r->published);
    int err = reflection_publish_command(
        r, "stop", fields, true, reflection_deadline_ns(r->options.timeout_ms + REFLECTION_STOP_MS),
        &answer);
    json_decref(answer);
    if (r->stopped != NULL) {
        *ret = r->stopped;
        r->stopped = NULL;
        return 0;
    }
    const bool is_gone = r->phase != REFLECTION_PHASE_ACTIVE;
    if (err == 0) {
        err = reflection_break(&r->fault, -EPROTO, "the server did not give the segment");
    }
    return is_gone ? post_stop(r, ret) : err;
}

static int find_segment(reflection_recorder *r, json_t **ret)
{
    if (r->stopped != NULL) {
        *ret = r->stopped;
        r->stopped = NULL;
        return 0;
    }
    return r->phase == REFLECTION_PHASE_ACTIVE && r->options.source == REFLECTION_RECORDER_NETWORK
               ? stop_publisher(r, ret)
               : post_stop(r, ret);
}

int reflection_recorder_stop(reflection_recorder *r, reflection_recorder_segment *ret)
{
    json_t *object = NULL;
    if (r->life != REFLECTION_LIFE_READY ||
        (r->phase != REFLECTION_PHASE_ACTIVE && r->phase != REFLECTION_PHASE_ENDED)) {
        return not_recording(r);
    }
    int err = find_segment(r, &object);
    if (err == 0) {
        err = reflection_read_segment(object, ret, &r->fault);
    }
    if (err == 0) {
        ret->json = reflection_keep_document(r, object);
        reflection_link_forget(r);
        r->phase = REFLECTION_PHASE_GIVEN;
    } else if (r->fault.code == REFLECTION_RECORDER_STORE_FAILED) {
        r->phase = REFLECTION_PHASE_ENDED;
    }
    json_decref(object);
    return err;
}

/* ---- state ---- */

static int get_info(reflection_recorder *r, reflection_recorder_info *ret)
{
    char path[REFLECTION_PATH_MAX];
    json_t *answer = NULL;
    snprintf(path, sizeof(path), "/recordings/%s", r->session);
    int err = reflection_call(r, "GET", path, NULL, r->options.timeout_ms, &answer);
    err = err == 0 ? reflection_read_info(answer, ret, &r->fault) : err;
    if (err == 0) {
        ret->json = reflection_keep_document(r, answer);
    }
    json_decref(answer);
    return err;
}

int reflection_recorder_state(reflection_recorder *r, reflection_recorder_info *ret)
{
    static const reflection_recorder_state_kind without[] = {
        [REFLECTION_LIFE_NEW] = REFLECTION_RECORDER_NEW,
        [REFLECTION_LIFE_READY] = REFLECTION_RECORDER_READY,
        [REFLECTION_LIFE_CLOSED] = REFLECTION_RECORDER_CLOSED,
    };
    if (r->phase != REFLECTION_PHASE_NONE) {
        return get_info(r, ret);
    }
    *ret = (reflection_recorder_info){.state = without[r->life]};
    return 0;
}
