/*
 * jam_text.h - JSON text written straight into a caller's bytes: no tree, no heap, no locale.
 * Commas set themselves. What does not fit is left out and remembered in `full`.
 */
#ifndef JAM_TEXT_H
#define JAM_TEXT_H

#include "rf_base.h"

typedef struct jam_text {
    char *data;
    size_t len;
    size_t cap;
    bool full;
    bool comma; /* a comma stands before the next value */
} jam_text;

void jam_text_init(jam_text *text, char *data, size_t cap);
void jam_text_raw(jam_text *text, const char *s);  /* as it is, commas untouched */
void jam_text_open(jam_text *text, char bracket);  /* { or [ */
void jam_text_close(jam_text *text, char bracket); /* } or ] */
void jam_text_key(jam_text *text, const char *key);
void jam_text_string(jam_text *text, const char *s); /* valid UTF-8; quoted and escaped */
void jam_text_bool(jam_text *text, bool value);
void jam_text_null(jam_text *text);
void jam_text_i64(jam_text *text, int64_t value);
/* Shortest decimal that reads back as the same double; null when it is not finite. */
void jam_text_f64(jam_text *text, double value);
/* Rounded to `decimals` digits (0-6). */
void jam_text_fixed(jam_text *text, double value, int decimals);
/* Key and value of a member. */
void jam_text_put_string(jam_text *text, const char *key, const char *value);
void jam_text_put_bool(jam_text *text, const char *key, bool value);
void jam_text_put_i64(jam_text *text, const char *key, int64_t value);
void jam_text_put_f64(jam_text *text, const char *key, double value);
/* A value that is JSON already. */
void jam_text_json(jam_text *text, const char *json);

#endif
