#include "recorder_device.h"

#include "recorder_alive.h"
#include "recorder_capture.h"
#include "recorder_flow.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define DRAIN_NS (10 * RF_NS_PER_MS)
#define CAUSE_NS (1000 * RF_NS_PER_MS)    /* a cause that no interruption followed is forgotten */
#define STOP_WAIT_NS (100 * RF_NS_PER_MS) /* for what was captured before a stop */

struct recorder_device {
    /* The owner's. */
    recorder_device_config config;
    const recorder_device_events *events;
    void *user;
    rf_timer *timer;
    const recorder_watch *watch;
    recorder_worker *worker;
    recorder_flow flow;
    recorder_alive alive;
    recorder_watch_state watched;
    int64_t cause_at_ns;
    bool explained;     /* flow.cause, if there is one, is what the server has told */
    int64_t stop_at_ns; /* RF_NEVER_NS: not asked for */
    int16_t *wide;      /* a block of int8 or uint8, widened */
    bool running;       /* opened(0) was told, ended not yet */
    bool closed;
    recorder_errand opening;
    recorder_errand closing;

    /* Shared. */
    recorder_ring *ring;
    _Atomic(uint32_t) ended; /* the last stream that the sound library gave up */

    /* The worker's; the owner reads them in done(). */
    recorder_sound *sound;
    recorder_capture *capture;
    recorder_capture_target target;
    uint32_t stream; /* number of the last opening */
    int open_err;
};

recorder_device_config recorder_device_defaults(void)
{
    return (recorder_device_config){.index = -1,
                                    .format = RECORDER_SAMPLE_INT16,
                                    .channels = 1,
                                    .rate_hz = 16000,
                                    .period_ms = 10,
                                    .ring_ms = 4000,
                                    .stall_ms = 500,
                                    .reopen_ms = 30000};
}

static const char *bad_field(const recorder_device_config *c)
{
    const struct {
        const char *name;
        uint32_t value, least, most;
    } ranges[] = {
        {"channels", c->channels, 1, RECORDER_CHANNELS_MAX},
        {"rate", c->rate_hz, RECORDER_RATE_MIN, RECORDER_RATE_MAX},
        {"period_ms", c->period_ms, 5, 20},
        {"ring_ms", c->ring_ms, 500, 20000},
        {"stall_ms", c->stall_ms, 100, 5000},
        {"reopen_ms", c->reopen_ms, 0, 600000},
    };
    for (size_t i = 0; i < RF_ARRAY_LEN(ranges); i++) {
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most) {
            return ranges[i].name;
        }
    }
    if (c->index < -1) {
        return "input_device_index";
    }
    if (c->name != NULL && strlen(c->name) >= sizeof(((recorder_capture_target *)0)->name)) {
        return "name";
    }
    return recorder_sample_size(c->format) == 0 ? "format" : NULL;
}

/* ---- what the flow tells ---- */

static int on_frames(void *user, int64_t first, uint32_t n_frames, const void *data,
                     int64_t arrival_ns)
{
    recorder_device *device = user;
    if (device->closed) {
        return 0;
    }
    if (device->wide != NULL) {
        recorder_sample_widen(device->config.format, data,
                              (size_t)n_frames * device->config.channels, device->wide);
        data = device->wide;
    }
    return device->events->frames(device->user, first, n_frames, data, arrival_ns);
}

static void on_gap(void *user, recorder_gap_cause cause, int64_t first, int64_t n_frames,
                   bool exact)
{
    recorder_device *device = user;
    if (!device->closed) {
        device->events->gap(device->user, cause, first, n_frames, exact);
    }
}

static const recorder_flow_events flow_events = {.frames = on_frames, .gap = on_gap};

/* ---- opening, on the worker ---- */

static uint32_t block_frames(const recorder_device_config *config)
{
    return config->rate_hz * config->period_ms / 1000;
}

static void open_work(void *user)
{
    recorder_device *device = user;
    device->capture = recorder_capture_close(device->capture);
    if (device->open_err < 0) { /* what devices there are may have changed */
        (void)recorder_sound_fresh(device->sound);
    }
    recorder_capture_config config = {.format = device->config.format,
                                      .channels = device->config.channels,
                                      .rate_hz = device->config.rate_hz,
                                      .block_frames = block_frames(&device->config),
                                      .stream = ++device->stream,
                                      .ring = device->ring,
                                      .ended = &device->ended};
    device->open_err =
        recorder_capture_open(device->sound, &device->target, &config, &device->capture);
}

/* ---- the owner's look, every 10 ms ---- */

static void note_cause(recorder_device *device, recorder_gap_cause cause, bool told, int64_t now_ns)
{
    device->flow.cause = cause;
    device->cause_at_ns = now_ns;
    device->explained = told;
}

/* What the server has told since the last look becomes the cause of the interruption it makes. */
static void look_at_server(recorder_device *device, int64_t now_ns)
{
    recorder_watch_state old = device->watched;
    recorder_watch_state new = recorder_watch_read(device->watch);
    device->watched = new;
    if (new.moved != old.moved) {
        note_cause(device, RECORDER_GAP_MOVED, true, now_ns);
    }
    if (new.suspended && !old.suspended) {
        note_cause(device, RECORDER_GAP_SUSPENDED, true, now_ns);
    }
    if (new.removed != old.removed || new.died != old.died) {
        note_cause(device, RECORDER_GAP_DEVICE_LOST, true, now_ns);
    }
    if (new.resumed != old.resumed) {
        recorder_alive_hurry(&device->alive, now_ns);
    }
    if (device->alive.state == RECORDER_DELIVERING && !device->flow.holding &&
        now_ns - device->cause_at_ns > CAUSE_NS) {
        device->flow.cause = RECORDER_GAP_UNKNOWN;
    }
}

static void end(recorder_device *device, recorder_device_end how)
{
    device->running = false;
    if (!device->closed) { /* in one of the last events */
        rf_timer_set(device->timer, RF_NEVER_NS);
        device->events->ended(device->user, how);
    }
}

static void act(recorder_device *device, recorder_alive_action action, int64_t now_ns)
{
    switch (action) {
    case RECORDER_ALIVE_LOST:
        device->events->lost(device->user, device->flow.cause);
        break;
    case RECORDER_ALIVE_BACK:
        device->events->back(device->user);
        break;
    case RECORDER_ALIVE_REOPEN:
        if (device->flow.cause == RECORDER_GAP_UNKNOWN) {
            note_cause(device, RECORDER_GAP_DEVICE_LOST, false, now_ns);
        }
        recorder_worker_run(device->worker, &device->opening);
        break;
    case RECORDER_ALIVE_OVER:
        recorder_flow_finish(&device->flow, now_ns, now_ns);
        end(device, RECORDER_DEVICE_SOURCE_LOST);
        break;
    case RECORDER_ALIVE_NONE:
        break;
    }
}

static void watch_over(recorder_device *device, bool data, int64_t now_ns)
{
    look_at_server(device, now_ns);
    recorder_alive_seen seen = {
        .data = data,
        .dead = !device->alive.opening && atomic_load(&device->ended) == device->stream,
        .suspended = device->watched.suspended,
        .explained = device->explained && device->flow.cause != RECORDER_GAP_UNKNOWN};
    act(device, recorder_alive_look(&device->alive, &seen, now_ns), now_ns);
}

/* stop_now says whether a stop that was asked for is due: what was captured before it has come, or
 * will not. */
static bool stop_now(const recorder_device *device, int64_t now_ns)
{
    return device->stop_at_ns != RF_NEVER_NS &&
           (recorder_flow_reaches(&device->flow, device->stop_at_ns) ||
            now_ns - device->stop_at_ns >= STOP_WAIT_NS);
}

static void on_tick(void *user)
{
    recorder_device *device = user;
    int64_t now_ns = rf_time_ns();
    if (stop_now(device, now_ns)) {
        recorder_flow_finish(&device->flow, now_ns, device->stop_at_ns);
        end(device, RECORDER_DEVICE_STOPPED);
        return;
    }
    if (device->stop_at_ns == RF_NEVER_NS) {
        bool data = recorder_flow_drain(&device->flow, now_ns) > 0;
        if (!device->closed && device->stop_at_ns == RF_NEVER_NS) {
            watch_over(device, data, now_ns);
        }
    }
    if (!device->closed && device->running) {
        rf_timer_set(device->timer, now_ns + DRAIN_NS);
    }
}

static void begin(recorder_device *device)
{
    int64_t now_ns = rf_time_ns();
    device->running = true;
    device->watch = recorder_sound_watch(device->sound);
    device->watched = recorder_watch_read(device->watch);
    recorder_alive_init(&device->alive, device->config.stall_ms, device->config.reopen_ms, now_ns);
    rf_timer_set(device->timer, now_ns + DRAIN_NS);
    device->events->opened(device->user, 0);
}

static void open_done(void *user)
{
    recorder_device *device = user;
    if (device->closed) {
        return;
    }
    if (device->running) {
        recorder_alive_opened(&device->alive, device->open_err == 0, rf_time_ns());
    } else if (device->stream > 1) {
        return; /* a reopening that came back after the end */
    } else if (device->stop_at_ns != RF_NEVER_NS) {
        device->events->opened(device->user, -ECANCELED);
    } else if (device->open_err < 0) {
        device->events->opened(device->user, device->open_err);
    } else {
        begin(device);
    }
}

/* ---- closing ---- */

static void close_work(void *user)
{
    recorder_device *device = user;
    device->capture = recorder_capture_close(device->capture);
}

static void close_done(void *user)
{
    recorder_device *device = user;
    recorder_ring_free(device->ring);
    free(device->wide);
    free(device);
}

recorder_device *recorder_device_close(recorder_device *device)
{
    if (device != NULL && !device->closed) {
        device->closed = true;
        device->timer = rf_timer_free(device->timer);
        recorder_worker_run(device->worker, &device->closing);
    }
    return NULL;
}

const char *recorder_device_name(const recorder_device *device)
{
    return device->target.name;
}

void recorder_device_stop(recorder_device *device)
{
    if (device->stop_at_ns == RF_NEVER_NS) {
        device->stop_at_ns = rf_time_ns();
    }
}

int recorder_device_open(recorder_sound *sound, rf_loop *loop, const recorder_device_config *config,
                         const recorder_device_events *events, void *user, const char **ret_field,
                         recorder_device **ret)
{
    const char *bad = bad_field(config);
    if (bad != NULL) {
        *ret_field = bad;
        return -EINVAL;
    }
    recorder_device *device = RF_NEW(recorder_device);
    device->config = *config;
    device->events = events;
    device->user = user;
    device->sound = sound;
    device->worker = recorder_sound_worker(sound);
    device->stop_at_ns = RF_NEVER_NS;
    device->target.index = config->index;
    if (config->name != NULL) {
        (void)rf_copy_str(device->target.name, sizeof(device->target.name), config->name);
    }
    uint32_t block = block_frames(config);
    size_t sample_bytes = recorder_sample_size(config->format);
    device->ring = recorder_ring_new(config->rate_hz, (uint32_t)sample_bytes * config->channels,
                                     block, config->ring_ms);
    if (recorder_sample_kept(config->format) != config->format) {
        device->wide = RF_NEW_ARRAY(int16_t, (size_t)block * config->channels);
    }
    recorder_flow_init(&device->flow, device->ring, config->rate_hz, &flow_events, device);
    device->timer = rf_timer_new(loop, on_tick, device);
    device->opening = (recorder_errand){.work = open_work, .done = open_done, .user = device};
    device->closing = (recorder_errand){.work = close_work, .done = close_done, .user = device};
    recorder_worker_run(device->worker, &device->opening);
    *ret = device;
    return 0;
}
