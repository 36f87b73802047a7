/*
 * journal_load.h - what the program journal_child does to a journal until it is killed, and what
 * may be asked of the journal afterwards. The child records made-up sessions whose samples follow
 * from session and frame; what it has been told is durable it says on its standard output; a ledger
 * keeps what it said.
 */
#ifndef JOURNAL_LOAD_H
#define JOURNAL_LOAD_H

#include "recorder_journal.h"

#include <uthash.h>

#define LOAD_FRAME_BYTES 2
#define LOAD_APPENDED 512
#define LOAD_SILENCE(frame) (((frame) >> 10) % 7 == 3) /* blocks of 1,024 frames */

/* The sample of a frame; 0 in silence and nowhere else. */
static inline int16_t load_sample(const uint8_t *session, int64_t frame)
{
    uint64_t x = (uint64_t)frame * 0x9E3779B97F4A7C15u ^ (uint64_t)session[0] << 32 ^ session[1];
    return LOAD_SILENCE(frame) ? 0 : (int16_t)((x >> 24 & 0x7FFF) | 1);
}

/* What the child says, as these bytes. */
typedef struct load_word {
    char kind; /* A: appended so far, at changes ns; D: durable so far; e: will end; E: its end is
                  durable; of no session: d: syncs have become slow, f: the disk is full, F: it is
                  no longer */
    uint8_t session[RECORDER_SESSION_ID];
    int64_t frames;
    int64_t changes;
} load_word;

typedef struct load_entry {
    UT_hash_handle hh;
    uint8_t session[RECORDER_SESSION_ID];
    int64_t frames;  /* acknowledged */
    int64_t changes; /* acknowledged */
    struct {
        int64_t frames;
        int64_t at_ns;
    } appended[LOAD_APPENDED]; /* the last ones */
    uint64_t n_appended;
    bool ending;
    bool ended;
    bool found; /* by recovery */
    int64_t found_frames;
    int64_t found_changes;
    char path[RECORDER_PATH_MAX + 1];
} load_entry;

typedef struct load_ledger {
    load_entry *entries;
    uint64_t words;
    int64_t killed_ns;
    uint64_t degraded; /* how often it was said */
    uint64_t full;
    uint64_t no_longer_full;
    recorder_recovery report; /* of the last load_check */
    char fault[256];          /* the first one found */
} load_ledger;

typedef struct load_run {
    const char *dir;
    int sessions;
    int run_ms;       /* the child ends by itself after that */
    int kill_ms;      /* SIGKILL after that, 0: no */
    char *const *env; /* NAME=value..., NULL at the end, added to the environment */
    bool disk;        /* with the layer of tests/fault/recorder below it */
} load_run;

/* load_child runs the child to its end, and keeps what it said. Returns its wait status. */
int load_child(load_ledger *l, const load_run *run);

/* load_check recovers the journal and compares: true when nothing that was acknowledged is missing,
 * false and l->fault otherwise. */
bool load_check(load_ledger *l, const char *dir);

/* load_lost_ms: how long ago, seen from the kill of the last load_child, the oldest audio was
 * appended that load_check has not found. */
int64_t load_lost_ms(const load_ledger *l);

void load_ledger_done(load_ledger *l);

#endif
