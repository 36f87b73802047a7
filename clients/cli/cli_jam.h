/*
 * cli_jam.h - `reflection jam`: what its parts share. Functions print what went wrong and return
 * exit codes of cli.h.
 */
#ifndef CLI_JAM_H
#define CLI_JAM_H

#include "cli.h"

#include <jansson.h>

typedef struct cli_jam_options {
    json_t *params;  /* of the start message; owned */
    double seconds;  /* 0: until stopped */
    const char *out; /* NULL: no file */
    bool is_played;
    const char *device; /* of ALSA */
    bool is_realtime;
} cli_jam_options;

/* cli_jam_play opens a session and plays or records it until its end. */
int cli_jam_play(const cli_server *server, const cli_jam_options *options) RF_MUST_USE;

/* cli_jam_render has params and seconds rendered into options->out. */
int cli_jam_render(const cli_server *server, const cli_jam_options *options) RF_MUST_USE;

#endif
