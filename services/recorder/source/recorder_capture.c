#include "recorder_capture.h"

#include "recorder_lib.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>

struct recorder_capture {
    recorder_sound *sound;
    recorder_capture_config config;
    PaStream *stream;
};

/* The numbers of recorder_sample_format are PortAudio's own. */
_Static_assert(RECORDER_SAMPLE_FLOAT32 == paFloat32 && RECORDER_SAMPLE_INT32 == paInt32 &&
                   RECORDER_SAMPLE_INT24 == paInt24 && RECORDER_SAMPLE_INT16 == paInt16 &&
                   RECORDER_SAMPLE_INT8 == paInt8 && RECORDER_SAMPLE_UINT8 == paUInt8,
               "sample formats are PortAudio's");

/* On the real-time thread. */
static int on_audio(const void *in, void *out RF_UNUSED, unsigned long n_frames,
                    const PaStreamCallbackTimeInfo *time RF_UNUSED, PaStreamCallbackFlags flags,
                    void *user)
{
    recorder_capture *capture = user;
    if (in != NULL && n_frames > 0) {
        recorder_block block = {.arrival_ns = rf_time_ns(),
                                .n_frames = (uint32_t)n_frames,
                                .stream = capture->config.stream,
                                .overflow = (flags & paInputOverflow) != 0,
                                .data = in};
        recorder_ring_put(capture->config.ring, &block);
    }
    return paContinue;
}

static void on_finished(void *user)
{
    recorder_capture *capture = user;
    atomic_store(capture->config.ended, capture->config.stream);
}

static bool is_target(const recorder_lib *lib, int index, const recorder_capture_target *target)
{
    const PaDeviceInfo *info = lib->Pa_GetDeviceInfo(index);
    return info != NULL && info->maxInputChannels > 0 && strcmp(info->name, target->name) == 0 &&
           (target->api[0] == '\0' ||
            strcmp(lib->Pa_GetHostApiInfo(info->hostApi)->name, target->api) == 0);
}

/* find gives the device's present index or -ENODEV. */
static int find(const recorder_lib *lib, const recorder_capture_target *target)
{
    if (target->name[0] == '\0') {
        int index = target->index < 0 ? lib->Pa_GetDefaultInputDevice() : target->index;
        const PaDeviceInfo *info = lib->Pa_GetDeviceInfo(index);
        return info != NULL && info->maxInputChannels > 0 ? index : -ENODEV;
    }
    int n = lib->Pa_GetDeviceCount();
    for (int i = 0; i < n; i++) {
        if (is_target(lib, i, target)) {
            return i;
        }
    }
    return -ENODEV;
}

/* find_or_look looks for devices anew where the one that is meant is not there. */
static int find_or_look(recorder_sound *sound, const recorder_capture_target *target)
{
    int err = recorder_sound_ready(sound);
    if (err < 0) {
        return err;
    }
    const recorder_lib *lib = recorder_lib_get();
    int index = find(lib, target);
    if (index < 0 && recorder_sound_fresh(sound) == 0) {
        index = find(lib, target);
    }
    return index;
}

static int start(recorder_capture *capture, int index)
{
    const recorder_lib *lib = recorder_lib_get();
    const recorder_capture_config *c = &capture->config;
    double period_s = (double)c->block_frames / c->rate_hz;
    PaStreamParameters in = {.device = index,
                             .channelCount = (int)c->channels,
                             .sampleFormat = (PaSampleFormat)c->format,
                             .suggestedLatency = 16 * period_s};
    PaError err = lib->Pa_OpenStream(&capture->stream, &in, NULL, c->rate_hz, c->block_frames,
                                     paClipOff | paDitherOff, on_audio, capture);
    if (err != paNoError) {
        return recorder_sound_error(err);
    }
    err = lib->Pa_SetStreamFinishedCallback(capture->stream, on_finished);
    if (err == paNoError) {
        err = lib->Pa_StartStream(capture->stream);
    }
    if (err != paNoError) {
        lib->Pa_CloseStream(capture->stream);
    }
    return recorder_sound_error(err);
}

int recorder_capture_open(recorder_sound *sound, recorder_capture_target *target,
                          const recorder_capture_config *config, recorder_capture **ret)
{
    int index = find_or_look(sound, target);
    if (index < 0) {
        return index;
    }
    const recorder_lib *lib = recorder_lib_get();
    const PaDeviceInfo *info = lib->Pa_GetDeviceInfo(index);
    recorder_capture_target found = {.index = index};
    (void)rf_copy_str(found.name, sizeof(found.name), info->name);
    (void)rf_copy_str(found.api, sizeof(found.api), lib->Pa_GetHostApiInfo(info->hostApi)->name);
    RF_CLEANUP(rf_cleanup_free) recorder_capture *capture = RF_NEW(recorder_capture);
    capture->sound = sound;
    capture->config = *config;
    recorder_sound_hold(sound, 1);
    int err = start(capture, index);
    if (err < 0) {
        recorder_sound_hold(sound, -1);
        return err;
    }
    *target = found;
    *ret = RF_STEAL(capture);
    return 0;
}

recorder_capture *recorder_capture_close(recorder_capture *capture)
{
    if (capture != NULL) {
        const recorder_lib *lib = recorder_lib_get();
        lib->Pa_AbortStream(capture->stream);
        PaError err = lib->Pa_CloseStream(capture->stream);
        if (err != paNoError) {
            RF_LOG_WARN("device not closed well", RF_STR("error", lib->Pa_GetErrorText(err)));
        }
        recorder_sound_hold(capture->sound, -1);
        free(capture);
    }
    return NULL;
}
