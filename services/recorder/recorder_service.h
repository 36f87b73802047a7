/*
 * recorder_service.h - the parts of the recorder put together.
 *
 *     rpc threads --post--> owner loop: sessions --> log --> journal's threads
 *                              |  ^------- written, durable (posted) ----/
 *                              +--> pools: live streams | extracts | publish, archive | followers
 *                                          | masters and archive at start
 *
 * The owner loop alone touches sessions, registry and log. Everything here is made before the first
 * call.
 *
 * In the data directory, below recorder/: journal/, masters/<id>.pcm, sessions/<id> (finished),
 * outbox/.
 */
#ifndef RECORDER_SERVICE_H
#define RECORDER_SERVICE_H

#include "recorder_config.h"
#include "recorder_devices.h"
#include "recorder_log.h"
#include "recorder_metrics.h"
#include "recorder_outbox.h"
#include "recorder_pool.h"
#include "recorder_preroll.h"
#include "recorder_registry.h"
#include "recorder_source.h"
#include "rf_decode.h"
#include "rf_store.h"

#include <stdatomic.h>

typedef struct recorder_service {
    const recorder_config *config;
    rf_loop *loop;
    char *dir;
    recorder_journal *journal;
    recorder_log *log;
    recorder_registry *registry;
    recorder_metrics *metrics;
    recorder_pool *streams;
    recorder_pool *extracts;
    recorder_pool *publishes;
    recorder_pool *follows;
    recorder_pool *recovers;           /* masters and the archive, after the start */
    struct recorder_recover *recovery; /* what is left of it; NULL: nothing */
    rf_store *store;
    recorder_devices *devices;
    rf_decoder *decoder; /* of stored MP3 and Opus; NULL: its program is not there */
    recorder_outbox *outbox;
    recorder_source_entry sources[RECORDER_N_SOURCES];
    struct recorder_opening *openings; /* sessions that wait for their source */
    rf_timer *sweep;                   /* of what retention deletes */
    int64_t search_ns;                 /* when the archive is next searched for it */
    bool searching;                    /* it is */
    rf_timer *tick;                    /* each second: the clocks, the gauges */
    int64_t utc_offset_ns;             /* as last read */
    struct recorder_socket *sockets;   /* all of them */
    size_t n_consumers;
    size_t n_calls; /* publishers, streams and extracts in hand */
    bool draining;
    _Atomic(bool) closing; /* what runs long on other threads is to end */
    bool full;             /* the disk: nothing becomes durable */
    rf_timer *full_timer;  /* then: until sessions end with that */
    bool degraded;
    bool starved;    /* a session's audio found no room in the journal since the last news */
    int64_t sync_ms; /* that made it so */
    bool low;        /* the disk: masters go, oldest first */
    bool relieving;  /* one of them is in hand */
    int64_t (*free_bytes)(const char *path);
    /* From the journal's threads. */
    _Atomic(uint64_t) written;
    _Atomic(uint64_t) durable;
    _Atomic(bool) posted;
} recorder_service;

/* recorder_service_open reads what lies in dir and begins to go on with it: new sessions are taken
 * at once, what was there before is known as its recovery proceeds (D7; recorder_registry.h).
 * bus_url NULL: events stay in the outbox. Returns 0 or a negative errno after a log line;
 * recorder_service_close in every case.
 */
int recorder_service_open(recorder_service *s, const recorder_config *config, rf_loop *loop,
                          const char *dir, const char *store_url, const char *bus_url);

/* recorder_service_close ends everything, running the loop for what is in hand; sessions that
 * record are found again by the next open. No call may be left. */
void recorder_service_close(recorder_service *s);

/* recorder_service_drain takes no new sessions; publishers are sent away to attach again. */
void recorder_service_drain(recorder_service *s);

/* recorder_service_clock is told UTC minus monotonic, each second: a step of the wall clock is
 * noted in every session that records (T3). */
void recorder_service_clock(recorder_service *s, int64_t utc_offset_ns);

/* recorder_service_set_full is told by the journal that the reserve is used up too, or that there
 * is space again. Without it for 10 minutes every session that captures ends with reason disk_full
 * (D10). */
void recorder_service_set_full(recorder_service *s, bool full);

bool recorder_service_is_idle(const recorder_service *s);
bool recorder_service_is_full(const recorder_service *s);

/* recorder_service_master: the path of a session's master; recorder_service_finished: of its file
 * in the archive. The caller frees. */
char *recorder_service_master(const recorder_service *s, const uint8_t *id);
char *recorder_service_finished(const recorder_service *s, const uint8_t *id);

/* recorder_service_admit: there is room for one more session of this start. */
recorder_code recorder_service_admit(const recorder_service *s, const recorder_start *start,
                                     recorder_error *error);

/* recorder_service_start begins a session of start, whose id (unless it has one), key_id and
 * times it fills in; ready is told when it is durable. *ret: a network session; NULL for one of a
 * local source, which there is once its source is open: ready is told of that too
 * (recorder_feed.h). */
recorder_code recorder_service_start(recorder_service *s, recorder_start *start,
                                     recorder_waiter_fn ready, void *user, recorder_session **ret,
                                     recorder_error *error);

/* recorder_service_start_from does so with a source that runs already, and its past; NULL: none. */
recorder_code recorder_service_start_from(recorder_service *s, recorder_start *start,
                                          recorder_preroll *preroll, recorder_waiter_fn ready,
                                          void *user, recorder_session **ret,
                                          recorder_error *error);

#endif
