/*
 * recorder_view.h - the JSON documents of calls and of the gateway's REST endpoints. The owner
 * loop.
 */
#ifndef RECORDER_VIEW_H
#define RECORDER_VIEW_H

#include "recorder_service.h"

#define RECORDER_VIEW_MAX ((size_t)16 << 20) /* bytes of a document */

typedef struct recorder_list_ask {
    const char *state; /* "" for all */
    const char *from;  /* times of start, "" for none */
    const char *to;
    const char *prefix; /* of the key, whole parts */
    uint32_t page_size; /* 1..500, 0: 50 */
    const char *cursor;
} recorder_list_ask;

/* Appends to out; 0 or the error of out. */
int recorder_view_started(const recorder_session *s, rf_buf *out);
int recorder_view_segment(const recorder_session *s, rf_buf *out); /* the last one */
int recorder_view_session(const recorder_session *s, rf_buf *out);

/* recorder_view_devices: {"devices": [{index, name, channels, default_rate, api, is_default}]}. */
int recorder_view_devices(const recorder_device_info *items, size_t n, rf_buf *out);

/* recorder_view_list: the tenant's sessions, newest first. */
recorder_code recorder_view_list(const recorder_service *service, const char *tenant,
                                 const recorder_list_ask *ask, rf_buf *out, recorder_error *error);

#endif
