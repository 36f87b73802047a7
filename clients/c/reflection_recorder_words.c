#include "reflection_recorder_words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define NS_PER_S INT64_C(1000000000)
#define YEAR_MAX 2261 /* UTC ns in 63 bits */

/* ---- names ---- */

static const struct {
    const char *name;
    int err;
    int http; /* where an answer has no code */
} codes[REFLECTION_RECORDER_N_CODES] = {
    [REFLECTION_RECORDER_NONE] = {"NONE", -EPROTO, 0},
    [REFLECTION_RECORDER_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", -EINVAL, 400},
    [REFLECTION_RECORDER_INVALID_KEY_PART] = {"INVALID_KEY_PART", -EINVAL, 0},
    [REFLECTION_RECORDER_BAD_MESSAGE] = {"BAD_MESSAGE", -EINVAL, 0},
    [REFLECTION_RECORDER_GAP_TOO_LONG] = {"GAP_TOO_LONG", -EINVAL, 0},
    [REFLECTION_RECORDER_UNSUPPORTED_FORMAT] = {"UNSUPPORTED_FORMAT", -EOPNOTSUPP, 415},
    [REFLECTION_RECORDER_UNAUTHENTICATED] = {"UNAUTHENTICATED", -EACCES, 401},
    [REFLECTION_RECORDER_FORBIDDEN] = {"FORBIDDEN", -EACCES, 403},
    [REFLECTION_RECORDER_NOT_FOUND] = {"NOT_FOUND", -ENOENT, 404},
    [REFLECTION_RECORDER_GONE] = {"GONE", -ENOENT, 410},
    [REFLECTION_RECORDER_NOT_INITIALISED] = {"NOT_INITIALISED", -ENOTCONN, 0},
    [REFLECTION_RECORDER_ALREADY_RECORDING] = {"ALREADY_RECORDING", -EALREADY, 0},
    [REFLECTION_RECORDER_NOT_RECORDING] = {"NOT_RECORDING", -EPIPE, 409},
    [REFLECTION_RECORDER_RANGE_OUTSIDE] = {"RANGE_OUTSIDE", -ERANGE, 416},
    [REFLECTION_RECORDER_NO_AUDIO] = {"NO_AUDIO", -ENODATA, 0},
    [REFLECTION_RECORDER_TOO_MANY_SESSIONS] = {"TOO_MANY_SESSIONS", -EBUSY, 429},
    [REFLECTION_RECORDER_TOO_MANY_CONSUMERS] = {"TOO_MANY_CONSUMERS", -EBUSY, 0},
    [REFLECTION_RECORDER_CONSUMER_TOO_SLOW] = {"CONSUMER_TOO_SLOW", -EOVERFLOW, 0},
    [REFLECTION_RECORDER_DEVICE_UNAVAILABLE] = {"DEVICE_UNAVAILABLE", -ENODEV, 0},
    [REFLECTION_RECORDER_STORE_FAILED] = {"STORE_FAILED", -EIO, 202},
    [REFLECTION_RECORDER_NO_SPACE] = {"NO_SPACE", -ENOSPC, 507},
};

static const char *const states[] = {
    "NEW",        "READY",   "CLOSED", "RECORDING", "PAUSED",  "INTERRUPTED",
    "FINALIZING", "PENDING", "STORED", "RECOVERED", "DELETED",
};

static const struct {
    const char *name;
    size_t size;
} samples[] = {{"int16", 2}, {"int24", 3}, {"int32", 4}, {"float32", 4}, {"int8", 1}, {"uint8", 1}};

static const char *const formats[] = {"", "pcm", "wav", "mp3", "opus", "flac"};
static const char *const sources[] = {"network", "device", "file"};

static const char *name_at(const char *const *list, size_t n, size_t i)
{
    return i < n ? list[i] : "";
}

static int find(const char *const *list, size_t n, size_t first, const char *name)
{
    for (size_t i = first; name != NULL && i < n; i++) {
        if (strcmp(list[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *reflection_recorder_code_name(reflection_recorder_code code)
{
    return (size_t)code < COUNT(codes) ? codes[code].name : "";
}

const char *reflection_recorder_state_name(reflection_recorder_state_kind state)
{
    return name_at(states, COUNT(states), (size_t)state);
}

const char *reflection_recorder_sample_name(reflection_recorder_sample sample)
{
    return (size_t)sample < COUNT(samples) ? samples[sample].name : "";
}

const char *reflection_recorder_format_name(reflection_recorder_format format)
{
    return name_at(formats, COUNT(formats), (size_t)format);
}

const char *reflection_source_name(reflection_recorder_source source)
{
    return name_at(sources, COUNT(sources), (size_t)source);
}

int reflection_recorder_sample_parse(const char *name)
{
    for (size_t i = 0; name != NULL && i < COUNT(samples); i++) {
        if (strcmp(samples[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int reflection_recorder_format_parse(const char *name)
{
    return find(formats, COUNT(formats), 1, name);
}

int reflection_recorder_state_parse(const char *name)
{
    return find(states, COUNT(states), 0, name);
}

size_t reflection_recorder_sample_size(reflection_recorder_sample sample)
{
    return (size_t)sample < COUNT(samples) ? samples[sample].size : 0;
}

/* ---- faults ---- */

/* The field of "name: text" or "options.name: text". */
static void copy_field(reflection_recorder_fault *fault)
{
    const size_t n = strspn(fault->message, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    if (n > 0 && n < sizeof(fault->field) && fault->message[n] == ':') {
        reflection_copy(fault->field, n + 1, fault->message);
    }
}

static void begin(reflection_recorder_fault *fault, reflection_recorder_code code, int err)
{
    *fault = (reflection_recorder_fault){.err = err, .code = code};
}

int reflection_refuse(reflection_recorder_fault *fault, reflection_recorder_code code,
                      const char *fmt, ...)
{
    va_list args;
    begin(fault, code, codes[code].err);
    va_start(args, fmt);
    vsnprintf(fault->message, sizeof(fault->message), fmt, args);
    va_end(args);
    copy_field(fault);
    return fault->err;
}

int reflection_break(reflection_recorder_fault *fault, int err, const char *fmt, ...)
{
    va_list args;
    begin(fault, REFLECTION_RECORDER_NONE, err);
    va_start(args, fmt);
    vsnprintf(fault->message, sizeof(fault->message), fmt, args);
    va_end(args);
    return err;
}

static reflection_recorder_code code_of(const char *name, int status)
{
    for (size_t i = 1; name != NULL && i < COUNT(codes); i++) {
        if (strcmp(codes[i].name, name) == 0) {
            return (reflection_recorder_code)i;
        }
    }
    for (size_t i = 1; status != 0 && i < COUNT(codes); i++) {
        if (codes[i].http == status) {
            return (reflection_recorder_code)i;
        }
    }
    return REFLECTION_RECORDER_NONE;
}

int reflection_take_fault(const reflection_jam_fault *from, reflection_recorder_fault *ret)
{
    begin(ret, code_of(from->code, from->err == -EACCES ? from->http_status : 0), from->err);
    ret->http_status = from->http_status;
    ret->close_code = from->close_code;
    ret->retry_after_ms = from->retry_after_ms;
    ret->retryable = from->err == -EBUSY;
    reflection_copy(ret->message, sizeof(ret->message), from->message);
    copy_field(ret);
    return ret->err;
}

static bool read_available(const json_t *object, reflection_recorder_available *ret)
{
    const char *from = json_string_value(json_object_get(object, "from"));
    const char *to = json_string_value(json_object_get(object, "to"));
    return from != NULL && to != NULL && reflection_time_parse(from, &ret->from_ns) == 0 &&
           reflection_time_parse(to, &ret->to_ns) == 0 &&
           reflection_read_i64(object, "from_frame", 0, INT64_MAX, &ret->from_frame) &&
           reflection_read_i64(object, "to_frame", 0, INT64_MAX, &ret->to_frame);
}

int reflection_read_error(const json_t *object, int status, reflection_recorder_fault *ret)
{
    const json_t *detail = json_object_get(object, "detail");
    const char *words = json_string_value(json_object_get(object, "message"));
    const reflection_recorder_code code =
        code_of(json_string_value(json_object_get(object, "code")), status);
    reflection_recorder_available available = {0};
    begin(ret, code, codes[code].err);
    ret->http_status = status;
    if (words != NULL) {
        reflection_copy(ret->message, sizeof(ret->message), words);
    } else {
        snprintf(ret->message, sizeof(ret->message), "the server answered %s (HTTP %d)",
                 codes[code].name, status);
    }
    copy_field(ret);
    reflection_read_text(object, "field", ret->field, sizeof(ret->field));
    ret->retryable = json_is_true(json_object_get(object, "retryable"));
    if (read_available(json_object_get(object, "available"), &available) ||
        read_available(json_object_get(detail, "available"), &available)) {
        ret->has_available = true;
        ret->available = available;
    }
    return ret->err;
}

/* ---- times ---- */

char *reflection_time_text(int64_t utc_ns, char ret[REFLECTION_TIME_SIZE])
{
    struct tm tm;
    int64_t ns = utc_ns % NS_PER_S;
    ns += ns < 0 ? NS_PER_S : 0;
    const time_t s = (time_t)((utc_ns - ns) / NS_PER_S);
    gmtime_r(&s, &tm);
    const size_t len = strftime(ret, REFLECTION_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret + len, REFLECTION_TIME_SIZE - len, ".%09ldZ", (long)ns);
    return ret;
}

/* Seconds east of Greenwich; false when it is no zone and nothing behind it. */
static bool zone_of(const char *text, int64_t *ret_s)
{
    int hours = 0;
    int minutes = 0;
    int used = 0;
    *ret_s = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    if ((text[0] != '+' && text[0] != '-') ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used] != '\0' ||
        used != 5 || hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return false;
    }
    *ret_s = (text[0] == '-' ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

int reflection_time_parse(const char *text, int64_t *ret_utc_ns)
{
    struct tm tm = {0};
    int64_t ns = 0;
    int64_t zone_s = 0;
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (at == NULL || tm.tm_year + 1900 < 1970 || tm.tm_year + 1900 > YEAR_MAX) {
        return -EINVAL;
    }
    if (*at == '.') {
        int64_t unit = NS_PER_S / 10;
        for (at++; *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10) {
            ns += (*at - '0') * unit;
        }
    }
    if (!zone_of(at, &zone_s)) {
        return -EINVAL;
    }
    *ret_utc_ns = ((int64_t)timegm(&tm) - zone_s) * NS_PER_S + ns;
    return 0;
}

char *reflection_bound_text(reflection_recorder_bound bound, char ret[REFLECTION_TIME_SIZE])
{
    ret[0] = '\0';
    if (bound.place == REFLECTION_RECORDER_FRAME) {
        snprintf(ret, REFLECTION_TIME_SIZE, "f:%lld", (long long)bound.value);
    } else if (bound.place == REFLECTION_RECORDER_UTC) {
        reflection_time_text(bound.value, ret);
    }
    return ret;
}

/* ---- documents ---- */

bool reflection_read_i64(const json_t *object, const char *name, int64_t min, int64_t max,
                         int64_t *ret)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return false;
    }
    *ret = json_integer_value(value);
    return true;
}

bool reflection_read_text(const json_t *object, const char *name, char *ret, size_t size)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (value == NULL || strlen(value) >= size) {
        return false;
    }
    reflection_copy(ret, size, value);
    return true;
}

static bool read_time(const json_t *object, const char *name, int64_t *ret)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL && reflection_time_parse(value, ret) == 0;
}

static bool read_state(const json_t *object, reflection_recorder_state_kind *ret)
{
    const int state =
        reflection_recorder_state_parse(json_string_value(json_object_get(object, "state")));
    *ret = (reflection_recorder_state_kind)(state < 0 ? 0 : state);
    return state >= 0;
}

static int missing(reflection_recorder_fault *fault, const char *field)
{
    int err =
        reflection_break(fault, -EPROTO, "%s: missing or wrong in a document of the server", field);
    reflection_copy(fault->field, sizeof(fault->field), field);
    return err;
}

static void read_loudness(const json_t *object, reflection_recorder_segment *ret)
{
    const json_t *lufs = json_object_get(object, "integrated_lufs");
    const json_t *range = json_object_get(object, "range_lu");
    const json_t *peak = json_object_get(object, "true_peak_dbtp");
    ret->has_loudness = json_is_number(lufs) && json_is_number(range) && json_is_number(peak);
    ret->integrated_lufs = json_number_value(lufs);
    ret->range_lu = json_number_value(range);
    ret->true_peak_dbtp = json_number_value(peak);
}

int reflection_read_segment(const json_t *object, reflection_recorder_segment *ret,
                            reflection_recorder_fault *fault)
{
    reflection_recorder_segment s = {0};
    int64_t sequence = 0;
    const char *field =
        !reflection_read_text(object, "session", s.session, sizeof(s.session)) ? "session"
        : !reflection_read_text(object, "key", s.key, sizeof(s.key))           ? "key"
        : !reflection_read_text(object, "end_reason", s.end_reason, sizeof(s.end_reason))
            ? "end_reason"
        : !reflection_read_text(object, "sha256", s.sha256, sizeof(s.sha256))       ? "sha256"
        : !read_state(object, &s.state)                                             ? "state"
        : !reflection_read_i64(object, "sequence", 1, UINT32_MAX, &sequence)        ? "sequence"
        : !reflection_read_i64(object, "frame_count", 0, INT64_MAX, &s.frames)      ? "frame_count"
        : !reflection_read_i64(object, "duration_ms", 0, INT64_MAX, &s.duration_ms) ? "duration_ms"
        : !reflection_read_i64(object, "bytes", 0, INT64_MAX, &s.bytes)             ? "bytes"
        : !read_time(object, "started_at", &s.started_at_ns)                        ? "started_at"
        : !read_time(object, "ended_at", &s.ended_at_ns)                            ? "ended_at"
                                                                                    : NULL;
    if (field != NULL) {
        return missing(fault, field);
    }
    s.sequence = (uint32_t)sequence;
    read_loudness(json_object_get(object, "loudness"), &s);
    *ret = s;
    return 0;
}

int reflection_read_info(const json_t *object, reflection_recorder_info *ret,
                         reflection_recorder_fault *fault)
{
    reflection_recorder_info info = {0};
    const char *field =
        !read_state(object, &info.state)                                     ? "state"
        : !reflection_read_i64(object, "frames", 0, INT64_MAX, &info.frames) ? "frames"
        : !reflection_read_i64(object, "durable_frames", 0, INT64_MAX, &info.durable_frames)
            ? "durable_frames"
        : !read_time(object, "started_at", &info.started_at_ns) ? "started_at"
                                                                : NULL;
    if (field != NULL) {
        return missing(fault, field);
    }
    *ret = info;
    return 0;
}
