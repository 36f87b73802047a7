/*
 * cli.h - what the commands of `reflection` share: exit codes, messages, where the platform is.
 */
#ifndef CLI_H
#define CLI_H

#include "rf_base.h"

/* Exit codes of every command. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* the operation failed: a job ended FAILED, the server refused */
    CLI_USAGE = 2,       /* wrong arguments */
    CLI_UNREACHABLE = 3, /* no platform answers there */
    CLI_DENIED = 4,      /* key missing, unknown or revoked */
};

typedef struct cli_command {
    const char *name;
    const char *summary;
    int (*main)(int argc, char **argv); /* argv[0] is the command's name */
    const char *words;                  /* sub-commands and options, for completion */
} cli_command;

/* cli_commands is the table of all commands, ended by a NULL name. */
extern const cli_command cli_commands[];

/* cli_fail prints "reflection: <text>" to standard error and returns code. */
int cli_fail(int code, const char *fmt, ...) RF_PRINTF(2, 3);

/* cli_data_dir is the data directory: option (may be NULL), REFLECTION_DATA, or
 * $XDG_DATA_HOME/reflection (~/.local/share/reflection); absolute, the caller frees. */
char *cli_data_dir(const char *option) RF_MUST_USE;

/* cli_program_path finds a program of the project beside this one; the caller frees. */
char *cli_program_path(const char *name) RF_MUST_USE;

/* Where the platform answers, for client commands. */
typedef struct cli_server {
    char *url; /* "https://127.0.0.1:8443", no slash at the end */
    char *key;
    char *ca_file; /* may be NULL: the system's own */
} cli_server;

/* cli_server_find fills server from REFLECTION_URL, REFLECTION_API_KEY, REFLECTION_CA_FILE, and
 * what is missing from <data dir>/ready.json that `reflection up` writes. Returns CLI_OK, or an
 * exit code after saying what to do. */
int cli_server_find(const char *data_option, cli_server *server);
void cli_server_done(cli_server *server);

/* Commands. */
int cli_up_main(int argc, char **argv);
int cli_demo_main(int argc, char **argv);
int cli_jam_main(int argc, char **argv);
int cli_job_main(int argc, char **argv);
int cli_workflow_main(int argc, char **argv);
int cli_webhook_main(int argc, char **argv);
int cli_analyse_main(int argc, char **argv);
int cli_record_main(int argc, char **argv);
int cli_recordings_main(int argc, char **argv);
int cli_devices_main(int argc, char **argv);
int cli_keys_main(int argc, char **argv);
int cli_bench_main(int argc, char **argv);
int cli_completion_main(int argc, char **argv);

#endif
