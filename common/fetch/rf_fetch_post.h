/*
 * rf_fetch_post.h - many guarded POSTs at once (webhooks): the rules of rf_fetch.h, no redirect, no
 * second try, an answer whose body nobody wants and at most 64 KiB of which is read.
 *
 * Threads: a poster belongs to one thread, which runs it and is called back in it; only
 * rf_fetch_poster_wake may be called by others. That thread keeps SIGPIPE blocked. Name look-ups
 * run beside it; nothing here blocks but rf_fetch_poster_run, for as long as it was told to.
 */
#ifndef RF_FETCH_POST_H
#define RF_FETCH_POST_H

#include "rf_fetch.h"

typedef struct rf_fetch_poster rf_fetch_poster;

/* One request. What it points to lives until its callback. */
typedef struct rf_fetch_post {
    rf_fetch_kind kind;
    const char *url;
    const char *const *headers; /* "Name: value", without line ends */
    size_t n_headers;
    const void *body;
    size_t body_len;    /* bytes */
    int64_t timeout_ms; /* of the whole exchange, above 0 */
} rf_fetch_post;

/* Called once for each request, from rf_fetch_poster_run, _cancel or _free. Every 2xx is
 * RF_FETCH_OK. retry_after_s: what the answer's Retry-After asks for, 0 when it does not. */
typedef void (*rf_fetch_posted_fn)(const rf_fetch_result *result, int64_t retry_after_s,
                                   void *user);

/* rf_fetch_poster_new borrows f. */
rf_fetch_poster *rf_fetch_poster_new(const rf_fetch *f);

/* rf_fetch_poster_cancel cuts what still runs and calls back with RF_FETCH_CANCELLED. */
void rf_fetch_poster_cancel(rf_fetch_poster *p);

/* rf_fetch_poster_free does so too, when nobody can wake it any more. NULL is fine. */
rf_fetch_poster *rf_fetch_poster_free(rf_fetch_poster *p);

/* rf_fetch_poster_add begins a request; fn tells the outcome, a refused URL too. */
void rf_fetch_poster_add(rf_fetch_poster *p, const rf_fetch_post *post, rf_fetch_posted_fn fn,
                         void *user);

/* rf_fetch_poster_run moves all requests on: waits at most wait_ms (0..60,000) for something to
 * happen, then calls back those that ended. */
void rf_fetch_poster_run(rf_fetch_poster *p, int64_t wait_ms);

/* rf_fetch_poster_wake ends the wait in progress, or the next one. Any thread. */
void rf_fetch_poster_wake(rf_fetch_poster *p);

#endif
