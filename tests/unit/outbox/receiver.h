/*
 * receiver.h - receiver.py as a process of the test.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include "rf_base.h"

#include <stdio.h>
#include <sys/types.h>

/* The secrets that receiver.py verifies with. */
#define RECEIVER_SECRET_1 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define RECEIVER_SECRET_2 "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJw=="

typedef struct receiver {
    pid_t pid;
    FILE *lines;
    int port;
} receiver;

/* One request, as the receiver saw it. */
typedef struct received {
    char path[64];
    char id[80];
    long long timestamp_s;
    int verified; /* bit 0: by the first secret, bit 1: by the second; -1: wrong content type */
    int active;   /* requests in progress, with this one */
    int len;
    char body[80];
} received;

/* receiver_start serves https when certificate and key (PEM files) are given, else http. */
void receiver_start(receiver *r, const char *certificate, const char *key);
void receiver_stop(receiver *r);

/* receiver_next waits at most wait_ms of real time for a request. */
bool receiver_next(receiver *r, int wait_ms, received *ret);

#endif
