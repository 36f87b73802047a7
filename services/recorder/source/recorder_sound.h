/*
 * recorder_sound.h - the sound system of the process: PortAudio, the thread that alone calls it,
 * and the watch of the sound server. One a process, made by the owner loop before its devices. The
 * owner loop's thread calls everything here unless said otherwise.
 */
#ifndef RECORDER_SOUND_H
#define RECORDER_SOUND_H

#include "recorder_watch.h"
#include "recorder_worker.h"

#define RECORDER_DEVICES_MAX 256

typedef struct recorder_sound recorder_sound;

/* recorder_sound_new begins at once, in the background, to load the libraries and to look for
 * devices. */
recorder_sound *recorder_sound_new(rf_loop *loop);

/* recorder_sound_free: its devices must have been closed. May wait for the sound library; lists
 * that were asked for are told of. */
recorder_sound *recorder_sound_free(recorder_sound *sound);

typedef struct recorder_device_info {
    int index; /* good for recorder_device_open until the next list */
    char name[128];
    char api[32];      /* "ALSA", "JACK Audio Connection Kit" */
    uint32_t channels; /* the most it has */
    uint32_t default_rate_hz;
    bool is_default;
} recorder_device_info;

/* items is valid for the call only; err is 0 or a negative errno, with no items. */
typedef void (*recorder_sound_list_fn)(void *user, int err, const recorder_device_info *items,
                                       size_t n);

/* recorder_sound_list tells of the input devices, on the owner loop, later. Devices that have come
 * or gone are seen while nothing captures; during a capture the list is that of before. */
void recorder_sound_list(recorder_sound *sound, recorder_sound_list_fn fn, void *user);

recorder_worker *recorder_sound_worker(recorder_sound *sound);

/* recorder_sound_watch: once a task that was given to the worker has been handed back. May be NULL.
 */
const recorder_watch *recorder_sound_watch(const recorder_sound *sound);

/* ---- on the worker's thread ---- */

/* recorder_sound_fresh looks for devices anew if no stream is open. Returns 0 or a negative errno.
 */
int recorder_sound_fresh(recorder_sound *sound);

/* recorder_sound_hold counts streams: +1 before one is opened, -1 after it has been closed. */
void recorder_sound_hold(recorder_sound *sound, int n);

/* recorder_sound_ready: the sound library has been started, now or before. 0 or a negative errno;
 * -ENOSYS: a library is not installed. */
int recorder_sound_ready(recorder_sound *sound);

/* recorder_sound_error maps an error of PortAudio: -ENODEV, -EBUSY, -EINVAL (the device cannot do
 * that format), -ENOMEM, -EIO. */
int recorder_sound_error(int pa_error);

#endif
