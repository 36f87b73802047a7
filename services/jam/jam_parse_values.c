/* Single values: numbers, texts and lists, with the error that names field and limit. */
#include "jam_parse.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT_SIZE 64

jam_error *jam_parse_fail(jam_parse *p, jam_code code, const char *field, const char *fmt, ...)
{
    jam_error *error = p->n_errors < JAM_ERRORS_MAX ? &p->errors[p->n_errors] : &p->spare;
    p->n_errors++;
    va_list args;
    va_start(args, fmt);
    jam_error_vset(error, code, field, fmt, args);
    va_end(args);
    return error;
}

static bool wrong_type(jam_parse *p, const char *name, const char *wanted)
{
    (void)jam_parse_fail(p, JAM_WRONG_TYPE, name, "%s: must be %s", name, wanted);
    return false;
}

/* 0.5 and 1024 as people write them. */
static const char *plain(double value, char ret[NUMBER_TEXT_SIZE])
{
    (void)snprintf(ret, NUMBER_TEXT_SIZE, "%.15g", value);
    return ret;
}

static bool in_range(jam_parse *p, const char *name, double value, double min, double max)
{
    if (value >= min && value <= max) {
        return true;
    }
    char low[NUMBER_TEXT_SIZE];
    char high[NUMBER_TEXT_SIZE];
    jam_error *error = jam_parse_fail(p, JAM_OUT_OF_RANGE, name, "%s: must be %s to %s", name,
                                      plain(min, low), plain(max, high));
    jam_error_limit(error, min, max);
    return false;
}

bool jam_parse_number(jam_parse *p, const char *name, const json_t *value, double min, double max,
                      double *ret)
{
    if (!json_is_number(value)) {
        return wrong_type(p, name, "a number");
    }
    double number = json_number_value(value);
    if (!in_range(p, name, number, min, max)) {
        return false;
    }
    *ret = number;
    return true;
}

bool jam_parse_integer(jam_parse *p, const char *name, const json_t *value, double min, double max,
                       double *ret)
{
    if (!json_is_number(value) || floor(json_number_value(value)) != json_number_value(value)) {
        return wrong_type(p, name, "a whole number");
    }
    return jam_parse_number(p, name, value, min, max, ret);
}

bool jam_parse_bool(jam_parse *p, const char *name, const json_t *value, bool *ret)
{
    if (!json_is_boolean(value)) {
        return wrong_type(p, name, "true or false");
    }
    *ret = json_is_true(value);
    return true;
}

static bool has_control_characters(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0; /* U+0080 to U+009F */
        if (c < 0x20 || c == 0x7f || c1) {
            return true;
        }
    }
    return false;
}

static bool take_text(jam_parse *p, const char *name, const char *s, size_t len, char *ret,
                      size_t size)
{
    if (len < 1 || len > size - 1 || has_control_characters(s, len)) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, name,
                             "%s: must be 1 to %zu bytes without control characters", name,
                             size - 1);
        return false;
    }
    memcpy(ret, s, len);
    memset(ret + len, 0, size - len);
    return true;
}

bool jam_parse_text(jam_parse *p, const char *name, const json_t *value, char *ret, size_t size)
{
    if (!json_is_string(value)) {
        return wrong_type(p, name, "a text");
    }
    return take_text(p, name, json_string_value(value), json_string_length(value), ret, size);
}

/* One part of a comma list, blanks around it left out. */
typedef struct part {
    const char *s;
    size_t len;
} part;

static part trim(const char *s, size_t len)
{
    while (len > 0 && *s == ' ') {
        s++;
        len--;
    }
    while (len > 0 && s[len - 1] == ' ') {
        len--;
    }
    return (part){s, len};
}

/* The next part of *list, which moves on; false when there is none. After a comma one more part
 * follows, if only an empty one. */
static bool next_part(part *list, part *ret)
{
    if (list->s == NULL) {
        return false;
    }
    const char *comma = memchr(list->s, ',', list->len);
    size_t len = comma != NULL ? (size_t)(comma - list->s) : list->len;
    *ret = trim(list->s, len);
    *list = comma != NULL ? (part){comma + 1, list->len - len - 1} : (part){NULL, 0};
    return true;
}

static bool add_style(jam_parse *p, part name)
{
    jam_change *c = p->change;
    if (c->n_styles == JAM_STYLES_MAX) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "styles", "styles: must be at most %d names",
                             JAM_STYLES_MAX);
        return false;
    }
    char *to = c->styles[c->n_styles];
    if (!take_text(p, "styles", name.s, name.len, to, JAM_STYLE_NAME_SIZE)) {
        return false;
    }
    c->n_styles++;
    return true;
}

static bool styles_of_text(jam_parse *p, const json_t *value)
{
    part text = trim(json_string_value(value), json_string_length(value));
    bool good = true;
    for (part name; good && (text.len > 0 || p->change->n_styles > 0) && next_part(&text, &name);) {
        good = add_style(p, name);
    }
    return good;
}

static bool styles_of_array(jam_parse *p, const json_t *value)
{
    size_t i;
    json_t *name;
    json_array_foreach(value, i, name)
    {
        if (!json_is_string(name)) {
            return wrong_type(p, "styles", "texts");
        }
        if (!add_style(p, trim(json_string_value(name), json_string_length(name)))) {
            return false;
        }
    }
    return true;
}

bool jam_parse_styles(jam_parse *p, const json_t *value)
{
    p->change->n_styles = 0;
    if (!json_is_string(value) && !json_is_array(value)) {
        return wrong_type(p, "styles", "a comma list or an array of texts");
    }
    if (json_is_string(value) ? !styles_of_text(p, value) : !styles_of_array(p, value)) {
        return false;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < p->change->n_styles; i++) {
        bytes += strlen(p->change->styles[i]);
    }
    if (bytes > JAM_STYLES_BYTES_MAX) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, "styles", "styles: must be at most %d bytes in all",
                             JAM_STYLES_BYTES_MAX);
        return false;
    }
    return true;
}

/* A list of numbers while it is read. */
typedef struct numbers {
    const jam_field_def *def;
    double *to;
    size_t max_n, n;
} numbers;

static bool add_number(jam_parse *p, numbers *list, double value)
{
    if (list->n == list->max_n) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, list->def->name, "%s: must be at most %zu numbers",
                             list->def->name, list->max_n);
        return false;
    }
    if (!in_range(p, list->def->name, value, list->def->min, list->def->max)) {
        return false;
    }
    list->to[list->n++] = value;
    return true;
}

static bool number_of_part(jam_parse *p, numbers *list, part text)
{
    char digits[NUMBER_TEXT_SIZE] = "";
    double value = 0.0;
    bool plain_text = text.len < sizeof(digits);
    if (plain_text) {
        memcpy(digits, text.s, text.len);
    }
    if (!plain_text || strspn(digits, "0123456789+-.eE") != text.len ||
        rf_parse_f64(digits, &value) != 0) {
        (void)jam_parse_fail(p, JAM_BAD_VALUE, list->def->name, "%s: must be numbers by commas",
                             list->def->name);
        return false;
    }
    return add_number(p, list, value);
}

static bool numbers_of_text(jam_parse *p, numbers *list, const json_t *value)
{
    part text = trim(json_string_value(value), json_string_length(value));
    bool good = true;
    for (part number; good && (text.len > 0 || list->n > 0) && next_part(&text, &number);) {
        good = number_of_part(p, list, number);
    }
    return good;
}

static bool numbers_of_array(jam_parse *p, numbers *list, const json_t *value)
{
    size_t i;
    json_t *number;
    json_array_foreach(value, i, number)
    {
        if (!json_is_number(number)) {
            return wrong_type(p, list->def->name, "numbers");
        }
        if (!add_number(p, list, json_number_value(number))) {
            return false;
        }
    }
    return true;
}

bool jam_parse_numbers(jam_parse *p, jam_field field, const json_t *value, size_t max_n,
                       double *ret, size_t *ret_n)
{
    numbers list = {.def = jam_field_get(field), .to = ret, .max_n = max_n};
    if (!json_is_string(value) && !json_is_array(value)) {
        return wrong_type(p, list.def->name, "a comma list or an array of numbers");
    }
    bool good = json_is_string(value) ? numbers_of_text(p, &list, value)
                                      : numbers_of_array(p, &list, value);
    *ret_n = good ? list.n : 0;
    return good;
}
