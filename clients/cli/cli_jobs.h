/*
 * cli_jobs.h - running a job from the command line: submit, wait with a progress bar, fetch
 * results. Functions print what went wrong and return exit codes of cli.h.
 */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include "cli_http.h"

/* cli_jobs_submit creates a job of workflow with params (borrowed), and with the keys of extensions
 * (borrowed, NULL for none) beside; the caller frees *ret_id. */
int cli_jobs_submit(cli_http *h, const char *name, const char *workflow, json_t *params,
                    json_t *extensions, char **ret_id) RF_MUST_USE;

/* cli_jobs_wait asks for the job until it is final, with a bar on a terminal, and returns it; the
 * caller decrefs. CLI_OK means that an answer came, also for a job that FAILED. */
int cli_jobs_wait(cli_http *h, const char *id, json_t **ret_job) RF_MUST_USE;

/* cli_jobs_succeeded returns CLI_OK for a SUCCEEDED job, else prints its error and returns
 * CLI_FAILED. */
int cli_jobs_succeeded(const json_t *job);

/* cli_jobs_download writes every file of the job's result into dir as "<output>.<extension>". */
int cli_jobs_download(cli_http *h, const json_t *job, const char *dir) RF_MUST_USE;

#endif
