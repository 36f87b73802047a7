/*
 * job_events.h - outbox rows as records of the bus (rf_bus_topics.h): the one place that packs
 * JobReady and JobEvent.
 */
#ifndef JOB_EVENTS_H
#define JOB_EVENTS_H

#include "job_op.h"
#include "rf_bus.h"
#include "rf_id.h"

/* job_events_ready and job_events_changed produce one row; fn learns of the acknowledgement. The
 * message id is made of the row, so that a repeat carries the same. Return what rf_bus_produce
 * does. */
int job_events_ready(rf_bus *bus, const job_outbox_row *row, rf_bus_delivery_fn fn, void *user);
int job_events_changed(rf_bus *bus, const job_outbox_row *row, rf_bus_delivery_fn fn, void *user);

/* job_events_read unpacks a JobEvent: the job, and the state that it has reached (JOB_NONE:
 * deleted). Returns 0, or -EBADMSG for what is none. */
int job_events_read(const rf_bus_message *message, char id[RF_UUID_LEN],
                    job_state *ret) RF_MUST_USE;

#endif
