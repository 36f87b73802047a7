/*
 * jam_session_internal.h - what the files of a session share:
 *
 *   jam_session.c          states, opening, ending, the timer
 *   jam_session_stream.c   chunks: making, leaving, catching up
 *   jam_session_seats.c    sockets: joining, resuming, leaving
 *   jam_session_serve.c    what each of them is sent
 *   jam_session_control.c  what messages do
 *   jam_session_move.c     to the store and back
 *   jam_session_record.c   its recordings
 */
#ifndef JAM_SESSION_INTERNAL_H
#define JAM_SESSION_INTERNAL_H

#include "jam_lateness.h"
#include "jam_maker.h"
#include "jam_recording.h"
#include "jam_ring.h"
#include "jam_service.h"
#include "jam_session.h"
#include "rf_time.h"

#define JAM_SEATS_MAX (JAM_CONTROLLERS_MAX + JAM_LISTENERS_MAX)
#define JAM_TOKENS_MAX (2 * JAM_CONTROLLERS_MAX) /* of sockets that are there, and that were */
#define JAM_RECORDINGS_MAX 4 /* at once: one that grows, others on their way to the store */
#define JAM_WAITING_MAX 2    /* chunks that wait for one slow socket among others */

/* A socket's place in the stream. */
typedef struct jam_seat {
    jam_socket *socket;
    jam_role role;
    int64_t cursor; /* index of the next chunk it gets */
    bool replaying; /* it gets what it has missed, and is not yet at the end */
} jam_seat;

typedef struct jam_token {
    char text[JAM_TOKEN_LEN + 1]; /* "" when the slot is free */
    const jam_socket *holder;     /* NULL: it has left */
    uint64_t age;                 /* rising */
} jam_token;

/* A reset_context that is under way, or waits for the one before it. */
typedef struct jam_reset {
    bool asked;
    char id[JAM_ID_SIZE];
    uint64_t origin; /* number of the socket */
    uint64_t seed;
} jam_reset;

struct jam_session {
    jam_service *service;
    jam_engine_entry *engine;
    char id[JAM_SESSION_ID_LEN + 1];
    char listen_token[JAM_TOKEN_LEN + 1];
    char *tenant;
    char *address;
    jam_session_state state;
    bool paused; /* also while parked */
    rf_timer *timer;
    int64_t started_wall_ms;
    int64_t start_ns; /* when the start came; RF_NEVER_NS once the first chunk has left */
    int64_t end_ns;   /* of its longest life */
    int64_t pause_end_ns;
    bool is_restored; /* from the store */
    bool moving;      /* to the store: nothing is sent or made any more */
    struct jam_errand *errand;
    int64_t lost_ns;   /* it ends then without a controller */
    int64_t parked_ns; /* since when, RF_NEVER_NS: not parked */

    /* until it is opened */
    jam_socket *starter;
    jam_message *start;

    /* the stream */
    jam_maker *maker;
    uint64_t seed;
    uint64_t first_seed; /* before any reset */
    jam_settings settings;
    jam_schedule schedule;
    bool making;
    jam_block *finished;     /* made, has not left */
    jam_block *finished_pcm; /* its samples for recordings, NULL: none */
    bool is_last;            /* `finished` is the last, or nothing comes */
    int error;               /* why, of the engine */
    int64_t next_start;      /* of the chunk to be made next */
    int64_t skip_from;       /* of the chunk made or finished; negative: no skip before it */
    jam_ring ring;
    int64_t chunks_sent, samples_sent;
    jam_lateness lateness;
    jam_recording *recordings[JAM_RECORDINGS_MAX];
    size_t n_recordings;
    jam_recording *handing; /* to another process; NULL: none */
    jam_border *border;     /* where the stream ends, meanwhile */
    jam_reset reset;        /* under way */
    jam_reset next_reset;   /* waits */

    jam_seat seats[JAM_SEATS_MAX];
    size_t n_seats;
    jam_token tokens[JAM_TOKENS_MAX];
    uint64_t token_age;
};

/* ---- jam_session.c ---- */

/* jam_session_step does what is due and sets the timer for what comes next. Safe at any time. */
void jam_session_step(jam_session *s);
void jam_session_enter(jam_session *s, jam_session_state state);

/* jam_session_new makes one that is found in the registry; jam_session_begin opens its engine. */
jam_session *jam_session_new(jam_service *service, jam_engine_entry *engine, const char *tenant,
                             const char *address, const jam_change *start);
void jam_session_begin(jam_session *s, const jam_change *start, const jam_border *border);

/* jam_session_let_go ends it when no socket is left. */
void jam_session_let_go(jam_session *s);

/* jam_session_fail tells every socket of the engine's fault and ends. */
void jam_session_fail(jam_session *s, jam_code code, const char *why);

/* ---- jam_session_stream.c ---- */

extern const jam_maker_events jam_session_maker_events;

/* jam_session_leave_ns: when the finished chunk may leave, RF_NEVER_NS when none can. */
int64_t jam_session_leave_ns(const jam_session *s);
/* jam_session_make_ns: when the next is to be begun, RF_NEVER_NS when none is. */
int64_t jam_session_make_ns(const jam_session *s);
void jam_session_send(jam_session *s, int64_t now_ns);
void jam_session_make(jam_session *s, int64_t now_ns);

/* ---- jam_session_seats.c ---- */

size_t jam_session_count(const jam_session *s, jam_role role);
void jam_session_seat(jam_session *s, jam_socket *socket, const jam_message *start, bool resumed,
                      int64_t cursor);
/* jam_session_unseat counts a seat that is given up. */
void jam_session_unseat(jam_session *s, const jam_seat *seat);
/* jam_session_go_on lets a paused or parked session play. */
void jam_session_go_on(jam_session *s);

/* ---- jam_session_serve.c ---- */

/* jam_session_has_room: a chunk may leave, because those that set the pace can take it. */
bool jam_session_has_room(const jam_session *s);
/* jam_session_serve sends a socket, or all of them, what the ring holds for it. */
void jam_session_serve(jam_session *s, jam_seat *seat);
void jam_session_serve_all(jam_session *s);
/* jam_session_flush gives a socket all that is left, room or not, before it is closed. */
void jam_session_flush(jam_session *s, jam_seat *seat);
/* jam_session_tell gives a status to the controllers, or to all; its id to the socket with that
 * number alone. */
void jam_session_tell(jam_session *s, jam_status *status, uint64_t origin, bool all);

/* ---- jam_session_control.c ---- */

/* jam_session_listen tells of the changes that have come to hold. */
void jam_session_listen(jam_session *s);
/* jam_session_greet tells a socket what of its start has no effect. */
void jam_session_greet(jam_session *s, jam_socket *socket, const jam_message *start);
void jam_session_reset_done(jam_session *s, int err, const char *why, int64_t sample);

/* ---- jam_session_move.c ---- */

/* jam_session_move_on: nothing is being made any more, the session may leave. */
void jam_session_move_on(jam_session *s);
void jam_session_on_border(jam_session *s, const jam_border *border);
/* jam_session_restored: the engine of one from the store is open. */
void jam_session_restored(jam_session *s);

/* ---- jam_session_record.c ---- */

/* jam_session_record_begin: the stream is about to begin, or to go on from the store. */
void jam_session_record_begin(jam_session *s);
/* jam_session_record_heard: a change holds; its set is 0 when none was ever recorded. */
void jam_session_record_heard(jam_session *s, const jam_heard *heard, const jam_change *change);
void jam_session_record_reset(jam_session *s, uint64_t seed, int64_t sample);
/* jam_session_record_inform: of the recording that has begun; false when there is none. */
bool jam_session_record_inform(const jam_session *s, jam_recording_info *ret);
/* jam_session_record_chunk: the chunk leaves. */
void jam_session_record_chunk(jam_session *s, const jam_block *block, jam_block *pcm);
/* jam_session_record_end: nothing leaves any more. */
void jam_session_record_end(jam_session *s);
/* jam_session_record_hand_over hands the one that is on over, if there is one: done follows, with
 * NULL for none, perhaps at once. */
void jam_session_record_hand_over(jam_session *s,
                                  void (*done)(void *user, jam_recording_rest *rest));
void jam_session_record_take_up(jam_session *s, const jam_recording_rest *rest);

#endif
