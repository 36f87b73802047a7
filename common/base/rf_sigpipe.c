#include "rf_sigpipe.h"

#include <pthread.h>
#include <time.h>

static sigset_t pipe_alone(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

void rf_sigpipe_begin(rf_sigpipe *ret)
{
    sigset_t pending;
    const sigset_t set = pipe_alone();
    sigpending(&pending);
    ret->was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &set, &ret->before);
}

void rf_sigpipe_end(const rf_sigpipe *guard)
{
    const struct timespec at_once = {0};
    const sigset_t set = pipe_alone();
    if (!guard->was_pending) {
        sigtimedwait(&set, NULL, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}
