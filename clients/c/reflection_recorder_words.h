/*
 * reflection_recorder_words.h - what crosses the wire of the recorder as text: errors, times,
 * places and documents. It comes from outside: nothing in it is trusted. No state.
 */
#ifndef REFLECTION_RECORDER_WORDS_H
#define REFLECTION_RECORDER_WORDS_H

#include "reflection_fault.h"
#include "reflection_recorder.h"

#include <jansson.h>

#define REFLECTION_TIME_SIZE 40 /* "2026-01-02T03:04:05.678901234Z" with the terminator */

/* reflection_refuse clears *fault, fills it in with the code's errno and the text, and returns the
 * errno; a text that begins with "name: " names the field. */
REFLECTION_LOCAL int reflection_refuse(reflection_recorder_fault *fault,
                                       reflection_recorder_code code, const char *fmt, ...)
    REFLECTION_PRINTF(3, 4);

/* The same without a code. */
REFLECTION_LOCAL int reflection_break(reflection_recorder_fault *fault, int err, const char *fmt,
                                      ...) REFLECTION_PRINTF(3, 4);

/* reflection_take_fault makes a recorder's fault of that of a connection. Returns its errno. */
REFLECTION_LOCAL int reflection_take_fault(const reflection_jam_fault *from,
                                           reflection_recorder_fault *ret);

/* reflection_read_error reads {code, message, retryable, field, available} (also below "detail").
 * status is that of HTTP, 0 without one: it decides where there is no code. Returns the errno. */
REFLECTION_LOCAL int reflection_read_error(const json_t *object, int status,
                                           reflection_recorder_fault *ret);

/* reflection_time_text writes UTC ns as RFC 3339; reflection_time_parse reads that, with Z or an
 * offset. 0 or -EINVAL. */
REFLECTION_LOCAL char *reflection_time_text(int64_t utc_ns, char ret[REFLECTION_TIME_SIZE]);
REFLECTION_LOCAL int reflection_time_parse(const char *text, int64_t *ret_utc_ns);

/* reflection_bound_text writes "f:" and a frame, a time, or "" for AUTO. */
REFLECTION_LOCAL char *reflection_bound_text(reflection_recorder_bound bound,
                                             char ret[REFLECTION_TIME_SIZE]);

/* reflection_read_segment and _read_info read the documents of stop and of a session; -EPROTO with
 * the field in the fault. Their json is NULL. */
REFLECTION_LOCAL int reflection_read_segment(const json_t *object, reflection_recorder_segment *ret,
                                             reflection_recorder_fault *fault);
REFLECTION_LOCAL int reflection_read_info(const json_t *object, reflection_recorder_info *ret,
                                          reflection_recorder_fault *fault);

/* reflection_read_i64 reads a whole number of min to max, reflection_read_text a text that fits. */
REFLECTION_LOCAL bool reflection_read_i64(const json_t *object, const char *name, int64_t min,
                                          int64_t max, int64_t *ret);
REFLECTION_LOCAL bool reflection_read_text(const json_t *object, const char *name, char *ret,
                                           size_t size);

/* "network", "device", "file". */
REFLECTION_LOCAL const char *reflection_source_name(reflection_recorder_source source);

#endif
