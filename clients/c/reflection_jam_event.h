/*
 * reflection_jam_event.h - what the server says, from JSON to the structs of reflection_jam.h. The
 * text comes from outside: whatever lacks, is of a wrong type or out of range is -EPROTO with the
 * fault's text. No state.
 */
#ifndef REFLECTION_JAM_EVENT_H
#define REFLECTION_JAM_EVENT_H

#include "reflection_fault.h"

#include <jansson.h>

#define REFLECTION_JSON_MAX 65536 /* bytes of a text message in binary mode */

/* reflection_event_parse gives the object and its type, "" when it has none; *ret is to be
 * decref'ed. */
REFLECTION_LOCAL int reflection_event_parse(const char *text, size_t len, json_t **ret,
                                            const char **ret_type, reflection_jam_fault *fault);

/* Each reads one type of message. Texts in *ret point into object. */
REFLECTION_LOCAL int reflection_event_started(const json_t *object, reflection_jam_info *ret,
                                              reflection_jam_fault *fault);
REFLECTION_LOCAL int reflection_event_chunk(const json_t *object, reflection_jam_chunk *ret,
                                            reflection_jam_fault *fault);
REFLECTION_LOCAL int reflection_event_status(const json_t *object, reflection_jam_status *ret,
                                             reflection_jam_fault *fault);
REFLECTION_LOCAL int reflection_event_stopped(const json_t *object, reflection_jam_stopped *ret,
                                              reflection_jam_fault *fault);

/* reflection_event_error reads an error message into *ret, whose err becomes -EBUSY, -EACCES, ...
 * by its code; -EINVAL for codes that blame a value. */
REFLECTION_LOCAL void reflection_event_error(const json_t *object, reflection_jam_fault *ret);

#endif
