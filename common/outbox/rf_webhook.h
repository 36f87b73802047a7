/*
 * rf_webhook.h - sends webhooks: signed POSTs by Standard Webhooks, tried ten times over three days
 * (spec recorder.md section 7, spec jobs.md section 5). Where the messages lie is somebody else's
 * matter: an rf_webhook_source (rf_outbox_hooks.h has one over the file outbox; a service with SQL
 * makes its own over its rows).
 *
 * Targets are guarded as rf_fetch.h guards every address a user gave: forbidden ranges, the address
 * checked is the one connected to, no redirect, no proxy. 2xx is success, 410 ends the hook, all
 * else is a failure and tried again:
 *
 *     attempt   1        2    3      4       5    6    7     8     9     10
 *     after     at once  5 s  5 min  30 min  2 h  5 h  10 h  14 h  20 h  24 h   from the last one
 *
 * Threads: one of its own, on which the source and the callbacks are called. start, stop and wake
 * may be called by any thread; only stop waits, for a callback in progress.
 */
#ifndef RF_WEBHOOK_H
#define RF_WEBHOOK_H

#include "rf_fetch.h"
#include "rf_webhook_sign.h"

#define RF_WEBHOOK_MAX_BODY 20000u /* bytes */
#define RF_WEBHOOK_ATTEMPTS 10
#define RF_WEBHOOK_MAX_RETRY_AFTER_S 86400

typedef struct rf_webhook rf_webhook;

/* One message in flight. What it points to lives until it is settled. */
typedef struct rf_webhook_message {
    const char *id;    /* `webhook-id`: printable ASCII, the same on every try */
    const char *url;   /* */
    const char *owner; /* whose secrets sign */
    const void *body;  /* JSON */
    size_t body_len;   /* at most RF_WEBHOOK_MAX_BODY */
    unsigned attempts; /* made so far */
    void *token;       /* the source's */
} rf_webhook_message;

typedef enum rf_webhook_verdict {
    RF_WEBHOOK_DELIVERED,
    RF_WEBHOOK_RETRY,    /* one more attempt failed; the next is due at due_ms */
    RF_WEBHOOK_GONE,     /* 410 */
    RF_WEBHOOK_GIVEN_UP, /* the last attempt failed, or no attempt can be made */
    RF_WEBHOOK_DROPPED,  /* its hook is no more: secrets said -ENOENT */
    RF_WEBHOOK_RELEASED, /* no attempt was made or it was cut short; due at due_ms */
} rf_webhook_verdict;

#define RF_WEBHOOK_SOURCE_VERSION 1

/* Where messages come from. A message is taken by one sender at a time; verdicts are kept durably
 * (one that is lost in a crash costs a repeated attempt). The source bounds how many messages of
 * one host are in flight. Both may block a little: they hold up other sends, nobody else. */
typedef struct rf_webhook_source {
    unsigned version;

    /* take gives a message that is due at now_ms (wall clock). Returns 0; -EAGAIN with the time at
     * which to ask again in *ret_due_ms (INT64_MAX: when woken); or another negative errno: it asks
     * again after 1 s. */
    int (*take)(void *self, int64_t now_ms, rf_webhook_message *ret, int64_t *ret_due_ms);

    /* settle ends the flight. due_ms is given with RETRY and RELEASED. */
    void (*settle)(void *self, const rf_webhook_message *message, rf_webhook_verdict verdict,
                   int64_t due_ms);
} rf_webhook_source;

/* Zero members take the default in brackets. */
typedef struct rf_webhook_config {
    const rf_fetch *fetch; /* borrowed: the guard, DNS, CA, loopback setting */
    const rf_webhook_source *source;
    void *self; /* of the source */

    /* secrets fills *ret with those of owner that sign now. Returns 0; -ENOENT: hook or owner is no
     * more, the message is dropped; another negative errno: asked again in a minute. */
    int (*secrets)(void *user, const char *owner, const char *url, rf_webhook_secrets *ret);

    /* gone (may be NULL) tells of a 410, after which nothing more should go to that hook. */
    void (*gone)(void *user, const char *owner, const char *url);
    void *user;

    int64_t timeout_ms;       /* of one attempt [15,000] */
    unsigned max_in_flight;   /* attempts at a time [64] */
    unsigned jitter_percent;  /* each delay grows by up to that much, at random [0] */
    bool honour_retry_after;  /* a Retry-After of at most a day puts the next attempt off */
    const char *counter;      /* metric of attempts; NULL: none. Copied with its label */
    const char *result_label; /* whose values are ok, failed, gone, given_up ["result"] */
} rf_webhook_config;

/* rf_webhook_start begins to send. Returns 0, -EINVAL for a missing member or an unknown version,
 * or negative errno. */
int rf_webhook_start(const rf_webhook_config *config, rf_webhook **ret) RF_MUST_USE;

/* rf_webhook_stop cuts attempts in progress (RELEASED: tried again by the next process) and frees.
 * NULL is fine. */
rf_webhook *rf_webhook_stop(rf_webhook *w);

/* rf_webhook_wake says that the source may have something due. NULL is fine. */
void rf_webhook_wake(rf_webhook *w);

/* rf_webhook_delay_ms tells how long after the attempts-th failed attempt (1 to 9) the next one is
 * due; -1 when there is none. */
int64_t rf_webhook_delay_ms(unsigned attempts);

#endif
