#include "jam_service.h"

#include "jam_parking.h"
#include "jam_recording.h"
#include "jam_session.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define DRAIN_MS 30000
#define REST_NS RF_NS_PER_S /* after the last session: its engine is closed by then */
#define ARENAS_MAX 2
#define MAP_BYTES (2 << 20)         /* rings are mapped each alone, and so given back */
#define SETTLE_NS (6 * RF_NS_PER_S) /* an engine may take 5 s to open */

/* ---- drain ---- */

/* Those that wait for a client wait in the store from now on. */
static void evict_parked(jam_service *s)
{
    jam_session *session;
    for (size_t i = 0; (session = jam_registry_at(s->registry, i)) != NULL; i++) {
        if (jam_session_parked_since(session) != RF_NEVER_NS) {
            jam_session_evict(session);
        }
    }
}

static void end_drain(void *user)
{
    jam_service *s = user;
    jam_session *session;
    for (size_t i = 0; (session = jam_registry_at(s->registry, i)) != NULL; i++) {
        jam_session_evict(session);
    }
    for (jam_socket *socket = s->sockets; socket != NULL; socket = jam_socket_next(socket)) {
        if (!jam_socket_is_joined(socket)) {
            jam_socket_close(socket, 1012, "the server restarts");
        }
    }
}

void jam_service_drain(jam_service *s, int64_t limit_ms)
{
    int64_t ms = RF_MAX(RF_MIN(limit_ms, (int64_t)DRAIN_MS), INT64_C(0));
    s->draining = true;
    for (jam_socket *socket = s->sockets; socket != NULL; socket = jam_socket_next(socket)) {
        jam_socket_drain(socket, (uint32_t)ms);
    }
    evict_parked(s);
    rf_timer_set(s->drain, rf_time_ns() + ms * RF_NS_PER_MS);
}

/* ---- memory ---- */

/* Sessions are thousands of small pieces: what glibc keeps of a hundred after their end is three
 * times what they need. It takes tens of ms to give back, so it is not done while any plays. */
static void on_rest(void *user)
{
    jam_service *s = user;
    if (jam_registry_at(s->registry, 0) == NULL) {
        malloc_trim(0);
    }
}

void jam_service_session_gone(jam_service *s)
{
    if (jam_registry_at(s->registry, 0) == NULL) {
        rf_timer_set(s->rest, rf_time_ns() + REST_NS);
    }
}

static void set_allocator(void)
{
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    mallopt(M_MMAP_THRESHOLD, MAP_BYTES);
}

/* ---- life ---- */

static void make_admission(jam_service *s)
{
    const jam_config *c = s->config;
    const jam_admission_limits limits = {
        .max_sessions = (size_t)c->sessions_max,
        .max_queue = (size_t)c->queue_max,
        .max_load = (double)jam_pool_threads(s->pool) * (double)c->cpu_percent / 100.0,
    };
    s->admission = jam_admission_new(s->engines, &limits);
}

static void make_metrics(jam_service *s)
{
    s->metrics = jam_metrics_new();
    for (size_t i = 0; i < s->engines->n; i++) {
        jam_metrics_engine(s->metrics, i, s->engines->entries[i].engine->name);
    }
    rf_metric_set(s->metrics->render_window_seconds, (double)s->config->render_ahead_ms / 1000.0);
}

static int open_store(jam_service *s, const char *url)
{
    int err = rf_store_open(url, &s->store);
    if (err < 0) {
        RF_LOG_ERROR("object store not opened", RF_STR("error", strerror(-err)));
    }
    return err;
}

int jam_service_open(jam_service *s, const jam_config *config, jam_engines *engines, rf_loop *loop,
                     const char *store_url)
{
    *s = (jam_service){.config = config, .loop = loop, .engines = engines};
    int err = jam_config_crossfade(config, &s->crossfade_default);
    if (err == 0 && store_url != NULL) {
        err = open_store(s, store_url);
    }
    if (err < 0) {
        return err;
    }
    set_allocator();
    make_metrics(s);
    s->registry = jam_registry_new();
    /* A session has at most one chunk and one opening in a lane, and closes outlive sessions. */
    s->pool = jam_pool_new(loop, (size_t)config->threads, 4 * (size_t)config->sessions_max + 64);
    s->drain = rf_timer_new(loop, end_drain, s);
    s->rest = rf_timer_new(loop, on_rest, s);
    make_admission(s);
    if (s->store != NULL) {
        jam_parking_sweep(s);
    }
    return 0;
}

static void end_sessions(jam_service *s)
{
    jam_session *session;
    while (s->registry != NULL && (session = jam_registry_at(s->registry, 0)) != NULL) {
        jam_session_free(session);
    }
    if (s->pool != NULL) {
        jam_pool_settle(s->pool, SETTLE_NS);
    }
}

void jam_service_close(jam_service *s)
{
    end_sessions(s);
    end_sessions(s); /* and those that came from the store meanwhile */
    jam_recording_drop_all(s);
    s->pool = jam_pool_free(s->pool);
    s->drain = rf_timer_free(s->drain);
    s->rest = rf_timer_free(s->rest);
    s->admission = jam_admission_free(s->admission);
    s->registry = jam_registry_free(s->registry);
    s->metrics = jam_metrics_free(s->metrics);
    s->engines = jam_engines_free(s->engines);
    s->store = rf_store_close(s->store);
}

bool jam_service_is_idle(const jam_service *s)
{
    return s->n_sockets == 0 && s->recordings == NULL && !jam_pool_is_busy(s->pool);
}

void jam_service_measure_queue(const jam_service *s)
{
    int64_t now_ns = rf_time_ns();
    for (size_t i = 0; i < s->engines->n; i++) {
        const jam_engine_entry *e = &s->engines->entries[i];
        rf_metric_set(s->metrics->engines[i].queue_length,
                      (double)jam_admission_queued(s->admission, e, now_ns));
    }
}
