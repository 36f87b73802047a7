#include "rf_outbox_hooks.h"

static int take(void *self, int64_t now_ms, rf_webhook_message *ret, int64_t *ret_due_ms)
{
    rf_outbox_item *item = NULL;
    int err = rf_outbox_take(self, RF_OUTBOX_HOOK, now_ms, &item, ret_due_ms);
    if (err < 0) {
        return err;
    }
    *ret = (rf_webhook_message){.id = item->event.id, .url = item->event.target, .token = item};
    ret->owner = item->event.owner;
    ret->body = item->event.body;
    ret->body_len = item->event.body_len;
    ret->attempts = item->event.attempts;
    return 0;
}

static void settle(void *self, const rf_webhook_message *message, rf_webhook_verdict verdict,
                   int64_t due_ms)
{
    switch (verdict) {
    case RF_WEBHOOK_RETRY:
        rf_outbox_retry(self, message->token, due_ms);
        break;
    case RF_WEBHOOK_RELEASED:
        rf_outbox_release(self, message->token, due_ms);
        break;
    default:
        rf_outbox_done(self, message->token);
    }
}

const rf_webhook_source rf_outbox_hooks = {
    .version = RF_WEBHOOK_SOURCE_VERSION,
    .take = take,
    .settle = settle,
};

static void wake(void *user)
{
    rf_webhook_wake(user);
}

void rf_outbox_hooks_attach(rf_outbox *o, rf_webhook *sender)
{
    rf_outbox_notify(o, RF_OUTBOX_HOOK, sender == NULL ? NULL : wake, sender);
    rf_webhook_wake(sender); /* what came before the listener */
}
