/*
 * processor_keeper.h - keeps the leases of the attempts that run here (spec jobs.md E2, E3): a
 * thread of its own renews them each heartbeat, and within a second of progress, stops an attempt
 * whose renewal was refused, and one whose total time is over. When the job side does not answer it
 * asks again each second; attempts go on, but write nothing outside once their lease is old
 * (processor_attempt_may_write).
 */
#ifndef PROCESSOR_KEEPER_H
#define PROCESSOR_KEEPER_H

#include "processor_attempt.h"

typedef struct processor_keeper processor_keeper;

/* processor_keeper_start runs the thread; heartbeat_ns until a claim says otherwise. free_slots
 * (may be NULL) tells how many more jobs this worker can take. */
processor_keeper *processor_keeper_start(const processor_board *board, int64_t heartbeat_ns,
                                         uint32_t (*free_slots)(void *user), void *user);

/* processor_keeper_stop ends the thread; attempts still kept are forgotten. Returns NULL. */
processor_keeper *processor_keeper_stop(processor_keeper *k);

/* processor_keeper_add keeps the attempt until processor_keeper_remove, after which the keeper
 * never touches it again. The attempt stays the caller's. */
void processor_keeper_add(processor_keeper *k, processor_attempt *a);
void processor_keeper_remove(processor_keeper *k, processor_attempt *a);

/* processor_keeper_set_period takes the heartbeat that the job side asks for. */
void processor_keeper_set_period(processor_keeper *k, int64_t heartbeat_ns);

/* processor_keeper_poke sends the next heartbeat soon, because free_slots has changed a lot. */
void processor_keeper_poke(processor_keeper *k);

/* processor_keeper_stop_all stops every kept attempt with a reason. */
void processor_keeper_stop_all(processor_keeper *k, processor_stop reason);

size_t processor_keeper_len(processor_keeper *k);

#endif
