#include "recorder_error.h"

#include "recorder_text.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIELD_MAX 64

recorder_code recorder_fail(recorder_error *error, recorder_code code, const char *fmt, ...)
{
    va_list args;
    if (error == NULL) {
        return code;
    }
    *error = (recorder_error){.code = code};
    va_start(args, fmt);
    (void)vsnprintf(error->message, sizeof(error->message), fmt, args);
    va_end(args);
    return code;
}

recorder_code recorder_fail_state(recorder_error *error, recorder_code code)
{
    static const char *const texts[RECORDER_N_CODES] = {
        [RECORDER_NOT_INITIALISED] = "the recorder is not open",
        [RECORDER_ALREADY_RECORDING] = "the recorder has a session that records",
        [RECORDER_NOT_RECORDING] = "the session does not record",
        [RECORDER_NO_AUDIO] = "the session has no audio",
    };
    return recorder_fail(error, code, "%s", texts[code] != NULL ? texts[code] : "not possible now");
}

recorder_code recorder_fail_range(recorder_error *error, const recorder_range *range)
{
    const char *text = range->code == RECORDER_INVALID_ARGUMENT ? "to: must lie behind from"
                       : range->code == RECORDER_NO_AUDIO       ? "the session has no audio"
                                                                : "range: not within the audio";
    recorder_code code = recorder_fail(error, range->code, "%s", text);
    if (error != NULL && code != RECORDER_INVALID_ARGUMENT) {
        error->has_available = true;
        error->available = range->available;
    }
    return code;
}

static json_t *available_json(const recorder_available *a)
{
    char from[RECORDER_TIME_LEN];
    char to[RECORDER_TIME_LEN];
    return json_pack("{s:s,s:s,s:I,s:I}", "from", recorder_text_time(a->from_utc_ns, from), "to",
                     recorder_text_time(a->to_utc_ns, to), "from_frame", (json_int_t)a->from_frame,
                     "to_frame", (json_int_t)a->to_frame);
}

static bool is_bad_input(recorder_code code)
{
    return code == RECORDER_INVALID_ARGUMENT || code == RECORDER_INVALID_KEY_PART ||
           code == RECORDER_UNSUPPORTED_FORMAT || code == RECORDER_BAD_MESSAGE;
}

/* The field that a message begins with; 0 bytes for none. */
static size_t field_len(const recorder_error *error)
{
    size_t n = strspn(error->message, "abcdefghijklmnopqrstuvwxyz_.0123456789");
    return is_bad_input(error->code) && n < FIELD_MAX && error->message[n] == ':' ? n : 0;
}

/* What a caller has sent may stand in the message, cut anywhere: a stray byte becomes a '?'. */
static void clean(char *text)
{
    for (char *at = text; !rf_utf8_valid(text, strlen(text)); at++) {
        *at = (unsigned char)*at >= 0x80 ? '?' : *at;
    }
}

static size_t dump(const recorder_error *error, const char *message, char *out, size_t out_size)
{
    size_t n = field_len(error);
    json_t *json = json_pack("{s:s,s:s,s:b}", "code", recorder_code_name(error->code), "message",
                             message, "retryable", recorder_code_retriable(error->code));
    if (n > 0) {
        json_object_set_new(json, "field", json_stringn(error->message, n));
    }
    if (error->has_available) {
        json_object_set_new(json, "available", available_json(&error->available));
    }
    size_t len = json_dumpb(json, out, out_size - 1, JSON_COMPACT);
    out[RF_MIN(len, out_size - 1)] = '\0';
    json_decref(json);
    return len;
}

void recorder_error_json(const recorder_error *error, char *out, size_t out_size)
{
    char message[sizeof(error->message)];
    memcpy(message, error->message, sizeof(message));
    clean(message);
    while (dump(error, message, out, out_size) >= out_size && message[0] != '\0') {
        message[strlen(message) / 2] = '\0';
        clean(message);
    }
}

void recorder_error_status(const recorder_error *error, rf_status *ret)
{
    char text[RF_STATUS_MESSAGE_MAX];
    recorder_error_json(error, text, sizeof(text));
    (void)rf_status_set(ret, recorder_code_canonical(error->code), "%s", text);
    ret->retriable = recorder_code_retriable(error->code);
}
