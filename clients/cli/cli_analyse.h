/*
 * cli_analyse.h - analysing one file on a running platform.
 */
#ifndef CLI_ANALYSE_H
#define CLI_ANALYSE_H

#include "cli_http.h"

/* cli_analyse_file uploads, runs music-ai/music-analysis, waits and prints a lead sheet, or all
 * results as JSON. Returns an exit code of cli.h. */
int cli_analyse_file(cli_http *h, const char *file, bool as_json) RF_MUST_USE;

#endif
