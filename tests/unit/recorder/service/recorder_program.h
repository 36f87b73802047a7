/* The real reflection-recorder in a folder of its own, spoken to by RPC. Failures end the test. */
#ifndef RECORDER_PROGRAM_H
#define RECORDER_PROGRAM_H

#include "rf_base.h"
#include "rf_rpc.h"
#include "rf_store.h"

#include <jansson.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <sys/types.h>

#define PROGRAM_TENANT "tests"

typedef struct recorder_program {
    char dir[64];
    bool owns_dir;
    const char *tenant;
    char *listen;
    pid_t pid; /* 0: none runs */
    rf_rpc_channel *channel;
} recorder_program;

void program_init(recorder_program *p);
/* program_init_in: in the data directory of a platform, which stays, where its services look for
 * it; for a tenant (lent). */
void program_init_in(recorder_program *p, const char *dir, const char *tenant);
/* program_start runs it and waits until it answers; setting (NULL: none) is one more argument, kill
 * the value of REFLECTION_RECORDER_KILL. */
void program_start(recorder_program *p, const char *setting, const char *kill);
/* program_try_start likewise; false when it was killed before it answered. */
bool program_try_start(recorder_program *p, const char *setting, const char *kill);
/* program_kill ends it by SIGKILL, program_stop by SIGTERM and expects a clean end; await_death
 * waits for it to die of a kill point. */
void program_kill(recorder_program *p);
void program_stop(recorder_program *p);
void program_await_death(recorder_program *p);
void program_done(recorder_program *p);

/* program_call makes a unary call: the Document's JSON, or NULL with the error's code in *ret_code
 * (static text); ret_code NULL: it must succeed. Done gives {"frame": n}. */
json_t *program_call(recorder_program *p, const rf_rpc_method *method,
                     const ProtobufCMessage *request, char ret_code[64]);
json_t *program_get(recorder_program *p, const char *session);
json_t *program_stop_session(recorder_program *p, const char *session);

/* A publisher. */
typedef struct program_publisher {
    rf_rpc_stream *stream;
    char session[33];
    char key[1025];
    uint64_t next_frame;
    uint64_t received; /* as last told */
    uint64_t durable;
    char code[64]; /* of the last error, "" for none */
    char *stopped; /* JSON */
} program_publisher;

void publisher_start(program_publisher *pub, recorder_program *p, const char *body);
/* publisher_try starts (session NULL) or attaches, with a program that may die meanwhile: true when
 * it answered, if with pub->code. */
bool publisher_try(program_publisher *pub, recorder_program *p, const char *session,
                   const char *body);
/* publisher_attach: true, or false with the code of the refusal. */
bool publisher_attach(program_publisher *pub, recorder_program *p, const char *session);
void publisher_audio(program_publisher *pub, uint64_t first, uint32_t n, const void *data,
                     size_t len);
/* publisher_read takes one message: false at the end. */
bool publisher_read(program_publisher *pub);
/* publisher_durable reads until so many frames are durable. */
void publisher_durable(program_publisher *pub, uint64_t frames);
/* publisher_ask_stop sends stop for all that has been sent, publisher_stop for what has come, and
 * reads the segment. */
void publisher_ask_stop(program_publisher *pub, uint64_t last_frame);
json_t *publisher_stop(program_publisher *pub);
/* publisher_leave goes without a stop. */
void publisher_leave(program_publisher *pub);

/* Samples that spell their frame number: n frames of int16 from `first`, channel by channel. */
void program_samples(int64_t first, uint32_t n, uint32_t channels, int16_t *out);
/* publisher_samples sends them in messages of `each` frames. */
void publisher_samples(program_publisher *pub, uint64_t first, uint64_t end, uint32_t each);

/* All bytes of a Segment or Stream call; NULL and the code when it failed. */
typedef struct program_bytes {
    uint8_t *data;
    size_t len;
    uint64_t first_frame;
    uint64_t n_frames;
    char content_type[64];
    char code[64];
} program_bytes;

void program_segment(recorder_program *p, const Recorder__V1__SegmentRequest *m,
                     program_bytes *ret);
void program_peaks(recorder_program *p, const Recorder__V1__PeaksRequest *m, program_bytes *ret);
rf_rpc_stream *program_listen(recorder_program *p, const char *session, const char *from,
                              const char *format, uint32_t chunk);
void program_drain(rf_rpc_stream *stream, program_bytes *ret);
void program_bytes_done(program_bytes *b);

/* The stored object and its metadata. */
void program_object(recorder_program *p, const char *key, program_bytes *ret, json_t **ret_meta);

#endif
