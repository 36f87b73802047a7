#include "jam_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void jam_text_init(jam_text *text, char *data, size_t cap)
{
    *text = (jam_text){.data = data, .cap = cap};
}

static void put(jam_text *text, const char *s, size_t n)
{
    if (text->full || n > text->cap - text->len) {
        text->full = true;
        return;
    }
    memcpy(text->data + text->len, s, n);
    text->len += n;
}

void jam_text_raw(jam_text *text, const char *s)
{
    put(text, s, strlen(s));
}

/* A value follows: with a comma when it is not the first. */
static void separate(jam_text *text)
{
    if (text->comma) {
        put(text, ",", 1);
    }
    text->comma = true;
}

void jam_text_open(jam_text *text, char bracket)
{
    separate(text);
    put(text, &bracket, 1);
    text->comma = false;
}

void jam_text_close(jam_text *text, char bracket)
{
    put(text, &bracket, 1);
    text->comma = true;
}

static void put_char(jam_text *text, unsigned char c)
{
    if (c == '"' || c == '\\') {
        char pair[2] = {'\\', (char)c};
        put(text, pair, 2);
    } else if (c < 0x20 || c == 0x7f) {
        char code[8];
        int n = snprintf(code, sizeof(code), "\\u%04x", c);
        put(text, code, (size_t)n);
    } else {
        put(text, (const char *)&c, 1);
    }
}

static void put_quoted(jam_text *text, const char *s)
{
    put(text, "\"", 1);
    for (; *s != '\0'; s++) {
        put_char(text, (unsigned char)*s);
    }
    put(text, "\"", 1);
}

void jam_text_key(jam_text *text, const char *key)
{
    separate(text);
    put_quoted(text, key);
    put(text, ":", 1);
    text->comma = false;
}

void jam_text_string(jam_text *text, const char *s)
{
    separate(text);
    put_quoted(text, s);
}

void jam_text_json(jam_text *text, const char *json)
{
    separate(text);
    jam_text_raw(text, json);
}

void jam_text_bool(jam_text *text, bool value)
{
    jam_text_json(text, value ? "true" : "false");
}

void jam_text_null(jam_text *text)
{
    jam_text_json(text, "null");
}

void jam_text_i64(jam_text *text, int64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%lld", (long long)value);
    jam_text_json(text, digits);
}

/* What the locale takes for a decimal point becomes one. */
static void put_number(jam_text *text, const char *s)
{
    bool pointed = false;
    for (; *s != '\0'; s++) {
        if (strchr("0123456789+-e", *s) != NULL) {
            put(text, s, 1);
        } else if (!pointed) {
            put(text, ".", 1);
            pointed = true;
        }
    }
}

void jam_text_f64(jam_text *text, double value)
{
    if (!isfinite(value)) {
        jam_text_null(text);
        return;
    }
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof(digits), "%.*g", precision, value);
        if (strtod(digits, NULL) == value) {
            break;
        }
    }
    separate(text);
    put_number(text, digits);
}

void jam_text_fixed(jam_text *text, double value, int decimals)
{
    if (!isfinite(value) || fabs(value) > 1e15) {
        jam_text_null(text);
        return;
    }
    char digits[40];
    (void)snprintf(digits, sizeof(digits), "%.*f", decimals, value);
    separate(text);
    put_number(text, digits);
}

void jam_text_put_string(jam_text *text, const char *key, const char *value)
{
    jam_text_key(text, key);
    jam_text_string(text, value);
}

void jam_text_put_bool(jam_text *text, const char *key, bool value)
{
    jam_text_key(text, key);
    jam_text_bool(text, value);
}

void jam_text_put_i64(jam_text *text, const char *key, int64_t value)
{
    jam_text_key(text, key);
    jam_text_i64(text, value);
}

void jam_text_put_f64(jam_text *text, const char *key, double value)
{
    jam_text_key(text, key);
    jam_text_f64(text, value);
}
