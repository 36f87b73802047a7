/*
 * job_hooks.h - sends the webhooks of jobs: the common sender (rf_webhook.h) over the rows that the
 * store has written with the changes they tell of. Messages are taken for a minute at a time, so
 * that several replicas share them and one that dies loses none; at most JOB_HOOKS_PER_HOST of a
 * host are in flight here.
 */
#ifndef JOB_HOOKS_H
#define JOB_HOOKS_H

#include "job_store.h"
#include "rf_buf.h"
#include "rf_fetch.h"
#include "rf_webhook.h"

#define JOB_HOOKS_PER_HOST 4
#define JOB_HOOK_OVERLAP_MS 86400000LL /* a secret that was replaced signs on so long */

typedef struct job_hooks job_hooks;

/* job_hooks_start begins to send; store and fetch must outlive it. Returns 0 or negative errno. */
int job_hooks_start(job_store *store, const rf_fetch *fetch, job_hooks **ret) RF_MUST_USE;

/* job_hooks_stop cuts attempts in progress, which are made again. NULL is fine. */
job_hooks *job_hooks_stop(job_hooks *h);

/* job_hooks_wake says that messages may have been written. Any thread; NULL is fine. */
void job_hooks_wake(job_hooks *h);

/* job_hook_body appends the payload of a message: below RF_WEBHOOK_MAX_BODY bytes, without its
 * metadata when it would be more. Returns 0 or -ENOSPC. */
int job_hook_body(const job_hook_message *m, rf_buf *out) RF_MUST_USE;

/* job_hook_events reads names of events; n 0 gives the default. Returns the bits, or -EINVAL with
 * the unknown name in *ret_wrong. */
int job_hook_events(const char *const *names, size_t n, const char **ret_wrong) RF_MUST_USE;

/* job_hook_host is the name and port of a URL, as they stand there. */
char *job_hook_host(job_arena *arena, const char *url);

#endif
