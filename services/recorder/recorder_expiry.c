#include "recorder_expiry.h"

#include "recorder_archive.h"
#include "recorder_delete.h"
#include "recorder_keep.h"

typedef struct search {
    recorder_task task; /* first */
    recorder_service *service;
    int64_t utc_ns;
    recorder_take *found[RECORDER_EXPIRY_MAX];
    size_t n;
} search;

/* ---- a thread of the pool ---- */

static bool wants(void *user, const uint8_t *id)
{
    (void)user;
    (void)id;
    return true;
}

static bool look(void *user, recorder_take *take)
{
    search *x = user;
    if (recorder_delete_is_due(take, x->utc_ns)) {
        x->found[x->n++] = take;
    } else {
        recorder_take_free(take);
    }
    return x->n < RECORDER_EXPIRY_MAX;
}

static void run(recorder_task *task)
{
    static const recorder_archive_reader reader = {wants, look};
    search *x = (search *)task;
    (void)recorder_archive_walk(x->service->dir, &reader, x); /* the next search tries again */
}

/* ---- the loop ---- */

/* Whether it is deleted or not: a finished session among others. */
static void deleted(void *user, recorder_session *s, const recorder_error *error)
{
    (void)user;
    (void)error; /* logged */
    if (!s->removed) {
        recorder_registry_finished(s->service->registry, s);
    }
}

static void delete_found(recorder_service *service, recorder_take *take)
{
    if (recorder_registry_get_any(service->registry, take->start.id) != NULL ||
        service->publishes == NULL) {
        recorder_take_free(take); /* the sweep sees to it; closing: the next start does */
        return;
    }
    recorder_session *s = recorder_session_restore(service, take, true);
    recorder_registry_add(service->registry, s);
    recorder_keep_restored(s);
    if (recorder_delete(s, false, deleted, NULL, NULL) != RECORDER_OK) {
        recorder_registry_finished(service->registry, s);
    }
}

static void done(recorder_task *task)
{
    search *x = (search *)task;
    x->service->searching = false;
    for (size_t i = 0; i < x->n; i++) {
        delete_found(x->service, x->found[i]);
    }
    free(x);
}

void recorder_expiry_search(recorder_service *service, int64_t utc_ns)
{
    if (service->searching || service->publishes == NULL) {
        return;
    }
    search *x = RF_NEW(search);
    x->task = (recorder_task){.run = run, .done = done};
    x->service = service;
    x->utc_ns = utc_ns;
    service->searching = true;
    recorder_pool_put(service->publishes, &x->task);
}
