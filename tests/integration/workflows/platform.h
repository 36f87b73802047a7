/*
 * platform.h - the job service and a worker as real processes on a temporary data directory, and a
 * client that plays the gateway's part over RPC. Failures end the test.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "rf_base.h"

#include <sys/types.h>

typedef struct platform platform;

/* platform_start starts both; extra arguments (NULL-terminated, or NULL) go to the worker. */
platform *platform_start(const char *const *worker_args);
platform *platform_stop(platform *p);

/* platform_kill_worker ends the worker at once and starts another. */
void platform_kill_worker(platform *p, int signal);
pid_t platform_worker(const platform *p);
const char *platform_dir(const platform *p);
const char *platform_application(const platform *p);

/* platform_start_jam starts the jam service, again after platform_stop_jam(p, signal). */
void platform_start_jam(platform *p);
void platform_stop_jam(platform *p, int signal);

/* platform_upload stores bytes as an upload of the application; returns its download URL, which the
 * caller frees. */
char *platform_upload(platform *p, const void *data, size_t len);

/* platform_create makes a job; returns its id, which the caller frees. NULL when it was refused. */
char *platform_create(platform *p, const char *workflow, const char *params_json);
char *platform_create_copying(platform *p, const char *workflow, const char *params_json,
                              const char *output, const char *url);

/* platform_wait waits for the end of a job, at most timeout_s; returns the job as JSON text with
 * "status", "result" and "error", which the caller frees. */
char *platform_wait(platform *p, const char *id, int timeout_s);

/* platform_delete removes a job that has ended, with its files. */
void platform_delete(platform *p, const char *id);
void platform_cancel(platform *p, const char *id);

/* platform_file reads the file of an output; the caller frees. */
char *platform_file(platform *p, const char *id, const char *file_name, size_t *ret_len);

#endif
