/* Recorder/Stream, Recorder/Segment and Recorder/Peaks: audio out. Pieces of a live stream are sent
 * by the thread that codes them and wait in the consumer when there is no room; an extract's thread
 * waits. The loop alone ends the calls. */
#include "recorder_rpc_internal.h"

#include "recorder_listen.h"
#include "recorder_peaks.h"
#include "recorder_slice.h"
#include "recorder_text.h"

#include <errno.h>
#include <pthread.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

typedef struct outgoing {
    recorder_rpc *rpc;
    rf_rpc_call *call;
    char *tenant;
    ProtobufCMessage *request; /* NULL: none has come */
    recorder_consumer *consumer;
    const char *content_type;
    bool begun; /* the first part is out; of the thread that sends */
    int64_t first;
    int64_t count;
    bool exact;
    bool ended; /* the call is answered: the loop */

    pthread_mutex_t lock; /* below */
    pthread_cond_t changed;
    bool room;
    bool over;
} outgoing;

/* ---- the end ---- */

static void free_outgoing(void *user)
{
    outgoing *o = user;
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    rf_rpc_message_free(o->request);
    free(o->tenant);
    free(o);
}

static void end(outgoing *o, const recorder_error *error)
{
    rf_status st = RF_STATUS_OK;
    if (error != NULL && error->code != RECORDER_OK) {
        recorder_error_status(error, &st);
    }
    o->ended = true;
    o->consumer = NULL;
    o->rpc->service->n_calls--;
    rf_rpc_end_settled(o->call, &st);
    rf_loop_post(o->rpc->service->loop, free_outgoing, o); /* behind what was posted for it */
}

/* ---- what is asked for ---- */

static recorder_code read_output(const Recorder__V1__Output *m, uint32_t channels,
                                 recorder_output *ret, recorder_error *error)
{
    *ret = (recorder_output){.flac_level = -1};
    if (m == NULL) {
        return RECORDER_OK;
    }
    if (recorder_listen_format(m->format, ret, error) != RECORDER_OK) {
        return error->code;
    }
    ret->rate_hz = m->rate;
    ret->n_channels = m->channels;
    ret->dither = m->dither;
    ret->bitrate_bps = RF_MIN(m->bitrate_kbps, 1000000U) * 1000;
    if (m->n_matrix > 0) {
        if (m->channels > RECORDER_CHANNELS_MAX || m->n_matrix != (size_t)m->channels * channels) {
            return recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                                 "matrix: channels rows of %u gains", channels);
        }
        ret->matrix = m->matrix;
    }
    return RECORDER_OK;
}

static recorder_code read_listen(const Recorder__V1__StreamRequest *m, const recorder_session *s,
                                 recorder_listen *ret, recorder_error *error)
{
    *ret = (recorder_listen){.chunk_frames = m->chunk_size, .lag_limit_ms = m->lag_limit_ms};
    recorder_code code = recorder_listen_from(m->from, ret, error);
    code = code == RECORDER_OK
               ? read_output(m->output, s->take->start.channels, &ret->output, error)
               : code;
    return code == RECORDER_OK ? recorder_listen_ways(m->lag_policy, m->framing, ret, error) : code;
}

/* ---- live streams ---- */

static int stream_opened(void *user, int64_t first_frame)
{
    outgoing *o = user;
    Recorder__V1__StreamPart m = RECORDER__V1__STREAM_PART__INIT;
    m.first_frame = (uint64_t)first_frame;
    m.content_type = (char *)(uintptr_t)o->content_type;
    return rf_rpc_send(o->call, &m.base, NULL);
}

static int send_piece(void *user, const recorder_stream_piece *piece)
{
    outgoing *o = user;
    Recorder__V1__StreamPart m = RECORDER__V1__STREAM_PART__INIT;
    const rf_rpc_attachment attachment = {.data = piece->data, .len = piece->len};
    m.first_frame = (uint64_t)piece->first_frame;
    m.n_frames = (uint32_t)piece->n_frames;
    m.chunk_begin = piece->chunk_begin;
    m.chunk_end = piece->chunk_end;
    m.dropped_first = (uint64_t)piece->dropped_first;
    m.n_dropped = (uint64_t)piece->n_dropped;
    m.end = piece->end;
    m.last_frame = piece->end ? (uint64_t)piece->next_frame : 0;
    int err = rf_rpc_send(o->call, &m.base, piece->len > 0 ? &attachment : NULL);
    if (err == 0 && piece->n_dropped > 0) {
        rf_metric_add(o->rpc->service->metrics->dropped_frames, piece->n_dropped);
    }
    return err;
}

static void stream_end(void *user, const recorder_error *error)
{
    end(user, error);
}

static const recorder_outlet outlet = {stream_opened, send_piece, stream_end};

static void begin_stream(outgoing *o, recorder_session *s)
{
    recorder_listen listen;
    recorder_error error;
    recorder_code code =
        read_listen((const Recorder__V1__StreamRequest *)o->request, s, &listen, &error);
    if (code == RECORDER_OK) {
        o->content_type = recorder_format_content_type(listen.output.format);
        code = recorder_streams_open(s, &listen, &outlet, o, &o->consumer, &error);
    }
    if (code != RECORDER_OK) {
        end(o, &error);
    }
}

/* ---- extracts: a thread of the pool, which waits for room ---- */

static int send_part(outgoing *o, const void *data, size_t len)
{
    Recorder__V1__SegmentPart m = RECORDER__V1__SEGMENT_PART__INIT;
    const rf_rpc_attachment attachment = {.data = data, .len = len};
    if (!o->begun) {
        m.content_type = (char *)(uintptr_t)o->content_type;
        m.first_frame = (uint64_t)o->first;
        m.n_frames = (uint64_t)o->count;
        m.exact = o->exact;
    }
    pthread_mutex_lock(&o->lock);
    o->room = false;
    pthread_mutex_unlock(&o->lock);
    int err = rf_rpc_send(o->call, &m.base, len > 0 ? &attachment : NULL);
    o->begun = o->begun || err == 0;
    return err;
}

static int slice_write(void *user, const void *data, size_t len)
{
    outgoing *o = user;
    int err;
    while ((err = send_part(o, data, len)) == -EAGAIN) {
        pthread_mutex_lock(&o->lock);
        while (!o->room && !o->over) {
            pthread_cond_wait(&o->changed, &o->lock);
        }
        bool over = o->over;
        pthread_mutex_unlock(&o->lock);
        if (over) {
            return -ECANCELED;
        }
    }
    return err;
}

static void slice_begin(void *user, int64_t first, int64_t count, bool exact,
                        const char *content_type)
{
    outgoing *o = user;
    o->first = first;
    o->count = count;
    o->exact = exact;
    o->content_type = content_type;
}

static void slice_end(void *user, const recorder_error *error)
{
    outgoing *o = user;
    if (error->code == RECORDER_OK && !o->begun) {
        (void)send_part(o, NULL, 0); /* a file of no bytes: raw PCM of no frames */
    }
    end(o, error);
}

static const recorder_slice_ops slice_ops = {slice_begin, slice_write, slice_end};

static void begin_slice(outgoing *o, recorder_session *s)
{
    const Recorder__V1__SegmentRequest *m = (const Recorder__V1__SegmentRequest *)o->request;
    recorder_error error;
    recorder_slice_ask ask = {.from = m->from, .to = m->to, .clip = m->clip, .wait_ms = m->wait_ms};
    if (read_output(m->output, s->take->start.channels, &ask.output, &error) != RECORDER_OK) {
        end(o, &error);
    } else {
        recorder_slice(s, &ask, &slice_ops, o);
    }
}

static recorder_code read_overview(const Recorder__V1__PeaksRequest *m, const recorder_options *o,
                                   recorder_overview *ret, recorder_error *error)
{
    *ret = (recorder_overview){.json = strcmp(m->format, "json") == 0,
                               .spp = m->spp == 0 ? (uint32_t)o->peaks_spp : m->spp,
                               .bits = m->bits == 0 ? (uint32_t)o->peaks_bits : m->bits,
                               .per_channel = o->peaks_per_channel != 0};
    if (m->format[0] != '\0' && !ret->json && strcmp(m->format, "dat") != 0) {
        return recorder_fail(error, RECORDER_UNSUPPORTED_FORMAT, "format: dat or json");
    }
    if (ret->spp < RECORDER_PEAKS_SPP_MIN || ret->spp > RECORDER_PEAKS_SPP_MAX) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "spp: %d to %d",
                             RECORDER_PEAKS_SPP_MIN, RECORDER_PEAKS_SPP_MAX);
    }
    return ret->bits != 8 && ret->bits != 16
               ? recorder_fail(error, RECORDER_INVALID_ARGUMENT, "bits: 8 or 16")
               : RECORDER_OK;
}

static void begin_peaks(outgoing *o, recorder_session *s)
{
    const Recorder__V1__PeaksRequest *m = (const Recorder__V1__PeaksRequest *)o->request;
    recorder_error error;
    recorder_overview overview;
    const recorder_slice_ask ask = {.from = m->from, .to = m->to, .overview = &overview};
    if (read_overview(m, &s->take->start.options, &overview, &error) != RECORDER_OK) {
        end(o, &error);
    } else {
        recorder_slice(s, &ask, &slice_ops, o);
    }
}

/* ---- the loop ---- */

static const struct {
    const ProtobufCMessageDescriptor *request; /* which names a session */
    void (*begin)(outgoing *o, recorder_session *s);
} kinds[] = {
    {&recorder__v1__stream_request__descriptor, begin_stream},
    {&recorder__v1__segment_request__descriptor, begin_slice},
    {&recorder__v1__peaks_request__descriptor, begin_peaks},
};

static const char *session_of(const ProtobufCMessage *request)
{
    const char *id;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "session");
    memcpy(&id, (const char *)request + field->offset, sizeof(id));
    return id;
}

static void begin(void *user)
{
    outgoing *o = user;
    recorder_error error;
    recorder_session *s;
    o->rpc->service->n_calls++;
    if (recorder_registry_find(o->rpc->service->registry, o->tenant, session_of(o->request), &s,
                               &error) != RECORDER_OK) {
        end(o, &error);
        return;
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(kinds); i++) {
        if (kinds[i].request == o->request->descriptor) {
            kinds[i].begin(o, s);
            return;
        }
    }
}

static void resume(void *user)
{
    outgoing *o = user;
    if (o->consumer != NULL) {
        recorder_consumer_resume(o->consumer);
    }
}

static void gone(void *user)
{
    outgoing *o = user;
    if (o->ended) {
        return;
    }
    if (o->consumer != NULL) {
        recorder_consumer_cancel(o->consumer);
    } else if (o->request == NULL) {
        o->rpc->service->n_calls++; /* end takes it back */
        end(o, NULL);
    }
}

/* ---- from the library: its threads ---- */

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    outgoing *o = user;
    const ProtobufCMessageDescriptor *type = rf_rpc_call_method(call)->input;
    if (o->request == NULL && rf_rpc_unpack(type, msg->data, msg->len, &o->request) == 0) {
        rf_loop_post(o->rpc->service->loop, begin, o);
    }
}

static void on_half_close(rf_rpc_call *call, void *user)
{
    outgoing *o = user;
    (void)call;
    if (o->request == NULL) { /* none that can be read */
        rf_loop_post(o->rpc->service->loop, gone, o);
    }
}

static void on_writable(rf_rpc_call *call, void *user)
{
    outgoing *o = user;
    (void)call;
    pthread_mutex_lock(&o->lock);
    o->room = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    rf_loop_post(o->rpc->service->loop, resume, o);
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    outgoing *o = user;
    (void)call;
    (void)status;
    pthread_mutex_lock(&o->lock);
    o->over = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    rf_loop_post(o->rpc->service->loop, gone, o);
}

static void on_open(rf_rpc_call *call, void *user)
{
    static const rf_rpc_events events = {.message = on_message,
                                         .half_close = on_half_close,
                                         .writable = on_writable,
                                         .done = on_done};
    recorder_rpc *rpc = user;
    if (recorder_rpc_refuses(rpc, call)) {
        return;
    }
    outgoing *o = RF_NEW(outgoing);
    o->rpc = rpc;
    o->call = call;
    o->tenant = rf_strdup(rf_rpc_call_meta(call)->tenant);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    rf_rpc_call_listen(call, &events, o);
}

void recorder_stream_rpc_register(recorder_rpc *rpc)
{
    rf_rpc_server_handle_stream(rpc->server, &recorder_v1_recorder, RECORDER_V1_RECORDER_STREAM,
                                on_open, rpc);
    rf_rpc_server_handle_stream(rpc->server, &recorder_v1_recorder, RECORDER_V1_RECORDER_SEGMENT,
                                on_open, rpc);
    rf_rpc_server_handle_stream(rpc->server, &recorder_v1_recorder, RECORDER_V1_RECORDER_PEAKS,
                                on_open, rpc);
}
