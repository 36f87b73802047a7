/*
 * recorder_socket_internal.h - what the files of a socket share:
 *
 *   recorder_socket.c             life, streams, messages and frames that come, what is sent
 *   recorder_socket_publish.c     publishers: start, attach, and the calls on one
 *   recorder_socket_subscribe.c   subscribers
 */
#ifndef RECORDER_SOCKET_INTERNAL_H
#define RECORDER_SOCKET_INTERNAL_H

#include "recorder_notice.h"
#include "recorder_sample.h"
#include "recorder_socket.h"
#include "recorder_streams.h"

#include <jansson.h>
#include <pthread.h>

/* A publisher or a subscriber. */
typedef struct recorder_socket_stream {
    struct recorder_socket_stream *next;
    recorder_socket *socket;
    recorder_session *session; /* held; NULL while its source is opened */
    uint16_t id;
    bool publishes;
    bool ready;  /* started has been said */
    bool levels; /* asked for by a start that is not yet answered */
    json_t *req;
    recorder_sample_format sent;
    int64_t window_frames;
    recorder_consumer *consumer;
    recorder_watcher watcher; /* of the session, once it is held */
    pthread_mutex_t lock;     /* the two below */
    char *subscribed;         /* the answer, until it is sent: before all pieces and events */
    json_t *early;            /* events that came before it */
    bool quiet;               /* unsubscribed: no end is told */
    int64_t first_frame;
} recorder_socket_stream;

struct recorder_socket {
    recorder_socket *next; /* of the service's */
    recorder_socket **at;  /* what points to it */
    recorder_service *service;
    const recorder_socket_port *port;
    void *user;
    char *tenant;
    char *scopes;
    recorder_socket_stream *streams;
    size_t n_streams;
    uint16_t last_id;
    int refs; /* the client, streams, starts that are not durable yet */
    bool gone;
};

/* recorder_socket_send_text sends and counts a message of this type: any thread.
 * recorder_socket_send_json sends it and gives it up. recorder_socket_answer begins a message of
 * this type that carries req, which may be NULL. */
void recorder_socket_send_text(const recorder_socket *s, const char *type, const char *text);
void recorder_socket_send_json(recorder_socket *s, json_t *json);
json_t *recorder_socket_answer(const char *type, const json_t *req);
void recorder_socket_set_i64(json_t *json, const char *name, int64_t value);
void recorder_socket_send_error(recorder_socket *s, const json_t *req, const recorder_error *error);

/* recorder_socket_string_of: member `name` of a message, "" when it is no string. */
const char *recorder_socket_string_of(const json_t *message, const char *name);

/* recorder_socket_find gives the stream of an id, or NULL; recorder_socket_add makes one;
 * recorder_socket_hold gives it its session; recorder_socket_watch has it told, from now on, what
 * happens to the session, as the message that began it asks; recorder_socket_drop ends it. */
recorder_socket_stream *recorder_socket_find(const recorder_socket *s, uint16_t id);
recorder_socket_stream *recorder_socket_add(recorder_socket *s, bool publishes, const json_t *req);
void recorder_socket_hold(recorder_socket_stream *t, recorder_session *session);
void recorder_socket_watch(recorder_socket_stream *t, bool levels);
void recorder_socket_drop(recorder_socket_stream *t);
void recorder_socket_release(recorder_socket *s);

/* A control message each; recorder_socket_run_on_publisher those that name a stream_id. */
recorder_code recorder_socket_run_start(recorder_socket *s, json_t *message, const json_t *req,
                                        recorder_error *error);
recorder_code recorder_socket_run_attach(recorder_socket *s, json_t *message, const json_t *req,
                                         recorder_error *error);
recorder_code recorder_socket_run_on_publisher(recorder_socket *s, const char *type,
                                               const json_t *message, const json_t *req,
                                               recorder_error *error);
recorder_code recorder_socket_run_subscribe(recorder_socket *s, json_t *message, const json_t *req,
                                            recorder_error *error);
recorder_code recorder_socket_run_unsubscribe(recorder_socket *s, json_t *message,
                                              const json_t *req, recorder_error *error);

#endif
