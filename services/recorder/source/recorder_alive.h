/*
 * recorder_alive.h - whether a device delivers, and what to do when it does not (S4). Pure.
 *
 *   DELIVERING --nothing for stall_ms, stream dead--> SILENT --data--> DELIVERING
 *   SILENT --every 500 ms while dead--> (open again)    SILENT --reopen_ms are over--> OVER
 *
 * A suspended source is not dead: it is waited for without end, its stream opened again where the
 * sound library gave it up. Time in which the owner itself stood still (SIGSTOP) does not count as
 * silence of the device.
 */
#ifndef RECORDER_ALIVE_H
#define RECORDER_ALIVE_H

#include "rf_base.h"

#define RECORDER_REOPEN_EVERY_MS 500
#define RECORDER_FIRST_DATA_MS 2500 /* a source that nobody reads wakes up this late */
#define RECORDER_EXPLAIN_MS 300 /* silence is told so late at most: a busy server says why late */

typedef enum recorder_alive_state {
    RECORDER_DELIVERING,
    RECORDER_SILENT,
    RECORDER_OVER
} recorder_alive_state;

typedef enum recorder_alive_action {
    RECORDER_ALIVE_NONE,
    RECORDER_ALIVE_LOST,   /* tell: nothing comes any more */
    RECORDER_ALIVE_BACK,   /* tell: it comes again, after LOST */
    RECORDER_ALIVE_REOPEN, /* open the device; tell the result by recorder_alive_opened */
    RECORDER_ALIVE_OVER,   /* the session ends: source lost. Comes once */
} recorder_alive_action;

typedef struct recorder_alive {
    int64_t stall_ns;
    int64_t reopen_ns;
    recorder_alive_state state;
    bool opening;
    bool open; /* the last opening went well and its stream has not died since */
    int64_t last_tick_ns;
    int64_t idle_ns; /* without data */
    int64_t silent_since_ns;
    int64_t tell_at_ns;   /* not later; RF_NEVER_NS: told */
    int64_t open_at_ns;   /* not before */
    int64_t next_open_ns; /* 500 ms after the last opening */
} recorder_alive;

/* What was seen since the last look. */
typedef struct recorder_alive_seen {
    bool data;
    bool dead;      /* the stream has ended, or its server has */
    bool suspended; /* the server says that the source rests */
    bool explained; /* the server has said why nothing comes */
} recorder_alive_seen;

/* recorder_alive_init: the device has just been opened. */
void recorder_alive_init(recorder_alive *alive, int64_t stall_ms, int64_t reopen_ms,
                         int64_t now_ns);

/* recorder_alive_look is to be called every 10 ms or so; it gives one action at a time. */
recorder_alive_action recorder_alive_look(recorder_alive *alive, const recorder_alive_seen *seen,
                                          int64_t now_ns);

/* recorder_alive_opened ends an opening that REOPEN began. */
void recorder_alive_opened(recorder_alive *alive, bool ok, int64_t now_ns);

/* recorder_alive_hurry: the server says that the source is there again: the next opening is due. */
void recorder_alive_hurry(recorder_alive *alive, int64_t now_ns);

#endif
