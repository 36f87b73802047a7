/*
 * recorder_publish_rpc_internal.h - a publisher of Recorder/Publish, shared by
 *
 *   recorder_publish_rpc.c            its life; what comes from the library, in order; its end
 *   recorder_publish_messages_rpc.c   what each message does
 *   recorder_publish_answers_rpc.c    what is sent
 *
 * A publisher and its events are the owner loop's once they are posted there. No generated header
 * here.
 */
#ifndef RECORDER_PUBLISH_RPC_INTERNAL_H
#define RECORDER_PUBLISH_RPC_INTERNAL_H

#include "recorder_rpc_internal.h"

struct Recorder__V1__FromPublisher;
struct Recorder__V1__ToPublisher;

typedef struct recorder_publish_event recorder_publish_event;
typedef enum recorder_publish_event_kind {
    RECORDER_PUBLISH_MESSAGE,
    RECORDER_PUBLISH_HALF_CLOSE,
    RECORDER_PUBLISH_GONE,
} recorder_publish_event_kind;

typedef struct recorder_publisher {
    struct recorder_publisher *next;
    recorder_rpc *rpc;
    rf_rpc_call *call; /* NULL once it is answered */
    char *tenant;
    recorder_session *session; /* held; NULL before start */
    recorder_sample_format sent;
    int64_t window_frames;
    recorder_publish_event *first; /* that wait for room */
    recorder_publish_event **last;
    bool ready; /* started or attached has been answered */
    bool resuming;
    bool stopping;
    bool stopped; /* the last message is out */
    bool closed;  /* the client sends no more */
    int refs;     /* the call, and a start that is not durable yet */
} recorder_publisher;

/* Something the library said. */
struct recorder_publish_event {
    recorder_publish_event *next;
    recorder_publisher *p;
    recorder_publish_event_kind kind;
    struct Recorder__V1__FromPublisher *m; /* of a message; owned */
    int64_t arrived_ns;
    size_t credit;
    size_t len;
    uint8_t data[] __attribute__((aligned(8)));
};

/* recorder_publish_rpc_run does what a message asks. Returns 0; -ENOBUFS: to be tried again;
 * -EINVAL with the error; another negative errno when audio could not be taken. */
int recorder_publish_rpc_run(recorder_publisher *p, const recorder_publish_event *e,
                             recorder_error *error);

/* recorder_publish_rpc_port: what its session tells it. */
extern const recorder_port recorder_publish_rpc_port;

/* recorder_publish_rpc_stopped says how its session ended; the client is to close then.
 * recorder_publish_rpc_unref drops a reference of p. */
void recorder_publish_rpc_stopped(recorder_publisher *p, const recorder_error *error);
void recorder_publish_rpc_unref(void *p);

/* recorder_publish_rpc_send: a client that does not read misses it. recorder_publish_rpc_say_*: a
 * message each; say_ack is the port's. */
void recorder_publish_rpc_send(recorder_publisher *p, const struct Recorder__V1__ToPublisher *m);
void recorder_publish_rpc_say_error(recorder_publisher *p, const recorder_error *error);
void recorder_publish_rpc_say_begun(recorder_publisher *p, bool attached, int64_t next_frame);
void recorder_publish_rpc_say_done(recorder_publisher *p);
void recorder_publish_rpc_say_ack(void *port, int64_t received, int64_t durable);
void recorder_publish_rpc_say_stopped(recorder_publisher *p);

#endif
