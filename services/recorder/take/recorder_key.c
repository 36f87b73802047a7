#include "recorder_key.h"

#include "rf_id.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEX_LEN ((size_t)(2 * RECORDER_KEY_ID_LEN))
#define NAME_MAX_LEN (1 + HEX_LEN + 1 + 4) /* "/", digits, ".", "opus" or "flac" */
#define FOLDER_MAX (RECORDER_KEY_MAX - NAME_MAX_LEN)

static const char *const format_names[RECORDER_N_STORE_FORMATS] = {"wav", "pcm", "flac", "mp3",
                                                                   "opus"};

const char *recorder_store_format_name(recorder_store_format format)
{
    return format_names[format];
}

int recorder_store_format_parse(const char *name, recorder_store_format *ret)
{
    for (size_t i = 0; i < RECORDER_N_STORE_FORMATS; i++) {
        if (strcmp(format_names[i], name) == 0) {
            *ret = (recorder_store_format)i;
            return 0;
        }
    }
    return -EINVAL;
}

static bool ascii_allowed(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-=@+", c) != NULL);
}

bool recorder_key_part_valid(const char *part, size_t len)
{
    if (len == 0 || len > RECORDER_KEY_PART_MAX || part[0] == '.' || !rf_utf8_valid(part, len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)part[i];
        bool below_a0 = c == 0xC2 && (unsigned char)part[i + 1] < 0xA0;
        if (below_a0 || (c < 0x80 && !ascii_allowed(c))) {
            return false;
        }
    }
    return true;
}

static RF_PRINTF(3, 4) int fail(recorder_key_error *error, recorder_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error->code = code;
    (void)vsnprintf(error->text, sizeof(error->text), fmt, args);
    va_end(args);
    return -EINVAL;
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++) {
        n += ((unsigned char)*s & 0xC0) != 0x80;
    }
    return n;
}

/* The folder while it is being put together. */
typedef struct builder {
    char *data;
    size_t len;
    size_t n_parts;
    recorder_key_error *error;
} builder;

static int add_part(builder *f, const char *part, size_t len)
{
    size_t number = f->n_parts + 1;
    if (number > RECORDER_KEY_PARTS_MAX) {
        return fail(f->error, RECORDER_INVALID_KEY_PART, "prefixes: more than %d parts",
                    RECORDER_KEY_PARTS_MAX);
    }
    if (len > RECORDER_KEY_PART_MAX) {
        return fail(f->error, RECORDER_INVALID_KEY_PART,
                    "prefixes: part %zu has %zu bytes of 1..%d", number, len,
                    RECORDER_KEY_PART_MAX);
    }
    if (!recorder_key_part_valid(part, len)) {
        return fail(f->error, RECORDER_INVALID_KEY_PART,
                    "prefixes: part %zu may hold letters, digits, . _ - = @ + and UTF-8 from U+00A0"
                    " up, and must not start with \".\"",
                    number);
    }
    if (f->len + 1 + len > FOLDER_MAX) {
        return fail(f->error, RECORDER_INVALID_KEY_PART, "prefixes: the key has more than %d bytes",
                    RECORDER_KEY_MAX);
    }
    f->data[f->len] = '/';
    memcpy(f->data + f->len + 1, part, len);
    f->len += 1 + len;
    f->n_parts = number;
    return 0;
}

static int add_given(builder *f, recorder_bytes given)
{
    size_t at = 0;
    while (at < given.len) {
        const char *part = given.data + at;
        const char *slash = memchr(part, '/', given.len - at);
        size_t len = slash == NULL ? given.len - at : (size_t)(slash - part);
        int r = len == 0 ? 0 : add_part(f, part, len);
        if (r < 0) {
            return r;
        }
        at += len + 1;
    }
    return 0;
}

int recorder_key_folder(const char *prefix, const recorder_bytes *given, size_t n_given,
                        char ret[RECORDER_KEY_SIZE], recorder_key_error *error)
{
    char made[RECORDER_KEY_SIZE];
    builder f = {.data = made, .len = strlen(prefix), .error = error};
    if (f.len >= RECORDER_KEY_PREFIX_SIZE || !recorder_key_part_valid(prefix, f.len) ||
        characters(prefix) > RECORDER_KEY_PREFIX_MAX) {
        return fail(error, RECORDER_INVALID_ARGUMENT,
                    "prefix of the tenant: one part of 1..%d characters", RECORDER_KEY_PREFIX_MAX);
    }
    memcpy(made, prefix, f.len);
    for (size_t i = 0; i < n_given; i++) {
        int r = add_given(&f, given[i]);
        if (r < 0) {
            return r;
        }
    }
    memcpy(ret, made, f.len);
    ret[f.len] = '\0';
    return (int)f.len;
}

void recorder_key_of(const char *folder, const uint8_t id[RECORDER_KEY_ID_LEN],
                     recorder_store_format format, char ret[RECORDER_KEY_SIZE])
{
    char hex[HEX_LEN + 1];
    rf_hex(id, RECORDER_KEY_ID_LEN, hex);
    (void)snprintf(ret, RECORDER_KEY_SIZE, "%s/%s.%s", folder, hex, format_names[format]);
}

bool recorder_key_folder_valid(const char *folder, size_t len)
{
    size_t n_parts = 0;
    for (size_t at = 0; at <= len; n_parts++) {
        const char *slash = memchr(folder + at, '/', len - at);
        size_t part_len = slash == NULL ? len - at : (size_t)(slash - (folder + at));
        if (!recorder_key_part_valid(folder + at, part_len)) {
            return false;
        }
        at += part_len + 1;
    }
    return len <= FOLDER_MAX && n_parts <= RECORDER_KEY_PARTS_MAX + 1;
}

static bool name_valid(const char *name, size_t len)
{
    if (len < HEX_LEN + 2 || name[HEX_LEN] != '.') {
        return false;
    }
    for (size_t i = 0; i < HEX_LEN; i++) {
        if (!((name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'f'))) {
            return false;
        }
    }
    for (size_t i = 0; i < RECORDER_N_STORE_FORMATS; i++) {
        size_t ext_len = len - HEX_LEN - 1;
        if (strlen(format_names[i]) == ext_len &&
            memcmp(format_names[i], name + HEX_LEN + 1, ext_len) == 0) {
            return true;
        }
    }
    return false;
}

bool recorder_key_valid(const char *key, size_t len)
{
    const char *slash = len <= RECORDER_KEY_MAX ? memrchr(key, '/', len) : NULL;
    if (slash == NULL) {
        return false;
    }
    size_t folder_len = (size_t)(slash - key);
    return recorder_key_folder_valid(key, folder_len) &&
           name_valid(slash + 1, len - folder_len - 1);
}
