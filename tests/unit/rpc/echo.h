/* The Echo service of echo.proto, and what its tests share. */
#ifndef ECHO_H
#define ECHO_H

#include "rf_rpc.h"

#include <errno.h>
#include <pthread.h>

#include <echo.rpc.h>

typedef struct echo {
    rf_rpc_server *server;
    rf_rpc_channel *channel;
    char url[128];
    char dir[64];
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_held; /* calls of Obey with hold, and streams, that wait for the test */
    rf_rpc_call **held;
    size_t n_unary;    /* requests that reached a handler */
    size_t n_done;     /* done events on the server */
    rf_code last_done; /* code of the last of them */
} echo;

/* A server at a fresh ipc socket, or at listen; limits and TLS from config when not NULL. */
echo *echo_start(const char *listen, const rf_rpc_server_config *config);
/* A channel to it; config may be NULL. */
rf_rpc_channel *echo_connect(echo *e, const rf_rpc_channel_config *config);
echo *echo_stop(echo *e);

/* Waits at most 10 s until *counter, guarded by the mutex, is at least n. */
bool echo_wait(echo *e, const size_t *counter, size_t n);
/* Takes one held call, NULL when there is none. */
rf_rpc_call *echo_take(echo *e);

/* Calls that must work. */
int echo_unary(rf_rpc_channel *channel, const char *text, rf_status *st);
int echo_obey(rf_rpc_channel *channel, const Rpc__Test__Order *order, const rf_rpc_options *options,
              rf_status *st);

/* Absolute deadline so many ms from now. */
rf_rpc_options echo_within(int64_t ms);

#endif
