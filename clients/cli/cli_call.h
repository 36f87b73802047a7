/* cli_call.h - `reflection call`: any service of any server, by what the server says of itself. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

/* cli_call_main runs the command. Exit codes: 0 done, 1 the call failed, 2 usage, 3 no server. */
int cli_call_main(int argc, char **argv);

#endif
