/*
 * gateway_last.h - last known states of jobs, for /status while the job service is away (spec
 * jobs.md Q5). A table of fixed size; a newer job may displace another. Any thread.
 */
#ifndef GATEWAY_LAST_H
#define GATEWAY_LAST_H

#include "rf_base.h"

typedef struct gateway_last gateway_last;

#define GATEWAY_LAST_TEXT_MAX 128 /* bytes of a state's JSON */
#define GATEWAY_LAST_AGE_S 60

gateway_last *gateway_last_new(void);
gateway_last *gateway_last_free(gateway_last *t);

/* gateway_last_put remembers the JSON answer about a job of an application (both UUIDs). */
void gateway_last_put(gateway_last *t, const char *application, const char *job, const char *json,
                      size_t len, int64_t now_ns);

/* gateway_last_get copies an answer of at most GATEWAY_LAST_AGE_S to out. Returns its length or
 * -ENOENT. */
int gateway_last_get(gateway_last *t, const char *application, const char *job, int64_t now_ns,
                     char out[GATEWAY_LAST_TEXT_MAX]);

/* gateway_last_drop forgets a job that is gone. */
void gateway_last_drop(gateway_last *t, const char *application, const char *job);

#endif
