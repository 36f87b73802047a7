/*
 * gateway_io.h - a small pool of threads for what waits on the disk, so that loops never do.
 * gateway_io_submit may be called by any thread; run() is called on a pool thread, then done() on
 * the thread of the job's loop.
 */
#ifndef GATEWAY_IO_H
#define GATEWAY_IO_H

#include "rf_base.h"
#include "rf_loop.h"

typedef struct gateway_io gateway_io;

/* Part of a larger object that owns it; not touched by the owner between submit and done. */
typedef struct gateway_io_job {
    void (*run)(struct gateway_io_job *job);
    void (*done)(struct gateway_io_job *job);
    rf_loop *loop;
} gateway_io_job;

/* gateway_io_start makes n_threads; at most max_jobs wait at once. NULL when there are no threads.
 */
gateway_io *gateway_io_start(size_t n_threads, size_t max_jobs);

/* gateway_io_stop finishes the jobs that were submitted and ends the threads; done() of those jobs
 * has been posted then. gateway_io_free does so too and frees the pool. */
void gateway_io_stop(gateway_io *io);
gateway_io *gateway_io_free(gateway_io *io);

/* gateway_io_submit queues the job. When the queue is full or stopped the caller's thread runs it
 * instead: every transfer has at most one job, so that this is a matter of shutting down. */
void gateway_io_submit(gateway_io *io, gateway_io_job *job);

#endif
