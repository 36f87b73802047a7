#include "recorder_devices.h"

#include "recorder_device.h"
#include "rf_log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct recorder_devices {
    rf_loop *loop;
    recorder_sound *sound; /* NULL: not used yet */
};

/* One device for one session. */
typedef struct input {
    recorder_device *device;
    const recorder_start *start;
    const recorder_source_events *events;
    void *user;
} input;

recorder_devices *recorder_devices_new(rf_loop *loop)
{
    recorder_devices *devices = RF_NEW(recorder_devices);
    devices->loop = loop;
    return devices;
}

recorder_devices *recorder_devices_free(recorder_devices *devices)
{
    if (devices != NULL) {
        devices->sound = recorder_sound_free(devices->sound);
        free(devices);
    }
    return NULL;
}

static recorder_sound *sound_of(recorder_devices *devices)
{
    if (devices->sound == NULL) {
        devices->sound = recorder_sound_new(devices->loop);
    }
    return devices->sound;
}

void recorder_devices_list(recorder_devices *devices, recorder_sound_list_fn fn, void *user)
{
    recorder_sound_list(sound_of(devices), fn, user);
}

/* ---- a device as a source ---- */

/* What the start calls it, for errors. */
static void describe(const recorder_start *start, char *out, size_t size)
{
    const char *name = start->source_name;
    if (name[0] == '\0') {
        (void)snprintf(out, size, "the default device");
    } else {
        (void)snprintf(out, size, "device %s", name);
    }
}

static recorder_code explain(const recorder_start *start, int err, recorder_error *error)
{
    char name[160];
    describe(start, name, sizeof(name));
    if (err == -EINVAL) {
        return recorder_fail(error, RECORDER_UNSUPPORTED_FORMAT,
                             "%.90s: cannot do %u channels of %s at %u Hz", name, start->channels,
                             recorder_sample_name(start->sent_format), start->rate_hz);
    }
    const char *why = err == -ENODEV   ? "is not there"
                      : err == -EBUSY  ? "is in use"
                      : err == -ENOSYS ? "needs sound libraries that are not installed"
                                       : "cannot be opened";
    return recorder_fail(error, RECORDER_DEVICE_UNAVAILABLE, "%s: %s", name, why);
}

static void on_opened(void *user, int err)
{
    input *in = user;
    recorder_error error;
    if (err == 0) {
        (void)in->events->opened(in->user, recorder_device_name(in->device));
    } else {
        (void)explain(in->start, err, &error);
        in->events->failed(in->user, &error);
    }
}

/* What counts no frames, or has ended the session, has taken them. */
static int on_frames(void *user, int64_t first, uint32_t n_frames, const void *data,
                     int64_t arrival_ns)
{
    input *in = user;
    (void)first;
    int err = in->events->frames(in->user, data, n_frames, arrival_ns);
    return err == -ENOBUFS || err == -ENOSPC ? err : 0;
}

static void on_gap(void *user, recorder_gap_cause cause, int64_t first, int64_t n_frames,
                   bool exact)
{
    input *in = user;
    (void)first;
    (void)in->events->gap(in->user, cause, n_frames, exact);
}

static void on_lost(void *user, recorder_gap_cause cause)
{
    input *in = user;
    in->events->stalled(in->user, cause);
}

static void on_back(void *user)
{
    input *in = user;
    in->events->back(in->user);
}

static void on_ended(void *user, recorder_device_end end)
{
    input *in = user;
    if (end == RECORDER_DEVICE_STOPPED) {
        in->events->end(in->user);
    } else {
        in->events->lost(in->user);
    }
}

static const recorder_device_events device_events = {.opened = on_opened,
                                                     .frames = on_frames,
                                                     .gap = on_gap,
                                                     .lost = on_lost,
                                                     .back = on_back,
                                                     .ended = on_ended};

static recorder_device_config config_of(const recorder_start *start)
{
    const recorder_options *o = &start->options;
    int64_t index = -1;
    bool numbered = rf_parse_i64(start->source_name, &index) == 0 && index >= 0;
    return (recorder_device_config){
        .index = numbered ? (int)RF_MIN(index, (int64_t)INT_MAX) : -1,
        .name = numbered || start->source_name[0] == '\0' ? NULL : start->source_name,
        .format = start->sent_format,
        .channels = start->channels,
        .rate_hz = start->rate_hz,
        .period_ms = (uint32_t)o->capture_period_ms,
        .ring_ms = (uint32_t)o->ring_ms,
        .stall_ms = (uint32_t)o->stall_ms,
        .reopen_ms = (uint32_t)o->reopen_s * 1000};
}

static recorder_code open_source(void *factory, const recorder_start *start, rf_loop *loop,
                                 const recorder_source_events *events, void *user,
                                 void **ret_source, recorder_error *error)
{
    recorder_device_config config = config_of(start);
    const char *field = "";
    input *in = RF_NEW(input);
    *in = (input){.start = start, .events = events, .user = user};
    if (recorder_device_open(sound_of(factory), loop, &config, &device_events, in, &field,
                             &in->device) < 0) {
        free(in);
        return strcmp(field, "name") == 0
                   ? explain(start, -ENODEV, error) /* none has so long a name */
                   : recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: out of its range", field);
    }
    *ret_source = in;
    return RECORDER_OK;
}

/* The device offers what was refused by itself. */
static void resume(void *source)
{
    (void)source;
}

static void finish(void *source)
{
    input *in = source;
    recorder_device_stop(in->device);
}

static void stop(void *source)
{
    input *in = source;
    recorder_device_close(in->device);
    free(in);
}

const recorder_source_ops recorder_device_source = {open_source, resume, finish, stop};
