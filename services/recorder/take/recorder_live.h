/*
 * recorder_live.h - the states of section 3: what each call gives in each of them, and which state
 * follows. Pure, any thread.
 *
 *   recorder   NEW --init--> READY --close--> CLOSED --init--> READY
 *   session    start --> RECORDING --pause--> PAUSED --resume--> RECORDING
 *              RECORDING | PAUSED --lost--> INTERRUPTED --attach--> as before
 *              RECORDING | PAUSED | INTERRUPTED --finalize--> FINALIZING
 *              FINALIZING --stored--> STORED, or RECOVERED where the process had died
 *              FINALIZING --failed--> PENDING --stored--> STORED | RECOVERED
 *              STORED | RECOVERED | PENDING --delete--> DELETED
 */
#ifndef RECORDER_LIVE_H
#define RECORDER_LIVE_H

#include "recorder_code.h"

/* Of a session. The numbers are those on disk. */
typedef enum recorder_state {
    RECORDER_RECORDING = 0,
    RECORDER_PAUSED,
    RECORDER_INTERRUPTED,
    RECORDER_FINALIZING,
    RECORDER_PENDING,
    RECORDER_STORED,
    RECORDER_RECOVERED,
    RECORDER_DELETED,
    RECORDER_N_STATES,
} recorder_state;

typedef enum recorder_step {
    RECORDER_STEP_PAUSE,
    RECORDER_STEP_RESUME,
    RECORDER_STEP_LOST,
    RECORDER_STEP_ATTACH,
    RECORDER_STEP_FINALIZE,
    RECORDER_STEP_STORED,
    RECORDER_STEP_FAILED,
    RECORDER_STEP_DELETE,
    RECORDER_N_STEPS,
} recorder_step;

/* Where a session stands. paused is kept through INTERRUPTED ("as before"), recovered from
 * FINALIZING on. */
typedef struct recorder_live {
    recorder_state state;
    bool paused;
    bool recovered;
} recorder_live;

/* recorder_live_step moves the session on. Returns 0; -EPROTO where the diagram has no such arrow
 * (a pause of what is paused included), and nothing has changed. */
int recorder_live_step(recorder_live *live, recorder_step step);

/* recorder_state_name gives "RECORDING" and so on. */
const char *recorder_state_name(recorder_state state);

/* recorder_state_captures: audio may still come (RECORDING, PAUSED, INTERRUPTED). */
bool recorder_state_captures(recorder_state state);

/* ---- calls by state ---- */

typedef enum recorder_call {
    RECORDER_CALL_START,
    RECORDER_CALL_STOP,
    RECORDER_CALL_PAUSE,
    RECORDER_CALL_RESUME,
    RECORDER_CALL_STREAM,
    RECORDER_CALL_SEGMENT,
    RECORDER_CALL_KEY,
    RECORDER_CALL_CLOSE,
    RECORDER_N_CALLS,
} recorder_call;

/* The columns of the table: of a recorder and its current, else its last session. */
typedef enum recorder_column {
    RECORDER_COLUMN_NONE, /* NEW, CLOSED */
    RECORDER_COLUMN_READY,
    RECORDER_COLUMN_RECORDING,
    RECORDER_COLUMN_PAUSED,
    RECORDER_COLUMN_INTERRUPTED,
    RECORDER_COLUMN_FINALIZING,
    RECORDER_COLUMN_PENDING,
    RECORDER_COLUMN_STORED, /* STORED, RECOVERED */
    RECORDER_N_COLUMNS,
} recorder_column;

/* What a cell of the table says. */
typedef enum recorder_verdict {
    RECORDER_DO,           /* ok */
    RECORDER_DO_NOTHING,   /* ok*: no effect, no error */
    RECORDER_FAIL_NI,      /* NOT_INITIALISED */
    RECORDER_FAIL_AR,      /* ALREADY_RECORDING */
    RECORDER_FAIL_NR,      /* NOT_RECORDING */
    RECORDER_FAIL_NA,      /* NO_AUDIO */
    RECORDER_NEW_SESSION,  /* ok; the old session goes on by itself */
    RECORDER_JOIN,         /* waits for the stop that runs */
    RECORDER_RETRY,        /* publishes again */
    RECORDER_RESULT_ONCE,  /* the result if it was not yet returned, else NOT_RECORDING */
    RECORDER_TO_TAIL,      /* ok, the stream ends with the session's last frame */
    RECORDER_PAST_ONLY,    /* ok from start or a frame; from now is NOT_RECORDING */
    RECORDER_IF_UNCLEARED, /* ok; NO_AUDIO after clear_frames */
    RECORDER_KEY,          /* the session's key */
    RECORDER_NO_KEY,       /* none */
    RECORDER_STOP_FIRST,   /* stop, then close */
    RECORDER_WAIT,         /* 30 s (1..300) for the session to be stored, then close */
    RECORDER_KEEP,         /* ok; what is not yet published is kept */
} recorder_verdict;

recorder_verdict recorder_live_verdict(recorder_call call, recorder_column column);

/* recorder_column_of: the column of a recorder that is initialised (else NONE) with this session,
 * NULL for none. A deleted session is none. */
recorder_column recorder_column_of(bool initialised, const recorder_live *live);

/* What the conditional cells depend on. */
typedef struct recorder_facts {
    bool result_returned; /* of stop */
    bool from_now;        /* of stream */
    bool cleared;         /* clear_frames has left nothing */
} recorder_facts;

/* recorder_live_code: the error a verdict comes to, RECORDER_OK for none. RPC and REST pass
 * result_returned = false, which makes stop idempotent (O2). */
recorder_code recorder_live_code(recorder_verdict verdict, const recorder_facts *facts);

#endif
