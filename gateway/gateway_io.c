#include "gateway_io.h"

#include "rf_queue.h"
#include "rf_time.h"

#include <pthread.h>

struct gateway_io {
    rf_queue *queue;
    pthread_t *threads;
    size_t n_threads;
};

static void job_done(void *user)
{
    gateway_io_job *job = user;
    job->done(job);
}

static void *io_main(void *user)
{
    gateway_io *io = user;
    void *item;
    while (rf_queue_take(io->queue, &item, RF_NEVER_NS) == 0) {
        gateway_io_job *job = item;
        job->run(job);
        rf_loop_post(job->loop, job_done, job);
    }
    return NULL;
}

gateway_io *gateway_io_start(size_t n_threads, size_t max_jobs)
{
    gateway_io *io = RF_NEW(gateway_io);
    io->queue = rf_queue_new(max_jobs);
    io->threads = RF_NEW_ARRAY(pthread_t, n_threads);
    for (size_t i = 0; i < n_threads; i++) {
        if (pthread_create(&io->threads[i], NULL, io_main, io) != 0) {
            return gateway_io_free(io);
        }
        io->n_threads++;
    }
    return io;
}

void gateway_io_stop(gateway_io *io)
{
    rf_queue_close(io->queue);
    for (size_t i = 0; i < io->n_threads; i++) {
        pthread_join(io->threads[i], NULL);
    }
    io->n_threads = 0;
}

gateway_io *gateway_io_free(gateway_io *io)
{
    if (io != NULL) {
        gateway_io_stop(io);
        rf_queue_free(io->queue);
        free(io->threads);
        free(io);
    }
    return NULL;
}

void gateway_io_submit(gateway_io *io, gateway_io_job *job)
{
    if (rf_queue_put(io->queue, job, 0) < 0) {
        job->run(job);
        rf_loop_post(job->loop, job_done, job);
    }
}
