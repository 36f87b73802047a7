#include "recorder_sound.h"

#include "recorder_lib.h"
#include "recorder_pin.h"
#include "rf_log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* Of ALSA's buffer: it is read every period, and lasts for 160 ms where nobody reads. */
#define ALSA_PERIODS 16

struct recorder_sound {
    recorder_worker *worker;
    recorder_errand start;
    recorder_watch *watch; /* the worker's, as what follows; made before the first opening */
    bool ready;
    int n_streams;
};

typedef struct list_task {
    recorder_errand task;
    recorder_sound *sound;
    recorder_sound_list_fn fn;
    void *user;
    int err;
    size_t n;
    recorder_device_info items[RECORDER_DEVICES_MAX];
} list_task;

int recorder_sound_error(int pa_error)
{
    switch (pa_error) {
    case paNoError:
        return 0;
    case paInvalidDevice:
    case paNoDevice:
        return -ENODEV;
    case paDeviceUnavailable:
        return -EBUSY;
    case paInvalidChannelCount:
    case paInvalidSampleRate:
    case paSampleFormatNotSupported:
    case paBadIODeviceCombination:
        return -EINVAL;
    case paInsufficientMemory:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

/* ALSA writes to standard error, a line for each device that is not there. */
RF_PRINTF(5, 6)
static void on_alsa_error(const char *file RF_UNUSED, int line RF_UNUSED, const char *function,
                          int err, const char *fmt RF_UNUSED, ...)
{
    RF_LOG_DEBUG("alsa", RF_STR("function", function), RF_INT("errno", err));
}

/* PortAudio aborts the process where ALSA's configuration names neither of its two plug-ins. */
static bool has_plugins(const recorder_lib *lib)
{
    snd_config_t *node;
    return lib->snd_config_update() >= 0 && *lib->snd_config != NULL &&
           (lib->snd_config_search(*lib->snd_config, "pcm.default", &node) >= 0 ||
            lib->snd_config_search(*lib->snd_config, "pcm.dmix", &node) >= 0);
}

int recorder_sound_ready(recorder_sound *sound)
{
    const recorder_lib *lib = recorder_lib_get();
    if (lib == NULL) {
        return -ENOSYS;
    }
    if (sound->ready) {
        return 0;
    }
    lib->snd_lib_error_set_handler(on_alsa_error);
    int err = has_plugins(lib) ? recorder_sound_error(lib->Pa_Initialize()) : -ENODEV;
    if (err == 0) {
        sound->ready = true;
        lib->PaAlsa_SetNumPeriods(ALSA_PERIODS);
        recorder_lib_keep();
    }
    return err;
}

static void finish(recorder_sound *sound)
{
    const recorder_lib *lib = recorder_lib_get();
    if (sound->ready) {
        lib->Pa_Terminate();
        sound->ready = false;
    }
    if (lib != NULL) {
        lib->snd_config_update_free_global(); /* so that its files are read again */
    }
}

int recorder_sound_fresh(recorder_sound *sound)
{
    if (sound->ready && sound->n_streams == 0) {
        finish(sound);
    }
    return recorder_sound_ready(sound);
}

void recorder_sound_hold(recorder_sound *sound, int n)
{
    sound->n_streams += n;
}

static void start(void *user)
{
    recorder_sound *sound = user;
    const recorder_lib *lib = recorder_lib_get();
    if (lib != NULL) {
        recorder_pin_init(lib);
        sound->watch = recorder_watch_new(lib);
        (void)recorder_sound_ready(sound); /* an opening tries again and tells */
    }
}

static void started(void *user RF_UNUSED)
{
}

recorder_sound *recorder_sound_new(rf_loop *loop)
{
    recorder_sound *sound = RF_NEW(recorder_sound);
    sound->worker = recorder_worker_new(loop);
    sound->start = (recorder_errand){.work = start, .done = started, .user = sound};
    recorder_worker_run(sound->worker, &sound->start);
    return sound;
}

recorder_sound *recorder_sound_free(recorder_sound *sound)
{
    if (sound != NULL) {
        sound->worker = recorder_worker_free(sound->worker);
        sound->watch = recorder_watch_free(sound->watch);
        finish(sound);
        free(sound);
    }
    return NULL;
}

static void describe(recorder_device_info *item, int index, const PaDeviceInfo *info)
{
    const recorder_lib *lib = recorder_lib_get();
    item->index = index;
    (void)rf_copy_str(item->name, sizeof(item->name), info->name);
    (void)rf_copy_str(item->api, sizeof(item->api), lib->Pa_GetHostApiInfo(info->hostApi)->name);
    item->channels = (uint32_t)info->maxInputChannels;
    item->default_rate_hz = (uint32_t)lround(info->defaultSampleRate);
    item->is_default = index == lib->Pa_GetDefaultInputDevice();
}

static void list(void *user)
{
    list_task *t = user;
    const recorder_lib *lib = recorder_lib_get();
    t->err = recorder_sound_fresh(t->sound);
    int n = t->err == 0 ? lib->Pa_GetDeviceCount() : 0;
    for (int i = 0; i < n && t->n < RECORDER_DEVICES_MAX; i++) {
        const PaDeviceInfo *info = lib->Pa_GetDeviceInfo(i);
        if (info != NULL && info->maxInputChannels > 0) {
            describe(&t->items[t->n++], i, info);
        }
    }
}

static void listed(void *user)
{
    list_task *t = user;
    t->fn(t->user, t->err, t->items, t->n);
    free(t);
}

void recorder_sound_list(recorder_sound *sound, recorder_sound_list_fn fn, void *user)
{
    list_task *t = RF_NEW(list_task);
    t->task = (recorder_errand){.work = list, .done = listed, .user = t};
    t->sound = sound;
    t->fn = fn;
    t->user = user;
    recorder_worker_run(sound->worker, &t->task);
}

recorder_worker *recorder_sound_worker(recorder_sound *sound)
{
    return sound->worker;
}

const recorder_watch *recorder_sound_watch(const recorder_sound *sound)
{
    return sound->watch;
}
