/*
 * recorder_preroll_internal.h - what the files of a pre-roll share:
 *
 *   recorder_preroll.c         life, what the source tells, the source as a session sees it
 *   recorder_preroll_drain.c   the past: written and read by the pool, given to a session first
 *
 * The owner loop alone, but for past, piece and block while in_pool.
 */
#ifndef RECORDER_PREROLL_INTERNAL_H
#define RECORDER_PREROLL_INTERNAL_H

#include "recorder_past.h"
#include "recorder_preroll.h"
#include "recorder_service.h"

typedef enum recorder_preroll_ending {
    RECORDER_PREROLL_GOES_ON,
    RECORDER_PREROLL_ENDED,
    RECORDER_PREROLL_LOST,
} recorder_preroll_ending;

struct recorder_preroll {
    recorder_task task; /* first */
    recorder_service *service;
    recorder_start start; /* as it was asked for */
    const recorder_source_entry *entry;
    void *inner; /* the source; NULL: none is open */
    bool running;
    char name[RECORDER_SOURCE_NAME_MAX + 1]; /* that it calls itself */
    bool refused;                            /* it waits for a resume */
    bool stalled;
    recorder_gap_cause stall_cause;
    recorder_preroll_ending over; /* of the source, while a session has it */
    rf_timer *timer;
    int64_t reopen_ns;
    int64_t reopen_at_ns;
    int refs; /* the recorder or the session, the task, a call that is still on the stack */
    bool closed;

    /* The session. */
    const recorder_source_events *events; /* NULL: none */
    void *user;
    bool begun;   /* opened was told */
    bool passing; /* the past is drained */
    bool blocked; /* the session waits for the disk */
    bool finishing;

    recorder_past *past;
    bool in_pool;
    bool writes;
    int write_err;
    bool reads;
    int read_err;
    recorder_past_piece piece; /* being read, or in block */
    uint8_t *block;
    size_t block_cap;
    bool has_block;
    bool is_void; /* what is being read: its session is gone */
    int64_t fed;  /* frames of the oldest piece that the session has */
};

/* recorder_preroll_init_task sets what the pool runs. */
void recorder_preroll_init_task(recorder_preroll *p);

/* recorder_preroll_write has the pool write what is full of the past, unless a session drains it.
 * recorder_preroll_drain goes on giving the past to the session, as far as it takes it.
 * recorder_preroll_tell_end tells the session how its source ended, or that it stalls. */
void recorder_preroll_write(recorder_preroll *p);
void recorder_preroll_drain(recorder_preroll *p);
void recorder_preroll_tell_end(recorder_preroll *p);

/* recorder_preroll_resume_inner: the source may go on. recorder_preroll_unref drops a reference. */
void recorder_preroll_resume_inner(recorder_preroll *p);
void recorder_preroll_unref(void *p);

#endif
