/*
 * cli_watch.h - `reflection job watch`: the events of a job, one a line, until its end.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "cli_http.h"

/* cli_watch_job prints what happens to a job. A stream that breaks is taken up where it was, for a
 * minute. Returns CLI_OK when the job has SUCCEEDED; prints why it FAILED, else. */
int cli_watch_job(cli_http *h, const char *id) RF_MUST_USE;

#endif
