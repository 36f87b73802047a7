#include "gateway_json.h"

#include <stdio.h>
#include <string.h>

/* ---- depth ---- */

/* Where the string that begins at text ends: behind its closing quote. */
static size_t string_end(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            return i + 1;
        }
    }
    return len;
}

static bool too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    for (size_t i = 0; i < len;) {
        char c = text[i];
        if (c == '"') {
            i += string_end(text + i, len - i);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
        if (depth > GATEWAY_JSON_DEPTH) {
            return true;
        }
        i++;
    }
    return false;
}

json_t *gateway_json_parse(const char *text, size_t len, char why[256])
{
    json_error_t error;
    if (too_deep(text, len)) {
        snprintf(why, 256, "The JSON is nested deeper than %d levels.", GATEWAY_JSON_DEPTH);
        return NULL;
    }
    /* Integers as reals: those beyond 64 bits are legal JSON too. */
    json_t *root = json_loadb(
        text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        bool duplicate = json_error_code(&error) == json_error_duplicate_key;
        snprintf(why, 256, "The body is not valid JSON: %s at byte %d.",
                 duplicate ? "duplicate key" : "syntax error", error.position);
    }
    return root;
}

/* ---- values as they stand ---- */

static size_t skip_space(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r')) {
        i++;
    }
    return i;
}

/* Length of the value at text; the text is known to be JSON. */
static size_t value_len(const char *text, size_t len)
{
    size_t depth = 0;
    for (size_t i = 0; i < len;) {
        char c = text[i];
        if (c == '"') {
            i += string_end(text + i, len - i);
        } else if (c == '{' || c == '[') {
            depth++;
            i++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return i;
            }
            depth--;
            i++;
        } else if (depth == 0 && c == ',') {
            return i;
        } else {
            i++;
            continue;
        }
        if (depth == 0) {
            return i;
        }
    }
    return len;
}

static size_t trim_end(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    return len;
}

char *gateway_json_raw(const char *text, size_t len, const char *key)
{
    size_t key_len = strlen(key);
    size_t i = skip_space(text, len);
    while (i < len && text[i] != '}') {
        i++; /* the brace or a comma */
        i += skip_space(text + i, len - i);
        if (i >= len || text[i] != '"') {
            return NULL;
        }
        size_t name = string_end(text + i, len - i);
        bool found = name == key_len + 2 && memcmp(text + i + 1, key, key_len) == 0;
        i += name;
        i += skip_space(text + i, len - i) + 1; /* and the colon */
        i += skip_space(text + i, len - i);
        size_t value = value_len(text + i, len - i);
        if (found) {
            return rf_strndup(text + i, trim_end(text + i, value));
        }
        i += value;
        i += skip_space(text + i, len - i);
    }
    return NULL;
}

/* ---- canonical form ---- */

static int add_text(const char *text, size_t len, void *user)
{
    rf_sha256_add(user, text, len);
    return 0;
}

bool gateway_json_is_text(const rf_buf *body)
{
    return rf_utf8_valid(body->data, body->len) && memchr(body->data, '\0', body->len) == NULL;
}

void gateway_json_sha256(const json_t *value, uint8_t ret[RF_SHA256_LEN])
{
    rf_sha256 *h = rf_sha256_new();
    json_dump_callback(value, add_text, h, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    rf_sha256_finish(h, ret);
}
