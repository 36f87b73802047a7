/*
 * recorder_capture.h - one opening of a device: a PortAudio input stream whose callback fills a
 * ring. The worker of recorder_sound.h calls everything here; the callback runs on a thread of the
 * sound library and neither locks, allocates, logs nor does I/O (S2).
 */
#ifndef RECORDER_CAPTURE_H
#define RECORDER_CAPTURE_H

#include "recorder_ring.h"
#include "recorder_sample.h"
#include "recorder_sound.h"

#include <stdatomic.h>

typedef struct recorder_capture recorder_capture;

/* What device is meant: by index at first, then by name, which outlives a new list. */
typedef struct recorder_capture_target {
    int index; /* of the list; -1: the default device. Counts where there is no name */
    char name[128];
    char api[32]; /* "": any */
} recorder_capture_target;

typedef struct recorder_capture_config {
    recorder_sample_format format;
    uint32_t channels;
    uint32_t rate_hz;
    uint32_t block_frames;
    uint32_t stream;          /* marks the blocks, from 1 */
    recorder_ring *ring;      /* outlives the capture */
    _Atomic(uint32_t) *ended; /* likewise: gets `stream` when the library gives the stream up */
} recorder_capture_config;

/* recorder_capture_open opens and starts. A target without a name gets that of the device it was.
 * Returns 0 or what recorder_sound_error gives. */
int recorder_capture_open(recorder_sound *sound, recorder_capture_target *target,
                          const recorder_capture_config *config, recorder_capture **ret);

/* recorder_capture_close ends the stream; no callback runs after it. */
recorder_capture *recorder_capture_close(recorder_capture *capture);

#endif
