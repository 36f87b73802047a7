/*
 * processor_run.h - runs the graph of one attempt to its end.
 *
 * Steps whose outputs an earlier attempt made durable are not run again, nor are steps that only
 * those needed. Steps that do not wait for each other run at the same time, each on a thread of its
 * own, up to env->parallel_steps.
 */
#ifndef PROCESSOR_RUN_H
#define PROCESSOR_RUN_H

#include "processor_attempt.h"

/* processor_run blocks until the attempt has ended. Returns what to tell the job side, owned by the
 * caller; NULL when the lease was lost: there is nobody to tell. */
processor_finish *processor_run(processor_attempt *a);

/* processor_run_broken is the finish of a claim whose workflow cannot run here. */
processor_finish *processor_run_broken(const processor_claim *claim);

#endif
