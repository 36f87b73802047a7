/* What the tests of client messages share: parsing on a running session, one error, no error. */
#ifndef MESSAGE_CASE_H
#define MESSAGE_CASE_H

#include "jam_message.h"

/* A session of two styles, 40 ms of overlap, 50 frames of wav-f32 in text mode. */
extern const jam_message_context message_running;

typedef struct message_parsed {
    jam_message m;
    jam_error errors[JAM_ERRORS_MAX];
    size_t n_errors;
    int err;
} message_parsed;

/* Parses on message_running; the result holds until the next call. */
const message_parsed *message_parse(const char *text);

/* A message with exactly one error, which is returned. */
const jam_error *message_bad(const char *text, jam_code code, const char *field);

/* A message without an error. */
const jam_change *message_good(const char *text);

/* s n times; the caller frees. */
char *message_repeat(const char *s, size_t n);

/* Whether a field was named as ignored. */
bool message_ignores(const message_parsed *p, const char *name);

#endif
