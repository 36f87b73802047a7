/*
 * jam_recording_internal.h - what the files of a recording share:
 *
 *   jam_recording.c          states, the timer, what is told
 *   jam_recording_link.c     the link to the recorder, the end of the take, its control log
 *   jam_recording_move.c     to another process
 *   jam_recording_buffer.c   the samples that the recorder does not hold yet, and what is missing
 */
#ifndef JAM_RECORDING_INTERNAL_H
#define JAM_RECORDING_INTERNAL_H

#include "jam_recorder.h"
#include "jam_recording.h"
#include "rf_time.h"

#define JAM_RECORDING_PIECES 512 /* 10 s of frames, and as many parts of them */
#define JAM_RECORDING_CODE_SIZE 64

/* Pairs of a block, or of none: then they are missing. */
typedef struct jam_piece {
    jam_block *pcm;
    size_t offset; /* pairs */
    int64_t first; /* frame of the take */
    int64_t n;
} jam_piece;

struct jam_recording {
    jam_recording *next; /* of the service */
    jam_service *service;
    jam_recorder *recorder;
    char *tenant;
    char name[JAM_STYLE_NAME_SIZE];
    char id[JAM_RECORDER_ID_SIZE];
    char key[JAM_RECORDER_KEY_SIZE];
    jam_recording_state state;
    char code[JAM_RECORDING_CODE_SIZE];
    int64_t begin, end; /* samples of the stream; end INT64_MAX: open */
    int64_t stream_end; /* where the last chunk ended, for skips */
    jam_recording_fn changed;
    void *user;
    bool must_tell;
    bool has_left; /* its session knows it no more */
    rf_timer *timer;

    /* the samples: frames of the take */
    int64_t n_frames; /* given */
    int64_t first;    /* the oldest kept */
    int64_t sent;     /* on this link */
    int64_t durable;
    jam_piece pieces[JAM_RECORDING_PIECES]; /* a ring */
    size_t first_piece, n_pieces;
    jam_range missing[JAM_RANGES_MAX];
    size_t n_ranges;
    int64_t n_missing;

    /* the link */
    jam_link *link;
    bool is_ready; /* it has begun */
    int64_t retry_ns, retry_step_ns;
    bool is_ended; /* nothing more is given */
    bool stop_sent;
    int64_t give_up_ns;

    /* the end */
    bool is_concluded; /* the take is over, its control log is on its way */
    jam_recording_state stored_as;
    char stored_code[JAM_RECORDING_CODE_SIZE];
    jam_recording_log log;
    struct jam_notes *notes;
    unsigned notes_tries;

    void (*hand_over)(void *user, jam_recording_rest *rest); /* NULL: not under way */
    void *hand_over_user;
    int64_t hand_over_ns;
};

#define JAM_RECORDING_ENDING_NS (30 * RF_NS_PER_S) /* for a recorder that is away at the end */

/* ---- jam_recording.c ---- */

jam_recording *jam_recording_make(jam_service *service, const char *tenant, const char *name,
                                  int64_t begin, jam_recording_fn changed, void *user);
void jam_recording_free(jam_recording *r);
/* jam_recording_enter changes state and code, and tells of it with the timer. */
void jam_recording_enter(jam_recording *r, jam_recording_state state, const char *code);
/* jam_recording_finish: it is over. */
void jam_recording_finish(jam_recording *r, jam_recording_state state, const char *code);
/* jam_recording_next_ns: when the timer is to fire, RF_NEVER_NS for never. */
int64_t jam_recording_next_ns(const jam_recording *r);
/* jam_recording_given: samples have been added. jam_recording_end: there will be no more. */
void jam_recording_given(jam_recording *r);
void jam_recording_end(jam_recording *r);

/* ---- jam_recording_link.c ---- */

/* jam_recording_open_link starts the take, or attaches to it. */
void jam_recording_open_link(jam_recording *r);
void jam_recording_drop_link(jam_recording *r);
/* jam_recording_send_notes: the take is over; its control log goes to the recorder. */
void jam_recording_send_notes(jam_recording *r);

/* ---- jam_recording_move.c ---- */

/* jam_recording_hand: the wait of a handing over has ended. */
void jam_recording_hand(jam_recording *r);

/* ---- jam_recording_buffer.c ---- */

/* jam_recording_pump sends what can be sent. */
void jam_recording_pump(jam_recording *r);
/* jam_recording_acknowledged drops what the recorder holds. */
void jam_recording_acknowledged(jam_recording *r, int64_t durable);
/* jam_recording_miss notes frames that the take lacks. */
void jam_recording_miss(jam_recording *r, int64_t from, int64_t to);
void jam_recording_buffer_done(jam_recording *r);

#endif
