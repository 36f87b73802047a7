/*
 * processor_finisher.h - tells the job side how attempts ended, many in one call, from a thread of
 * its own; then deletes the files that nobody needs and frees the attempts. While the job side does
 * not answer it tries again, with the lease still kept.
 */
#ifndef PROCESSOR_FINISHER_H
#define PROCESSOR_FINISHER_H

#include "processor_keeper.h"

#define PROCESSOR_FINISH_BATCH 256

typedef struct processor_finisher processor_finisher;

/* processor_finisher_start runs the thread. */
processor_finisher *processor_finisher_start(const processor_board *board,
                                             processor_keeper *keeper);

/* processor_finisher_put takes over the attempt and its finish (NULL: the lease was lost, there is
 * only to clean up). attempt NULL: the claim could not be run. Waits while the queue is full. */
void processor_finisher_put(processor_finisher *f, processor_attempt *attempt,
                            processor_finish *finish);

/* processor_finisher_len counts what is not told yet. */
size_t processor_finisher_len(processor_finisher *f);

/* processor_finisher_stop tells what is left, at most until at_ns, and ends. Returns NULL. */
processor_finisher *processor_finisher_stop(processor_finisher *f, int64_t at_ns);

#endif
