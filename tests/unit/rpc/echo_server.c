/* echo_server URL [CA CERT KEY]: the Echo service in a process of its own, until it is killed. */
#include "echo.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5) {
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    rf_rpc_tls tls = {0};
    if (argc == 5) {
        tls = (rf_rpc_tls){.ca_file = argv[2], .cert_file = argv[3], .key_file = argv[4]};
    }
    const echo *e = echo_start(argv[1], &(rf_rpc_server_config){.tls = argc == 5 ? &tls : NULL});
    (void)puts(e->url); /* port 0 has become a port */
    (void)fflush(stdout);
    for (;;) {
        (void)pause();
    }
}
