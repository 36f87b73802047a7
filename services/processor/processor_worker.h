/*
 * processor_worker.h - takes jobs of one pool and runs them: a claimer thread follows the pool's
 * topic and claims, slot threads run attempts, the keeper renews leases, the finisher tells
 * results.
 *
 *     topic (hints) --> claimer --claim--> job side
 *                          |  \--- inline jobs: run right here, hundreds a claim
 *                          +--> slots (attempts, each with its step threads)
 *                                  \--> finisher --finish--> job side
 *
 * How many jobs are claimed at once: as many as slots are free. While every claimed job was inline
 * and claims come full, the number doubles, because such jobs end at once; the first other job sets
 * it back, and what has no slot then is given up at once (released: no retry used).
 */
#ifndef PROCESSOR_WORKER_H
#define PROCESSOR_WORKER_H

#include "processor_attempt.h"
#include "rf_bus.h"

typedef struct processor_worker processor_worker;

typedef struct processor_worker_config {
    const char *pool;
    uint32_t slots; /* attempts at once */
    int64_t heartbeat_ns;
} processor_worker_config;

/* processor_worker_start begins to claim. env and bus must outlive it. Returns 0 or the negative
 * errno of the subscription. */
int processor_worker_start(const processor_worker_config *config, const processor_env *env,
                           rf_bus *bus, processor_worker **ret);

/* processor_worker_drain claims no more; what runs goes on. Any thread. */
void processor_worker_drain(processor_worker *w);

/* processor_worker_is_idle says whether nothing runs and every result was told. Any thread. */
bool processor_worker_is_idle(processor_worker *w);

/* processor_worker_stop gives up what still runs (released, E6) and ends. Returns NULL. */
processor_worker *processor_worker_stop(processor_worker *w);

#endif
