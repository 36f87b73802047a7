/*
 * job_pg_pulse.h - whether a server that owes an answer lives. A statement may take its time, or
 * wait for a lock; a server that does not even greet a new connection hangs, or is out of reach.
 */
#ifndef JOB_PG_PULSE_H
#define JOB_PG_PULSE_H

#include "job_pg.h"

/* job_pg_pulse connects to the server that owes an answer on the connection owing, made with url,
 * and drops that again. True as soon as it has said anything, be it that it has no room for one
 * more, or as the answer comes; false when neither happens within about timeout_ms, counted so that
 * a machine that is slow for all has more. */
bool job_pg_pulse(const char *url, PGconn *owing, int timeout_ms);

#endif
