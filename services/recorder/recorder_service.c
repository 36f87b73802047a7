#include "recorder_service.h"

#include "recorder_archive.h"
#include "recorder_delete.h"
#include "recorder_expiry.h"
#include "recorder_feed.h"
#include "recorder_file.h"
#include "recorder_keep.h"
#include "recorder_news.h"
#include "recorder_recover.h"
#include "recorder_reserve.h"
#include "recorder_socket.h"
#include "rf_file.h"
#include "rf_id.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define MIB (INT64_C(1) << 20)
#define ARENAS_MAX 2
#define CLOSE_MS 5000
#define RECOVER_THREADS 2 /* one for the masters, one for the archive */
#define SWEEP_NS (60 * RF_NS_PER_S)
#define SEARCH_NS (3600 * RF_NS_PER_S) /* a walk over the archive */
#define TICK_NS RF_NS_PER_S
#define FULL_NS (600 * RF_NS_PER_S) /* of a full disk that sessions outlive */

/* ---- names ---- */

static char *file_of(const recorder_service *s, const char *folder, const uint8_t *id,
                     const char *extension)
{
    char text[2 * RECORDER_ID_LEN + 1];
    rf_hex(id, RECORDER_ID_LEN, text);
    return rf_asprintf("%s/%s/%s%s", s->dir, folder, text, extension);
}

char *recorder_service_master(const recorder_service *s, const uint8_t *id)
{
    return file_of(s, "masters", id, ".pcm");
}

char *recorder_service_finished(const recorder_service *s, const uint8_t *id)
{
    return file_of(s, "sessions", id, "");
}

/* ---- a full disk ---- */

static void on_full_too_long(void *user)
{
    recorder_service *s = user;
    for (recorder_session *session = recorder_registry_first(s->registry); session != NULL;
         session = recorder_registry_next(session)) {
        if (!session->recovering && recorder_state_captures(session->take->live.state)) {
            recorder_session_finalize(session, RECORDER_REASON_DISK_FULL);
        }
    }
}

void recorder_service_set_full(recorder_service *s, bool full)
{
    RF_LOG_ERROR("disk_full", RF_INT("on", full));
    s->full = full;
    rf_timer_set(s->full_timer, full ? rf_time_ns() + FULL_NS : RF_NEVER_NS);
}

/* ---- now and then ---- */

static void on_sweep(void *user)
{
    recorder_service *s = user;
    int64_t now_ns = rf_time_ns();
    (void)recorder_delete_expired(s, now_ns + recorder_utc_offset_ns());
    (void)recorder_keep_sweep(s, now_ns + recorder_utc_offset_ns());
    if (recorder_registry_forgets(s->registry) && now_ns >= s->search_ns) {
        s->search_ns = now_ns + SEARCH_NS;
        recorder_expiry_search(s, now_ns + recorder_utc_offset_ns());
    }
    rf_timer_set(s->sweep, now_ns + SWEEP_NS);
}

void recorder_service_clock(recorder_service *s, int64_t utc_offset_ns)
{
    int64_t step_ms = recorder_clock_step_ms(s->utc_offset_ns, utc_offset_ns);
    s->utc_offset_ns = utc_offset_ns; /* what is slewed is no step */
    if (step_ms == 0) {
        return;
    }
    RF_LOG_WARN("clock_step", RF_INT("ms", step_ms));
    rf_metric_add(s->metrics->clock_steps, 1);
    for (recorder_session *session = recorder_registry_first(s->registry); session != NULL;
         session = recorder_registry_next(session)) {
        if (!session->recovering) {
            recorder_session_clock_step(session, step_ms);
        }
    }
}

static void set_gauges(recorder_service *s)
{
    int64_t counts[RECORDER_N_STATES][RECORDER_N_SOURCES] = {0};
    size_t bytes = 0;
    int64_t pending = 0;
    for (const recorder_session *session = recorder_registry_first(s->registry); session != NULL;
         session = recorder_registry_next(session)) {
        counts[session->take->live.state][session->take->start.source]++;
        bytes += recorder_take_bytes(session->take);
        if (session->take->live.state == RECORDER_PENDING) {
            pending += (session->take->frames - session->take->covered) * session->frame_bytes;
        }
    }
    recorder_metrics_sessions(s->metrics, counts, bytes, pending);
}

static void on_tick(void *user)
{
    recorder_service *s = user;
    recorder_service_clock(s, recorder_utc_offset_ns());
    set_gauges(s);
    if (s->low) {
        recorder_keep_relieve(s); /* what has been published meanwhile */
    }
    rf_timer_set(s->tick, rf_time_ns() + TICK_NS);
}

/* ---- life ---- */

static int make_dirs(recorder_service *s)
{
    static const char *const folders[] = {"journal", "masters", "sessions", "outbox"};
    int err = 0;
    for (size_t i = 0; err == 0 && i < RF_ARRAY_LEN(folders); i++) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", s->dir, folders[i]);
        err = rf_mkdirs(path, 0700);
    }
    return err;
}

static int open_outside(recorder_service *s, const char *store_url, const char *bus_url)
{
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_asprintf("%s/outbox", s->dir);
    int err = rf_store_open(store_url, &s->store);
    const int64_t readers = s->config->extract_threads + s->config->stream_threads;
    if (err == 0 && rf_decoder_new(0, (uint32_t)readers, &s->decoder) < 0) {
        RF_LOG_WARN("no decoder is there: frames of stored MP3 and Opus cannot be read");
    }
    return err == 0 ? recorder_outbox_open(s->config, dir, bus_url, &s->outbox) : err;
}

static int open_all(recorder_service *s, const char *store_url, const char *bus_url)
{
    recorder_recovery recovered;
    recorder_found *found = NULL;
    int err = make_dirs(s);
    err = err == 0 ? open_outside(s, store_url, bus_url) : err;
    err = err == 0 ? recorder_recover_read(s, &recovered, &found) : err;
    err = err == 0 ? recorder_news_open(s, recovered.last_file > 0 ? &recovered : NULL) : err;
    if (err < 0) {
        recorder_recover_drop(found);
        return err;
    }
    s->streams = recorder_pool_new(s->loop, (size_t)s->config->stream_threads);
    s->extracts = recorder_pool_new(s->loop, (size_t)s->config->extract_threads);
    s->publishes = recorder_pool_new(s->loop, (size_t)s->config->publish_threads);
    s->follows = recorder_pool_new(s->loop, (size_t)s->config->follow_threads);
    s->recovers = recorder_pool_new(s->loop, RECOVER_THREADS);
    s->utc_offset_ns = recorder_utc_offset_ns();
    s->tick = rf_timer_new(s->loop, on_tick, s);
    rf_timer_set(s->tick, rf_time_ns() + TICK_NS);
    s->sweep = rf_timer_new(s->loop, on_sweep, s);
    rf_timer_set(s->sweep, rf_time_ns() + SWEEP_NS);
    recorder_recover_begin(s, found);
    recorder_archive_load(s);
    return 0;
}

int recorder_service_open(recorder_service *s, const recorder_config *config, rf_loop *loop,
                          const char *dir, const char *store_url, const char *bus_url)
{
    *s = (recorder_service){
        .config = config, .loop = loop, .dir = rf_strdup(dir), .free_bytes = recorder_free_bytes};
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    s->metrics = recorder_metrics_new(store_url);
    s->full_timer = rf_timer_new(loop, on_full_too_long, s);
    s->devices = recorder_devices_new(loop);
    s->sources[RECORDER_SOURCE_DEVICE] =
        (recorder_source_entry){&recorder_device_source, s->devices};
    if (config->file_root[0] != '\0') {
        s->sources[RECORDER_SOURCE_FILE] =
            (recorder_source_entry){&recorder_file_source, config->file_root};
    }
    s->registry =
        recorder_registry_new((size_t)config->finished_max, (size_t)config->recorders_max);
    int err = open_all(s, store_url, bus_url);
    if (err < 0) {
        RF_LOG_ERROR("the recorder cannot be opened", RF_STR("why", strerror(-err)));
    }
    return err;
}

static void close_sources(recorder_service *s)
{
    for (recorder_session *session = recorder_registry_first(s->registry); session != NULL;
         session = recorder_registry_next(session)) {
        if (session->source != NULL) {
            session->ops->stop(RF_STEAL(session->source));
        }
    }
}

void recorder_service_close(recorder_service *s)
{
    s->draining = true;
    atomic_store(&s->closing, true);
    recorder_recover_stop(s);
    recorder_feed_cancel(s, NULL);
    close_sources(s);
    recorder_registry_close_hosts(s->registry);
    s->devices = recorder_devices_free(s->devices);
    s->sweep = rf_timer_free(s->sweep);
    s->tick = rf_timer_free(s->tick);
    if (s->streams != NULL) {
        recorder_pool_close(s->streams);
        recorder_pool_close(s->extracts);
        recorder_pool_close(s->publishes);
        recorder_pool_close(s->follows);
        recorder_pool_close(s->recovers);
        rf_loop_settle(s->loop); /* gives the tasks back */
        s->streams = recorder_pool_free(s->streams);
        s->extracts = recorder_pool_free(s->extracts);
        s->publishes = recorder_pool_free(s->publishes);
        s->follows = recorder_pool_free(s->follows);
        s->recovers = recorder_pool_free(s->recovers);
        rf_loop_settle(s->loop);
    }
    if (s->journal != NULL && recorder_journal_close(s->journal, CLOSE_MS) < 0) {
        RF_LOG_ERROR("not all was made durable");
    }
    if (s->log != NULL) {
        rf_loop_settle(s->loop); /* what has become durable with that */
    }
    s->log = recorder_log_free(s->log);
    recorder_recover_free(s);
    s->registry = recorder_registry_free(s->registry);
    s->outbox = recorder_outbox_close(s->outbox);
    s->store = rf_store_close(s->store);
    s->full_timer = rf_timer_free(s->full_timer); /* the journal's last notices may set it */
    s->decoder = rf_decoder_free(s->decoder);
    s->metrics = recorder_metrics_free(s->metrics);
    free(s->dir);
}

void recorder_service_drain(recorder_service *s)
{
    s->draining = true;
    recorder_feed_cancel(s, NULL);
    recorder_socket_drain(s);
}

bool recorder_service_is_idle(const recorder_service *s)
{
    return s->n_calls == 0;
}

bool recorder_service_is_full(const recorder_service *s)
{
    return s->full;
}

/* ---- new sessions ---- */

recorder_code recorder_service_admit(const recorder_service *s, const recorder_start *start,
                                     recorder_error *error)
{
    size_t of_tenant;
    size_t all;
    recorder_registry_count(s->registry, start->tenant, &of_tenant, &all);
    if (all >= (size_t)s->config->sessions_max) {
        return recorder_fail(error, RECORDER_TOO_MANY_SESSIONS, "at most %lld record at once",
                             (long long)s->config->sessions_max);
    }
    if (of_tenant >= (size_t)s->config->sessions_per_tenant) {
        return recorder_fail(error, RECORDER_TOO_MANY_SESSIONS,
                             "at most %lld of a tenant record at once",
                             (long long)s->config->sessions_per_tenant);
    }
    if (s->full || s->free_bytes(s->dir) < s->config->min_free_mib * MIB) {
        return recorder_fail(error, RECORDER_NO_SPACE, "less than %lld MiB of disk are free",
                             (long long)s->config->min_free_mib);
    }
    return RECORDER_OK;
}

static recorder_code check(const recorder_start *start, recorder_error *error)
{
    const char *field;
    char key[RECORDER_KEY_SIZE];
    char object[RECORDER_OBJECT_SIZE];
    if (recorder_start_check(start, &field) < 0) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "%s: out of its range", field);
    }
    recorder_key_of(start->folder, start->key_id, start->store_format, key);
    return recorder_shelf_object(start->tenant, key, object) < 0
               ? recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                               "prefixes: too long for this tenant's store")
               : RECORDER_OK;
}

recorder_code recorder_service_start_from(recorder_service *s, recorder_start *start,
                                          recorder_preroll *preroll, recorder_waiter_fn ready,
                                          void *user, recorder_session **ret, recorder_error *error)
{
    bool local = start->source != RECORDER_SOURCE_NETWORK;
    if (s->draining) {
        return recorder_fail(error, RECORDER_NOT_INITIALISED, "the server is stopping");
    }
    if (local && s->sources[start->source].ops == NULL) {
        return recorder_fail(error, RECORDER_DEVICE_UNAVAILABLE, "source: %s is not offered",
                             recorder_source_name(start->source));
    }
    static const uint8_t no_id[RECORDER_ID_LEN] = {0};
    if (memcmp(start->id, no_id, sizeof(no_id)) == 0) {
        rf_random(start->id, sizeof(start->id));
    }
    rf_random(start->key_id, sizeof(start->key_id));
    start->utc_offset_ns = recorder_utc_offset_ns();
    start->requested_at_ns = rf_time_ns() + start->utc_offset_ns;
    recorder_code code = check(start, error);
    code = code == RECORDER_OK ? recorder_service_admit(s, start, error) : code;
    if (code != RECORDER_OK) {
        return code;
    }
    recorder_session *session = recorder_session_new(s, start);
    *ret = NULL;
    if (local) {
        return recorder_feed_open(session, preroll, ready, user, error);
    }
    recorder_session_begin(session, ready, user);
    recorder_registry_add(s->registry, session);
    *ret = session;
    return RECORDER_OK;
}

recorder_code recorder_service_start(recorder_service *s, recorder_start *start,
                                     recorder_waiter_fn ready, void *user, recorder_session **ret,
                                     recorder_error *error)
{
    return recorder_service_start_from(s, start, NULL, ready, user, ret, error);
}
