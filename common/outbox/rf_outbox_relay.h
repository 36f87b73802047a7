/*
 * rf_outbox_relay.h - carries an outbox's events to the bus: at least once, in order per topic and
 * key, each with its id as header RF_BUS_MESSAGE_ID. What the bus does not take is tried again
 * after 100 ms, doubling to 30 s; a crash at any point sends again what was not yet marked.
 * A thread of its own; nothing here blocks the caller but stop.
 */
#ifndef RF_OUTBOX_RELAY_H
#define RF_OUTBOX_RELAY_H

#include "rf_bus.h"
#include "rf_outbox.h"

typedef struct rf_outbox_relay rf_outbox_relay;

/* rf_outbox_relay_start borrows both. 0 or negative errno. */
int rf_outbox_relay_start(rf_outbox *o, rf_bus *bus, rf_outbox_relay **ret) RF_MUST_USE;

/* rf_outbox_relay_stop waits for the round in progress. Before outbox and bus are closed. */
rf_outbox_relay *rf_outbox_relay_stop(rf_outbox_relay *r);

#endif
