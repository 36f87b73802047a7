/*
 * jam_parse.h - what the parts of the message parser share. Private to jam_message.c and
 * jam_parse*.c.
 */
#ifndef JAM_PARSE_H
#define JAM_PARSE_H

#include "jam_message.h"

#include <jansson.h>
#include <stdarg.h>

typedef struct jam_parse {
    const jam_message_context *context;
    jam_error *errors;
    size_t n_errors; /* of which JAM_ERRORS_MAX are kept */
    jam_error spare; /* takes the others */
    jam_names *ignored;
    jam_change *change;
} jam_parse;

/* jam_error_vset is jam_error_set; jam_parse_fail sets the next error. */
void jam_error_vset(jam_error *error, jam_code code, const char *field, const char *fmt,
                    va_list args) RF_PRINTF(4, 0);
jam_error *jam_parse_fail(jam_parse *p, jam_code code, const char *field, const char *fmt, ...)
    RF_PRINTF(4, 5);

/* jam_parse_ignore notes a name for status.ignored; prefix may be "". */
void jam_parse_ignore(jam_parse *p, const char *prefix, const char *name);

/* jam_parse_number: a number from min to max, of the field `name`. */
bool jam_parse_number(jam_parse *p, const char *name, const json_t *value, double min, double max,
                      double *ret);
bool jam_parse_integer(jam_parse *p, const char *name, const json_t *value, double min, double max,
                       double *ret);
bool jam_parse_bool(jam_parse *p, const char *name, const json_t *value, bool *ret);

/* jam_parse_text: 1 to size - 1 bytes without control characters. */
bool jam_parse_text(jam_parse *p, const char *name, const json_t *value, char *ret, size_t size);

/* jam_parse_styles and jam_parse_numbers read a comma list or an array. */
bool jam_parse_styles(jam_parse *p, const json_t *value);
bool jam_parse_numbers(jam_parse *p, jam_field field, const json_t *value, size_t max_n,
                       double *ret, size_t *ret_n);

/* jam_parse_field reads one field of params; jam_parse_params those of a start or reset (one
 * object) or of an update (top level and params), and the rules that join fields. */
void jam_parse_field(jam_parse *p, jam_field field, json_t *value);
void jam_parse_params(jam_parse *p, jam_type type, json_t *top, json_t *params);

#endif
