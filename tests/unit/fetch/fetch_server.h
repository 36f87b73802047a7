/*
 * fetch_server.h - a small HTTP server on 127.0.0.1 that behaves, or misbehaves, by path; and sinks
 * and sources for the tests of the fetcher.
 *
 *     /ok              200 "hello"                 /size/N     200, Content-Length N, N bytes
 *     /empty           200, no bytes               /chunked/N  200, chunked, N bytes
 *     /status/N        status N, body "secret"     /cut/N      announces N bytes, sends 10
 *     /flaky/N         N times 500, then "hello"   /huge-error 404 with an endless body
 *     /redirect        302 to server->location     /hop/N      302 to /hop/N-1, /hop/0 is /ok
 *     /slow            10 bytes a second           /silent     takes the request, never answers
 *     /mirror          200, the request's head     /cookie     302 to /mirror with Set-Cookie
 *     /drop            closes without an answer    any PUT     stores the body, 201 (or by path)
 */
#ifndef FETCH_SERVER_H
#define FETCH_SERVER_H

#include "rf_fetch.h"

#include "rf_buf.h"

#include <criterion/criterion.h>
#include <pthread.h>

typedef struct fetch_server {
    int listen_fd;
    int stop_fd;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    char location[4096];
    int n_connections;
    int n_requests;
    int n_failures_left; /* of /flaky; -1: not begun */
    rf_buf head;         /* of the last request */
    rf_buf body;         /* of the last PUT */
} fetch_server;

fetch_server *fetch_server_start(void);
void fetch_server_stop(fetch_server *s);
int fetch_server_connections(fetch_server *s);
int fetch_server_requests(fetch_server *s);
void fetch_server_redirect_to(fetch_server *s, const char *location);

/* fetch_server_url gives "http://127.0.0.1:<port><path>"; one of 4 buffers of the thread, in turn.
 */
const char *fetch_server_url(const fetch_server *s, const char *path);

/* A sink that keeps the bytes. fail_at: the write that crosses it returns -ENOSPC (0: none). */
typedef struct memory_sink {
    rf_buf bytes;
    int n_begins;
    size_t fail_at;
    int begin_err;
    rf_fetch_sink sink;
} memory_sink;

void memory_sink_init(memory_sink *m);
void memory_sink_done(memory_sink *m);

/* fetch_new makes a fetcher with short delays; loopback open or not. */
rf_fetch *fetch_new(bool allow_loopback);

#endif
