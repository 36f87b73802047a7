/*
 * processor_events.h - the messages that wake a worker: job.v1.JobReady of its pool's topic.
 */
#ifndef PROCESSOR_EVENTS_H
#define PROCESSOR_EVENTS_H

#include "rf_bus.h"
#include "rf_id.h"

/* processor_events_ready reads the job id of a JobReady. Returns 0, or -EBADMSG for anything else.
 */
int processor_events_ready(const rf_bus_message *message, char job_id[RF_UUID_LEN]);

/* processor_events_dead_letter puts a record that cannot be read on the dead-letter topic: topic,
 * partition, offset and reason, never its contents. It does not wait: fn learns on the bus's thread
 * whether the letter is durable. Returns 0 or negative errno of rf_bus_produce; fn only after 0. */
int processor_events_dead_letter(rf_bus *bus, const rf_bus_message *message, const char *reason,
                                 rf_bus_delivery_fn fn, void *user);

#endif
