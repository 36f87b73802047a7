#include "recorder_keep.h"

#include "recorder_kill.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct drop {
    recorder_task task; /* first */
    recorder_session *session;
    recorder_service *service;
    bool relieves;
    int err;
} drop;

static void run(recorder_task *task)
{
    drop *d = (drop *)task;
    recorder_kill_point("drop");
    d->err = unlink(d->session->path) < 0 && errno != ENOENT ? -errno : 0;
}

static void done(recorder_task *task)
{
    drop *d = (drop *)task;
    recorder_session *s = d->session;
    recorder_service *service = d->service;
    const bool relieves = d->relieves;
    s->dropping = false;
    s->master_gone = d->err == 0;
    if (d->err < 0) {
        RF_LOG_ERROR("a master is not dropped", RF_STR("path", s->path),
                     RF_STR("why", strerror(-d->err)));
    }
    free(d);
    recorder_session_unref(s);
    if (relieves) {
        service->relieving = false;
    }
    if (relieves && s->master_gone) {
        recorder_keep_relieve(service);
    }
}

static void put_shelf(recorder_session *s)
{
    recorder_tap_put_shelf(s->tap, recorder_shelf_new(s->take, &s->tap->pcm));
}

static void drop_master(recorder_session *s, bool relieves)
{
    drop *d = RF_NEW(drop);
    *d = (drop){.task = {.run = run, .done = done},
                .session = s,
                .service = s->service,
                .relieves = relieves};
    put_shelf(s);
    s->dropping = true;
    recorder_session_ref(s);
    recorder_pool_put(s->service->publishes, &d->task);
}

bool recorder_keep_may_drop(const recorder_session *s)
{
    const recorder_state state = s->take->live.state;
    return (state == RECORDER_STORED || state == RECORDER_RECOVERED) && s->forgotten &&
           !s->master_gone && !s->dropping && !s->deleting && s->service->publishes != NULL;
}

void recorder_keep_drop(recorder_session *s)
{
    drop_master(s, false);
}

static bool is_over(const recorder_session *s, int64_t utc_ns)
{
    const int64_t keep_s = s->take->start.options.master_keep_s;
    return recorder_keep_may_drop(s) && utc_ns - s->take->changed_utc_ns >= keep_s * RF_NS_PER_S;
}

void recorder_keep_forgotten(recorder_session *s)
{
    s->forgotten = true;
    if (s->take->start.options.master_keep_s == 0 && recorder_keep_may_drop(s)) {
        drop_master(s, false);
    }
}

void recorder_keep_restored(recorder_session *s)
{
    s->forgotten = s->archived;
    s->master_gone = access(s->path, F_OK) < 0 && errno == ENOENT;
    if (s->master_gone) {
        put_shelf(s);
    }
}

size_t recorder_keep_sweep(recorder_service *service, int64_t utc_ns)
{
    size_t n = 0;
    for (recorder_session *s = recorder_registry_oldest(service->registry); s != NULL;
         s = s->newer) {
        if (is_over(s, utc_ns)) {
            drop_master(s, false);
            n++;
        }
    }
    return n;
}

static bool is_low(const recorder_service *service)
{
    const int64_t free_bytes = service->free_bytes(service->dir);
    return free_bytes >= 0 && free_bytes < service->config->low_mib << 20;
}

void recorder_keep_relieve(recorder_service *service)
{
    recorder_session *s = recorder_registry_oldest(service->registry);
    if (service->relieving || service->publishes == NULL || !is_low(service)) {
        return;
    }
    while (s != NULL && !recorder_keep_may_drop(s)) {
        s = s->newer;
    }
    if (s != NULL) {
        service->relieving = true;
        drop_master(s, true);
    }
}
