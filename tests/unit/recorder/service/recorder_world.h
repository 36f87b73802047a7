/* The service in this process, its loop on a thread of its own; nothing is sent over sockets. */
#ifndef RECORDER_WORLD_H
#define RECORDER_WORLD_H

#include "recorder_service.h"

#include <pthread.h>
#include <semaphore.h>

typedef struct recorder_world {
    char dir[64];
    recorder_config config;
    recorder_service service;
    rf_loop *loop;
    pthread_t thread;
} recorder_world;

/* world_init makes the folder; world_open starts the service with these arguments (NULL-ended list
 * of --name=value, or NULL) and waits until all of before is recovered, which world_begin leaves to
 * world_await_recovery; world_close stops it, world_done removes the folder. */
void world_init(recorder_world *w);
void world_open(recorder_world *w, const char *const *settings);
void world_begin(recorder_world *w, const char *const *settings);
void world_await_recovery(recorder_world *w);
void world_close(recorder_world *w);
void world_done(recorder_world *w);

/* world_do runs fn on the loop and waits for it. */
void world_do(recorder_world *w, void (*fn)(recorder_world *w, void *user), void *user);

/* world_start starts a session of body and waits until it is durable; the error's code, and the
 * session (the loop's) on success. */
recorder_code world_start(recorder_world *w, const char *tenant, const char *body,
                          recorder_session **ret);

/* world_audio gives frames that spell their number; world_stop stops and waits for the answer. */
int world_audio(recorder_world *w, recorder_session *s, uint64_t first, uint32_t n);
recorder_code world_stop(recorder_world *w, recorder_session *s);

/* world_await waits until the session is in this state: true, false after 10 s. */
bool world_await(recorder_world *w, recorder_session *s, recorder_state state);

/* world_take gives a copy of the session's take; the caller frees. */
recorder_take *world_take(recorder_world *w, recorder_session *s);

#endif
