/*
 * recorder_begin.h - a session from a JSON body, of an open recorder or of its own. The owner loop.
 */
#ifndef RECORDER_BEGIN_H
#define RECORDER_BEGIN_H

#include "recorder_access.h"
#include "recorder_service.h"

/* A start as it was asked for. Pointers are lent. */
typedef struct recorder_begin_ask {
    recorder_caller caller;
    const char *recorder_id; /* "" for none */
    const char *body;        /* read over the recorder's own */
    const char *once;        /* an idempotency key; NULL or "" for none */
    bool publisher;          /* the caller sends the audio: no other source */
} recorder_begin_ask;

/* recorder_begin starts the session; ready and *ret as recorder_service_start. When ask->once has
 * started one before, ready is told of that at once and *ret is NULL. */
recorder_code recorder_begin(recorder_service *s, const recorder_begin_ask *ask,
                             recorder_waiter_fn ready, void *user, recorder_session **ret,
                             recorder_error *error);

/* recorder_begin_open opens a recorder of the body's settings; with preroll_ms and a local source
 * that runs from now on. recorder_id of the ask is not read. */
recorder_code recorder_begin_open(recorder_service *s, const recorder_begin_ask *ask,
                                  recorder_host **ret, recorder_error *error);

/* recorder_begin_session: the last one of a recorder, NULL for none. */
recorder_session *recorder_begin_session(const recorder_service *s, const recorder_host *host);

#endif
