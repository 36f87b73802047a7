/*
 * recorder_recover.h - from the journal to sessions at start (D6, D7). Before the first call the
 * log is read and its sessions are known; their masters are restored on a thread meanwhile, and
 * each goes on when its own is durable. Until then it is recovering: only the registry has it. The
 * log keeps all until the last one is whole. What keeps a master from being restored (a full disk)
 * is tried again, without end.
 */
#ifndef RECORDER_RECOVER_H
#define RECORDER_RECOVER_H

#include "recorder_service.h"

/* A session that the journal has. */
typedef struct recorder_found {
    UT_hash_handle hh;
    uint8_t id[RECORDER_ID_LEN];
    recorder_take *take;
} recorder_found;

/* recorder_recover_read reads the log. 0 with what was found, a hash, and s->recovery; or the errno
 * of recorder_journal_recover. A session whose records do not make a take is logged and left out:
 * its audio stays in its master. */
int recorder_recover_read(recorder_service *s, recorder_recovery *ret, recorder_found **ret_found);
void recorder_recover_drop(recorder_found *found);

/* recorder_recover_begin makes sessions of them, once journal and pools are open, and begins to
 * restore their masters. */
void recorder_recover_begin(recorder_service *s, recorder_found *found);

/* recorder_recover_stop leaves the rest to the next start; recorder_recover_free follows when the
 * pools have been freed. */
void recorder_recover_stop(recorder_service *s);
void recorder_recover_free(recorder_service *s);

#endif
