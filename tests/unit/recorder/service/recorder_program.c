#include "recorder_program.h"

#include "rf_time.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_READY_MS 200 /* one that has died does not come back by itself */
#define CALL_NS (60 * RF_NS_PER_S)

static rf_rpc_options options(const recorder_program *p)
{
    return (rf_rpc_options){.deadline_ns = rf_time_ns() + CALL_NS, .tenant = p->tenant};
}

/* ---- the program ---- */

void program_init(recorder_program *p)
{
    char dir[] = "/tmp/reflection-recorder-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    program_init_in(p, dir, PROGRAM_TENANT);
    free(p->listen);
    p->listen = rf_asprintf("ipc://%s/rpc.sock", p->dir);
    p->owns_dir = true;
}

void program_init_in(recorder_program *p, const char *dir, const char *tenant)
{
    *p = (recorder_program){.tenant = tenant};
    (void)rf_copy_str(p->dir, sizeof(p->dir), dir);
    p->listen = rf_asprintf("ipc://%s/run/recorder.sock", p->dir);
}

static void run(const recorder_program *p, const char *setting, const char *kill)
{
    char *bin = rf_asprintf("%s/reflection-recorder", getenv("REFLECTION_BIN"));
    char *dir = rf_asprintf("--data.dir=%s", p->dir);
    char *listen = rf_asprintf("--rpc.listen=%s", p->listen);
    const char *argv[] = {bin,
                          dir,
                          listen,
                          "--internal.listen=127.0.0.1:0",
                          "--recorder.min_free_mib=0",
                          "--recorder.reserve_mib=0",
                          setting,
                          NULL};
    if (kill != NULL) {
        setenv("REFLECTION_RECORDER_KILL", kill, 1);
    }
    execv(bin, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static bool answers(recorder_program *p)
{
    const rf_rpc_options o = options(p);
    Recorder__V1__ListRequest list = RECORDER__V1__LIST_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    if (rf_rpc_invoke(p->channel, RECORDER_V1_RECORDER_LIST, &o, &list.base, &reply, NULL) < 0) {
        return false;
    }
    rf_rpc_message_free(reply);
    return true;
}

/* Whether it has ended by SIGKILL; no other end is allowed. */
static bool was_killed(recorder_program *p)
{
    int status = 0;
    if (waitpid(p->pid, &status, WNOHANG) == 0) {
        return false;
    }
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the program ended with %x",
              status);
    p->pid = 0;
    p->channel = rf_rpc_channel_close(p->channel);
    return true;
}

static bool await_answer(recorder_program *p)
{
    for (int i = 0; i < 200; i++) {
        if (answers(p)) {
            return true;
        }
        if (was_killed(p)) {
            return false;
        }
        usleep(20000);
    }
    cr_assert(false, "the program does not answer");
    return false;
}

bool program_try_start(recorder_program *p, const char *setting, const char *kill)
{
    const rf_rpc_channel_config config = {.target = p->listen, .wait_ready_ms = WAIT_READY_MS};
    p->pid = fork();
    if (p->pid == 0) {
        run(p, setting, kill);
    }
    cr_assert_gt(p->pid, 0);
    cr_assert_eq(rf_rpc_channel_open(&config, &p->channel), 0);
    return await_answer(p);
}

void program_start(recorder_program *p, const char *setting, const char *kill)
{
    cr_assert(program_try_start(p, setting, kill), "the program has ended");
}

static int end(recorder_program *p, int sig)
{
    int status = 0;
    if (sig != 0) {
        kill(p->pid, sig);
    }
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    p->channel = rf_rpc_channel_close(p->channel);
    return status;
}

void program_kill(recorder_program *p)
{
    (void)end(p, SIGKILL);
}

void program_stop(recorder_program *p)
{
    int status = end(p, SIGTERM);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the program ended with %x", status);
}

void program_await_death(recorder_program *p)
{
    int status = end(p, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void program_done(recorder_program *p)
{
    if (p->pid != 0) {
        program_stop(p);
    }
    RF_CLEANUP(rf_cleanup_free) char *command = rf_asprintf("rm -rf '%s'", p->dir);
    cr_assert(!p->owns_dir || system(command) == 0);
    free(p->listen);
}

/* ---- calls ---- */

static void code_of(const rf_status *st, char ret[64])
{
    json_t *json = json_loads(st->message, 0, NULL);
    const char *code = json_string_value(json_object_get(json, "code"));
    (void)rf_copy_str(ret, 64, code != NULL ? code : st->message);
    json_decref(json);
}

json_t *program_call(recorder_program *p, const rf_rpc_method *method,
                     const ProtobufCMessage *request, char ret_code[64])
{
    rf_status st;
    ProtobufCMessage *reply = NULL;
    const rf_rpc_options o = options(p);
    if (rf_rpc_invoke(p->channel, method, &o, request, &reply, &st) < 0) {
        cr_assert_not_null(ret_code, "%s: %s", method->name, st.message);
        code_of(&st, ret_code);
        return NULL;
    }
    json_t *json =
        reply->descriptor == &recorder__v1__done__descriptor
            ? json_pack("{s:I}", "frame", (json_int_t)((Recorder__V1__Done *)reply)->frame)
            : json_loads(((Recorder__V1__Document *)reply)->json->text, 0, NULL);
    rf_rpc_message_free(reply);
    cr_assert_not_null(json);
    return json;
}

json_t *program_get(recorder_program *p, const char *session)
{
    Recorder__V1__GetRequest m = RECORDER__V1__GET_REQUEST__INIT;
    m.session = (char *)(uintptr_t)session;
    return program_call(p, RECORDER_V1_RECORDER_GET, &m.base, NULL);
}

json_t *program_stop_session(recorder_program *p, const char *session)
{
    Recorder__V1__StopRequest m = RECORDER__V1__STOP_REQUEST__INIT;
    m.session = (char *)(uintptr_t)session;
    return program_call(p, RECORDER_V1_RECORDER_STOP, &m.base, NULL);
}

/* ---- publishers ---- */

/* A program that dies meanwhile is the test's own doing. */
static void send_kind(program_publisher *pub, const Recorder__V1__FromPublisher *m)
{
    (void)rf_rpc_stream_send(pub->stream, &m->base, NULL);
}

static void open_publisher(program_publisher *pub, recorder_program *p)
{
    rf_rpc_options o = options(p);
    o.deadline_ns = RF_NEVER_NS; /* it lasts as long as the take */
    memset(pub, 0, sizeof(*pub));
    pub->stream = rf_rpc_stream_open(p->channel, RECORDER_V1_RECORDER_PUBLISH, &o);
    cr_assert_not_null(pub->stream);
}

static void take_begun(program_publisher *pub, const Recorder__V1__PublishBegun *b)
{
    (void)rf_copy_str(pub->session, sizeof(pub->session), b->session);
    (void)rf_copy_str(pub->key, sizeof(pub->key), b->key);
    pub->next_frame = b->next_frame;
}

bool publisher_read(program_publisher *pub)
{
    rf_rpc_item *item = NULL;
    if (rf_rpc_stream_recv(pub->stream, &item) != 1) {
        return false;
    }
    const Recorder__V1__ToPublisher *m = (const Recorder__V1__ToPublisher *)item->message;
    switch (m->kind_case) {
    case RECORDER__V1__TO_PUBLISHER__KIND_STARTED:
    case RECORDER__V1__TO_PUBLISHER__KIND_ATTACHED:
        take_begun(pub, m->started);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_ACK:
        cr_expect_geq(m->ack->frames_durable, pub->durable, "acknowledgements rise");
        cr_expect_geq(m->ack->frames_received, m->ack->frames_durable);
        pub->received = m->ack->frames_received;
        pub->durable = m->ack->frames_durable;
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_ERROR:
        (void)rf_copy_str(pub->code, sizeof(pub->code), m->error->code);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_STOPPED:
        pub->stopped = rf_strdup(m->stopped->text);
        break;
    default:
        break;
    }
    rf_rpc_item_free(item);
    return true;
}

bool publisher_try(program_publisher *pub, recorder_program *p, const char *session,
                   const char *body)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStart start = RECORDER__V1__PUBLISH_START__INIT;
    Recorder__V1__PublishAttach attach = RECORDER__V1__PUBLISH_ATTACH__INIT;
    open_publisher(pub, p);
    start.body = (char *)(uintptr_t)body;
    attach.session = (char *)(uintptr_t)session;
    if (session == NULL) {
        m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_START;
        m.start = &start;
    } else {
        m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_ATTACH;
        m.attach = &attach;
    }
    send_kind(pub, &m);
    return publisher_read(pub);
}

void publisher_start(program_publisher *pub, recorder_program *p, const char *body)
{
    cr_assert(publisher_try(pub, p, NULL, body));
}

bool publisher_attach(program_publisher *pub, recorder_program *p, const char *session)
{
    cr_assert(publisher_try(pub, p, session, NULL));
    return pub->code[0] == '\0';
}

void publisher_audio(program_publisher *pub, uint64_t first, uint32_t n, const void *data,
                     size_t len)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishAudio audio = RECORDER__V1__PUBLISH_AUDIO__INIT;
    const rf_rpc_attachment attachment = {.data = data, .len = len};
    audio.first_frame = first;
    audio.n_frames = n;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_AUDIO;
    m.audio = &audio;
    (void)rf_rpc_stream_send(pub->stream, &m.base, &attachment);
}

void publisher_durable(program_publisher *pub, uint64_t frames)
{
    while (pub->durable < frames) {
        cr_assert(publisher_read(pub), "the stream ended at %lu of %lu", pub->durable, frames);
    }
}

void publisher_ask_stop(program_publisher *pub, uint64_t last_frame)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStop stop = RECORDER__V1__PUBLISH_STOP__INIT;
    stop.last_case = RECORDER__V1__PUBLISH_STOP__LAST_LAST_FRAME;
    stop.last_frame = last_frame;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_STOP;
    m.stop = &stop;
    send_kind(pub, &m);
}

json_t *publisher_stop(program_publisher *pub)
{
    Recorder__V1__FromPublisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStop stop = RECORDER__V1__PUBLISH_STOP__INIT;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_STOP;
    m.stop = &stop;
    send_kind(pub, &m);
    while (pub->stopped == NULL) {
        cr_assert(publisher_read(pub));
        cr_assert_str_empty(pub->code);
    }
    json_t *json = json_loads(pub->stopped, 0, NULL);
    rf_rpc_stream_half_close(pub->stream);
    cr_expect_not(publisher_read(pub));
    publisher_leave(pub);
    return json;
}

void publisher_leave(program_publisher *pub)
{
    pub->stream = rf_rpc_stream_free(pub->stream);
    free(RF_STEAL(pub->stopped));
}

void program_samples(int64_t first, uint32_t n, uint32_t channels, int16_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < channels; c++) {
            *out++ = (int16_t)(uint16_t)((uint64_t)(first + i) * 7 + c * 13);
        }
    }
}

void publisher_samples(program_publisher *pub, uint64_t first, uint64_t end, uint32_t each)
{
    int16_t *samples = RF_NEW_ARRAY(int16_t, each);
    for (; first < end; first += each) {
        uint32_t n = (uint32_t)RF_MIN((uint64_t)each, end - first);
        program_samples((int64_t)first, n, 1, samples);
        publisher_audio(pub, first, n, samples, n * sizeof(int16_t));
    }
    free(samples);
}

/* ---- audio out ---- */

static void add(program_bytes *b, const rf_rpc_msg *msg)
{
    b->data = rf_grow(b->data, b->len + msg->attachment_len + 1, 1);
    if (msg->attachment_len > 0) {
        memcpy(b->data + b->len, msg->attachment, msg->attachment_len);
    }
    b->len += msg->attachment_len;
}

static void ask_parts(recorder_program *p, const rf_rpc_method *method, const ProtobufCMessage *m,
                      program_bytes *ret)
{
    const rf_rpc_options o = options(p);
    rf_rpc_item *item;
    memset(ret, 0, sizeof(*ret));
    rf_rpc_stream *s = rf_rpc_stream_open(p->channel, method, &o);
    cr_assert_eq(rf_rpc_stream_send(s, m, NULL), 0);
    rf_rpc_stream_half_close(s);
    bool first = true;
    int n;
    while ((n = rf_rpc_stream_recv(s, &item)) == 1) {
        const Recorder__V1__SegmentPart *part = (const Recorder__V1__SegmentPart *)item->message;
        if (first) {
            ret->first_frame = part->first_frame;
            ret->n_frames = part->n_frames;
            (void)rf_copy_str(ret->content_type, sizeof(ret->content_type), part->content_type);
        }
        first = false;
        add(ret, &item->msg);
        rf_rpc_item_free(item);
    }
    if (n < 0) {
        code_of(rf_rpc_stream_status(s), ret->code);
    }
    rf_rpc_stream_free(s);
}

void program_segment(recorder_program *p, const Recorder__V1__SegmentRequest *m, program_bytes *ret)
{
    ask_parts(p, RECORDER_V1_RECORDER_SEGMENT, &m->base, ret);
}

void program_peaks(recorder_program *p, const Recorder__V1__PeaksRequest *m, program_bytes *ret)
{
    ask_parts(p, RECORDER_V1_RECORDER_PEAKS, &m->base, ret);
}

rf_rpc_stream *program_listen(recorder_program *p, const char *session, const char *from,
                              const char *format, uint32_t chunk)
{
    const rf_rpc_options o = options(p);
    Recorder__V1__StreamRequest m = RECORDER__V1__STREAM_REQUEST__INIT;
    Recorder__V1__Output output = RECORDER__V1__OUTPUT__INIT;
    output.format = (char *)(uintptr_t)format;
    m.session = (char *)(uintptr_t)session;
    m.from = (char *)(uintptr_t)from;
    m.output = &output;
    m.chunk_size = chunk;
    rf_rpc_stream *s = rf_rpc_stream_open(p->channel, RECORDER_V1_RECORDER_STREAM, &o);
    cr_assert_eq(rf_rpc_stream_send(s, &m.base, NULL), 0);
    rf_rpc_stream_half_close(s);
    return s;
}

void program_drain(rf_rpc_stream *stream, program_bytes *ret)
{
    rf_rpc_item *item;
    memset(ret, 0, sizeof(*ret));
    int n;
    while ((n = rf_rpc_stream_recv(stream, &item)) == 1) {
        const Recorder__V1__StreamPart *part = (const Recorder__V1__StreamPart *)item->message;
        if (ret->content_type[0] == '\0') {
            (void)rf_copy_str(ret->content_type, sizeof(ret->content_type), part->content_type);
            ret->first_frame = part->first_frame;
        }
        ret->n_frames += part->n_frames;
        add(ret, &item->msg);
        rf_rpc_item_free(item);
    }
    if (n < 0) {
        code_of(rf_rpc_stream_status(stream), ret->code);
    }
    rf_rpc_stream_free(stream);
}

void program_bytes_done(program_bytes *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

void program_object(recorder_program *p, const char *key, program_bytes *ret, json_t **ret_meta)
{
    rf_store *store;
    rf_store_object *object;
    size_t len;
    RF_CLEANUP(rf_cleanup_free) char *url = rf_asprintf("dir:%s/objects", p->dir);
    RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("recorder/%s/%s", p->tenant, key);
    memset(ret, 0, sizeof(*ret));
    cr_assert_eq(rf_store_open(url, &store), 0);
    cr_assert_eq(rf_store_get(store, name, &object), 0, "%s is not stored", name);
    ret->len = rf_store_object_info(object)->size;
    ret->data = rf_alloc(ret->len + 1);
    for (size_t at = 0; at < ret->len;) {
        ssize_t n = rf_store_object_read(object, at, ret->data + at, ret->len - at);
        cr_assert_gt(n, 0);
        at += (size_t)n;
    }
    const char *meta = rf_store_object_meta(object, &len);
    cr_assert_not_null(meta);
    *ret_meta = json_loadb(meta, len, 0, NULL);
    cr_assert_not_null(*ret_meta);
    rf_store_object_free(object);
    rf_store_close(store);
}
