/*
 * Parameters of a job against the inputs of its workflow. Types are forgiving where the SDKs are:
 * numbers and booleans may come as strings (spec jobs.md Q10).
 */
#include "job_urls.h"
#include "job_workflow_internal.h"
#include "rf_store.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define URL_MAX_BYTES 2048

#define REFUSE(error, ...) (rf_buf_printf((error), __VA_ARGS__), -EINVAL)

const char *job_url_check(const char *url)
{
    size_t scheme = strncasecmp(url, "https://", 8) == 0  ? 8
                    : strncasecmp(url, "http://", 7) == 0 ? 7
                                                          : 0;
    if (scheme == 0) {
        return "an http or https URL";
    }
    if (strlen(url) > URL_MAX_BYTES) {
        return "a URL of at most 2048 bytes";
    }
    size_t authority = strcspn(url + scheme, "/?#\\");
    if (authority == 0) {
        return "a URL with a host";
    }
    if (memchr(url + scheme, '@', authority) != NULL) {
        return "a URL without user info";
    }
    for (const char *p = url; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f) {
            return "a URL without spaces and control characters";
        }
    }
    return NULL;
}

/* A number, or a string that holds one. */
static int number_of(json_t *value, bool integer, double *ret)
{
    if (json_is_number(value)) {
        *ret = json_number_value(value);
    } else if (!json_is_string(value) || rf_parse_f64(json_string_value(value), ret) < 0) {
        return -EINVAL;
    }
    return isfinite(*ret) && (!integer || *ret == floor(*ret)) ? 0 : -EINVAL;
}

static int boolean_of(json_t *value, bool *ret)
{
    const char *text = json_string_value(value);
    *ret = json_is_true(value) || (text != NULL && strcmp(text, "true") == 0);
    return json_is_boolean(value) || *ret || (text != NULL && strcmp(text, "false") == 0) ? 0
                                                                                          : -EINVAL;
}

/* Whether a given value equals one of a document, by the type of the input. */
static bool equals(job_port_type type, json_t *given, json_t *wanted)
{
    double a;
    double b;
    bool x;
    bool y;
    switch (type) {
    case JOB_PORT_INTEGER:
    case JOB_PORT_NUMBER:
        return number_of(given, false, &a) == 0 && number_of(wanted, false, &b) == 0 && a == b;
    case JOB_PORT_BOOLEAN:
        return boolean_of(given, &x) == 0 && boolean_of(wanted, &y) == 0 && x == y;
    default:
        return json_equal(given, wanted) != 0;
    }
}

static int check_enum(const char *name, job_port_type type, json_t *rules, json_t *value,
                      rf_buf *error)
{
    json_t *values = json_object_get(rules, "enum");
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (equals(type, value, json_array_get(values, i))) {
            return 0;
        }
    }
    if (values == NULL) {
        return 0;
    }
    char *list = json_dumps(values, JSON_COMPACT);
    rf_buf_printf(error, "Parameter '%s' must be one of %s.", name, list);
    free(list);
    return -EINVAL;
}

static int check_bounds(const char *name, const char *what, double number, json_t *min, json_t *max,
                        rf_buf *error)
{
    if (min != NULL && number < json_number_value(min)) {
        return REFUSE(error, "Parameter '%s' must be at least %.15g%s.", name,
                      json_number_value(min), what);
    }
    if (max != NULL && number > json_number_value(max)) {
        return REFUSE(error, "Parameter '%s' must be at most %.15g%s.", name,
                      json_number_value(max), what);
    }
    return 0;
}

static int check_number(const char *name, job_port_type type, json_t *rules, json_t *value,
                        rf_buf *error)
{
    double number;
    bool integer = type == JOB_PORT_INTEGER;
    if (number_of(value, integer, &number) < 0) {
        return REFUSE(error, "Parameter '%s' must be %s.", name,
                      integer ? "an integer" : "a number");
    }
    return check_bounds(name, "", number, json_object_get(rules, "minimum"),
                        json_object_get(rules, "maximum"), error);
}

static size_t count_characters(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++) {
        n += ((unsigned char)*s & 0xc0) != 0x80;
    }
    return n;
}

static int check_string(const char *name, json_t *rules, json_t *value, rf_buf *error)
{
    const char *text = json_string_value(value);
    if (text == NULL) {
        return REFUSE(error, "Parameter '%s' must be a string.", name);
    }
    return check_bounds(name, " characters", (double)count_characters(text),
                        json_object_get(rules, "minLength"), json_object_get(rules, "maxLength"),
                        error);
}

static const char *check_recording(const char *key)
{
    return rf_store_key_valid(key) ? NULL : "recording: and a recording's key, or a URL";
}

static int check_url(const char *name, json_t *value, rf_buf *error)
{
    const char *text = json_string_value(value);
    const char *key = text != NULL ? job_urls_recording_key(text) : NULL;
    const char *wrong = text == NULL  ? "a string"
                        : key != NULL ? check_recording(key)
                                      : job_url_check(text);
    return wrong == NULL ? 0 : REFUSE(error, "Parameter '%s' must be %s.", name, wrong);
}

static int check_type(const char *name, job_port_type type, json_t *rules, json_t *value,
                      rf_buf *error)
{
    bool flag;
    switch (type) {
    case JOB_PORT_URL:
        return check_url(name, value, error);
    case JOB_PORT_INTEGER:
    case JOB_PORT_NUMBER:
        return check_number(name, type, rules, value, error);
    case JOB_PORT_BOOLEAN:
        return boolean_of(value, &flag) == 0
                   ? 0
                   : REFUSE(error, "Parameter '%s' must be true or false.", name);
    default:
        return check_string(name, rules, value, error);
    }
}

static int check_value(const char *name, job_port_type type, json_t *rules, json_t *value,
                       rf_buf *error)
{
    int err = check_type(name, type, rules, value, error);
    return err < 0 ? err : check_enum(name, type, rules, value, error);
}

/* A parameter that is null is not given. */
static json_t *given(json_t *params, const char *name)
{
    json_t *value = json_object_get(params, name);
    return json_is_null(value) ? NULL : value;
}

static bool applies(const job_workflow *w, json_t *when, json_t *params)
{
    const char *name;
    json_t *wanted;
    json_object_foreach(when, name, wanted)
    {
        json_t *value = given(params, name);
        job_port_type type = job_workflow_input_type(json_object_get(w->inputs, name));
        if (value == NULL || !equals(type, value, wanted)) {
            return false;
        }
    }
    return true;
}

static int check_constraint(const job_workflow *w, json_t *constraint, json_t *params,
                            rf_buf *error)
{
    const char *name;
    json_t *rules;
    json_object_foreach(json_object_get(constraint, "inputs"), name, rules)
    {
        json_t *value = given(params, name);
        if (value == NULL) {
            continue;
        }
        if (json_is_true(json_object_get(rules, "absent"))) {
            return REFUSE(error, "Parameter '%s' does not go with the others.", name);
        }
        job_port_type type = job_workflow_input_type(json_object_get(w->inputs, name));
        int err = check_value(name, type, rules, value, error);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int check_all(const job_workflow *w, json_t *params, rf_buf *error)
{
    const char *name;
    json_t *input;
    json_object_foreach(w->inputs, name, input)
    {
        json_t *value = given(params, name);
        if (value == NULL && json_is_true(json_object_get(input, "required"))) {
            return REFUSE(error, "Parameter '%s' is required.", name);
        }
        int err = value == NULL
                      ? 0
                      : check_value(name, job_workflow_input_type(input), input, value, error);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int check_constraints(const job_workflow *w, json_t *params, rf_buf *error)
{
    for (size_t i = 0; i < json_array_size(w->constraints); i++) {
        json_t *constraint = json_array_get(w->constraints, i);
        int err = 0;
        if (applies(w, json_object_get(constraint, "when"), params)) {
            err = check_constraint(w, constraint, params, error);
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

int job_workflow_check_params(const job_workflow *w, const char *params, rf_buf *error)
{
    json_t *object = json_loads(params, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        rf_buf_append_str(error, "params must be an object.");
        return -EBADMSG;
    }
    int err = check_all(w, object, error);
    err = err == 0 ? check_constraints(w, object, error) : err;
    json_decref(object);
    return err;
}

void job_workflow_each_url(const job_workflow *w, const char *params,
                           void (*fn)(const char *param, const char *url, void *user), void *user)
{
    const char *name;
    json_t *input;
    json_t *object = json_loads(params, JSON_REJECT_DUPLICATES, NULL);
    json_object_foreach(w->inputs, name, input)
    {
        const char *url = json_string_value(given(object, name));
        if (url != NULL && job_workflow_input_type(input) == JOB_PORT_URL) {
            fn(name, url, user);
        }
    }
    json_decref(object);
}
