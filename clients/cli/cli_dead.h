/*
 * cli_dead.h - `reflection job dead list|redrive`: jobs out of retries.
 */
#ifndef CLI_DEAD_H
#define CLI_DEAD_H

/* cli_dead_main runs the command; argv[0] is "dead". Returns an exit code of cli.h. */
int cli_dead_main(int argc, char **argv);

#endif
