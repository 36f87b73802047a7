/*
 * worker.h - what a worker and an operator do to the fixture's job service, as plain calls. One
 * thread; failures are assertion failures.
 */
#ifndef GATEWAY_WORKER_H
#define GATEWAY_WORKER_H

#include "rf_id.h"

#include <stdint.h>

/* worker_claim claims the one job that waits, worker_beat tells of its progress, worker_finish ends
 * it with one output of text. */
uint64_t worker_claim(char id[RF_UUID_LEN]);
void worker_beat(const char *id, uint64_t fence, const char *step, uint32_t percent);
void worker_finish(const char *id, uint64_t fence, const char *output);

/* worker_revoke revokes every key of an application; worker_allow_a_day sets how many jobs it may
 * make a day. */
void worker_revoke(const char *application);
void worker_allow_a_day(const char *application, uint32_t per_day);

#endif
