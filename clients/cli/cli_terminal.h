/*
 * cli_terminal.h - single keys from standard input. The terminal is given back as it was when the
 * program ends in any way but SIGKILL: exit(), a fault, a signal that ends it. One per process.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "rf_base.h"

/* cli_terminal_raw takes keys one by one, without echo; Ctrl-C, Ctrl-\ and Ctrl-Z still make
 * signals. Does nothing when standard input is no terminal. */
void cli_terminal_raw(void);

/* cli_terminal_restore gives the terminal back; cli_terminal_raw may follow. */
void cli_terminal_restore(void);

/* cli_terminal_columns is the width of standard output, 0 when it is no terminal. */
size_t cli_terminal_columns(void);

#endif
