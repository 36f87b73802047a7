#include "recorder_news.h"

#include "recorder_keep.h"
#include "recorder_notice.h"
#include "rf_log.h"
#include "rf_time.h"

#include <string.h>

#define MIB (INT64_C(1) << 20)
#define NEWS_SLACK_NS (12 * RF_NS_PER_MS) /* the loop wakes every 10 ms to drain a device */

/* ---- what is written and durable ---- */

/* A session with nothing of its own on the way would not hear of the room that others have made. */
static void feed_starved(recorder_service *s)
{
    if (!s->starved) {
        return;
    }
    s->starved = false;
    for (recorder_session *x = recorder_registry_first(s->registry); x != NULL;
         x = recorder_registry_next(x)) {
        recorder_session_offer_again(x);
    }
}

static void on_news(void *user)
{
    recorder_service *s = user;
    atomic_store(&s->posted, false);
    recorder_log_written(s->log, atomic_load(&s->written));
    recorder_log_durable(s->log, atomic_load(&s->durable));
    feed_starved(s);
}

static void post_news(recorder_service *s, _Atomic(uint64_t) *which, uint64_t lsn)
{
    atomic_store(which, lsn);
    if (!atomic_exchange(&s->posted, true)) {
        rf_loop_post_within(s->loop, on_news, s, NEWS_SLACK_NS);
    }
}

static void on_written(void *user, uint64_t lsn)
{
    recorder_service *s = user;
    post_news(s, &s->written, lsn);
}

static void on_durable(void *user, uint64_t lsn)
{
    recorder_service *s = user;
    post_news(s, &s->durable, lsn);
}

/* ---- all else ---- */

typedef struct notice {
    recorder_service *service;
    enum { ON_CHECKPOINT, ON_DEGRADED, ON_LOW, ON_FULL, ON_FAILED, ON_MASTER } kind;
    uint64_t file;
    int64_t value;
    bool on;
} notice;

static void put_snapshot(recorder_service *s, const recorder_session *session)
{
    rf_buf bytes;
    recorder_record r = {.kind = RECORDER_RECORD_SNAPSHOT};
    rf_buf_init(&bytes, RECORDER_RECORD_MAX);
    if (recorder_take_pack(session->take, &bytes) < 0) {
        RF_LOG_ERROR("a session is too large for a snapshot");
        abort();
    }
    memcpy(r.session, session->take->start.id, sizeof(r.session));
    r.data = bytes.data;
    r.len = (uint32_t)bytes.len;
    recorder_log_put(s->log, &r, NULL);
    rf_buf_done(&bytes);
}

static void checkpoint(recorder_service *s, uint64_t file)
{
    for (const recorder_session *session = recorder_registry_first(s->registry); session != NULL;
         session = recorder_registry_next(session)) {
        if (!session->archived && session->take->seq > 0) {
            put_snapshot(s, session);
        }
    }
    recorder_log_checkpoint(s->log, file);
}

static void on_notice(void *user)
{
    notice *n = user;
    recorder_service *s = n->service;
    switch (n->kind) {
    case ON_CHECKPOINT:
        checkpoint(s, n->file);
        break;
    case ON_DEGRADED:
        s->degraded = n->on;
        s->sync_ms = n->value;
        RF_LOG_WARN("durability_degraded", RF_INT("on", n->on), RF_INT("sync_ms", n->value));
        recorder_notice_service(s, "durability_degraded", n->on, "sync_ms", n->value);
        break;
    case ON_LOW:
        s->low = n->on;
        RF_LOG_WARN("disk_low", RF_INT("on", n->on), RF_INT("free_bytes", n->value));
        recorder_notice_service(s, "disk_low", n->on, "free_bytes", n->value);
        recorder_keep_relieve(s);
        break;
    case ON_FULL:
        recorder_service_set_full(s, n->on);
        break;
    case ON_FAILED:
        RF_LOG_ERROR("the journal could not be written, it goes on in a new file",
                     RF_STR("why", strerror((int)-n->value)));
        break;
    case ON_MASTER:
        RF_LOG_ERROR("a master could not be written", RF_STR("why", strerror((int)-n->value)));
        break;
    }
    free(n);
}

static void post_notice(void *user, const notice *head)
{
    recorder_service *s = user;
    notice *n = RF_NEW(notice);
    *n = *head;
    n->service = s;
    rf_loop_post(s->loop, on_notice, n);
}

static void on_checkpoint(void *user, uint64_t file)
{
    post_notice(user, &(notice){.kind = ON_CHECKPOINT, .file = file});
}

static void on_degraded(void *user, bool degraded, int64_t sync_ms)
{
    post_notice(user, &(notice){.kind = ON_DEGRADED, .on = degraded, .value = sync_ms});
}

static void on_low(void *user, bool low, int64_t free_bytes)
{
    post_notice(user, &(notice){.kind = ON_LOW, .on = low, .value = free_bytes});
}

static void on_full(void *user, bool full)
{
    post_notice(user, &(notice){.kind = ON_FULL, .on = full});
}

static void on_failed(void *user, int err)
{
    post_notice(user, &(notice){.kind = ON_FAILED, .value = err});
}

static void on_master(void *user, const uint8_t *session, int err)
{
    (void)session;
    if (err < 0) {
        post_notice(user, &(notice){.kind = ON_MASTER, .value = err});
    }
}

/* ---- the journal ---- */

int recorder_news_open(recorder_service *s, const recorder_recovery *recovered)
{
    static const recorder_journal_events events = {
        .written = on_written,
        .durable = on_durable,
        .checkpoint = on_checkpoint,
        .degraded = on_degraded,
        .disk_low = on_low,
        .full = on_full,
        .failed = on_failed,
        .master_failed = on_master,
    };
    recorder_journal_config config;
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_asprintf("%s/journal", s->dir);
    recorder_journal_defaults(&config);
    config.dir = dir;
    config.commit_ms = s->config->commit_ms;
    config.slow_sync_ms = s->config->slow_sync_ms;
    config.reserve_bytes = s->config->reserve_mib * MIB;
    config.low_bytes = s->config->low_mib * MIB;
    int err = recorder_journal_open(&config, &events, s, recovered, &s->journal);
    if (err == 0) {
        s->log = recorder_log_new(s->journal);
    }
    return err;
}
