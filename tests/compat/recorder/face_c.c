/*
 * face_c.c - face (a) of the recorder's conformance suite (A6): libreflection, driven by lines.
 *
 * The platform is that of REFLECTION_URL, REFLECTION_API_KEY and REFLECTION_CA_FILE. Each line of
 * standard input is a JSON object with a member "op"; each is answered by one line of JSON on
 * standard output, in order, before the next is read. The program ends at the end of input, or
 * with exit code 2 at a line that is no command of these.
 *
 * An answer is {"ok":true, ...} with the members named below, or
 *
 *     {"ok":false,"code":"RANGE_OUTSIDE","errno":34,"message":"...","field":"","retryable":false,
 *      "available":{"from_ns":n,"to_ns":n,"from_frame":n,"to_frame":n}}     available where there
 * is one
 *
 * code is "NONE" where the recorder has no code for it (the server is not reached, ...).
 *
 *   op            members [default]                              answer
 *   new           source [network], source_name, sample_format   -
 *                 [int16], channels, rate, chunk, store_format,
 *                 options {}, timeout_ms                         (frees the recorder there was)
 *   init, close   -                                              -
 *   start         prefixes [[]]                                  key, session
 *   publish       frames, first [the next one of the session],   taken
 *                 block [all at once], timeout_ms [-1]           the pattern from frame `first` on
 *                 or data: PCM in base64, whole frames
 *   gap           frames                                         -
 *   anchor        frame, utc_ns                                  -
 *   wait          durable [all published], timeout_ms [10000]    durable, published
 *   pause, resume -                                              frame
 *   marker        label, at                                      frame
 *   stop          -                                              segment: the server's document
 *   state         -                                              state, frames, durable_frames,
 *                                                                document (null without a session)
 *   current_key   -                                              key (null), session (null)
 *   select        session                                        -
 *   clear_frames  -                                              -
 *   devices       -                                              devices: [{index, name, api,
 *                                                                channels, default_rate,
 * is_default}] segment       from, to, format [pcm], rate, channels, clip   first_frame, frames,
 * exact, [false], wait_ms [0], with_data [false]        content_type, bytes, sha256, data peaks
 * format [dat], spp, bits, from, to, with_data   bytes, sha256, data stream_open   id, from [now],
 * format, rate, channels,        - chunk_size, framing [continuous], lag_policy [wait] stream_read
 * id, chunks [all], timeout_ms [10000] for each, chunks: [{first_frame, frames, bytes, with_data
 * [false]                              n_dropped}], ended, bytes, sha256 and data of all joined
 *   stream_close  id                                             -
 *
 * Places (from, to, at): "f:" and a frame number, {"ns": UTC in ns}, "start" (streams), or absent.
 * "data" is base64, where with_data is true. `stream_read` stops at the end of the stream (ended),
 * after so many chunks, or when none comes in time.
 *
 * The pattern: sample of frame f, channel c: v = ((31 f + 257 c) mod 65536) - 32768. int16: v;
 * int24: 256 v; int32: 65536 v; float32: v / 32768; int8: floor(v / 256); uint8: that + 128.
 */
#include "face_words.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define STREAMS_MAX 128
#define DATA_MAX ((size_t)256 << 20)
#define BLOCK_MAX 65536 /* frames of the pattern made at once */

typedef struct face {
    reflection_recorder *recorder;
    reflection_recorder_options options;
    int64_t published;
    struct {
        char id[32];
        reflection_recorder_stream *stream;
    } streams[STREAMS_MAX];
} face;

/* ---- life ---- */

static int op_new(face *f, const json_t *in, json_t *out)
{
    const json_t *settings = json_object_get(in, "options");
    const char *sample = face_text_of(in, "sample_format");
    RF_CLEANUP(rf_cleanup_free)
    char *text = settings != NULL ? json_dumps(settings, JSON_COMPACT) : NULL;
    reflection_recorder_options o = f->options;
    reflection_recorder_fault fault;
    o.source = face_is_text(in, "source", "device") ? REFLECTION_RECORDER_DEVICE
               : face_is_text(in, "source", "file") ? REFLECTION_RECORDER_FILE
                                                    : REFLECTION_RECORDER_NETWORK;
    o.source_name = face_text_of(in, "source_name");
    o.sample_format = sample == NULL
                          ? REFLECTION_RECORDER_INT16
                          : (reflection_recorder_sample)reflection_recorder_sample_parse(sample);
    o.channels = (uint32_t)face_number_of(in, "channels", 0);
    o.rate_hz = (uint32_t)face_number_of(in, "rate", 0);
    o.chunk_frames = (uint32_t)face_number_of(in, "chunk", 0);
    o.store_format = face_format_of(in, "store_format");
    o.timeout_ms = face_number_of(in, "timeout_ms", 0);
    o.settings = text;
    f->recorder = reflection_recorder_free(f->recorder);
    int err = reflection_recorder_new(&o, &f->recorder, &fault);
    if (err < 0) {
        face_say_fault(&fault, out);
    } else {
        o.settings = NULL; /* the rest is looked at again, for the shape of the pattern */
        o.source_name = NULL;
        f->options = o;
    }
    return 0;
}

static int op_init(face *f, const json_t *in, json_t *out)
{
    (void)in;
    (void)out;
    return reflection_recorder_init(f->recorder);
}

static int op_close(face *f, const json_t *in, json_t *out)
{
    (void)in;
    (void)out;
    return reflection_recorder_close(f->recorder);
}

static void say_key(const face *f, json_t *out)
{
    const char *key = reflection_recorder_current_key(f->recorder);
    const char *session = reflection_recorder_session(f->recorder);
    json_object_set_new(out, "key", key != NULL ? json_string(key) : json_null());
    json_object_set_new(out, "session", session != NULL ? json_string(session) : json_null());
}

static int op_start(face *f, const json_t *in, json_t *out)
{
    const char *prefixes[32];
    const json_t *list = json_object_get(in, "prefixes");
    size_t n = RF_MIN(json_array_size(list), RF_ARRAY_LEN(prefixes));
    for (size_t i = 0; i < n; i++) {
        prefixes[i] = json_string_value(json_array_get(list, i));
    }
    int err = reflection_recorder_start(f->recorder, prefixes, n);
    if (err == 0) {
        f->published = 0;
        say_key(f, out);
    }
    return err;
}

static int op_current_key(face *f, const json_t *in, json_t *out)
{
    (void)in;
    say_key(f, out);
    return 0;
}

static int op_select(face *f, const json_t *in, json_t *out)
{
    const char *session = face_text_of(in, "session");
    (void)out;
    return reflection_recorder_select(f->recorder, session != NULL ? session : "");
}

/* ---- audio in ---- */

static void put_sample(reflection_recorder_sample format, int32_t v, uint8_t *at)
{
    const uint32_t wide = (uint32_t)v << 16;
    const float real = (float)v / 32768.0f;
    switch (format) {
    case REFLECTION_RECORDER_INT16:
        at[0] = (uint8_t)(wide >> 16);
        at[1] = (uint8_t)(wide >> 24);
        return;
    case REFLECTION_RECORDER_INT24:
        at[0] = 0;
        at[1] = (uint8_t)(wide >> 16);
        at[2] = (uint8_t)(wide >> 24);
        return;
    case REFLECTION_RECORDER_INT32:
        memcpy(at, &wide, sizeof(wide));
        return;
    case REFLECTION_RECORDER_FLOAT32:
        memcpy(at, &real, sizeof(real));
        return;
    case REFLECTION_RECORDER_INT8:
        at[0] = (uint8_t)(wide >> 24);
        return;
    case REFLECTION_RECORDER_UINT8:
        at[0] = (uint8_t)((wide >> 24) ^ 0x80);
        return;
    }
}

static void make_pattern(const face *f, int64_t first, size_t n, uint8_t *ret)
{
    const size_t size = reflection_recorder_sample_size(f->options.sample_format);
    const uint32_t channels = f->options.channels != 0 ? f->options.channels : 1;
    for (size_t i = 0; i < n * channels; i++) {
        const int64_t frame = first + (int64_t)(i / channels);
        const int64_t v = (31 * frame + 257 * (int64_t)(i % channels)) % 65536 - 32768;
        put_sample(f->options.sample_format, (int32_t)v, ret + i * size);
    }
}

static size_t frame_bytes(const face *f)
{
    return reflection_recorder_sample_size(f->options.sample_format) *
           (f->options.channels != 0 ? f->options.channels : 1);
}

static int64_t publish_pattern(face *f, const json_t *in, int64_t timeout_ms)
{
    const int64_t n = face_number_of(in, "frames", 0);
    const int64_t block =
        RF_MIN(RF_MAX(face_number_of(in, "block", BLOCK_MAX), (int64_t)1), (int64_t)BLOCK_MAX);
    const int64_t first = face_number_of(in, "first", f->published);
    RF_CLEANUP(rf_cleanup_free) uint8_t *pcm = rf_alloc_array((size_t)block, frame_bytes(f));
    for (int64_t done = 0; done < n;) {
        const size_t part = (size_t)RF_MIN(block, n - done);
        make_pattern(f, first + done, part, pcm);
        int64_t taken = reflection_recorder_publish(f->recorder, pcm, part, timeout_ms);
        if (taken < 0 || taken < (int64_t)part) {
            return taken < 0 ? taken : done + taken;
        }
        done += taken;
    }
    return n;
}

static int64_t publish_data(face *f, const char *text, int64_t timeout_ms)
{
    const size_t len = strlen(text);
    const size_t padding = len >= 4 ? (size_t)(text[len - 1] == '=') + (text[len - 2] == '=') : 0;
    RF_CLEANUP(rf_cleanup_free) uint8_t *pcm = rf_alloc(len + 1);
    int n = EVP_DecodeBlock(pcm, (const unsigned char *)text, (int)len);
    return n < 0 ? -EINVAL
                 : reflection_recorder_publish(f->recorder, pcm,
                                               ((size_t)n - padding) / frame_bytes(f), timeout_ms);
}

static int op_publish(face *f, const json_t *in, json_t *out)
{
    const char *data = face_text_of(in, "data");
    const int64_t timeout_ms = face_number_of(in, "timeout_ms", -1);
    int64_t n =
        data != NULL ? publish_data(f, data, timeout_ms) : publish_pattern(f, in, timeout_ms);
    if (n >= 0) {
        f->published += n;
        face_set_i64(out, "taken", n);
    }
    return n < 0 ? (int)n : 0;
}

static int op_gap(face *f, const json_t *in, json_t *out)
{
    const int64_t n = face_number_of(in, "frames", 0);
    int err = reflection_recorder_gap(f->recorder, n);
    (void)out;
    f->published += err == 0 ? n : 0;
    return err;
}

static int op_anchor(face *f, const json_t *in, json_t *out)
{
    (void)out;
    return reflection_recorder_anchor(f->recorder, face_number_of(in, "frame", 0),
                                      face_number_of(in, "utc_ns", 0));
}

static int op_wait(face *f, const json_t *in, json_t *out)
{
    int64_t published = 0;
    int64_t durable =
        reflection_recorder_wait(f->recorder, face_number_of(in, "durable", f->published),
                                 face_number_of(in, "timeout_ms", 10000), &published);
    face_set_i64(out, "durable", durable);
    face_set_i64(out, "published", published);
    return durable < 0 ? (int)durable : 0;
}

static int say_frame(int64_t frame, json_t *out)
{
    face_set_i64(out, "frame", frame);
    return frame < 0 ? (int)frame : 0;
}

static int op_pause(face *f, const json_t *in, json_t *out)
{
    (void)in;
    return say_frame(reflection_recorder_pause(f->recorder), out);
}

static int op_resume(face *f, const json_t *in, json_t *out)
{
    (void)in;
    return say_frame(reflection_recorder_resume(f->recorder), out);
}

static int op_marker(face *f, const json_t *in, json_t *out)
{
    const char *label = face_text_of(in, "label");
    return say_frame(reflection_recorder_marker(f->recorder, face_place_of(in, "at"),
                                                label != NULL ? label : ""),
                     out);
}

static int op_stop(face *f, const json_t *in, json_t *out)
{
    reflection_recorder_segment segment;
    int err = reflection_recorder_stop(f->recorder, &segment);
    (void)in;
    if (err == 0) {
        json_object_set_new(out, "segment", json_loads(segment.json, 0, NULL));
    }
    return err;
}

static int op_state(face *f, const json_t *in, json_t *out)
{
    reflection_recorder_info info;
    int err = reflection_recorder_state(f->recorder, &info);
    (void)in;
    if (err == 0) {
        json_object_set_new(out, "state", json_string(reflection_recorder_state_name(info.state)));
        face_set_i64(out, "frames", info.frames);
        face_set_i64(out, "durable_frames", info.durable_frames);
        json_object_set_new(out, "document",
                            info.json != NULL ? json_loads(info.json, 0, NULL) : json_null());
    }
    return err;
}

/* ---- audio out ---- */

static int op_clear_frames(face *f, const json_t *in, json_t *out)
{
    (void)in;
    (void)out;
    return reflection_recorder_clear_frames(f->recorder);
}

static int op_devices(face *f, const json_t *in, json_t *out)
{
    reflection_recorder_device *devices;
    size_t n;
    int err = reflection_recorder_list_devices(f->recorder, &devices, &n);
    (void)in;
    if (err < 0) {
        return err;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const reflection_recorder_device *d = &devices[i];
        json_array_append_new(
            list, json_pack("{s:i,s:s,s:s,s:i,s:i,s:b}", "index", d->index, "name", d->name, "api",
                            d->api, "channels", (int)d->channels, "default_rate",
                            (int)d->default_rate_hz, "is_default", (int)d->is_default));
    }
    reflection_recorder_free_devices(devices);
    json_object_set_new(out, "devices", list);
    return 0;
}

static int op_segment(face *f, const json_t *in, json_t *out)
{
    const reflection_recorder_cut cut = {.from = face_place_of(in, "from"),
                                         .to = face_place_of(in, "to"),
                                         .output = face_output_of(in),
                                         .clip = face_is_set(in, "clip"),
                                         .wait_ms = (uint32_t)face_number_of(in, "wait_ms", 0)};
    reflection_recorder_extract extract;
    rf_buf bytes;
    rf_buf_init(&bytes, DATA_MAX);
    int err = reflection_recorder_segment_write(f->recorder, &cut, face_keep, &bytes, &extract);
    if (err == 0) {
        face_set_i64(out, "first_frame", extract.first_frame);
        face_set_i64(out, "frames", extract.n_frames);
        json_object_set_new(out, "exact", json_boolean(extract.exact));
        json_object_set_new(out, "content_type", json_string(extract.content_type));
        face_say_bytes(&bytes, face_is_set(in, "with_data"), out);
    }
    rf_buf_done(&bytes);
    return err;
}

static int op_peaks(face *f, const json_t *in, json_t *out)
{
    const reflection_recorder_peaks_options o = {.json = face_is_text(in, "format", "json"),
                                                 .frames_per_pixel =
                                                     (uint32_t)face_number_of(in, "spp", 0),
                                                 .bits = (uint32_t)face_number_of(in, "bits", 0),
                                                 .from = face_place_of(in, "from"),
                                                 .to = face_place_of(in, "to")};
    rf_buf bytes;
    rf_buf_init(&bytes, DATA_MAX);
    int err = reflection_recorder_peaks(f->recorder, &o, face_keep, &bytes);
    if (err == 0) {
        face_say_bytes(&bytes, face_is_set(in, "with_data"), out);
    }
    rf_buf_done(&bytes);
    return err;
}

/* ---- streams ---- */

static reflection_recorder_stream **stream_of(face *f, const json_t *in, bool free_one)
{
    const char *id = face_text_of(in, "id");
    for (size_t i = 0; id != NULL && i < STREAMS_MAX; i++) {
        if (free_one ? f->streams[i].stream == NULL
                     : f->streams[i].stream != NULL && strcmp(f->streams[i].id, id) == 0) {
            (void)rf_copy_str(f->streams[i].id, sizeof(f->streams[i].id), id);
            return &f->streams[i].stream;
        }
    }
    return NULL;
}

static int op_stream_open(face *f, const json_t *in, json_t *out)
{
    const reflection_recorder_listen listen = {
        .from_start = face_is_text(in, "from", "start"),
        .from = face_place_of(in, "from"),
        .output = face_output_of(in),
        .chunk_frames = (uint32_t)face_number_of(in, "chunk_size", 0),
        .standalone = face_is_text(in, "framing", "standalone"),
        .drop = face_is_text(in, "lag_policy", "drop")};
    reflection_recorder_stream **stream = stream_of(f, in, true);
    (void)out;
    return stream != NULL ? reflection_recorder_stream_open(f->recorder, &listen, stream) : -ENOSPC;
}

static json_t *read_chunks(reflection_recorder_stream *stream, const json_t *in, rf_buf *bytes,
                           int *ret_n)
{
    reflection_recorder_chunk chunk;
    const int64_t most = face_number_of(in, "chunks", INT64_MAX);
    json_t *list = json_array();
    *ret_n = 1;
    while ((int64_t)json_array_size(list) < most) {
        *ret_n = reflection_recorder_stream_read(stream, face_number_of(in, "timeout_ms", 10000),
                                                 &chunk);
        if (*ret_n <= 0) {
            break;
        }
        (void)rf_buf_append(bytes, chunk.data, chunk.len);
        json_array_append_new(
            list, json_pack("{s:I,s:I,s:I,s:I}", "first_frame", (json_int_t)chunk.first_frame,
                            "frames", (json_int_t)chunk.n_frames, "bytes", (json_int_t)chunk.len,
                            "n_dropped", (json_int_t)chunk.n_dropped));
    }
    return list;
}

static int op_stream_read(face *f, const json_t *in, json_t *out)
{
    reflection_recorder_stream **stream = stream_of(f, in, false);
    rf_buf bytes;
    int n;
    if (stream == NULL) {
        return -ENOENT;
    }
    rf_buf_init(&bytes, DATA_MAX);
    json_object_set_new(out, "chunks", read_chunks(*stream, in, &bytes, &n));
    json_object_set_new(out, "ended", json_boolean(n == -EPIPE));
    face_say_bytes(&bytes, face_is_set(in, "with_data"), out);
    rf_buf_done(&bytes);
    if (n < 0 && n != -EPIPE) {
        face_say_fault(reflection_recorder_stream_fault(*stream), out);
    }
    return 0;
}

static int op_stream_close(face *f, const json_t *in, json_t *out)
{
    reflection_recorder_stream **stream = stream_of(f, in, false);
    (void)out;
    if (stream != NULL) {
        *stream = reflection_recorder_stream_close(*stream);
    }
    return 0;
}

/* ---- lines ---- */

static const struct {
    const char *name;
    int (*run)(face *f, const json_t *in, json_t *out); /* below 0: the recorder's fault is told */
} ops[] = {
    {"new", op_new},
    {"init", op_init},
    {"close", op_close},
    {"start", op_start},
    {"publish", op_publish},
    {"gap", op_gap},
    {"anchor", op_anchor},
    {"wait", op_wait},
    {"pause", op_pause},
    {"resume", op_resume},
    {"marker", op_marker},
    {"stop", op_stop},
    {"state", op_state},
    {"current_key", op_current_key},
    {"select", op_select},
    {"clear_frames", op_clear_frames},
    {"devices", op_devices},
    {"segment", op_segment},
    {"peaks", op_peaks},
    {"stream_open", op_stream_open},
    {"stream_read", op_stream_read},
    {"stream_close", op_stream_close},
};

static int run_line(face *f, const char *line)
{
    json_t *in = json_loads(line, 0, NULL);
    json_t *out = json_pack("{s:b}", "ok", 1);
    int code = 2;
    for (size_t i = 0; i < RF_ARRAY_LEN(ops); i++) {
        bool has_recorder = f->recorder != NULL || strcmp(ops[i].name, "new") == 0;
        if (!face_is_text(in, "op", ops[i].name) || !has_recorder) {
            continue;
        }
        code = 0;
        if (ops[i].run(f, in, out) < 0) {
            face_say_fault(reflection_recorder_last_fault(f->recorder), out);
        }
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
    }
    json_decref(in);
    json_decref(out);
    return code;
}

int main(void)
{
    static face f;
    char *line = NULL;
    size_t size = 0;
    int code = 0;
    f.options = (reflection_recorder_options){.url = getenv("REFLECTION_URL"),
                                              .key = getenv("REFLECTION_API_KEY"),
                                              .ca_file = getenv("REFLECTION_CA_FILE")};
    while (code == 0 && getline(&line, &size, stdin) > 0) {
        code = run_line(&f, line);
    }
    free(line);
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        reflection_recorder_stream_close(f.streams[i].stream);
    }
    reflection_recorder_free(f.recorder);
    return code;
}
