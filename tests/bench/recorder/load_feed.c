#include "load_feed.h"

#include "rf_time.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <reflection/recorder/v1/recorder.rpc.h>
#include <string.h>

#define CALL_S 3600
#define WAIT_S 120
#define FILL_FRAMES 8000
#define NOISE_FRAMES 65536
#define WINDOW_FRAMES (9 * LOAD_RATE)

typedef Recorder__V1__FromPublisher from_publisher;
typedef Recorder__V1__ToPublisher to_publisher;

/* What waits, waits for any of them: there is one thread that does. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;

static void tell(void)
{
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

static void wait_until(bool (*holds)(load_feed *f, int64_t value), load_feed *f, int64_t value,
                       const char *what)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += WAIT_S;
    pthread_mutex_lock(&lock);
    while (!holds(f, value)) {
        if (pthread_cond_timedwait(&news, &lock, &end) == ETIMEDOUT) {
            load_die("%s did not come", what);
        }
    }
    pthread_mutex_unlock(&lock);
}

static bool has_begun(load_feed *f, int64_t value)
{
    (void)value;
    return f->session[0] != '\0';
}

static bool is_durable(load_feed *f, int64_t frames)
{
    return f->n_durable >= frames;
}

static bool is_stopped(load_feed *f, int64_t value)
{
    (void)value;
    return f->n_stored >= 0;
}

rf_rpc_channel *load_channel(const char *url)
{
    const rf_rpc_channel_config config = {.target = url};
    rf_rpc_channel *channel;
    if (rf_rpc_channel_open(&config, &channel) < 0) {
        load_die("%s: no address", url);
    }
    return channel;
}

rf_rpc_options load_options(void)
{
    return (rf_rpc_options){.deadline_ns = rf_time_ns() + CALL_S * RF_NS_PER_S,
                            .tenant = LOAD_TENANT};
}

/* ---- what the recorder says ---- */

/* Every message that an acknowledgement is the first to cover. */
static void note_ack(load_feed *f, int64_t durable)
{
    const int64_t now_ns = rf_time_ns();
    for (; f->acks != NULL && f->n_acked + f->each <= durable; f->n_acked += f->each) {
        load_times_add(f->acks, now_ns - f->sent_ns[f->n_acked / f->each % LOAD_SENT]);
    }
    f->n_durable = durable;
}

static int64_t frames_of(const char *text)
{
    json_t *segment = json_loads(text, 0, NULL);
    const json_t *frames = json_object_get(segment, "frame_count");
    if (!json_is_integer(frames)) {
        load_die("a segment without frames: %s", text);
    }
    const int64_t n = json_integer_value(frames);
    json_decref(segment);
    return n;
}

static void on_message(rf_rpc_call *call, const rf_rpc_msg *msg, void *user)
{
    load_feed *f = user;
    ProtobufCMessage *unpacked;
    (void)call;
    if (rf_rpc_unpack(&recorder__v1__to_publisher__descriptor, msg->data, msg->len, &unpacked) <
        0) {
        load_die("a message that is none");
    }
    const to_publisher *m = (const to_publisher *)unpacked;
    switch (m->kind_case) {
    case RECORDER__V1__TO_PUBLISHER__KIND_ACK:
        note_ack(f, (int64_t)m->ack->frames_durable);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_STARTED:
        pthread_mutex_lock(&lock);
        (void)rf_copy_str(f->session, sizeof(f->session), m->started->session);
        pthread_mutex_unlock(&lock);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_STOPPED:
        f->n_stored = frames_of(m->stopped->text);
        break;
    case RECORDER__V1__TO_PUBLISHER__KIND_ERROR:
        load_die("refused: %s", m->error->detail);
    default:
        break;
    }
    rf_rpc_message_free(unpacked);
    if (f->acks == NULL || m->kind_case != RECORDER__V1__TO_PUBLISHER__KIND_ACK) {
        tell();
    }
}

static void on_writable(rf_rpc_call *call, void *user)
{
    (void)call;
    (void)user;
    tell();
}

static void on_done(rf_rpc_call *call, const rf_status *status, void *user)
{
    const load_feed *f = user;
    (void)call;
    if (status->code != RF_OK && f->n_stored < 0) {
        load_die("a stream ended: %s", status->message);
    }
}

/* ---- what the publisher says ---- */

static void send_control(load_feed *f, const from_publisher *m)
{
    if (rf_rpc_send(f->call, &m->base, NULL) < 0) {
        load_die("a message could not be sent");
    }
}

void load_feed_start(load_feed *f, rf_rpc_channel *channel, const char *body)
{
    static const rf_rpc_events events = {
        .message = on_message, .writable = on_writable, .done = on_done};
    const rf_rpc_options options = load_options();
    from_publisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStart start = RECORDER__V1__PUBLISH_START__INIT;
    start.body = (char *)(uintptr_t)body;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_START;
    m.start = &start;
    f->n_stored = -1;
    f->call = rf_rpc_open(channel, RECORDER_V1_RECORDER_PUBLISH, &options, &events, f);
    send_control(f, &m);
}

void load_feed_begun(load_feed *f)
{
    wait_until(has_begun, f, 0, "the start of a session");
}

/* The same for all, so that it costs nothing; another piece of it each time. */
static const int16_t *noise(int64_t first, uint32_t n)
{
    static int16_t samples[NOISE_FRAMES];
    static uint32_t state;
    for (size_t i = 0; i < NOISE_FRAMES && state == 0; i++) {
        const uint32_t x = (uint32_t)i * 2654435761U;
        samples[i] = (int16_t)((int)(x >> 18) - 8192 + (int)(i % 73 * 100));
    }
    state = 1;
    return samples + (first / n * n) % (NOISE_FRAMES - n);
}

bool load_feed_send(load_feed *f, uint32_t n)
{
    from_publisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishAudio audio = RECORDER__V1__PUBLISH_AUDIO__INIT;
    const rf_rpc_attachment attachment = {.data = noise(f->n_sent, n), .len = n * sizeof(int16_t)};
    audio.first_frame = (uint64_t)f->n_sent;
    audio.n_frames = n;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_AUDIO;
    m.audio = &audio;
    if (f->acks != NULL) {
        f->sent_ns[f->n_sent / f->each % LOAD_SENT] = rf_time_ns();
    }
    const int err = rf_rpc_send(f->call, &m.base, &attachment);
    if (err < 0 && err != -EAGAIN) {
        load_die("audio could not be sent: %s", strerror(-err));
    }
    f->n_sent += err == 0 ? n : 0;
    return err == 0;
}

void load_feed_push(load_feed *f, int64_t end)
{
    while (f->n_sent < end) {
        const uint32_t n = (uint32_t)RF_MIN(end - f->n_sent, (int64_t)FILL_FRAMES);
        if (f->n_sent - f->n_durable > WINDOW_FRAMES || !load_feed_send(f, n)) {
            wait_until(is_durable, f, f->n_sent - WINDOW_FRAMES / 2, "room");
        }
    }
}

void load_feed_fill(load_feed *f, int64_t end)
{
    load_feed_push(f, end);
    wait_until(is_durable, f, end, "the last acknowledgement");
}

void load_feed_stop(load_feed *f)
{
    from_publisher m = RECORDER__V1__FROM_PUBLISHER__INIT;
    Recorder__V1__PublishStop stop = RECORDER__V1__PUBLISH_STOP__INIT;
    stop.last_case = RECORDER__V1__PUBLISH_STOP__LAST_LAST_FRAME;
    stop.last_frame = (uint64_t)f->n_sent;
    m.kind_case = RECORDER__V1__FROM_PUBLISHER__KIND_STOP;
    m.stop = &stop;
    send_control(f, &m);
}

int64_t load_feed_stopped(load_feed *f)
{
    wait_until(is_stopped, f, 0, "the stored segment");
    rf_rpc_half_close(f->call);
    return f->n_stored;
}

void load_feed_leave(load_feed *f)
{
    f->call = rf_rpc_call_free(f->call);
}
