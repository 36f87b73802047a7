/*
 * load_session.h - one realtime session of a load run, in text mode: it starts, steers once a
 * second, pings now and then, and checks what comes: index and start_sample of every chunk, and on
 * sessions that keep all, the copy rule bit for bit. One thread.
 */
#ifndef LOAD_SESSION_H
#define LOAD_SESSION_H

#include "load_figures.h"
#include "load_socket.h"

#define LOAD_ASKED 64 /* updates or pings whose answers are waited for at once */

/* What all sessions of a run count. Times are in ms. */
typedef struct load_run {
    const char *host;
    const char *port;
    const char *key;
    int frames;          /* of a chunk, 1-50 */
    int64_t update_ns;   /* between updates of a session, 0: none */
    int64_t ping_ns;     /* likewise */
    bool measuring;      /* what follows counts chunks and answers only while this is set */
    load_figures late;   /* arrival against the schedule that chunk 0 sets */
    load_figures told;   /* lateness as metadata.lead_ms tells it */
    load_figures early;  /* likewise, how early */
    load_figures pong;   /* from ping to pong */
    load_figures status; /* from update to its status */
    load_figures render; /* generation_ms */
    /* always counted */
    load_figures first; /* from start to the whole of chunk 0 */
    uint64_t chunks;
    uint64_t copies;
    uint64_t broken_copies;
    uint64_t holes;
    uint64_t catch_ups; /* statuses with slip_ms or skip */
    uint64_t busy;
    uint64_t errors;
    uint64_t lost; /* sockets that ended by themselves */
    uint64_t unanswered;
    char why[256]; /* of the first error or loss */
} load_run;

typedef enum load_state {
    LOAD_OPENING,
    LOAD_STARTING,
    LOAD_PLAYING,
    LOAD_STOPPING,
    LOAD_OVER,
} load_state;

typedef struct load_session {
    load_socket socket;
    load_state state;
    int64_t start_ns;  /* when start was sent */
    int64_t origin_ns; /* when chunk 0 came */
    int64_t update_at_ns;
    int64_t ping_at_ns;
    int64_t updates_ns[LOAD_ASKED]; /* when update n was sent, at n % LOAD_ASKED; 0: answered */
    int64_t pings_ns[LOAD_ASKED];
    unsigned long n_updates;
    unsigned long n_pings;
    int64_t index;    /* of the next chunk */
    int64_t at;       /* its first sample */
    uint8_t *overlap; /* last samples of the chunk before */
    size_t overlap_size;
    int64_t applied; /* applied_at_sample of the last update's status, -1 while it is waited for */
} load_session;

/* load_session_open connects; on failure the session is over and the run has counted it. */
void load_session_open(load_session *s, load_run *run);

/* load_session_readable takes all that has come. */
void load_session_readable(load_session *s, load_run *run);

/* load_session_tick sends what is due; returns when to call again. */
int64_t load_session_tick(load_session *s, load_run *run, int64_t now_ns);

/* load_session_update sends one update, with the temperature as what it changes. */
void load_session_update(load_session *s, load_run *run, int64_t now_ns);

/* load_session_stop asks for the end; the session is over when `stopped` and the close have come.
 */
void load_session_stop(load_session *s, load_run *run);
void load_session_done(load_session *s);

void load_run_done(load_run *run);

#endif
