/*
 * cli_check.h - asks services, before any of them starts, whether they can use what their settings
 * name outside of them (their --check), so that what is wrong is told once and at once.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "rf_base.h"

#define CLI_CHECK_MAX 8 /* services at once */

/* cli_check_needed says whether a setting of the service names something outside: sql.url, bus.url
 * or store.url among its words (NULL-terminated) or in the environment. */
bool cli_check_needed(const char *service, char *const *words);

/* cli_check_all runs each program, whose words are argv (NULL-terminated, argv[0] its path), with
 * --check, all at once, for at most limit_ms. Returns CLI_OK, or CLI_FAILED after telling each
 * thing that cannot be used once, whoever it was that found out. */
int cli_check_all(char *const *const *argvs, size_t n, int64_t limit_ms);

#endif
