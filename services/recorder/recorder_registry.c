#include "recorder_registry.h"

#include "recorder_keep.h"
#include "recorder_text.h"
#include "rf_id.h"

#include <string.h>

struct recorder_registry {
    recorder_session *sessions; /* by id */
    recorder_session *oldest;   /* of the finished */
    recorder_session *newest;
    size_t n_finished;
    size_t finished_max;
    bool forgets;
    size_t n_recovering;
    bool has_archive;
    recorder_host *hosts;
    size_t hosts_max;
};

recorder_registry *recorder_registry_new(size_t finished_max, size_t hosts_max)
{
    recorder_registry *r = RF_NEW(recorder_registry);
    r->finished_max = finished_max;
    r->hosts_max = hosts_max;
    return r;
}

recorder_registry *recorder_registry_free(recorder_registry *r)
{
    recorder_session *s;
    recorder_session *next;
    if (r != NULL) {
        HASH_ITER(hh, r->sessions, s, next)
        {
            HASH_DEL(r->sessions, s);
            recorder_session_remove(s);
        }
        recorder_registry_close_hosts(r);
        free(r);
    }
    return NULL;
}

void recorder_registry_add(recorder_registry *r, recorder_session *s)
{
    HASH_ADD(hh, r->sessions, take->start.id[0], RECORDER_ID_LEN, s);
    r->n_recovering += s->recovering;
}

void recorder_registry_recovered(recorder_registry *r, recorder_session *s)
{
    s->recovering = false;
    r->n_recovering--;
}

void recorder_registry_has_archive(recorder_registry *r)
{
    r->has_archive = true;
}

bool recorder_registry_lacks(const recorder_registry *r)
{
    return !r->has_archive;
}

recorder_code recorder_registry_check(const recorder_registry *r, recorder_error *error)
{
    return r->n_recovering == 0 && r->has_archive
               ? RECORDER_OK
               : recorder_fail(error, RECORDER_NOT_INITIALISED,
                               "the server has just started: sessions are still being recovered");
}

static void forget_oldest(recorder_registry *r)
{
    recorder_session *s = r->oldest;
    r->forgets = true;
    r->oldest = s->newer;
    if (r->oldest != NULL) {
        r->oldest->older = NULL;
    } else {
        r->newest = NULL;
    }
    r->n_finished--;
    HASH_DEL(r->sessions, s);
    if (recorder_keep_may_drop(s)) {
        recorder_keep_drop(s); /* nobody would look for it again */
    }
    recorder_session_remove(s);
}

/* Behind those that ended before it: as a rule at the end. */
static void insert(recorder_registry *r, recorder_session *s)
{
    recorder_session *before = r->newest;
    while (before != NULL && before->take->changed_utc_ns > s->take->changed_utc_ns) {
        before = before->older;
    }
    recorder_session **from = before != NULL ? &before->newer : &r->oldest;
    s->older = before;
    s->newer = *from;
    *from = s;
    if (s->newer != NULL) {
        s->newer->older = s;
    } else {
        r->newest = s;
    }
    r->n_finished++;
}

void recorder_registry_finished(recorder_registry *r, recorder_session *s)
{
    insert(r, s);
    if (r->n_finished > r->finished_max && r->oldest != s) {
        forget_oldest(r);
    }
}

bool recorder_registry_forgets(const recorder_registry *r)
{
    return r->forgets;
}

recorder_session *recorder_registry_oldest(const recorder_registry *r)
{
    return r->oldest;
}

recorder_session *recorder_registry_get_any(const recorder_registry *r,
                                            const uint8_t id[RECORDER_ID_LEN])
{
    recorder_session *s;
    HASH_FIND(hh, r->sessions, id, RECORDER_ID_LEN, s);
    return s;
}

recorder_session *recorder_registry_get(const recorder_registry *r, const char *tenant,
                                        const uint8_t id[RECORDER_ID_LEN])
{
    recorder_session *s = recorder_registry_get_any(r, id);
    return s != NULL && strcmp(s->take->start.tenant, tenant) == 0 ? s : NULL;
}

recorder_code recorder_registry_find(const recorder_registry *r, const char *tenant, const char *id,
                                     recorder_session **ret, recorder_error *error)
{
    uint8_t bytes[RECORDER_ID_LEN];
    const bool named = recorder_text_parse_id(id, bytes) == 0;
    recorder_session *s = named ? recorder_registry_get(r, tenant, bytes) : NULL;
    if (s == NULL ? named && !r->has_archive : s->recovering) {
        return recorder_fail(error, RECORDER_NOT_INITIALISED,
                             "session: the server has just started and %s",
                             s == NULL ? "does not know all sessions yet" : "is recovering it");
    }
    if (s == NULL) {
        return recorder_fail(error, RECORDER_NOT_FOUND, "session: there is none of this id");
    }
    if (s->take->live.state == RECORDER_DELETED) {
        return recorder_fail(error, RECORDER_GONE, "session: deleted");
    }
    *ret = s;
    return RECORDER_OK;
}

void recorder_registry_count(const recorder_registry *r, const char *tenant, size_t *ret_tenant,
                             size_t *ret_all)
{
    *ret_tenant = 0;
    *ret_all = 0;
    for (recorder_session *s = r->sessions; s != NULL; s = s->hh.next) {
        if (recorder_state_captures(s->take->live.state)) {
            ++*ret_all;
            *ret_tenant += strcmp(s->take->start.tenant, tenant) == 0;
        }
    }
}

recorder_session *recorder_registry_first(const recorder_registry *r)
{
    return r->sessions;
}

recorder_session *recorder_registry_next(const recorder_session *s)
{
    return s->hh.next;
}

recorder_host *recorder_registry_open_host(recorder_registry *r, const char *tenant,
                                           const char *body)
{
    if (HASH_COUNT(r->hosts) >= r->hosts_max) {
        return NULL;
    }
    recorder_host *host = RF_NEW(recorder_host);
    rf_random(host->id, sizeof(host->id));
    host->tenant = rf_strdup(tenant);
    host->body = rf_strdup(body);
    HASH_ADD(hh, r->hosts, id[0], RECORDER_ID_LEN, host);
    return host;
}

recorder_host *recorder_registry_host(const recorder_registry *r, const char *tenant,
                                      const char *id)
{
    uint8_t bytes[RECORDER_ID_LEN];
    recorder_host *host = NULL;
    if (recorder_text_parse_id(id, bytes) == 0) {
        HASH_FIND(hh, r->hosts, bytes, RECORDER_ID_LEN, host);
    }
    return host != NULL && strcmp(host->tenant, tenant) == 0 ? host : NULL;
}

void recorder_registry_close_host(recorder_registry *r, recorder_host *host)
{
    HASH_DEL(r->hosts, host);
    recorder_preroll_close(host->preroll);
    free(host->tenant);
    free(host->body);
    free(host);
}

void recorder_registry_close_hosts(recorder_registry *r)
{
    recorder_host *host;
    recorder_host *next;
    HASH_ITER(hh, r->hosts, host, next)
    {
        recorder_registry_close_host(r, host);
    }
}

size_t recorder_registry_prerolls(const recorder_registry *r, const char *tenant)
{
    size_t n = 0;
    for (const recorder_host *host = r->hosts; host != NULL; host = host->hh.next) {
        n += host->preroll != NULL && strcmp(host->tenant, tenant) == 0;
    }
    return n;
}
