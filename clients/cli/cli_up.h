/*
 * cli_up.h - what the files of `reflection up` share: the services of a platform, what the command
 * line said, and what is told once all of them are ready. Included by cli_up*.c only.
 */
#ifndef CLI_UP_H
#define CLI_UP_H

#include "cli_listen.h"
#include "cli_settings.h"
#include "cli_supervisor.h"

#define CLI_UP_ERROR_MAX 4096

/* How each service is started; the order is that of the table printed. */
typedef struct cli_up_service {
    const char *name;
    const char *drain_seconds; /* together below the time that stopping may take */
    int stop_order;
    bool has_public_base; /* its answers hold URLs of the platform */
} cli_up_service;

enum { CLI_UP_SERVICES = 5 };
extern const cli_up_service cli_up_services[CLI_UP_SERVICES];

/* What the command line said. */
typedef struct cli_up_args {
    char *data;
    const char *http; /* of argv, like what follows */
    const char *https;
    const char *ready_file;         /* NULL: none */
    bool left_out[CLI_UP_SERVICES]; /* by --only */
    bool tied;
    cli_settings *settings;
} cli_up_args;

/* cli_up_args_read fills args, which cli_up_args_done frees. Returns CLI_OK, or an exit code after
 * saying what is wrong. cli_up_help prints the usage. */
int cli_up_args_read(cli_up_args *args, int argc, char **argv);
void cli_up_args_done(cli_up_args *args);
void cli_up_help(void);

/* Where the platform answers; made when it is first ready. */
typedef struct cli_up_place {
    char *http_url;
    char *https_url;
    char *ca_file;
    char *api_key; /* NULL: not yet read or made */
} cli_up_place;

void cli_up_place_done(cli_up_place *place);

/* cli_up_tell_ready writes ready.json in the data directory and the file that the user asked for,
 * with the first API key, which is made when there is none. CLI_OK, or an exit code after saying
 * why. cli_up_print_table tells a person. cli_up_not_ready takes ready.json away. */
int cli_up_tell_ready(const cli_up_args *args, cli_up_place *place,
                      const cli_supervisor *supervisor);
void cli_up_print_table(const cli_up_args *args, const cli_up_place *place,
                        const cli_supervisor *supervisor);
void cli_up_not_ready(const cli_up_args *args);

#endif
