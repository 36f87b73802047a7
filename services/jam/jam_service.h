/*
 * jam_service.h - the parts of the jam service put together.
 *
 *     rpc threads --post--> owner loop: sockets --> sessions --> makers --put--> pool threads
 *           <----- frames ------/                     <---------- posted --------/
 *
 * The owner loop alone touches sockets, sessions, registry, admission and schedules. Everything in
 * jam_service is made before the first socket; afterwards the loop changes the counts and the
 * drain.
 */
#ifndef JAM_SERVICE_H
#define JAM_SERVICE_H

#include "jam_admission.h"
#include "jam_config.h"
#include "jam_engines.h"
#include "jam_metrics.h"
#include "jam_pool.h"
#include "jam_registry.h"
#include "rf_store.h"

typedef struct jam_service {
    const jam_config *config;
    rf_loop *loop;
    jam_pool *pool;
    jam_engines *engines;
    jam_admission *admission;
    jam_registry *registry;
    jam_metrics *metrics;
    rf_store *store;            /* NULL: none */
    double crossfade_default;   /* seconds, negative: automatic */
    struct jam_socket *sockets; /* all of them, see jam_socket_next */
    size_t n_sockets;
    size_t n_renders;                 /* one-shot renders in hand */
    struct jam_recorder *recorder;    /* NULL: none, recordings fail */
    struct jam_recording *recordings; /* all of them, also of sessions that are over */
    bool draining;
    rf_timer *drain; /* fires at the deadline */
    rf_timer *rest;  /* fires when no session has been there for a while */
} jam_service;

/* jam_service_open makes the parts and takes the engines; store_url NULL: sessions end with the
 * process. Returns 0, or a negative errno after a
 * log line; jam_service_close in every case. */
int jam_service_open(jam_service *s, const jam_config *config, jam_engines *engines, rf_loop *loop,
                     const char *store_url);

/* jam_service_close ends the sessions and frees the parts, running the loop for what is in hand.
 * No socket may be left. */
void jam_service_close(jam_service *s);

/* jam_service_session_gone is told of every session that has been freed. Once none is left, what
 * the allocator has kept of them goes back to the system. */
void jam_service_session_gone(jam_service *s);

/* jam_service_drain refuses new starts and tells every socket; after limit_ms, at most 30 s, the
 * sessions go to the store, and the sockets that are left are closed with code 1012. */
void jam_service_drain(jam_service *s, int64_t limit_ms);

/* jam_service_measure_queue brings the metric of waiting starts up to date. */
void jam_service_measure_queue(const jam_service *s);

/* jam_service_is_idle: no socket and no recording is left, and no work in hand. */
bool jam_service_is_idle(const jam_service *s);

#endif
