/* A receiver of webhooks on a loopback port: keeps what comes, answers as it is told. */
#ifndef HOOK_RECEIVER_H
#define HOOK_RECEIVER_H

#include "rf_base.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#define HOOK_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define HOOK_MAX 64

typedef struct hook_receiver {
    int listener;
    int port;
    pthread_t thread;
    atomic_bool silent; /* never answers */
    atomic_bool stopping;
    atomic_int n;
    struct {
        char id[80];
        size_t len; /* of the body */
        bool genuine;
        json_t *event;
    } got[HOOK_MAX];
} hook_receiver;

void hook_receiver_start(hook_receiver *r);
void hook_receiver_stop(hook_receiver *r);

/* hook_receiver_await waits until so many have come: false after 10 s. */
bool hook_receiver_await(hook_receiver *r, int n);

/* hook_receiver_find: the first event of a type and session, NULL for none. */
const json_t *hook_receiver_find(const hook_receiver *r, const char *type, const char *session);

#endif
