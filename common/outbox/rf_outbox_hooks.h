/*
 * rf_outbox_hooks.h - the webhooks of a file outbox, as a source of the sender.
 *
 *     rf_webhook_config c = {.source = &rf_outbox_hooks, .self = outbox, ...};
 *     rf_webhook_start(&c, &sender);
 *     rf_outbox_hooks_attach(outbox, sender);
 */
#ifndef RF_OUTBOX_HOOKS_H
#define RF_OUTBOX_HOOKS_H

#include "rf_outbox.h"
#include "rf_webhook.h"

extern const rf_webhook_source rf_outbox_hooks; /* self: the rf_outbox */

/* rf_outbox_hooks_attach has the sender woken by what is appended; NULL ends that, before the
 * sender is stopped. */
void rf_outbox_hooks_attach(rf_outbox *o, rf_webhook *sender);

#endif
