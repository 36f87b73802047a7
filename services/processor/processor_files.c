#include "processor_files.h"

#include "rf_file.h"
#include "rf_log.h"
#include "rf_sniff.h"
#include "rf_time.h"

#include "processor_failure.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_CHUNK (256u << 10)
#define NOT_FOUND "File not found."
#define NO_RECORDING "There is no such recording, or it is not stored yet."

static int stop_with(processor_attempt *a, processor_failure failure)
{
    processor_attempt_fail(a, &failure);
    return -ECANCELED;
}

/* ---- inputs ---- */

static int copy_object(rf_store_object *object, int fd)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *chunk = rf_alloc(COPY_CHUNK);
    ssize_t n = 0;
    for (uint64_t at = 0; (n = rf_store_object_read(object, at, chunk, COPY_CHUNK)) > 0;) {
        int err = rf_write_all(fd, chunk, (size_t)n);
        if (err < 0) {
            return err;
        }
        at += (uint64_t)n;
    }
    return n < 0 ? (int)n : 0;
}

/* A descriptor of the object's bytes: the store's own, or of a copy where the store has none. */
static int open_bytes(const processor_attempt *a, rf_store_object *object)
{
    int fd = rf_store_object_fd(object);
    if (fd >= 0) {
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? -errno : fd;
    }
    fd = open(a->env->scratch_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    int err = copy_object(object, fd);
    if (err < 0) {
        rf_close(&fd);
    }
    return err < 0 ? err : fd;
}

static int open_object(const processor_attempt *a, const char *key, processor_type type,
                       processor_value *ret)
{
    rf_store_object *object = NULL;
    int err = rf_store_get(a->env->store, key, &object);
    if (err < 0) {
        return err;
    }
    int fd = open_bytes(a, object);
    err = fd < 0 ? fd : 0;
    if (err == 0) {
        *ret = PROCESSOR_VALUE_NONE;
        ret->type = type;
        ret->fd = fd;
        ret->size = rf_store_object_info(object)->size;
    }
    rf_store_object_free(object);
    return err;
}

int processor_files_open(processor_attempt *a, const char *key, processor_type type,
                         processor_value *ret)
{
    int err = open_object(a, key, type, ret);
    if (err == 0) {
        rf_copy_str(ret->object_key, sizeof(ret->object_key), key);
    }
    return err;
}

/* The value has no key of the job's, so that what passes it on copies it. */
static int open_recording(processor_attempt *a, const char *key, processor_value *ret)
{
    int err = open_object(a, key, PROCESSOR_URL, ret);
    if (err == -ENOENT || err == -EINVAL) {
        return stop_with(a, processor_failure_bad_input("", NO_RECORDING));
    }
    return err < 0 ? stop_with(a, processor_failure_storage("", err)) : 0;
}

static int open_own(processor_attempt *a, const char *key, processor_value *ret)
{
    int err = processor_files_open(a, key, PROCESSOR_URL, ret);
    if (err == -ENOENT || err == -EINVAL) {
        return stop_with(a, processor_failure_bad_input("", NOT_FOUND));
    }
    return err < 0 ? stop_with(a, processor_failure_storage("", err)) : 0;
}

/* A descriptor that also learns the digest of what is written to it. */
typedef struct digesting {
    rf_fetch_sink to;
    rf_sha256 *sum;
} digesting;

static int digest_begin(void *user)
{
    digesting *d = user;
    rf_sha256_free(d->sum);
    d->sum = rf_sha256_new();
    return d->to.begin(d->to.user);
}

static int digest_write(void *user, const void *data, size_t len)
{
    digesting *d = user;
    rf_sha256_add(d->sum, data, len);
    return d->to.write(d->to.user, data, len);
}

/* Fetches parameter i from url. */
static int fetch(processor_attempt *a, const char *url, size_t i)
{
    processor_value *ret = &a->params[i];
    RF_CLEANUP(rf_cleanup_close)
    int fd = open(a->env->scratch_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return stop_with(a, processor_failure_storage("", -errno));
    }
    digesting d = {.to = rf_fetch_fd_sink(&fd)};
    const rf_fetch_sink sink = {.begin = digest_begin, .write = digest_write, .user = &d};
    rf_fetch_result result = {0};
    int err = rf_fetch_get(a->env->fetch, RF_FETCH_INPUT, url, a->env->max_input_bytes, &sink,
                           a->stop_fd, &result);
    if (err == 0) {
        rf_sha256_finish(d.sum, a->digests[i]);
        a->fetched |= 1u << i;
    } else {
        rf_sha256_free(d.sum);
    }
    if (result.outcome == RF_FETCH_CANCELLED) {
        return -ECANCELED;
    }
    if (err < 0) {
        RF_LOG_INFO("input not fetched", RF_STR("job", a->claim->job_id),
                    RF_INT("http_status", result.http_status), RF_STR("why", result.detail));
        return stop_with(a, processor_failure_fetch(&result, a->env->max_input_bytes));
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return stop_with(a, processor_failure_storage("", -errno));
    }
    *ret = PROCESSOR_VALUE_NONE;
    ret->type = PROCESSOR_URL;
    ret->size = (uint64_t)st.st_size;
    ret->fd = fd;
    fd = -1;
    return 0;
}

int processor_files_input(processor_attempt *a, size_t i)
{
    const processor_param *p = &a->workflow->params[i];
    for (size_t k = 0; k < a->claim->n_inputs; k++) {
        const processor_input *in = &a->claim->inputs[k];
        if (strcmp(in->param, p->name) != 0) {
            continue;
        }
        switch (in->source) {
        case PROCESSOR_INPUT_OBJECT:
            return open_own(a, in->value, &a->params[i]);
        case PROCESSOR_INPUT_RECORDING:
            return open_recording(a, in->value, &a->params[i]);
        case PROCESSOR_INPUT_URL:
            return fetch(a, in->value, i);
        default:
            return stop_with(a, processor_failure_bad_input("", in->value));
        }
    }
    return stop_with(a, processor_failure_bad_input("", NOT_FOUND));
}

int processor_files_fetched(processor_attempt *a)
{
    const processor_board *board = a->env->board;
    processor_digest digests[PROCESSOR_MAX_PARAMS];
    size_t n = 0;
    bool taken = false;
    for (size_t i = 0; i < a->workflow->n_params; i++) {
        if ((a->fetched >> i & 1) != 0) {
            digests[n++] =
                (processor_digest){.param = a->workflow->params[i].name, .sha256 = a->digests[i]};
        }
    }
    if (n == 0 || !a->workflow->is_deterministic || a->claim->n_targets > 0) {
        return 0;
    }
    int err = board->fetched(board->self, a->claim->job_id, a->claim->fence, digests, n, &taken);
    if (err == -ESTALE || taken) {
        processor_attempt_stop(a, taken ? PROCESSOR_STOP_TAKEN : PROCESSOR_STOP_LOST);
        return -ECANCELED;
    }
    return 0; /* the job side's silence costs only the reuse */
}

/* ---- outputs of steps ---- */

static int copy_fd(int fd, uint64_t size, rf_store_put *put)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *chunk = rf_alloc(COPY_CHUNK);
    uint64_t at = 0;
    while (at < size) {
        ssize_t n = pread(fd, chunk, (size_t)RF_MIN(size - at, (uint64_t)COPY_CHUNK), (off_t)at);
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        int err = rf_store_put_write(put, chunk, (size_t)n);
        if (err < 0) {
            return err;
        }
        at += (uint64_t)n;
    }
    return 0;
}

static int put_value(processor_attempt *a, processor_value *v)
{
    char uuid[RF_UUID_LEN];
    rf_store_put *put = NULL;
    char key[PROCESSOR_KEY_MAX];
    snprintf(key, sizeof(key), "jobs/%s/%" PRIu64 "/%s", a->claim->job_id, a->claim->fence,
             rf_uuid4(uuid));
    int err = processor_attempt_wrote(a, key, v->size);
    err = err == 0 ? rf_store_put_open(a->env->store, key, v->size, RF_STORE_NEW_ONLY, &put) : err;
    err = err == 0 ? copy_fd(v->fd, v->size, put) : err;
    err = err == 0 ? rf_store_put_commit(put) : err;
    rf_store_put_free(put);
    if (err == 0) {
        rf_copy_str(v->object_key, sizeof(v->object_key), key);
    }
    return err;
}

static void mark_recorded(processor_attempt *a, const processor_step_output *outputs, size_t n)
{
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < a->n_written; k++) {
            a->written[k].is_recorded |= outputs[i].object_key != NULL &&
                                         strcmp(outputs[i].object_key, a->written[k].key) == 0;
        }
    }
    pthread_mutex_unlock(&a->lock);
}

/* Tells the job side what later attempts need not make again. Its silence costs only that. */
static int record_step(processor_attempt *a, size_t step)
{
    const processor_step *s = &a->workflow->steps[step];
    const processor_board *board = a->env->board;
    processor_step_output outputs[PROCESSOR_MAX_PORTS] = {0};
    size_t n = 0;
    for (size_t i = 0; i < s->module->n_out; i++) {
        processor_value *v = &a->values[step][i];
        if ((s->used >> i & 1) != 0 && (v->object_key[0] != '\0' || v->text != NULL)) {
            outputs[n++] = (processor_step_output){
                .step = s->id,
                .port = (char *)(uintptr_t)s->module->out[i].name,
                .object_key = v->object_key[0] != '\0' ? v->object_key : NULL,
                .size = v->size,
                .text = v->text,
            };
        }
    }
    if (n == 0) {
        return 0;
    }
    int err = board->step_done(board->self, a->claim->job_id, a->claim->fence, outputs, n);
    if (err == 0) {
        mark_recorded(a, outputs, n);
    }
    if (err == -ESTALE) {
        processor_attempt_stop(a, PROCESSOR_STOP_LOST);
        return -ECANCELED;
    }
    return 0;
}

int processor_files_keep(processor_attempt *a, size_t step, bool record)
{
    const processor_step *s = &a->workflow->steps[step];
    for (size_t i = 0; i < s->module->n_out; i++) {
        processor_value *v = &a->values[step][i];
        if ((s->used >> i & 1) == 0 || !processor_type_is_file(v->type) ||
            v->object_key[0] != '\0') {
            continue;
        }
        if (processor_attempt_may_write(a) < 0) {
            return -ECANCELED;
        }
        int err = put_value(a, v);
        if (err < 0) {
            return stop_with(a, processor_failure_storage(s->id, err));
        }
    }
    return record ? record_step(a, step) : 0;
}

/* ---- results ---- */

static const struct {
    const char *extension;
    const char *content_type;
} content_types[] = {
    {"json", "application/json"}, {"wav", "audio/wav"},  {"flac", "audio/flac"},
    {"mp3", "audio/mpeg"},        {"opus", "audio/ogg"}, {"ogg", "audio/ogg"},
    {"aac", "audio/aac"},         {"m4a", "audio/mp4"},  {"aiff", "audio/aiff"},
};

static const char *content_type_of(const char *extension)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(content_types); i++) {
        if (strcmp(content_types[i].extension, extension) == 0) {
            return content_types[i].content_type;
        }
    }
    return "application/octet-stream";
}

static void name_file(const processor_output *o, const processor_value *v, processor_result *ret)
{
    rf_media_format format = RF_FORMAT_UNKNOWN;
    const char *extension = o->format;
    if (strcmp(extension, "auto") == 0) {
        extension = rf_sniff_fd(v->fd, &format, NULL) < 0 ? "bin" : rf_format_extension(format);
    }
    rf_copy_str(ret->extension, sizeof(ret->extension), extension);
    ret->content_type = content_type_of(ret->extension);
    ret->object_key = rf_strdup(v->object_key);
    ret->size = v->size;
}

static const processor_target *find_target(const processor_claim *c, const char *output)
{
    for (size_t i = 0; i < c->n_targets; i++) {
        if (strcmp(c->targets[i].output, output) == 0 && c->targets[i].url != NULL) {
            return &c->targets[i];
        }
    }
    return NULL;
}

/* Asks the job side, at the last moment, whether this attempt is still the one. */
static int check_fence(processor_attempt *a, const char *output)
{
    const processor_board *board = a->env->board;
    if (processor_attempt_may_write(a) < 0) {
        return -ECANCELED;
    }
    int err = board->step_done(board->self, a->claim->job_id, a->claim->fence, NULL, 0);
    if (err == -ESTALE) {
        processor_attempt_stop(a, PROCESSOR_STOP_LOST);
        return -ECANCELED;
    }
    const rf_fetch_result silence = {.outcome = RF_FETCH_UNREACHABLE};
    return err < 0 ? stop_with(a, processor_failure_copy(output, &silence)) : 0;
}

static int send_copy(processor_attempt *a, const processor_target *t, processor_value *v)
{
    rf_fetch_source source;
    rf_fetch_result result = {0};
    int err = check_fence(a, t->output);
    if (err < 0) {
        return err;
    }
    err = rf_fetch_fd_source(&v->fd, &source);
    if (err < 0) {
        return stop_with(a, processor_failure_storage("", err));
    }
    source.size = v->size;
    err = rf_fetch_put(a->env->fetch, RF_FETCH_COPY, t->url, &source, a->stop_fd, &result);
    if (result.outcome == RF_FETCH_CANCELLED) {
        return -ECANCELED;
    }
    if (err < 0) {
        RF_LOG_INFO("custom storage refused", RF_STR("job", a->claim->job_id),
                    RF_INT("http_status", result.http_status), RF_STR("why", result.detail));
        return stop_with(a, processor_failure_copy(t->output, &result));
    }
    return 0;
}

static int add_result(processor_attempt *a, const processor_output *o, processor_result *ret)
{
    processor_value *v = &a->values[o->step][o->port];
    const processor_target *t = find_target(a->claim, o->name);
    ret->output = rf_strdup(o->name);
    if (v->text != NULL) {
        ret->text = rf_strdup(v->text);
        return 0;
    }
    if (v->fd < 0 || v->object_key[0] == '\0') {
        return stop_with(a, processor_failure_step(a->workflow->steps[o->step].id));
    }
    if (t != NULL) {
        ret->is_custom_storage = true;
        return send_copy(a, t, v);
    }
    name_file(o, v, ret);
    return 0;
}

int processor_files_results(processor_attempt *a, processor_finish *finish)
{
    const processor_workflow *w = a->workflow;
    finish->results = RF_NEW_ARRAY(processor_result, w->n_outputs);
    for (size_t i = 0; i < w->n_outputs; i++) {
        finish->n_results = i + 1;
        int err = add_result(a, &w->outputs[i], &finish->results[i]);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}
