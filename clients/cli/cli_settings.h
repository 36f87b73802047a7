/*
 * cli_settings.h - `--set [SERVICE.]NAME=VALUE` of `reflection up`, checked against the tables that
 * the service programs print by --settings.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "rf_base.h"
#include "rf_buf.h"

typedef struct cli_settings cli_settings;

/* cli_settings_new takes the names of the services; both arrays are borrowed. */
cli_settings *cli_settings_new(const char *const *services, size_t n_services);
cli_settings *cli_settings_free(cli_settings *s);

/* cli_settings_add takes "SERVICE.NAME=VALUE", or "NAME=VALUE" for each service that has NAME.
 * Returns 0, or -EINVAL with a text in error that lists near names. */
int cli_settings_add(cli_settings *s, const char *text, rf_buf *error) RF_MUST_USE;

/* cli_settings_args returns the "--NAME=VALUE" words of a service; *ret_n of them, owned by s. */
char *const *cli_settings_args(const cli_settings *s, const char *service, size_t *ret_n);

#endif
