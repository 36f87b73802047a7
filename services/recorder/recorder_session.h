/*
 * recorder_session.h - a session that lives: its take, what of it is readable and durable, who
 * feeds it, who waits for it. The owner loop alone.
 *
 * Every change goes through recorder_session_change: it is put into the take and into the journal
 * in one step, so that a recovery does the same. A session belongs to the registry; it is freed
 * once it has been removed there and nobody holds a reference.
 */
#ifndef RECORDER_SESSION_H
#define RECORDER_SESSION_H

#include "recorder_fit.h"
#include "recorder_levels.h"
#include "recorder_log.h"
#include "recorder_source.h"
#include "recorder_take.h"
#include "recorder_tap.h"
#include "rf_loop.h"

#include <uthash.h>

struct recorder_service;
typedef struct recorder_session recorder_session;

/* A network publisher as the session sees it. */
typedef struct recorder_port {
    void (*ack)(void *port, int64_t received, int64_t durable);
    void (*resume)(void *port); /* audio that was refused with -ENOBUFS may be offered again */
    void (*stopped)(
        void *port); /* the session has ended and is stored, or could not be: told once */
} recorder_port;

/* Called once: OK, or the error. */
typedef void (*recorder_waiter_fn)(void *user, recorder_session *session,
                                   const recorder_error *error);

typedef struct recorder_waiter {
    struct recorder_waiter *next;
    recorder_waiter_fn fn;
    void *user;
    int64_t at_ns;  /* of its time-out */
    int64_t frames; /* waits for so many; -1: for the end */
} recorder_waiter;

struct recorder_session {
    UT_hash_handle hh;              /* of the registry */
    struct recorder_session *newer; /* finished ones, in order of their end */
    struct recorder_session *older;
    struct recorder_service *service;
    recorder_take *take;
    recorder_tap *tap; /* what consumers read */
    char *path;        /* of the master */
    uint32_t frame_bytes;
    recorder_fit *fit; /* while audio may come */
    int64_t readable;  /* frames */
    int64_t durable;

    const recorder_port *port; /* NULL: nobody publishes */
    void *port_user;
    int64_t acked;                  /* durable frames as last told */
    int64_t acked_ns;               /* when */
    int64_t probe_frames;           /* frames whose way is timed; 0: none */
    int64_t probe_ns;               /* when they came */
    bool probe_durable;             /* timed so far */
    const recorder_source_ops *ops; /* of a local source; recorder_feed.c's, as what follows */
    void *source;
    bool finishing; /* a stop waits for what was captured before it */
    bool stalled;   /* the device delivers nothing */
    recorder_gap_cause stall_cause;
    int64_t heard_ns;   /* arrival of its last frames, */
    int64_t counted_ns; /* and up to where the frame counter accounts for the time since */

    int64_t stop_frames; /* -1: no stop waits for frames */
    int64_t stop_at_ns;
    int64_t attach_until_ns;
    bool begun;                     /* its START is durable */
    bool restarted;                 /* the process had died meanwhile */
    bool recovering;                /* its master is not whole yet: nobody may use it */
    int n_sealed;                   /* of 2: the end is written, and durable */
    bool sealed;                    /* both */
    struct recorder_follow *follow; /* NULL: nothing is cut or measured while it lasts */
    int64_t cuts_durable;           /* the cuts that end before it are */
    bool publishing;
    bool settling;      /* a segment is stored, its change not yet durable */
    bool publish_again; /* a stop in PENDING */
    uint32_t n_failures;
    int64_t publish_at_ns;
    bool deleting;
    bool archived;    /* the journal does not know it any more */
    bool forgotten;   /* nor will it after any crash */
    bool master_gone; /* its frames are in the store alone */
    bool dropping;    /* the master goes */
    bool archiving;
    void (*on_archived)(void *user, int err);
    void *archived_user;

    recorder_waiter_fn ready; /* of the start, until its past is durable; NULL: told */
    void *ready_user;
    recorder_waiter *waiters;
    struct recorder_watcher *watchers; /* who is told what happens */
    recorder_levels levels;
    bool drift_told;
    double told_drift_ppm;
    struct recorder_consumer *consumers;
    uint32_t n_consumers;
    rf_timer *timer;
    int refs;
    bool removed;
};

/* UTC minus monotonic, read now. */
int64_t recorder_utc_offset_ns(void);

/* recorder_session_new makes a session of start, which it copies; nothing of it is kept before
 * recorder_session_begin, whose ready is called when its START is durable, and with it the frames
 * from before the start. It is in no registry yet. */
recorder_session *recorder_session_new(struct recorder_service *service,
                                       const recorder_start *start);
void recorder_session_begin(recorder_session *s, recorder_waiter_fn ready, void *user);

/* recorder_session_restore makes one of what a recovery found; takes take over. archived: of the
 * archive; else it is recovering. Nothing is done yet, see recorder_session_go_on. */
recorder_session *recorder_session_restore(struct recorder_service *service, recorder_take *take,
                                           bool archived);

/* recorder_session_go_on continues a restored session, whose master is whole, as its state asks:
 * waits for its publisher, ends it, or publishes it (D6). */
void recorder_session_go_on(recorder_session *s);

void recorder_session_ref(recorder_session *s);
void recorder_session_unref(recorder_session *s);
/* recorder_session_remove takes it out of life: the registry has forgotten it. */
void recorder_session_remove(recorder_session *s);

/* recorder_session_change gives the change its number and applies it; mark may be NULL. 0 or the
 * error of recorder_take_apply, and then nothing has happened. */
int recorder_session_change(recorder_session *s, recorder_change *change,
                            const recorder_mark *mark) RF_MUST_USE;

/* ---- audio ---- */

/* recorder_session_audio takes frames [first, first + n) in the kept format (S6). Returns 0;
 * -ENOBUFS: the disk is behind, offer it again when told; -ECANCELED: no frames count now, they are
 * dropped; -EINVAL: refused, *error says why. */
int recorder_session_audio(recorder_session *s, uint64_t first, uint32_t n, const void *data,
                           int64_t mono_ns, recorder_error *error);

/* recorder_session_gap: frames [first, first + length) are lost. Results as audio. */
int recorder_session_gap(recorder_session *s, uint64_t first, uint64_t length,
                         recorder_gap_cause cause, bool exact, recorder_error *error);

/* recorder_session_anchor: a frame's capture time, from the publisher. */
void recorder_session_anchor(recorder_session *s, int64_t frame, int64_t utc_ns);

/* ---- publishers ---- */

/* recorder_session_publish makes port the session's publisher; attach does so for an INTERRUPTED
 * one. detach: the publisher is gone (S8). */
void recorder_session_publish(recorder_session *s, const recorder_port *port, void *user);
recorder_code recorder_session_attach(recorder_session *s, const recorder_port *port, void *user,
                                      recorder_error *error);
void recorder_session_detach(recorder_session *s);

/* ---- calls ---- */

recorder_code recorder_session_pause(recorder_session *s, recorder_error *error);
recorder_code recorder_session_resume(recorder_session *s, recorder_error *error);
/* at NULL: now. */
recorder_code recorder_session_marker(recorder_session *s, const recorder_bound *at,
                                      const char *label, recorder_error *error);
void recorder_session_clear(recorder_session *s);

/* recorder_session_clock_step notes that the wall clock was stepped; the map does not move (T3). */
void recorder_session_clock_step(recorder_session *s, int64_t step_ms);

/* recorder_session_stop ends it with the frames it has, or once it has last_frames (-1: at once),
 * and calls fn when it is stored, or could not be within the time of D11. */
void recorder_session_stop(recorder_session *s, int64_t last_frames, recorder_waiter_fn fn,
                           void *user);

/* recorder_session_finalize ends the capture. */
void recorder_session_finalize(recorder_session *s, recorder_reason reason);

/* recorder_session_wait calls fn once the session has `frames`, cannot have them any more, or after
 * wait_ms. */
void recorder_session_wait(recorder_session *s, int64_t frames, int64_t wait_ms,
                           recorder_waiter_fn fn, void *user);

/* recorder_session_rearm sets the timer to what is due next. */
void recorder_session_rearm(recorder_session *s);

/* recorder_session_tell calls the waiters for the end, with error or as the state says. */
void recorder_session_tell(recorder_session *s, const recorder_error *error);

/* The shape of the master. */
rf_pcm recorder_session_pcm(const recorder_take *take);

/* recorder_session_offer_again asks the publisher or source for what was refused for want of room.
 */
void recorder_session_offer_again(recorder_session *s);

#endif
