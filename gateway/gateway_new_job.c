#include "gateway_new_job.h"

#include "gateway_job_extensions.h"
#include "gateway_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int bad(gateway_new_job_form *f, const char *why)
{
    if (why != f->why) {
        rf_copy_str(f->why, sizeof(f->why), why);
    }
    return -EINVAL;
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        n += ((unsigned char)*p & 0xc0) != 0x80;
    }
    return n;
}

static int read_name(gateway_new_job_form *f, const json_t *object)
{
    const json_t *name = json_object_get(object, "name");
    const json_t *workflow = json_object_get(object, "workflow");
    if (!json_is_string(name)) {
        return bad(f, "name is required and must be a string.");
    }
    if (!json_is_string(workflow) || json_string_length(workflow) == 0) {
        return bad(f, "workflow is required and must be the slug of one.");
    }
    f->job.name = json_string_value(name);
    f->job.workflow = json_string_value(workflow);
    size_t n = characters(f->job.name);
    return n >= 1 && n <= GATEWAY_JOB_NAME_MAX ? 0 : bad(f, "name must be 1 to 256 characters.");
}

/* The text of an object under key: as the client wrote it, or printed anew when the key was spelled
 * with escapes. */
static char *text_of(const char *text, size_t len, const char *key, const json_t *value)
{
    char *raw = gateway_json_raw(text, len, key);
    return raw != NULL ? raw : json_dumps(value, JSON_COMPACT);
}

static int read_object(gateway_new_job_form *f, const char *text, size_t len, const json_t *value,
                       const char *key, size_t max, gateway_error *ret_error, char **ret)
{
    if (!json_is_object(value)) {
        snprintf(f->why, sizeof(f->why), "%s must be an object.", key);
        return -EINVAL;
    }
    *ret = text_of(text, len, key, value);
    if (strlen(*ret) > max) {
        *ret_error = GATEWAY_PAYLOAD_TOO_LARGE;
        snprintf(f->why, sizeof(f->why), "%s is larger than %zu bytes.", key, max);
        return -EINVAL;
    }
    return 0;
}

static int read_copies(gateway_new_job_form *f, json_t *object)
{
    json_t *copies = json_object_get(object, "copyResultsTo");
    const char *output;
    json_t *url;
    if (copies == NULL || json_is_null(copies)) {
        return 0;
    }
    if (!json_is_object(copies)) {
        return bad(f, "copyResultsTo must be an object of output names and URLs.");
    }
    json_object_foreach(copies, output, url)
    {
        if (!json_is_string(url) || f->job.n_copies == GATEWAY_JOB_COPIES_MAX) {
            return bad(f, "copyResultsTo must hold at most 64 outputs, each with a URL.");
        }
        f->copies[f->job.n_copies++] =
            (gateway_copy){.output = output, .url = json_string_value(url)};
    }
    f->job.copies = f->copies;
    return 0;
}

/* Which events there are is for the job service to say. */
static int read_hook(gateway_new_job_form *f, const json_t *object, gateway_error *ret_error)
{
    const json_t *hook = json_object_get(object, "webhook");
    const json_t *events = json_object_get(hook, "events");
    if (hook == NULL || json_is_null(hook)) {
        return 0;
    }
    f->job.hook_url = json_string_value(json_object_get(hook, "url"));
    if (f->job.hook_url == NULL || !(events == NULL || json_is_array(events))) {
        return bad(f, "webhook must be an object of a url and, if given, an array of events.");
    }
    if (json_array_size(events) > GATEWAY_JOB_EVENTS_MAX ||
        (events != NULL && json_array_size(events) == 0)) {
        *ret_error = GATEWAY_UNPROCESSABLE;
        return bad(f, "webhook.events must hold 1 to 16 names of events.");
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *name = json_string_value(json_array_get(events, i));
        if (name == NULL) {
            return bad(f, "webhook.events must hold names of events.");
        }
        f->events[f->job.n_hook_events++] = name;
    }
    f->job.hook_events = f->events;
    return 0;
}

static int read_fields(gateway_new_job_form *f, const char *text, size_t len, json_t *object,
                       gateway_error *ret_error)
{
    const json_t *params = json_object_get(object, "params");
    const json_t *metadata = json_object_get(object, "metadata");
    int err = read_name(f, object);
    if (err == 0 && params == NULL) {
        err = bad(f, "params is required and must be an object.");
    }
    if (err == 0) {
        err = read_object(f, text, len, params, "params", GATEWAY_JOB_PARAMS_MAX, ret_error,
                          &f->params);
    }
    if (err == 0 && metadata != NULL && !json_is_null(metadata)) {
        err = read_object(f, text, len, metadata, "metadata", GATEWAY_JOB_METADATA_MAX, ret_error,
                          &f->metadata);
    }
    f->job.params = f->params;
    f->job.metadata = f->metadata != NULL ? f->metadata : "";
    err = err == 0 ? read_hook(f, object, ret_error) : err;
    err = err == 0 ? read_copies(f, object) : err;
    if (err == 0 && gateway_job_extensions_read(object, &f->job.extensions, f->why) < 0) {
        *ret_error = GATEWAY_UNPROCESSABLE;
        err = -EINVAL;
    }
    return err;
}

int gateway_new_job_read(gateway_new_job_form *form, const char *text, size_t len,
                         gateway_error *ret_error)
{
    memset(form, 0, sizeof(*form));
    *ret_error = GATEWAY_BAD_REQUEST;
    form->root = gateway_json_parse(text, len, form->why);
    if (form->root == NULL) {
        return -EINVAL;
    }
    if (!json_is_object(form->root)) {
        return bad(form, "The body must be a JSON object.");
    }
    gateway_json_sha256(form->root, form->sha256);
    form->job.payload_sha256 = form->sha256;
    form->job.idempotency_key = "";
    json_t *object = form->root;
    json_t *name = json_object_get(object, "name");
    if (json_is_object(name) && json_object_get(object, "workflow") == NULL) { /* Q9 */
        form->outer = text_of(text, len, "name", name);
        object = name;
        text = form->outer;
        len = strlen(text);
    }
    return read_fields(form, text, len, object, ret_error);
}

void gateway_new_job_done(gateway_new_job_form *form)
{
    json_decref(form->root);
    free(form->outer);
    free(form->params);
    free(form->metadata);
}
