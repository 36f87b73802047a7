/*
 * hearing.h - what a test hears of a device: its frames, gaps and events, with the times. The loop
 * runs on the test's thread, for as long as hear() is told.
 */
#ifndef HEARING_H
#define HEARING_H

#include "recorder_device.h"
#include "recorder_fit.h"

#define HEARING_GAPS_MAX 32

typedef struct hearing_gap {
    recorder_gap_cause cause;
    int64_t first;
    int64_t n_frames;
    bool exact;
} hearing_gap;

typedef struct hearing {
    rf_loop *loop;
    rf_timer *timer;
    recorder_sound *sound;
    recorder_device *device;
    recorder_device_config config;
    uint32_t frame_bytes;

    int64_t open_ns; /* when open was called */
    bool opened;
    int opened_err;
    int64_t first_ns; /* when the first frames were told; 0: none */
    int64_t next_frame;
    uint8_t *data; /* gaps are silence */
    int64_t cap_frames;
    bool out_of_order;
    bool close_in_frames; /* the next frames close the device */
    hearing_gap gaps[HEARING_GAPS_MAX];
    unsigned n_gaps;
    unsigned n_lost, n_back;
    int64_t lost_ns, back_ns, gap_ns; /* the last */
    recorder_gap_cause lost_cause;
    recorder_fit *fit;    /* a time map's, fed with the arrivals */
    unsigned n_unnoticed; /* losses that it found, of which the device told nothing */
    bool ended;
    recorder_device_end end;
    int64_t ended_ns;
    int64_t begin_edge_ns; /* least (arrival - frame time) of the first second */
    int64_t last_edge_ns;  /* likewise since hearing_mark */
} hearing;

void hearing_begin(hearing *h);
/* hearing_again forgets what was heard, for another device. */
void hearing_again(hearing *h);
void hearing_open(hearing *h, const recorder_device_config *config);
void hear(hearing *h, int64_t ms);

/* hear_until_* run the loop until it has happened, at most ms; false when it has not. */
bool hear_until_data(hearing *h, int64_t ms);
bool hear_until_frames(hearing *h, int64_t n_frames, int64_t ms);
bool hear_until_ended(hearing *h, int64_t ms);
bool hear_until_gaps(hearing *h, unsigned n, int64_t ms);

void hearing_mark(hearing *h);

/* hearing_skew_ms: how far the frame counter has left the clock since the first second, in ms:
 * frames that are missing and not told make it positive. After hearing_mark and a second. */
double hearing_skew_ms(const hearing *h);

/* hearing_close closes the device, and with _end all. */
void hearing_close(hearing *h);
void hearing_end(hearing *h);

#endif
