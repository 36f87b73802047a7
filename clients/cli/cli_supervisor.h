/*
 * cli_supervisor.h - one process a service: started, watched, restarted with back-off, ended.
 * Everything runs on the owner loop's thread.
 */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

#include "rf_base.h"
#include "rf_loop.h"

#include <sys/types.h>

typedef struct cli_supervisor cli_supervisor;

typedef struct cli_child_spec {
    const char *name;      /* "gateway" */
    char **argv;           /* NULL-terminated, argv[0] the program's path; borrowed */
    const int *listen_fds; /* sockets handed over as LISTEN_FDS; borrowed */
    size_t n_listen_fds;
    const char *listen_names; /* LISTEN_FDNAMES, colon-separated; NULL for none */
    int stop_order;           /* lower numbers end first */
} cli_child_spec;

typedef struct cli_child_info {
    const char *name;
    pid_t pid;
    const char *internal; /* URL of the internal port */
    bool ready;
} cli_child_info;

typedef struct cli_supervisor_events {
    void (*all_ready)(void *user); /* each time that the last missing child became ready */
    void (*gave_up)(const char *name, void *user); /* a child failed again and again before ready */
    void (*ended)(void *user); /* every child has ended after cli_supervisor_stop */
} cli_supervisor_events;

cli_supervisor *cli_supervisor_new(rf_loop *loop, const cli_supervisor_events *events, void *user);

/* cli_supervisor_free kills what still runs. */
cli_supervisor *cli_supervisor_free(cli_supervisor *s);

/* cli_supervisor_start adds a child and starts it. Returns 0 or negative errno. */
int cli_supervisor_start(cli_supervisor *s, const cli_child_spec *spec);

/* cli_supervisor_stop sends SIGTERM in stop order, then SIGKILL to what is left after limit_ms. */
void cli_supervisor_stop(cli_supervisor *s, int64_t limit_ms);

size_t cli_supervisor_count(const cli_supervisor *s);
cli_child_info cli_supervisor_info(const cli_supervisor *s, size_t i);

#endif
