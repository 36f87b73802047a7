/*
 * reflection_recorder_internal.h - what the files of a recorder share:
 *
 *   reflection_recorder.c          life, start, stop, state: the table of the recorder's states
 *   reflection_recorder_options.c  what it is made of
 *   reflection_recorder_call.c     requests over HTTP: documents, cuts, peaks, devices
 *   reflection_recorder_link.c     the connection of the network source, made again when it is lost
 *   reflection_recorder_publish.c  its frames, which are kept until they are durable
 *   reflection_recorder_stream.c   hearing a session
 */
#ifndef REFLECTION_RECORDER_INTERNAL_H
#define REFLECTION_RECORDER_INTERNAL_H

#include "reflection_kept.h"
#include "reflection_recorder_words.h"
#include "reflection_socket.h"

#define REFLECTION_PATH_MAX 1024
#define REFLECTION_STOP_MS 30000 /* the server waits so long for its store */

typedef enum reflection_life {
    REFLECTION_LIFE_NEW,
    REFLECTION_LIFE_READY,
    REFLECTION_LIFE_CLOSED,
} reflection_life;

/* The last session, as far as it is known here. */
typedef enum reflection_phase {
    REFLECTION_PHASE_NONE,   /* none yet */
    REFLECTION_PHASE_ACTIVE, /* it captures */
    REFLECTION_PHASE_ENDED,  /* its segment was not given yet: it ended by itself, or is PENDING */
    REFLECTION_PHASE_GIVEN,  /* its segment was given, or it was selected */
} reflection_phase;

struct reflection_recorder {
    reflection_url url; /* its path goes before all others; "" for none */
    char *key;
    char *ca_file;
    char *source_name;
    json_t *settings;
    reflection_recorder_options options; /* numbers alone, defaults filled in */
    size_t frame_bytes;                  /* as published */
    reflection_recorder_fault fault;
    reflection_life life;
    reflection_phase phase;
    char session[REFLECTION_RECORDER_ID_SIZE];
    char session_key[REFLECTION_RECORDER_KEY_SIZE];
    char *document; /* lent */

    /* The network source. */
    reflection_socket *socket; /* NULL: lost, or not opened */
    uint16_t stream_id;
    reflection_kept kept;
    int64_t published; /* the next frame */
    int64_t durable;
    int64_t window_frames;
    bool paused;
    int64_t n_requests;
    int64_t awaited;     /* the request whose answer is waited for, 0: none */
    json_t *answer;      /* to it */
    int64_t begun;       /* the request that began the stream */
    json_t *stopped;     /* the segment, when the server said that the session has ended */
    int64_t lost_at_ns;  /* the connection */
    int64_t next_try_ns; /* to attach again */
    int64_t wait_ms;     /* between tries */
};

/* ---- reflection_recorder_options.c ---- */

/* reflection_take_options checks the options and keeps them, defaults filled in. 0, -EINVAL,
 * -EOPNOTSUPP or -ENOMEM with the fault; what was kept is freed with the recorder. */
REFLECTION_LOCAL int reflection_take_options(reflection_recorder *r,
                                             const reflection_recorder_options *options,
                                             reflection_recorder_fault *fault);

/* ---- reflection_recorder_call.c ---- */

/* reflection_call sends method and path (below /v1, with the query) with a body (NULL or JSON,
 * given up) and gives the document of an answer of 200 or 201, else the fault's errno. ret may be
 * NULL. */
REFLECTION_LOCAL int reflection_call(reflection_recorder *r, const char *method, const char *path,
                                     json_t *body, int64_t timeout_ms, json_t **ret);

/* reflection_keep_document lends the text of a document until the next; NULL without memory. */
REFLECTION_LOCAL const char *reflection_keep_document(reflection_recorder *r, const json_t *object);

/* ---- reflection_recorder_link.c ---- */

/* reflection_link_open opens the socket, where there is none or it is over; reflection_link_close
 * gives it up; reflection_link_forget gives up what belongs to the last session. */
REFLECTION_LOCAL int reflection_link_open(reflection_recorder *r, int64_t deadline_ns);
REFLECTION_LOCAL void reflection_link_close(reflection_recorder *r);
REFLECTION_LOCAL void reflection_link_forget(reflection_recorder *r);

/* reflection_link_start sends a start message with the fields of body (given up) and takes the
 * session that begins. */
REFLECTION_LOCAL int reflection_link_start(reflection_recorder *r, json_t *body);

/* reflection_link_attach attaches again, if it is time: 0 when there is a connection, -EAGAIN when
 * the next try is later, or why there will be none. */
REFLECTION_LOCAL int reflection_link_attach(reflection_recorder *r);

/* reflection_link_receive waits for a message and takes it in: 1, 0 after the deadline, or
 * -ECONNRESET, and the connection is given up. */
REFLECTION_LOCAL int reflection_link_receive(reflection_recorder *r, int64_t deadline_ns);

/* reflection_link_send queues a message: 0, or the error of reflection_socket_send, without a
 * fault, which the next receive notices. */
REFLECTION_LOCAL int reflection_link_send(reflection_recorder *r, const json_t *message);

/* reflection_link_ask sends a request, whose req it sets, and waits for its answer on this
 * connection: 0 with *ret, its error, -ETIMEDOUT or -ECONNRESET. */
REFLECTION_LOCAL int reflection_link_ask(reflection_recorder *r, json_t *message,
                                         int64_t deadline_ns, json_t **ret);

/* ---- reflection_recorder_publish.c ---- */

/* reflection_publish_command sends what is kept and then a message of this type with fields (NULL
 * or given up), until it is answered; it is sent again over a new connection if it bears that. *ret
 * is the answer. */
REFLECTION_LOCAL int reflection_publish_command(reflection_recorder *r, const char *type,
                                                json_t *fields, bool repeats, int64_t deadline_ns,
                                                json_t **ret);

/* reflection_publish_look takes in what has come, without waiting. */
REFLECTION_LOCAL void reflection_publish_look(reflection_recorder *r);

#endif
