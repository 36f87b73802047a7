/* echo_server URL: the Echo service in a process of its own, until it is killed. */
#include "echo.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)echo_start(argv[1], NULL);
    for (;;) {
        (void)pause();
    }
}
