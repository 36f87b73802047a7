/*
 * outbox_fixture.h - what the tests of the outbox share: an outbox in a folder of its own.
 */
#ifndef OUTBOX_FIXTURE_H
#define OUTBOX_FIXTURE_H

#include "rf_outbox.h"

#include <criterion/criterion.h>

extern char outbox_dir[256];
extern rf_outbox_config outbox_config; /* dir is set; tests may change the rest before reopening */
extern rf_outbox *outbox;

void outbox_setup(void);
void outbox_teardown(void);

/* outbox_reopen closes, unless it is closed, and opens again. */
void outbox_reopen(void);

/* Events on their way to a topic and to a hook. */
rf_outbox_event outbox_bus_event(const char *id, const char *key, const char *body);
rf_outbox_event outbox_hook_event(const char *id, const char *url, const char *body);

/* outbox_put appends one event and waits until it is durable. */
void outbox_put(const rf_outbox_event *event);

/* outbox_expect takes the next event and asserts its id; NULL: that there is none due. */
rf_outbox_item *outbox_expect(rf_outbox_route route, int64_t now_ms, const char *id);

size_t outbox_n_events(rf_outbox_route route);

/* A time at which everything is due. */
#define LATE INT64_MAX

#endif
