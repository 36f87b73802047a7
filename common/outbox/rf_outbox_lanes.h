/*
 * rf_outbox_lanes.h - which event goes next: lanes of one route, each with its own order and its
 * own bound on what is in flight. Pure data, no locks; take and settle cost O(log n).
 */
#ifndef RF_OUTBOX_LANES_H
#define RF_OUTBOX_LANES_H

#include "rf_outbox_log.h"

typedef struct rf_outbox_lane rf_outbox_lane;
typedef struct rf_outbox_lanes rf_outbox_lanes;

/* What is known of an event in memory; the rest lies at its place on disk. */
typedef struct rf_outbox_entry {
    uint64_t number;
    int64_t due_ms;
    int64_t at_ms;
    unsigned attempts;
    rf_outbox_route route;
    rf_outbox_file *file;
    uint64_t offset;
    size_t len;
    rf_outbox_lane *lane; /* NULL until it is durable */
} rf_outbox_entry;

/* by_number: a lane is left strictly in order of numbers, and its first event holds up the others
 * until it is due; else in order of being due. per_lane: events of one lane in flight at a time. */
rf_outbox_lanes *rf_outbox_lanes_new(bool by_number, unsigned per_lane);
rf_outbox_lanes *rf_outbox_lanes_free(rf_outbox_lanes *q); /* not the entries */

/* rf_outbox_lanes_add puts a waiting entry into the lane of that name, which is made if need be. */
void rf_outbox_lanes_add(rf_outbox_lanes *q, const void *name, size_t name_len, rf_outbox_entry *e);

/* rf_outbox_lanes_take gives the next entry due at now_ms, in flight from then on; NULL when there
 * is none, and *ret_due_ms then says when one will be (INT64_MAX: after a settle or an add). */
rf_outbox_entry *rf_outbox_lanes_take(rf_outbox_lanes *q, int64_t now_ms, int64_t *ret_due_ms);

/* rf_outbox_lanes_settle ends the flight: again, the entry waits once more (with its due_ms), or it
 * leaves. */
void rf_outbox_lanes_settle(rf_outbox_lanes *q, rf_outbox_entry *e, bool again);

/* rf_outbox_lanes_count tells the entries, waiting and in flight. */
size_t rf_outbox_lanes_count(const rf_outbox_lanes *q);

#endif
