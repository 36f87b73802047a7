/*
 * face_words.h - the members of a command and of an answer of face_c.
 */
#ifndef FACE_WORDS_H
#define FACE_WORDS_H

#include "reflection_recorder.h"

#include "rf_base.h"
#include "rf_buf.h"

#include <jansson.h>

/* Members of a command. Text is NULL, and a number `absent`, where there is none. */
const char *face_text_of(const json_t *in, const char *name);
int64_t face_number_of(const json_t *in, const char *name, int64_t absent);
bool face_is_set(const json_t *in, const char *name);
bool face_is_text(const json_t *in, const char *name, const char *text);
reflection_recorder_bound face_place_of(const json_t *in, const char *name);

/* A name that is none gives a number that is none, for the library to refuse. */
reflection_recorder_format face_format_of(const json_t *in, const char *name);
reflection_recorder_output face_output_of(const json_t *in);

/* Members of an answer. face_say_bytes: length, SHA-256 and, if asked for, base64. */
void face_set_i64(json_t *out, const char *name, int64_t value);
void face_say_fault(const reflection_recorder_fault *f, json_t *out);
void face_say_bytes(const rf_buf *bytes, bool with_data, json_t *out);

/* face_keep is a writer into an rf_buf. */
int face_keep(void *user, const void *data, size_t len);

#endif
