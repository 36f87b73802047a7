/*
 * recorder_event.h - the content of a RecordingEvent (section 7): one for each finished segment,
 * one for the end of a session, a failed store and a deletion. The same goes to the bus (protobuf,
 * proto/reflection/recorder/v1/event.proto) and to webhooks (JSON).
 */
#ifndef RECORDER_EVENT_H
#define RECORDER_EVENT_H

#include "recorder_take.h"

#define RECORDER_EVENT_ID_LEN 16

typedef enum recorder_event_type {
    RECORDER_EVENT_SEGMENT_FINISHED = 1,
    RECORDER_EVENT_SESSION_ENDED = 2,
    RECORDER_EVENT_STORE_FAILED = 3,
    RECORDER_EVENT_SEGMENT_DELETED = 4,
} recorder_event_type;

/* The fields in the order of their numbers, 1 to 24. Pointers are lent by the take and hold until
 * it changes. */
typedef struct recorder_event {
    uint8_t event_id[RECORDER_EVENT_ID_LEN]; /* the same when it is sent again */
    recorder_event_type type;
    const char *tenant;
    const uint8_t *session_id;
    uint32_t sequence; /* 0: the whole session */
    char key[RECORDER_KEY_SIZE];
    recorder_store_format format;
    recorder_sample_format sample_format;
    uint32_t rate_hz;
    uint32_t channels;
    int64_t frames;
    int64_t duration_ms;
    int64_t started_at_ns;
    int64_t ended_at_ns;
    uint64_t bytes;
    const uint8_t *sha256; /* NULL: of no single object */
    recorder_state state;
    const char *end_reason; /* "" while the session goes on */
    const recorder_gap *gaps;
    uint32_t n_gaps;
    bool drift_known;
    double drift_ppm;
    recorder_loudness loudness;
    const recorder_marker *markers;
    uint32_t n_markers;
    const char *trace_id;
    int64_t emitted_at_ns;
} recorder_event;

/* recorder_event_segment fills an event of a published segment, with the gaps that touch it and
 * its markers; recorder_event_session one of the whole session, whose key is the last segment's.
 * event_id and emitted_at_ns are the caller's. */
void recorder_event_segment(const recorder_take *take, recorder_event_type type, uint32_t index,
                            recorder_event *ret);
void recorder_event_session(const recorder_take *take, recorder_event_type type,
                            recorder_event *ret);

#endif
