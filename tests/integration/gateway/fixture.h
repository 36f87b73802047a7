/*
 * fixture.h - a real gateway before a real job service, in processes of their own with a fresh data
 * directory, and an API key. One fixture a test process; failures are assertion failures.
 */
#ifndef GATEWAY_FIXTURE_H
#define GATEWAY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct fixture {
    char dir[64];
    pid_t job;
    pid_t gateway;
    pid_t second; /* gateway; 0: none */
    int http_port;
    int https_port;
    int internal_port; /* of the gateway: probes and metrics */
    char ca[128];
    char key[128];
} fixture;

extern fixture fix;

/* fixture_start starts both; the lists end with NULL and hold further arguments; NULL for none. */
void fixture_start(const char *const *gateway_args, const char *const *job_args);

/* fixture_stop ends both (SIGTERM), asserts that they exit with 0, and removes the directory. */
void fixture_stop(void);

/* fixture_key makes another key for an application. */
void fixture_key(const char *application, char key[128]);

/* fixture_key_with_rate makes one with limits of its own; 0: the gateway's. */
void fixture_key_with_rate(const char *application, uint32_t requests_per_second, uint32_t burst,
                           char key[128]);

/* fixture_stop_job and fixture_start_job take the job service away and bring it back. */
void fixture_stop_job(void);
void fixture_start_job(void);

/* fixture_start_second starts one more gateway before the same job service, with the arguments of
 * the first; returns its plain port. fixture_stop ends it too. */
int fixture_start_second(void);

/* fixture_rss gives the gateway's resident memory in bytes; peak: the highest so far. Under a
 * sanitizer, whose shadow it would measure, 0. */
size_t fixture_rss(bool peak);

#endif
