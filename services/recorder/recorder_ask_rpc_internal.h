/*
 * recorder_ask_rpc_internal.h - a call that is answered once:
 *
 *   recorder_rpc.c         takes it from the library and posts it to the owner loop
 *   recorder_calls_rpc.c   the calls that do something
 *   recorder_reads_rpc.c   those about documents
 *   recorder_ask_rpc.c     its answers
 *
 * On the loop, which runs and answers it, now or later. No generated header here.
 */
#ifndef RECORDER_ASK_RPC_INTERNAL_H
#define RECORDER_ASK_RPC_INTERNAL_H

#include "recorder_rpc_internal.h"

typedef struct recorder_ask recorder_ask;
typedef void (*recorder_ask_fn)(recorder_ask *a, const ProtobufCMessage *request);
struct recorder_ask {
    recorder_rpc *rpc;
    rf_rpc_call *call;
    recorder_ask_fn run;
    ProtobufCMessage *request; /* a copy */
};

const char *recorder_ask_tenant(const recorder_ask *a);

/* recorder_ask_find gives the session of that id; NULL when there is none, a is answered then. */
recorder_session *recorder_ask_find(recorder_ask *a, const char *id);

/* Each of these answers a and frees it: with an error; with a document, or what went wrong with it;
 * with one about s; with the frame at which s stands. recorder_ask_end frees one that has been
 * answered. */
void recorder_ask_fail(recorder_ask *a, const recorder_error *error);
void recorder_ask_json(recorder_ask *a, rf_buf *json, int err);
void recorder_ask_view(recorder_ask *a, const recorder_session *s,
                       int (*view)(const recorder_session *s, rf_buf *out));
void recorder_ask_done(recorder_ask *a, const recorder_session *s);
void recorder_ask_end(recorder_ask *a);

/* One a method, as recorder_ask_fn says. */
void recorder_calls_open(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_start(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_stop(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_close(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_pause(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_resume(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_marker(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_clear(recorder_ask *a, const ProtobufCMessage *request);
void recorder_calls_delete(recorder_ask *a, const ProtobufCMessage *request);
void recorder_reads_async_api(recorder_ask *a, const ProtobufCMessage *request);
void recorder_reads_get(recorder_ask *a, const ProtobufCMessage *request);
void recorder_reads_list(recorder_ask *a, const ProtobufCMessage *request);
void recorder_reads_devices(recorder_ask *a, const ProtobufCMessage *request);
void recorder_reads_put_notes(recorder_ask *a, const ProtobufCMessage *request);
void recorder_reads_get_notes(recorder_ask *a, const ProtobufCMessage *request);

#endif
