#include "recorder_request.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_INDEX_MAX 65535

void recorder_request_default(recorder_start *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->source = RECORDER_SOURCE_NETWORK;
    ret->sample_format = RECORDER_SAMPLE_INT16;
    ret->sent_format = RECORDER_SAMPLE_INT16;
    ret->channels = 1;
    ret->rate_hz = 16000;
    ret->chunk = 1024;
    ret->store_format = RECORDER_STORE_WAV;
    recorder_options_default(&ret->options);
}

static recorder_code wrong(recorder_error *error, const char *field, const char *what)
{
    return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: %s", field, what);
}

/* ---- one function a field ---- */

static recorder_code read_source(const json_t *value, recorder_start *s, recorder_error *error)
{
    const char *name = json_string_value(value);
    for (int i = 0; name != NULL && i < RECORDER_N_SOURCES; i++) {
        if (strcmp(name, recorder_source_name((recorder_source)i)) == 0) {
            s->source = (recorder_source)i;
            return RECORDER_OK;
        }
    }
    return wrong(error, "source", "network, device or file");
}

static recorder_code read_source_name(const json_t *value, recorder_start *s, recorder_error *error)
{
    const char *name = json_string_value(value);
    return name == NULL || rf_copy_str(s->source_name, sizeof(s->source_name), name) < 0
               ? wrong(error, "source_name", "text of at most 255 bytes")
               : RECORDER_OK;
}

static recorder_code read_sample_format(const json_t *value, recorder_start *s,
                                        recorder_error *error)
{
    const char *name = json_string_value(value);
    recorder_sample_format format;
    if (name == NULL || recorder_sample_parse(name, &format) < 0) {
        return wrong(error, "sample_format", "int8, uint8, int16, int24, int32 or float32");
    }
    s->sample_format = recorder_sample_kept(format);
    s->sent_format = format;
    return RECORDER_OK;
}

static recorder_code read_number(const json_t *value, const char *field, int64_t min, int64_t max,
                                 int64_t *ret, recorder_error *error)
{
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: a whole number, %lld to %lld",
                             field, (long long)min, (long long)max);
    }
    *ret = json_integer_value(value);
    return RECORDER_OK;
}

static recorder_code read_u32(const json_t *value, const char *field, int64_t min, int64_t max,
                              uint32_t *ret, recorder_error *error)
{
    int64_t number = min;
    recorder_code code = read_number(value, field, min, max, &number, error);
    if (code == RECORDER_OK) {
        *ret = (uint32_t)number;
    }
    return code;
}

static recorder_code read_device(const json_t *value, recorder_start *s, recorder_error *error)
{
    int64_t index = 0;
    recorder_code code =
        read_number(value, "input_device_index", 0, DEVICE_INDEX_MAX, &index, error);
    if (code == RECORDER_OK) {
        (void)snprintf(s->source_name, sizeof(s->source_name), "%d", (int)index);
    }
    return code;
}

static recorder_code read_channels(const json_t *value, recorder_start *s, recorder_error *error)
{
    return read_u32(value, "channels", 1, RECORDER_CHANNELS_MAX, &s->channels, error);
}

static recorder_code read_rate(const json_t *value, recorder_start *s, recorder_error *error)
{
    return read_u32(value, "rate", RECORDER_RATE_MIN, RECORDER_RATE_MAX, &s->rate_hz, error);
}

static recorder_code read_chunk(const json_t *value, recorder_start *s, recorder_error *error)
{
    return read_u32(value, "chunk", RECORDER_CHUNK_MIN, RECORDER_CHUNK_MAX, &s->chunk, error);
}

static recorder_code read_store_format(const json_t *value, recorder_start *s,
                                       recorder_error *error)
{
    const char *name = json_string_value(value);
    return name == NULL || recorder_store_format_parse(name, &s->store_format) < 0
               ? recorder_fail(error, RECORDER_UNSUPPORTED_FORMAT,
                               "store_format: wav, pcm, flac, mp3 or opus")
               : RECORDER_OK;
}

static const recorder_option *find_option(const char *name)
{
    size_t n;
    const recorder_option *rows = recorder_options_table(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Words for the options that have some. */
static int word_of(const recorder_option *row, const char *word)
{
    static const struct {
        const char *name;
        const char *words[4];
    } table[] = {
        {"pause_mode", {"cut", "silence"}},
        {"split", {"none", "silence", "length"}},
        {"loudness", {"off", "final", "live"}},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(table); i++) {
        for (int k = 0; strcmp(table[i].name, row->name) == 0 && table[i].words[k] != NULL; k++) {
            if (strcmp(table[i].words[k], word) == 0) {
                return k;
            }
        }
    }
    return -1;
}

static recorder_code read_option(const char *name, const json_t *value, recorder_start *s,
                                 recorder_error *error)
{
    const recorder_option *row = find_option(name);
    int64_t number;
    if (row == NULL) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "options.%.60s: there is none such",
                             name);
    }
    if (json_is_string(value)) {
        number = word_of(row, json_string_value(value));
    } else if (json_is_boolean(value)) {
        number = json_is_true(value);
    } else if (json_is_integer(value)) {
        number = json_integer_value(value);
    } else {
        number = (int64_t)row->min - 1;
    }
    if (number < row->min || number > row->max) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "options.%s: %d to %d", name,
                             row->min, row->max);
    }
    recorder_options_set(&s->options, row, (int32_t)number);
    return RECORDER_OK;
}

static recorder_code read_options(const json_t *value, recorder_start *s, recorder_error *error)
{
    const char *name;
    json_t *option;
    recorder_code code = RECORDER_OK;
    if (!json_is_object(value)) {
        return wrong(error, "options", "an object");
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, option)
    {
        code = code == RECORDER_OK ? read_option(name, option, s, error) : code;
    }
    const recorder_option *bad = recorder_options_check(&s->options);
    return code == RECORDER_OK && bad != NULL ? wrong(error, bad->name, "out of its range") : code;
}

static recorder_code read_trace(const json_t *value, recorder_start *s, recorder_error *error)
{
    const char *id = json_string_value(value);
    return id == NULL || rf_copy_str(s->trace_id, sizeof(s->trace_id), id) < 0
               ? wrong(error, "trace_id", "text of at most 64 bytes")
               : RECORDER_OK;
}

/* ---- prefixes ---- */

static recorder_code make_folder(const json_t *value, const char *key_prefix, recorder_start *s,
                                 recorder_error *error)
{
    recorder_bytes given[RECORDER_KEY_PARTS_MAX];
    recorder_key_error why;
    size_t n = 0;
    if (value != NULL && (!json_is_array(value) || json_array_size(value) > RF_ARRAY_LEN(given))) {
        return wrong(error, "prefixes", "a list of at most 16");
    }
    for (; value != NULL && n < json_array_size(value); n++) {
        const json_t *item = json_array_get(value, n);
        if (!json_is_string(item)) {
            return wrong(error, "prefixes", "a list of texts");
        }
        given[n] = (recorder_bytes){json_string_value(item), json_string_length(item)};
    }
    return recorder_key_folder(key_prefix, given, n, s->folder, &why) < 0
               ? recorder_fail(error, why.code, "%s", why.text)
               : RECORDER_OK;
}

/* ---- the whole ---- */

static const struct {
    const char *name;
    recorder_code (*read)(const json_t *value, recorder_start *s, recorder_error *error);
} fields[] = {
    {"source", read_source},
    {"source_name", read_source_name},
    {"input_device_index", read_device},
    {"sample_format", read_sample_format},
    {"channels", read_channels},
    {"rate", read_rate},
    {"chunk", read_chunk},
    {"store_format", read_store_format},
    {"options", read_options},
    {"trace_id", read_trace},
};

static recorder_code read_field(const char *name, const json_t *value, recorder_start *s,
                                recorder_error *error)
{
    for (size_t i = 0; i < RF_ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return json_is_null(value) ? RECORDER_OK : fields[i].read(value, s, error);
        }
    }
    return strcmp(name, "prefixes") == 0 ? RECORDER_OK
                                         : recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                                                         "%.60s: there is no such field", name);
}

/* The source name of a publisher says what it sends where that is not what is kept. */
static void name_sent(const json_t *root, recorder_start *s)
{
    recorder_sample_format format;
    bool named = json_object_get(root, "source_name") != NULL;
    if (!named && recorder_sample_parse(s->source_name, &format) == 0) {
        s->source_name[0] = '\0'; /* of a body before this one */
    }
    if (s->source == RECORDER_SOURCE_NETWORK && s->sent_format != s->sample_format) {
        (void)rf_copy_str(s->source_name, sizeof(s->source_name),
                          recorder_sample_name(s->sent_format));
    }
}

static recorder_code read_all(json_t *root, const char *key_prefix, recorder_start *s,
                              recorder_error *error)
{
    const char *name;
    json_t *value;
    recorder_code code = RECORDER_OK;
    json_object_foreach(root, name, value)
    {
        code = code == RECORDER_OK ? read_field(name, value, s, error) : code;
    }
    name_sent(root, s);
    json_t *prefixes = json_object_get(root, "prefixes");
    if (code == RECORDER_OK && (s->folder[0] == '\0' || prefixes != NULL)) {
        code = make_folder(json_is_null(prefixes) ? NULL : prefixes, key_prefix, s, error);
    }
    return code;
}

recorder_code recorder_request_read(const char *body, const char *key_prefix, recorder_start *ret,
                                    recorder_error *error)
{
    json_error_t why;
    recorder_start start = *ret;
    if (strlen(body) > RECORDER_BODY_MAX) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "body: at most %d bytes",
                             RECORDER_BODY_MAX);
    }
    json_t *root = body[0] == '\0' ? json_object() : json_loads(body, JSON_REJECT_DUPLICATES, &why);
    recorder_code code = json_is_object(root) ? read_all(root, key_prefix, &start, error)
                                              : wrong(error, "body", "a JSON object");
    json_decref(root);
    if (code == RECORDER_OK) {
        *ret = start;
    }
    return code;
}

recorder_sample_format recorder_request_sent(const recorder_start *start)
{
    recorder_sample_format format;
    bool narrow = start->source == RECORDER_SOURCE_NETWORK &&
                  start->sample_format == RECORDER_SAMPLE_INT16 &&
                  recorder_sample_parse(start->source_name, &format) == 0;
    return narrow ? format : start->sample_format;
}
