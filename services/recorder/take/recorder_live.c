#include "recorder_live.h"

#include <errno.h>

#define NO (-1)

/* State by step; NO: no arrow. INTERRUPTED keeps its state through pause and resume, the flag
 * changes. ATTACH is told as RECORDING and put right by the flag, STORED likewise. */
static const int16_t arrows[RECORDER_N_STATES][RECORDER_N_STEPS] = {
    /* PAUSE RESUME LOST ATTACH FINALIZE STORED FAILED DELETE */
    [RECORDER_RECORDING] = {RECORDER_PAUSED, NO, RECORDER_INTERRUPTED, NO, RECORDER_FINALIZING, NO,
                            NO, NO},
    [RECORDER_PAUSED] = {NO, RECORDER_RECORDING, RECORDER_INTERRUPTED, NO, RECORDER_FINALIZING, NO,
                         NO, NO},
    [RECORDER_INTERRUPTED] = {RECORDER_INTERRUPTED, RECORDER_INTERRUPTED, NO, RECORDER_RECORDING,
                              RECORDER_FINALIZING, NO, NO, NO},
    [RECORDER_FINALIZING] = {NO, NO, NO, NO, NO, RECORDER_STORED, RECORDER_PENDING, NO},
    [RECORDER_PENDING] = {NO, NO, NO, NO, NO, RECORDER_STORED, NO, RECORDER_DELETED},
    [RECORDER_STORED] = {NO, NO, NO, NO, NO, NO, NO, RECORDER_DELETED},
    [RECORDER_RECOVERED] = {NO, NO, NO, NO, NO, NO, NO, RECORDER_DELETED},
    [RECORDER_DELETED] = {NO, NO, NO, NO, NO, NO, NO, NO},
};

int recorder_live_step(recorder_live *live, recorder_step step)
{
    int next = arrows[live->state][step];
    bool again = (step == RECORDER_STEP_PAUSE && live->paused) ||
                 (step == RECORDER_STEP_RESUME && !live->paused);
    if (next == NO || again) {
        return -EPROTO;
    }
    if (step == RECORDER_STEP_PAUSE || step == RECORDER_STEP_RESUME) {
        live->paused = step == RECORDER_STEP_PAUSE;
    }
    if (step == RECORDER_STEP_ATTACH && live->paused) {
        next = RECORDER_PAUSED;
    }
    if (step == RECORDER_STEP_STORED && live->recovered) {
        next = RECORDER_RECOVERED;
    }
    live->state = (recorder_state)next;
    return 0;
}

const char *recorder_state_name(recorder_state state)
{
    static const char *const names[RECORDER_N_STATES] = {
        "RECORDING", "PAUSED", "INTERRUPTED", "FINALIZING",
        "PENDING",   "STORED", "RECOVERED",   "DELETED",
    };
    return names[state];
}

bool recorder_state_captures(recorder_state state)
{
    return state == RECORDER_RECORDING || state == RECORDER_PAUSED || state == RECORDER_INTERRUPTED;
}

/* Section 3, "Errors by state", column by column as it stands there. */
#define OK RECORDER_DO
#define OK_ RECORDER_DO_NOTHING
#define NI RECORDER_FAIL_NI
#define AR RECORDER_FAIL_AR
#define NR RECORDER_FAIL_NR
#define NA RECORDER_FAIL_NA
#define ANEW RECORDER_NEW_SESSION
#define JOIN RECORDER_JOIN
#define RETRY RECORDER_RETRY
#define ONCE RECORDER_RESULT_ONCE
#define TAIL RECORDER_TO_TAIL
#define PAST RECORDER_PAST_ONLY
#define LEFT RECORDER_IF_UNCLEARED
#define KEY RECORDER_KEY
#define NONE RECORDER_NO_KEY
#define STOP RECORDER_STOP_FIRST
#define WAIT RECORDER_WAIT
#define KEEP RECORDER_KEEP

static const uint8_t verdicts[RECORDER_N_CALLS][RECORDER_N_COLUMNS] = {
    /* clang-format off */
    /*                          NEW,                                      INTER-  FINAL-         STORED,
     *                          CLOSED READY  RECORDING  PAUSED  RUPTED  IZING  PENDING RECOVERED */
    [RECORDER_CALL_START]   = { NI,    OK,    AR,        AR,     AR,     ANEW,  ANEW,   ANEW },
    [RECORDER_CALL_STOP]    = { NR,    NR,    OK,        OK,     OK,     JOIN,  RETRY,  ONCE },
    [RECORDER_CALL_PAUSE]   = { NI,    NR,    OK,        OK_,    OK,     NR,    NR,     NR   },
    [RECORDER_CALL_RESUME]  = { NI,    NR,    OK_,       OK,     OK,     NR,    NR,     NR   },
    [RECORDER_CALL_STREAM]  = { NR,    NR,    OK,        OK,     OK,     TAIL,  PAST,   PAST },
    [RECORDER_CALL_SEGMENT] = { NI,    NA,    OK,        OK,     OK,     OK,    OK,     LEFT },
    [RECORDER_CALL_KEY]     = { NONE,  NONE,  KEY,       KEY,    KEY,    KEY,   KEY,    NONE },
    [RECORDER_CALL_CLOSE]   = { OK_,   OK,    STOP,      STOP,   STOP,   WAIT,  KEEP,   OK   },
    /* clang-format on */
};

recorder_verdict recorder_live_verdict(recorder_call call, recorder_column column)
{
    return (recorder_verdict)verdicts[call][column];
}

recorder_column recorder_column_of(bool initialised, const recorder_live *live)
{
    static const uint8_t columns[RECORDER_N_STATES] = {
        [RECORDER_RECORDING] = RECORDER_COLUMN_RECORDING,
        [RECORDER_PAUSED] = RECORDER_COLUMN_PAUSED,
        [RECORDER_INTERRUPTED] = RECORDER_COLUMN_INTERRUPTED,
        [RECORDER_FINALIZING] = RECORDER_COLUMN_FINALIZING,
        [RECORDER_PENDING] = RECORDER_COLUMN_PENDING,
        [RECORDER_STORED] = RECORDER_COLUMN_STORED,
        [RECORDER_RECOVERED] = RECORDER_COLUMN_STORED,
        [RECORDER_DELETED] = RECORDER_COLUMN_READY,
    };
    if (!initialised) {
        return RECORDER_COLUMN_NONE;
    }
    return live == NULL ? RECORDER_COLUMN_READY : (recorder_column)columns[live->state];
}

recorder_code recorder_live_code(recorder_verdict verdict, const recorder_facts *facts)
{
    switch (verdict) {
    case RECORDER_FAIL_NI:
        return RECORDER_NOT_INITIALISED;
    case RECORDER_FAIL_AR:
        return RECORDER_ALREADY_RECORDING;
    case RECORDER_FAIL_NR:
        return RECORDER_NOT_RECORDING;
    case RECORDER_FAIL_NA:
        return RECORDER_NO_AUDIO;
    case RECORDER_RESULT_ONCE:
        return facts->result_returned ? RECORDER_NOT_RECORDING : RECORDER_OK;
    case RECORDER_PAST_ONLY:
        return facts->from_now ? RECORDER_NOT_RECORDING : RECORDER_OK;
    case RECORDER_IF_UNCLEARED:
        return facts->cleared ? RECORDER_NO_AUDIO : RECORDER_OK;
    default:
        return RECORDER_OK;
    }
}
