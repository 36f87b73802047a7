/*
 * recorder_event_json.h - a RecordingEvent as JSON, for webhooks: the members of event.proto under
 * their names. Pure, any thread.
 */
#ifndef RECORDER_EVENT_JSON_H
#define RECORDER_EVENT_JSON_H

#include "recorder_event.h"

#define RECORDER_EVENT_JSON_MAX 20000 /* bytes */

/* recorder_event_type_name gives "SEGMENT_FINISHED" and so on. */
const char *recorder_event_type_name(recorder_event_type type);

/* recorder_event_json appends the document, of at most RECORDER_EVENT_JSON_MAX bytes: of gaps and
 * markers as many as fit, n_gaps and n_markers say how many there are. 0 or the error of out. */
int recorder_event_json(const recorder_event *event, rf_buf *out);

#endif
