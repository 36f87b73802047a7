/*
 * job_parts.h - opens and closes the parts of the job service in order. Main thread.
 */
#ifndef JOB_PARTS_H
#define JOB_PARTS_H

#include "job_service.h"

/* Where everything lies; what a setting leaves empty. */
typedef struct job_paths {
    const char *sql_url;
    const char *signing_keys;
    const char *key_secret;
    const char *store_url;
    const char *bus_url;
    const char *environment; /* "production" forbids some settings */
} job_paths;

/* job_parts_open brings up everything but the RPC server. A failure is logged and names the part.
 * Returns 0 or negative errno; the service is then empty again. */
int job_parts_open(job_service *s, const job_config *config, const job_paths *paths, rf_loop *loop);

/* job_parts_close ends everything; also half-open services. */
void job_parts_close(job_service *s);

#endif
