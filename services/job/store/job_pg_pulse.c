#include "job_pg_pulse.h"

#include <poll.h>
#include <stdlib.h>

#define TICK_MS 50

/* Waits a tick for either; the tick is used up when nothing happened. */
static bool comes(PGconn *owing, const job_pg_attempt *a, int *ticks, bool *ret_step)
{
    struct pollfd fds[] = {{.fd = PQsocket(owing), .events = POLLIN},
                           {.fd = PQsocket(a->conn), .events = job_pg_attempt_events(a)}};
    *ticks -= poll(fds, 2, TICK_MS) <= 0;
    *ret_step = fds[1].revents != 0;
    return fds[0].revents != 0;
}

bool job_pg_pulse(const char *url, PGconn *owing, int timeout_ms)
{
    job_pg_attempt a;
    char *why = NULL;
    int ticks = timeout_ms / TICK_MS;
    bool lives = false;
    int made = job_pg_attempt_start(&a, url, owing, &why);
    free(why);
    if (made < 0) {
        return false;
    }
    while (!lives && made == 0 && ticks > 0) {
        bool step;
        lives = comes(owing, &a, &ticks, &step);
        made = step ? job_pg_attempt_step(&a) : made;
        lives = lives || made > 0 || (made < 0 && a.was_heard);
    }
    job_pg_attempt_end(&a);
    return lives;
}
