#include "gateway_recorder_rpc.h"

#include "gateway_call.h"
#include "rf_time.h"

#include <reflection/recorder/v1/recorder.pb-c.h>
#include <reflection/recorder/v1/recorder.rpc.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define STOP_TIMEOUT_NS (620 * RF_NS_PER_S) /* the longest recorder.stop_wait_s, and frames */

struct gateway_recorder_rpc {
    rf_rpc_channel *channel;
};

int gateway_recorder_rpc_open(const char *targets, const gateway_config *config,
                              gateway_recorder_rpc **ret)
{
    gateway_recorder_rpc *recorder = RF_NEW(gateway_recorder_rpc);
    int err = gateway_call_channel(targets, config, config->write_wait_ms, &recorder->channel);
    if (err < 0) {
        free(recorder);
        return err;
    }
    *ret = recorder;
    return 0;
}

gateway_recorder_rpc *gateway_recorder_rpc_close(gateway_recorder_rpc *recorder)
{
    if (recorder != NULL) {
        rf_rpc_channel_close(recorder->channel);
        free(recorder);
    }
    return NULL;
}

bool gateway_recorder_rpc_ready(gateway_recorder_rpc *recorder)
{
    return rf_rpc_channel_is_ready(recorder->channel);
}

static char *text(const char *value)
{
    return (char *)(uintptr_t)value;
}

/* ---- documents ---- */

static int read_document(const ProtobufCMessage *reply, rf_buf *json)
{
    const Recorder__V1__Document *d = (const Recorder__V1__Document *)reply;
    return d->json != NULL ? rf_buf_append_str(json, d->json->text) : -ENODATA;
}

static int read_done(const ProtobufCMessage *reply, rf_buf *json)
{
    const Recorder__V1__Done *d = (const Recorder__V1__Done *)reply;
    return rf_buf_printf(json, "{\"frame\":%" PRIu64 "}", d->frame);
}

static void get_document(gateway_exchange *ex, const rf_rpc_method *method,
                         const ProtobufCMessage *request, gateway_reply_fn fn)
{
    gateway_call(ex, ex->gw->recorder->channel, method, 0, request, read_document, fn);
}

static void get_done(gateway_exchange *ex, const rf_rpc_method *method,
                     const ProtobufCMessage *request, gateway_reply_fn fn)
{
    gateway_call(ex, ex->gw->recorder->channel, method, 0, request, read_done, fn);
}

void gateway_recorder_rpc_start(gateway_exchange *ex, const char *body, const char *idempotency_key,
                                gateway_reply_fn fn)
{
    Recorder__V1__StartRequest r = RECORDER__V1__START_REQUEST__INIT;
    r.body = text(body);
    r.idempotency_key = text(idempotency_key);
    get_document(ex, RECORDER_V1_RECORDER_START, &r.base, fn);
}

void gateway_recorder_rpc_list(gateway_exchange *ex, const gateway_recorder_ask *ask,
                               gateway_reply_fn fn)
{
    Recorder__V1__ListRequest r = RECORDER__V1__LIST_REQUEST__INIT;
    r.state = text(ask->state);
    r.from = text(ask->from);
    r.to = text(ask->to);
    r.prefix = text(ask->prefix);
    r.page_size = ask->page_size;
    r.cursor = text(ask->cursor);
    get_document(ex, RECORDER_V1_RECORDER_LIST, &r.base, fn);
}

void gateway_recorder_rpc_get(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__GetRequest r = RECORDER__V1__GET_REQUEST__INIT;
    r.session = ex->id;
    get_document(ex, RECORDER_V1_RECORDER_GET, &r.base, fn);
}

void gateway_recorder_rpc_notes(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__GetNotesRequest r = RECORDER__V1__GET_NOTES_REQUEST__INIT;
    r.session = ex->id;
    get_document(ex, RECORDER_V1_RECORDER_GET_NOTES, &r.base, fn);
}

void gateway_recorder_rpc_stop(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__StopRequest r = RECORDER__V1__STOP_REQUEST__INIT;
    r.session = ex->id;
    gateway_call(ex, ex->gw->recorder->channel, RECORDER_V1_RECORDER_STOP,
                 rf_time_ns() + STOP_TIMEOUT_NS, &r.base, read_document, fn);
}

void gateway_recorder_rpc_pause(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__PauseRequest r = RECORDER__V1__PAUSE_REQUEST__INIT;
    r.session = ex->id;
    get_done(ex, RECORDER_V1_RECORDER_PAUSE, &r.base, fn);
}

void gateway_recorder_rpc_resume(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__ResumeRequest r = RECORDER__V1__RESUME_REQUEST__INIT;
    r.session = ex->id;
    get_done(ex, RECORDER_V1_RECORDER_RESUME, &r.base, fn);
}

void gateway_recorder_rpc_marker(gateway_exchange *ex, const char *label, const char *at,
                                 gateway_reply_fn fn)
{
    Recorder__V1__MarkerRequest r = RECORDER__V1__MARKER_REQUEST__INIT;
    r.session = ex->id;
    r.label = text(label);
    r.at = text(at);
    get_done(ex, RECORDER_V1_RECORDER_MARKER, &r.base, fn);
}

void gateway_recorder_rpc_clear(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__ClearFramesRequest r = RECORDER__V1__CLEAR_FRAMES_REQUEST__INIT;
    r.session = ex->id;
    get_done(ex, RECORDER_V1_RECORDER_CLEAR_FRAMES, &r.base, fn);
}

void gateway_recorder_rpc_delete(gateway_exchange *ex, bool discard, gateway_reply_fn fn)
{
    Recorder__V1__DeleteRequest r = RECORDER__V1__DELETE_REQUEST__INIT;
    r.session = ex->id;
    r.discard = discard;
    get_done(ex, RECORDER_V1_RECORDER_DELETE, &r.base, fn);
}

void gateway_recorder_rpc_devices(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__ListDevicesRequest r = RECORDER__V1__LIST_DEVICES_REQUEST__INIT;
    get_document(ex, RECORDER_V1_RECORDER_LIST_DEVICES, &r.base, fn);
}

void gateway_recorder_rpc_async_api(gateway_exchange *ex, gateway_reply_fn fn)
{
    Recorder__V1__GetAsyncApiRequest r = RECORDER__V1__GET_ASYNC_API_REQUEST__INIT;
    get_document(ex, RECORDER_V1_RECORDER_GET_ASYNC_API, &r.base, fn);
}

/* ---- files ---- */

static void read_part(const ProtobufCMessage *message, bool first, gateway_feed_said *said)
{
    const Recorder__V1__SegmentPart *p = (const Recorder__V1__SegmentPart *)message;
    if (first) {
        (void)rf_copy_str(said->type, sizeof(said->type), p->content_type);
        (void)snprintf(said->headers, sizeof(said->headers),
                       "Recording-First-Frame: %" PRIu64 "\r\nRecording-Frame-Count: %" PRIu64
                       "\r\nRecording-Exact: %s\r\n",
                       p->first_frame, p->n_frames, p->exact ? "true" : "false");
    }
}

static void read_stream_part(const ProtobufCMessage *message, bool first, gateway_feed_said *said)
{
    const Recorder__V1__StreamPart *p = (const Recorder__V1__StreamPart *)message;
    if (first) {
        (void)rf_copy_str(said->type, sizeof(said->type), p->content_type);
        (void)snprintf(said->headers, sizeof(said->headers),
                       "Recording-First-Frame: %" PRIu64 "\r\nTrailer: Recording-Last-Frame\r\n",
                       p->first_frame);
    }
    if (p->end) {
        (void)snprintf(said->trailer, sizeof(said->trailer),
                       "Recording-Last-Frame: %" PRIu64 "\r\n", p->last_frame);
    }
}

static Recorder__V1__Output output_of(const gateway_recorder_ask *ask)
{
    Recorder__V1__Output output = RECORDER__V1__OUTPUT__INIT;
    output.format = text(ask->format);
    output.rate = ask->rate;
    output.channels = ask->channels;
    output.matrix = (float *)(uintptr_t)ask->matrix;
    output.n_matrix = ask->n_matrix;
    output.dither = ask->dither;
    output.bitrate_kbps = ask->bitrate_kbps;
    return output;
}

gateway_feed *gateway_recorder_rpc_segment(gateway_exchange *ex, const void *ask,
                                           const gateway_feed_events *events, void *user)
{
    const gateway_recorder_ask *a = ask;
    Recorder__V1__Output output = output_of(a);
    Recorder__V1__SegmentRequest r = RECORDER__V1__SEGMENT_REQUEST__INIT;
    r.session = ex->id;
    r.from = text(a->from);
    r.to = text(a->to);
    r.output = &output;
    r.clip = a->clip;
    r.wait_ms = a->wait_ms;
    return gateway_feed_open(ex, ex->gw->recorder->channel, RECORDER_V1_RECORDER_SEGMENT,
                             RF_NEVER_NS, &r.base, read_part, events, user);
}

gateway_feed *gateway_recorder_rpc_peaks(gateway_exchange *ex, const void *ask,
                                         const gateway_feed_events *events, void *user)
{
    const gateway_recorder_ask *a = ask;
    Recorder__V1__PeaksRequest r = RECORDER__V1__PEAKS_REQUEST__INIT;
    r.session = ex->id;
    r.format = text(a->format);
    r.spp = a->spp;
    r.bits = a->bits;
    r.from = text(a->from);
    r.to = text(a->to);
    return gateway_feed_open(ex, ex->gw->recorder->channel, RECORDER_V1_RECORDER_PEAKS, RF_NEVER_NS,
                             &r.base, read_part, events, user);
}

gateway_feed *gateway_recorder_rpc_stream(gateway_exchange *ex, const void *ask,
                                          const gateway_feed_events *events, void *user)
{
    const gateway_recorder_ask *a = ask;
    Recorder__V1__Output output = output_of(a);
    Recorder__V1__StreamRequest r = RECORDER__V1__STREAM_REQUEST__INIT;
    r.session = ex->id;
    r.from = text(a->from);
    r.output = &output;
    r.chunk_size = a->chunk_size;
    r.framing = text(a->framing);
    r.lag_policy = text(a->lag_policy);
    r.lag_limit_ms = a->lag_limit_ms;
    return gateway_feed_open(ex, ex->gw->recorder->channel, RECORDER_V1_RECORDER_STREAM,
                             RF_NEVER_NS, &r.base, read_stream_part, events, user);
}

/* ---- sockets ---- */

gateway_socket *gateway_recorder_rpc_socket(gateway_exchange *ex,
                                            const gateway_socket_client *client,
                                            const gateway_socket_events *events, void *user)
{
    return gateway_socket_open(ex->gw->recorder->channel, RECORDER_V1_RECORDER_SOCKET, client,
                               ex->loop->loop, events, user);
}
