/*
 * recorder_device.h - one device captured for one session (S2, S3, S4).
 *
 * Owned by the owner loop: its thread calls everything here, and all events come on it. The sound
 * library's calls run on the worker of recorder_sound.h, its callback on a thread of its own.
 *
 *   open --opened(0)--> frames, gap, lost, back ... --stop, source lost--> ended
 *   open --opened(-errno)--> (nothing more)
 *
 * recorder_device_close is allowed at any time, in an event too, and is needed after each open.
 */
#ifndef RECORDER_DEVICE_H
#define RECORDER_DEVICE_H

#include "recorder_gaps.h"
#include "recorder_sample.h"
#include "recorder_sound.h"

typedef struct recorder_device recorder_device;

typedef struct recorder_device_config {
    int index;        /* of recorder_sound_list; -1: the default device, */
    const char *name; /* or the device of this name; NULL: none. Copied */
    recorder_sample_format format;
    uint32_t channels;  /* 1..8 */
    uint32_t rate_hz;   /* 8,000..192,000 */
    uint32_t period_ms; /* 10 (5..20): of the callback */
    uint32_t ring_ms;   /* 4,000 (500..20,000), at most 4 MiB */
    uint32_t stall_ms;  /* 500 (100..5,000): without data: lost */
    uint32_t reopen_ms; /* 30,000 (0..600,000): how long a dead device is opened again */
} recorder_device_config;

/* recorder_device_defaults: the default device, int16, mono, 16 kHz, and the defaults above. */
recorder_device_config recorder_device_defaults(void);

typedef enum recorder_device_end {
    RECORDER_DEVICE_STOPPED,
    RECORDER_DEVICE_SOURCE_LOST, /* it was opened again for reopen_ms in vain */
} recorder_device_end;

typedef struct recorder_device_events {
    /* Once: capture runs (0), or why not: -ENODEV, -EBUSY, -EINVAL (the device cannot do the
     * format), -ENOMEM, -EIO. */
    void (*opened)(void *user, int err);

    /* n_frames from frame `first` on (from 0, gaps counted), in recorder_sample_kept(format),
     * interleaved: int8 and uint8 come as int16. The data ends with the call. At arrival_ns
     * (monotonic) the last frame had come. Returns 0; -ENOSPC or -ENOBUFS: nothing was taken, as
     * the disk is full or for another reason: they are offered again, every 10 ms, for as long as
     * the ring holds them, and then are a gap of cause disk_full or xrun. */
    int (*frames)(void *user, int64_t first, uint32_t n_frames, const void *data,
                  int64_t arrival_ns);

    /* n_frames from `first` on are lost and are to be filled: the next frames come behind them.
     * exact: counted, else measured from arrival times. Told when the gap is over. */
    void (*gap)(void *user, recorder_gap_cause cause, int64_t first, int64_t n_frames, bool exact);

    /* Nothing comes any more, with the cause as far as it is known; and: it comes again. Both at
     * most 1,000 ms after the fact. */
    void (*lost)(void *user, recorder_gap_cause cause);
    void (*back)(void *user);

    /* Once, the last event, if capture ran. */
    void (*ended)(void *user, recorder_device_end end);
} recorder_device_events;

/* recorder_device_open begins to open. events must outlive the device. Returns 0, or -EINVAL for a
 * value out of range, whose name is in *ret_field. */
int recorder_device_open(recorder_sound *sound, rf_loop *loop, const recorder_device_config *config,
                         const recorder_device_events *events, void *user, const char **ret_field,
                         recorder_device **ret);

/* recorder_device_name: of the device that was opened, in `opened` and after it. */
const char *recorder_device_name(const recorder_device *device);

/* recorder_device_stop ends the capture: frames captured up to this call are still told, to
 * within 10 ms, then `ended`: as soon as the period in which the call falls has come, at most 110
 * ms from now where nothing comes. Before `opened` it makes that -ECANCELED. */
void recorder_device_stop(recorder_device *device);

/* recorder_device_close: no event after it. The device is given back in the background. */
recorder_device *recorder_device_close(recorder_device *device);

#endif
