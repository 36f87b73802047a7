#include "reflection_http.h"
#include "reflection_recorder_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 4096

/* ---- requests ---- */

/* Path of the whole request; false when it is too long. */
static bool whole_path(const reflection_recorder *r, const char *path,
                       char ret[REFLECTION_PATH_MAX + 1024])
{
    const int len = snprintf(ret, REFLECTION_PATH_MAX + 1024, "%s/v1%s", r->url.path, path);
    return len >= 0 && len < REFLECTION_PATH_MAX + 1024;
}

/* Gives the answer of a success; the fault for any other. */
static int request(reflection_recorder *r, reflection_request *q, const char *path,
                   reflection_answer *ret)
{
    char whole[REFLECTION_PATH_MAX + 1024];
    reflection_jam_fault fault = {0};
    if (!whole_path(r, path, whole)) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                 "url: its path is too long");
    }
    q->url = &r->url;
    q->ca_file = r->ca_file;
    q->key = r->key;
    q->path = whole;
    int err = reflection_http_call(q, ret, &fault);
    if (err < 0) {
        return reflection_take_fault(&fault, &r->fault);
    }
    if (ret->status == 200 || ret->status == 201 || ret->status == 204) {
        return 0;
    }
    json_t *object = json_loads(ret->body, JSON_REJECT_DUPLICATES, NULL);
    err = reflection_read_error(object, ret->status, &r->fault);
    r->fault.retry_after_ms = reflection_head_retry_ms(ret->head);
    json_decref(object);
    reflection_answer_done(ret);
    return err;
}

int reflection_call(reflection_recorder *r, const char *method, const char *path, json_t *body,
                    int64_t timeout_ms, json_t **ret)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    reflection_request q = {.method = method, .body = text, .timeout_ms = timeout_ms};
    reflection_answer answer = {0};
    int err = body != NULL && text == NULL
                  ? reflection_refuse(&r->fault, REFLECTION_RECORDER_INVALID_ARGUMENT,
                                      "a text is not UTF-8")
                  : request(r, &q, path, &answer);
    json_decref(body);
    free(text);
    if (err < 0) {
        return err;
    }
    json_t *object = json_loads(answer.body, JSON_REJECT_DUPLICATES, NULL);
    reflection_answer_done(&answer);
    if (ret != NULL && object == NULL) {
        return reflection_break(&r->fault, -EPROTO, "the answer is no JSON");
    }
    if (ret != NULL) {
        *ret = object;
    } else {
        json_decref(object);
    }
    return 0;
}

const char *reflection_keep_document(reflection_recorder *r, const json_t *object)
{
    free(r->document);
    r->document = json_dumps(object, JSON_COMPACT);
    return r->document;
}

/* ---- queries ---- */

static char *begin_path(const reflection_recorder *r, const char *what,
                        char ret[REFLECTION_PATH_MAX])
{
    snprintf(ret, REFLECTION_PATH_MAX, "/recordings/%s%s?", r->session, what);
    return ret;
}

/* Values here have nothing that must be escaped but "+" of zones, which are not written. */
static void add_text(char path[REFLECTION_PATH_MAX], const char *name, const char *value)
{
    const size_t len = strlen(path);
    if (value[0] != '\0') {
        snprintf(path + len, REFLECTION_PATH_MAX - len, "%s=%s&", name, value);
    }
}

static void add_number(char path[REFLECTION_PATH_MAX], const char *name, uint32_t value)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", value);
    add_text(path, name, value == 0 ? "" : text);
}

static void add_bound(char path[REFLECTION_PATH_MAX], const char *name,
                      reflection_recorder_bound bound)
{
    char text[REFLECTION_TIME_SIZE];
    add_text(path, name, reflection_bound_text(bound, text));
}

/* Takes off the last separator. */
static const char *end_path(char path[REFLECTION_PATH_MAX])
{
    path[strlen(path) - 1] = '\0';
    return path;
}

static int check_session(reflection_recorder *r)
{
    if (r->life != REFLECTION_LIFE_READY) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_RECORDING,
                                 "the recorder is not open");
    }
    return r->phase == REFLECTION_PHASE_NONE
               ? reflection_refuse(&r->fault, REFLECTION_RECORDER_NO_AUDIO,
                                   "the recorder has no session")
               : 0;
}

/* ---- files ---- */

typedef struct counter {
    reflection_recorder_writer writer;
    void *user;
    int64_t bytes;
} counter;

static int count(void *user, const void *data, size_t len)
{
    counter *c = user;
    c->bytes += (int64_t)len;
    return c->writer(c->user, data, len);
}

static int64_t number_in(const reflection_answer *a, const char *name)
{
    char text[24];
    reflection_head_value(a->head, name, text, sizeof(text));
    return strtoll(text, NULL, 10);
}

static void read_extract(const reflection_answer *a, int64_t bytes,
                         reflection_recorder_extract *ret)
{
    char exact[8];
    *ret = (reflection_recorder_extract){.bytes = bytes};
    reflection_head_value(a->head, "Content-Type", ret->content_type, sizeof(ret->content_type));
    reflection_head_value(a->head, "Recording-Exact", exact, sizeof(exact));
    ret->first_frame = number_in(a, "Recording-First-Frame");
    ret->n_frames = number_in(a, "Recording-Frame-Count");
    ret->exact = strcmp(exact, "true") == 0;
}

static int get_file(reflection_recorder *r, const char *path, int64_t timeout_ms, counter *c,
                    reflection_recorder_extract *ret)
{
    reflection_request q = {.method = "GET", .sink = count, .user = c, .timeout_ms = timeout_ms};
    reflection_answer answer = {0};
    int err = request(r, &q, path, &answer);
    if (err == 0) {
        if (ret != NULL) {
            read_extract(&answer, c->bytes, ret);
        }
        reflection_answer_done(&answer);
    }
    return err;
}

static int check_format(reflection_recorder *r, reflection_recorder_format format)
{
    return (unsigned)format > REFLECTION_RECORDER_FLAC
               ? reflection_refuse(&r->fault, REFLECTION_RECORDER_UNSUPPORTED_FORMAT,
                                   "format: pcm, wav, flac, mp3 or opus")
               : 0;
}

int reflection_recorder_segment_write(reflection_recorder *r, const reflection_recorder_cut *cut,
                                      reflection_recorder_writer writer, void *user,
                                      reflection_recorder_extract *ret)
{
    const reflection_recorder_format format = cut->output.format;
    counter c = {.writer = writer, .user = user};
    char path[REFLECTION_PATH_MAX];
    int err = check_session(r);
    err = err == 0 ? check_format(r, format) : err;
    if (err < 0) {
        return err;
    }
    begin_path(r, "/segment", path);
    add_bound(path, "from", cut->from);
    add_bound(path, "to", cut->to);
    add_text(path, "format", reflection_recorder_format_name(format));
    add_number(path, "rate", cut->output.rate_hz);
    add_number(path, "channels", cut->output.channels);
    add_text(path, "clip", cut->clip ? "true" : "");
    add_number(path, "wait_ms", cut->wait_ms);
    return get_file(r, end_path(path), r->options.timeout_ms + cut->wait_ms, &c, ret);
}

int reflection_recorder_peaks(reflection_recorder *r,
                              const reflection_recorder_peaks_options *options,
                              reflection_recorder_writer writer, void *user)
{
    const reflection_recorder_peaks_options none = {0};
    counter c = {.writer = writer, .user = user};
    char path[REFLECTION_PATH_MAX];
    int err = check_session(r);
    if (err < 0) {
        return err;
    }
    options = options != NULL ? options : &none;
    begin_path(r, "/peaks", path);
    add_text(path, "format", options->json ? "json" : "dat");
    add_number(path, "spp", options->frames_per_pixel);
    add_number(path, "bits", options->bits);
    add_bound(path, "from", options->from);
    add_bound(path, "to", options->to);
    return get_file(r, end_path(path), r->options.timeout_ms, &c, NULL);
}

int reflection_recorder_clear_frames(reflection_recorder *r)
{
    char path[REFLECTION_PATH_MAX];
    if (r->life != REFLECTION_LIFE_READY || r->phase == REFLECTION_PHASE_NONE) {
        return 0;
    }
    begin_path(r, "", path);
    add_text(path, "local", "true");
    return reflection_call(r, "DELETE", end_path(path), NULL, r->options.timeout_ms, NULL);
}

/* ---- devices ---- */

static bool read_device(const json_t *object, reflection_recorder_device *ret)
{
    int64_t index = 0;
    int64_t channels = 0;
    int64_t rate = 0;
    bool is = reflection_read_i64(object, "index", 0, INT32_MAX, &index) &&
              reflection_read_text(object, "name", ret->name, sizeof(ret->name)) &&
              reflection_read_i64(object, "channels", 0, UINT32_MAX, &channels) &&
              reflection_read_i64(object, "default_rate", 0, UINT32_MAX, &rate);
    (void)reflection_read_text(object, "api", ret->api, sizeof(ret->api));
    ret->index = (int)index;
    ret->channels = (uint32_t)channels;
    ret->default_rate_hz = (uint32_t)rate;
    ret->is_default = json_is_true(json_object_get(object, "is_default"));
    return is;
}

/* The list itself, or a document that holds it. */
static int read_devices(reflection_recorder *r, const json_t *answer,
                        reflection_recorder_device **ret, size_t *ret_n)
{
    const json_t *list = json_is_array(answer) ? answer : json_object_get(answer, "devices");
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || n > DEVICES_MAX) {
        return reflection_break(&r->fault, -EPROTO, "devices: no list");
    }
    reflection_recorder_device *devices = calloc(n + 1, sizeof(*devices));
    if (devices == NULL) {
        return reflection_break(&r->fault, -ENOMEM, "no memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (!read_device(json_array_get(list, i), &devices[i])) {
            free(devices);
            return reflection_break(&r->fault, -EPROTO, "devices: one is not as it should be");
        }
    }
    *ret = devices;
    *ret_n = n;
    return 0;
}

int reflection_recorder_list_devices(reflection_recorder *r, reflection_recorder_device **ret,
                                     size_t *ret_n)
{
    json_t *answer = NULL;
    if (r->life != REFLECTION_LIFE_READY) {
        return reflection_refuse(&r->fault, REFLECTION_RECORDER_NOT_INITIALISED,
                                 "the recorder is not open");
    }
    int err = reflection_call(r, "GET", "/recorder/devices", NULL, r->options.timeout_ms, &answer);
    err = err == 0 ? read_devices(r, answer, ret, ret_n) : err;
    json_decref(answer);
    return err;
}

void reflection_recorder_free_devices(reflection_recorder_device *devices)
{
    free(devices);
}
