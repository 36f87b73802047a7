/* cli_bench.c - `reflection bench`: hands over to the project's scripts/bench. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_bench_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs("Usage: reflection bench NAME... [--json FILE]\n"
              "       reflection bench --list\n\n"
              "Runs scripts/bench of the source tree that this program was built in.\n",
              stdout);
        return CLI_OK;
    }
    RF_CLEANUP(rf_cleanup_free) char *script = cli_program_path("../../../scripts/bench");
    argv[0] = script;
    execv(script, argv);
    return cli_fail(CLI_FAILED, "%s: %s; benchmarks need the source tree", script, strerror(errno));
}
