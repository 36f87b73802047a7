/* How asynchronous unary calls ended. Any thread; static storage or a test's stack, which must not
 * end before the calls have. */
#ifndef TALLY_H
#define TALLY_H

#include "rf_rpc.h"

#include <pthread.h>

typedef struct tally {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_done, by_code[RF_N_CODES];
    rf_status last; /* of the call that ended last */
} tally;

void tally_init(tally *t);
/* The done function of rf_rpc_unary; user is the tally. */
void tally_done(rf_rpc_result *r, void *user);
/* How many calls have ended so far. */
size_t tally_count(tally *t);
/* Waits at most 20 s until n calls have ended. */
bool tally_wait(tally *t, size_t n);

#endif
