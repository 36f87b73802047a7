#include "jam_message.h"

#include "jam_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53 */
#define IGNORED_NAME_MAX 64          /* bytes of one name; longer ones are cut */
#define BUFFER_MS_MAX 60000

const char *jam_code_name(jam_code code)
{
    static const char *const names[JAM_N_CODES] = {
        [JAM_OUT_OF_RANGE] = "OUT_OF_RANGE",
        [JAM_WRONG_TYPE] = "WRONG_TYPE",
        [JAM_BAD_VALUE] = "BAD_VALUE",
        [JAM_IMMUTABLE] = "IMMUTABLE",
        [JAM_DUPLICATE_FIELD] = "DUPLICATE_FIELD",
        [JAM_NOT_STARTED] = "NOT_STARTED",
        [JAM_ALREADY_STARTED] = "ALREADY_STARTED",
        [JAM_NOT_PAUSED] = "NOT_PAUSED",
        [JAM_ALREADY_PAUSED] = "ALREADY_PAUSED",
        [JAM_TOO_LATE] = "TOO_LATE",
        [JAM_UNSUPPORTED] = "UNSUPPORTED",
        [JAM_TOO_MANY_PENDING] = "TOO_MANY_PENDING",
        [JAM_BUSY] = "BUSY",
        [JAM_DRAINING] = "DRAINING",
        [JAM_ENGINE_UNAVAILABLE] = "ENGINE_UNAVAILABLE",
        [JAM_ENGINE_FAILED] = "ENGINE_FAILED",
        [JAM_ENGINE_LOST] = "ENGINE_LOST",
        [JAM_FORBIDDEN] = "FORBIDDEN",
        [JAM_SESSION_NOT_FOUND] = "SESSION_NOT_FOUND",
        [JAM_RESUME_UNKNOWN] = "RESUME_UNKNOWN",
        [JAM_REPLAY_LOST] = "REPLAY_LOST",
        [JAM_CHUNK_TOO_LARGE] = "CHUNK_TOO_LARGE",
        [JAM_BAD_JSON] = "BAD_JSON",
        [JAM_BAD_MESSAGE] = "BAD_MESSAGE",
        [JAM_UNKNOWN_TYPE] = "UNKNOWN_TYPE",
        [JAM_RATE_LIMITED] = "RATE_LIMITED",
    };
    return names[code];
}

bool jam_code_is_protocol(jam_code code)
{
    return code >= JAM_BAD_JSON;
}

void jam_error_vset(jam_error *error, jam_code code, const char *field, const char *fmt,
                    va_list args)
{
    *error = (jam_error){.code = code};
    if (field != NULL) {
        (void)rf_copy_str(error->field, sizeof(error->field), field);
    }
    (void)vsnprintf(error->text, sizeof(error->text), fmt, args);
}

void jam_error_set(jam_error *error, jam_code code, const char *field, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    jam_error_vset(error, code, field, fmt, args);
    va_end(args);
}

void jam_error_limit(jam_error *error, double min, double max)
{
    error->has_limit = true;
    error->min = min;
    error->max = max;
}

static const char *const type_names[JAM_N_TYPES] = {"start", "update", "stop",         "ping",
                                                    "pause", "resume", "reset_context"};

const char *jam_type_name(jam_type type)
{
    return type_names[type];
}

/* The whole characters among the first max bytes. */
static size_t cut_text(const char *s, size_t max)
{
    size_t n = strnlen(s, max + 1);
    if (n <= max) {
        return n;
    }
    n = max;
    while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80) {
        n--;
    }
    return n;
}

void jam_parse_ignore(jam_parse *p, const char *prefix, const char *name)
{
    jam_names *names = p->ignored;
    size_t prefix_len = strlen(prefix);
    size_t len = cut_text(name, IGNORED_NAME_MAX);
    size_t all = prefix_len + (prefix_len > 0 ? 1 : 0) + len + 1;
    if (all > sizeof(names->text) - names->len) {
        return;
    }
    char *to = names->text + names->len;
    (void)snprintf(to, all, "%s%s%.*s", prefix, prefix_len > 0 ? "." : "", (int)len, name);
    names->len += all;
    names->n++;
}

/* Whether the tree keeps to the limits of depth (of objects and arrays) and members. */
static bool within_limits(json_t *value, unsigned depth, size_t *n_members)
{
    const char *key;
    json_t *v;
    size_t i;
    bool good = true;
    if (json_is_object(value)) {
        *n_members += json_object_size(value);
        good = depth <= JAM_DEPTH_MAX && *n_members <= JAM_MEMBERS_MAX;
        json_object_foreach(value, key, v)
        {
            good = good && within_limits(v, depth + 1, n_members);
        }
    } else if (json_is_array(value)) {
        good = depth <= JAM_DEPTH_MAX;
        json_array_foreach(value, i, v)
        {
            good = good && within_limits(v, depth + 1, n_members);
        }
    }
    return good;
}

/* The text as a tree, NULL after an error. Every number is a double, so that one too large for its
 * range is told so. */
static json_t *read_json(jam_parse *p, const char *text, size_t len)
{
    json_error_t at;
    json_t *root = json_loadb(
        text, len,
        JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &at);
    size_t n_members = 0;
    if (root == NULL && json_error_code(&at) == json_error_duplicate_key) {
        (void)jam_parse_fail(p, JAM_DUPLICATE_FIELD, NULL, "a field stands twice in one object");
    } else if (root == NULL) {
        (void)jam_parse_fail(p, JAM_BAD_JSON, NULL, "not JSON: byte %d of the message",
                             at.position);
    } else if (!within_limits(root, 1, &n_members)) {
        (void)jam_parse_fail(p, JAM_BAD_JSON, NULL, "at most %d levels and %d members are read",
                             JAM_DEPTH_MAX, JAM_MEMBERS_MAX);
        json_decref(root);
        root = NULL;
    }
    return root;
}

static json_t *get(const json_t *root, const char *key)
{
    json_t *value = json_object_get(root, key);
    return json_is_null(value) ? NULL : value;
}

static jam_type find_type(jam_parse *p, const json_t *root)
{
    const json_t *type = get(root, "type");
    if (!json_is_object(root)) {
        (void)jam_parse_fail(p, JAM_BAD_MESSAGE, NULL, "a message is one JSON object");
        return JAM_TYPE_NONE;
    }
    if (!json_is_string(type)) {
        (void)jam_parse_fail(p, JAM_BAD_MESSAGE, "type", "type: must be there, as a text");
        return JAM_TYPE_NONE;
    }
    const char *name = json_string_value(type);
    for (size_t i = 0; i < JAM_N_TYPES; i++) {
        if (strcmp(name, type_names[i]) == 0 && strlen(name) == json_string_length(type)) {
            return (jam_type)i;
        }
    }
    (void)jam_parse_fail(p, JAM_UNKNOWN_TYPE, "type",
                         "type: must be one of start, update, stop, ping, pause, resume,"
                         " reset_context");
    return JAM_TYPE_NONE;
}

/* What a start may hold at its top level beside params. */
static const char *const start_fields[] = {"mode", "binary_audio", "params",       "session_id",
                                           "role", "listen_token", "resume_token", "last_index"};

static bool is_one_of(const char *key, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(key, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void ignore_others(jam_parse *p, json_t *root, const char *const *names, size_t n)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        bool known = strcmp(key, "type") == 0 || strcmp(key, "id") == 0;
        if (!known && !json_is_null(value) && !is_one_of(key, names, n)) {
            jam_parse_ignore(p, "", key);
        }
    }
}

static void parse_mode(jam_parse *p, const json_t *value)
{
    const char *mode = json_string_value(value);
    if (value == NULL) {
        return;
    }
    if (mode == NULL) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, "mode", "mode: must be a text");
    } else if (strcmp(mode, "bar") == 0) {
        (void)jam_parse_fail(p, JAM_UNSUPPORTED, "mode", "mode: bar is not offered; use rt");
    } else if (strcmp(mode, "rt") != 0) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "mode", "mode: must be rt");
    }
}

static void parse_role(jam_parse *p, const json_t *value, jam_message *m)
{
    const char *role = json_string_value(value);
    if (value != NULL && role == NULL) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, "role", "role: must be a text");
    } else if (role != NULL && strcmp(role, "listener") == 0) {
        m->role = JAM_ROLE_LISTENER;
    } else if (role != NULL && strcmp(role, "controller") != 0) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "role", "role: must be controller or listener");
    }
}

static void parse_token(jam_parse *p, const json_t *root, const char *name,
                        char ret[JAM_TOKEN_SIZE])
{
    const json_t *value = get(root, name);
    if (value != NULL) {
        (void)jam_parse_text(p, name, value, ret, JAM_TOKEN_SIZE);
    }
}

static void parse_start(jam_parse *p, json_t *root, jam_message *m)
{
    const json_t *value = get(root, "binary_audio");
    json_t *params = get(root, "params");
    ignore_others(p, root, start_fields, RF_ARRAY_LEN(start_fields));
    parse_mode(p, get(root, "mode"));
    parse_role(p, get(root, "role"), m);
    parse_token(p, root, "session_id", m->session_id);
    parse_token(p, root, "listen_token", m->listen_token);
    parse_token(p, root, "resume_token", m->resume_token);
    if (value != NULL) {
        (void)jam_parse_bool(p, "binary_audio", value, &m->binary_audio);
    }
    double index = 0.0;
    value = get(root, "last_index");
    if (value != NULL && jam_parse_integer(p, "last_index", value, -1, EXACT_MAX, &index)) {
        m->has_last_index = true;
        m->last_index = (int64_t)index;
    }
    if (params != NULL && !json_is_object(params)) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, "params", "params: must be an object");
        return;
    }
    jam_parse_params(p, JAM_TYPE_START, NULL, params);
}

static void parse_change(jam_parse *p, json_t *root, jam_type type)
{
    json_t *params = get(root, "params");
    if (params != NULL && !json_is_object(params)) {
        (void)jam_parse_fail(p, JAM_WRONG_TYPE, "params", "params: must be an object");
        params = NULL;
    }
    jam_parse_params(p, type, root, params);
}

static void parse_ping(jam_parse *p, json_t *root, jam_message *m)
{
    static const char *const fields[] = {"buffer_ms"};
    const json_t *value = get(root, "buffer_ms");
    ignore_others(p, root, fields, RF_ARRAY_LEN(fields));
    m->has_buffer_ms =
        value != NULL && jam_parse_number(p, "buffer_ms", value, 0, BUFFER_MS_MAX, &m->buffer_ms);
}

static void parse_id(jam_parse *p, const json_t *root, jam_message *m)
{
    const json_t *id = get(root, "id");
    if (id != NULL && !jam_parse_text(p, "id", id, m->id, sizeof(m->id))) {
        m->id[0] = '\0';
    }
}

static void parse_body(jam_parse *p, json_t *root, jam_message *m)
{
    switch (m->type) {
    case JAM_TYPE_START:
        parse_start(p, root, m);
        break;
    case JAM_TYPE_UPDATE:
    case JAM_TYPE_RESET_CONTEXT:
        parse_change(p, root, m->type);
        break;
    case JAM_TYPE_PING:
        parse_ping(p, root, m);
        break;
    default:
        ignore_others(p, root, NULL, 0);
        break;
    }
}

/* What a start is judged against: the defaults, which jam_message_context may not know. */
static jam_message_context start_context(const jam_message_context *context, bool text)
{
    jam_settings settings;
    jam_settings_default(&settings);
    return (jam_message_context){.n_styles = 1,
                                 .overlap = settings.overlap,
                                 .chunk_frames = settings.chunk_frames,
                                 .format = settings.format,
                                 .bitrate_kbps = settings.bitrate_kbps,
                                 .text = text,
                                 .crossfade_default = context->crossfade_default,
                                 .wide_tempo = context->wide_tempo};
}

static int finish(const jam_parse *p, size_t *ret_n_errors)
{
    *ret_n_errors = RF_MIN(p->n_errors, (size_t)JAM_ERRORS_MAX);
    return p->n_errors > 0 ? -EBADMSG : 0;
}

static void no_change(jam_change *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->key = JAM_KEY_AUTO;
    ret->density = -1.0;
    ret->brightness = -1.0;
}

int jam_message_parse(const char *text, size_t len, const jam_message_context *context,
                      jam_message *ret, jam_error errors[JAM_ERRORS_MAX], size_t *ret_n_errors)
{
    jam_message *m = ret;
    memset(m, 0, sizeof(*m));
    m->type = JAM_TYPE_NONE;
    no_change(&m->change);
    jam_parse p = {
        .context = context, .errors = errors, .ignored = &m->ignored, .change = &m->change};
    json_t *root = read_json(&p, text, len);
    m->type = root != NULL ? find_type(&p, root) : JAM_TYPE_NONE;
    if (json_is_object(root)) {
        parse_id(&p, root, m);
    }
    jam_message_context defaults = start_context(context, !json_is_true(get(root, "binary_audio")));
    p.context = m->type == JAM_TYPE_START ? &defaults : context;
    parse_body(&p, root, m);
    json_decref(root);
    return finish(&p, ret_n_errors);
}

int jam_change_parse(const char *text, size_t len, jam_type type,
                     const jam_message_context *context, jam_change *ret, jam_names *ret_ignored,
                     jam_error errors[JAM_ERRORS_MAX], size_t *ret_n_errors)
{
    no_change(ret);
    *ret_ignored = (jam_names){.n = 0};
    jam_parse p = {.errors = errors, .ignored = ret_ignored, .change = ret};
    jam_message_context defaults = start_context(context, context->text);
    p.context = type == JAM_TYPE_START ? &defaults : context;
    json_t *root = read_json(&p, text, len);
    if (root != NULL && !json_is_object(root)) {
        (void)jam_parse_fail(&p, JAM_WRONG_TYPE, NULL, "must be an object");
    } else if (root != NULL) {
        jam_parse_params(&p, type, NULL, root);
    }
    json_decref(root);
    return finish(&p, ret_n_errors);
}
