/*
 * job_relay.h - carries outbox rows to the bus (spec jobs.md K1): a thread that reads what is due,
 * publishes it, waits for the acknowledgements and marks the rows. A crash in between publishes
 * again, which consumers tolerate. Ready references are held back to what the workers' free slots
 * allow (K3).
 */
#ifndef JOB_RELAY_H
#define JOB_RELAY_H

#include "job_store.h"
#include "job_workers.h"
#include "rf_bus.h"

typedef struct job_relay job_relay;

/* job_relay_start borrows all three. 0 or negative errno. */
int job_relay_start(job_store *store, job_workers *workers, rf_bus *bus, job_relay **ret);

/* job_relay_stop waits for the round in progress. Returns NULL. */
job_relay *job_relay_stop(job_relay *r);

/* job_relay_wake says that there may be something to publish. Any thread; NULL is allowed. */
void job_relay_wake(job_relay *r);

#endif
