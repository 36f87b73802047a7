/*
 * jam_schedule.h - when chunks leave and when their rendering begins (jam.md section 6). Arithmetic
 * on moments that the caller reads from the monotonic clock; it waits for nothing. A moment that
 * belongs to a sample is computed from the origin each time, never summed up, so that it is exact
 * to 1 ns after any number of hours. Owner loop.
 *
 *     (not started) --sent--> on time --2 overdue--> stalled --caught up, slip or skip--> on time
 *
 * The schedule is not started before its first chunk and after jam_schedule_restart: the next chunk
 * leaves at once, and its hand-over is the new origin.
 */
#ifndef JAM_SCHEDULE_H
#define JAM_SCHEDULE_H

#include "jam_change.h"

#define JAM_FRAME_NS INT64_C(40000000)
#define JAM_LEAVE_NS INT64_C(17500000)      /* a chunk leaves that long before it is due */
#define JAM_ON_TIME_NS INT64_C(20000000)    /* lateness below which a stretch ends */
#define JAM_TRIM_NS INT64_C(1000000)        /* most by which a chunk trims the origin */
#define JAM_TRIM_LEAD_NS INT64_C(100000000) /* the client's lead that trimming seeks */
#define JAM_STRETCH 1.1
#define JAM_AT_ONCE_NS INT64_MIN

typedef struct jam_schedule {
    jam_pace pace;
    jam_catch_up catch_up;
    uint32_t buffer_chunks;
    bool started;
    int64_t origin_ns; /* when origin_sample is due */
    int64_t origin_sample;
    bool stalled;
    uint32_t burst_left;   /* chunks that may still leave back to back */
    int64_t hold_until_ns; /* of a stretch: no chunk leaves before */
    int64_t trim_left_ns;  /* reported by the client: positive moves the origin earlier */
} jam_schedule;

void jam_schedule_init(jam_schedule *s, const jam_settings *settings);

/* jam_schedule_set takes over pace, catch_up and buffer_chunks. next_sample is where the next chunk
 * starts and n_frames its length: from asap to realtime the client keeps its lead up to
 * buffer_chunks of those, and nothing leaves until it has drained to that. */
void jam_schedule_set(jam_schedule *s, const jam_settings *settings, int64_t next_sample,
                      uint32_t n_frames, int64_t now_ns);

/* jam_schedule_restart: see above. */
void jam_schedule_restart(jam_schedule *s);

/* jam_schedule_due is when the chunk that starts at sample is due; of a started schedule. */
int64_t jam_schedule_due(const jam_schedule *s, int64_t sample);

/* jam_schedule_lead: due time minus now, which in pace asap is the audio sent minus the time
 * passed. 0 when not started. */
int64_t jam_schedule_lead(const jam_schedule *s, int64_t sample, int64_t now_ns);

/* jam_schedule_leave is the earliest moment at which the chunk may leave, JAM_AT_ONCE_NS for at
 * once. */
int64_t jam_schedule_leave(const jam_schedule *s, int64_t sample);

/* jam_schedule_begin is the earliest moment at which its rendering may begin: window_ns, at most
 * its length of n_frames, before it may be due. */
int64_t jam_schedule_begin(const jam_schedule *s, int64_t sample, uint32_t n_frames,
                           int64_t window_ns);

/* What the next chunk is to be like, asked when its rendering begins. */
typedef struct jam_catching {
    uint32_t skip_frames; /* catch_up skip: to be left out before the chunk */
    double stretch;       /* 1.0 when not stretched */
    bool began;           /* a stall has been noticed with this call */
} jam_catching;

void jam_schedule_plan(jam_schedule *s, int64_t sample, uint32_t n_frames, int64_t now_ns,
                       jam_catching *ret);

/* What the leaving of a chunk meant. */
typedef struct jam_leaving {
    int64_t late_ns; /* 0 in pace asap */
    int64_t slip_ns; /* by which the origin moved; 0 for none */
    bool began;      /* a stall has been noticed with this call */
} jam_leaving;

/* jam_schedule_sent takes note that the chunk left now. */
void jam_schedule_sent(jam_schedule *s, int64_t sample, uint32_t n_frames, int64_t now_ns,
                       jam_leaving *ret);

/* jam_schedule_report takes a client's word on how much it has buffered; next_sample is where the
 * next chunk starts. */
void jam_schedule_report(jam_schedule *s, double buffer_ms, int64_t next_sample, int64_t now_ns);

#endif
