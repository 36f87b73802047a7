/*
 * recorder_registry.h - sessions and recorders by id, each of one tenant: another tenant's is not
 * there (section 8). Finished sessions have a limit, beyond which the oldest is forgotten. After a
 * start there are sessions that are recovering, and an archive that is not read yet: whoever asks
 * for one of these is to try again. The owner loop alone.
 */
#ifndef RECORDER_REGISTRY_H
#define RECORDER_REGISTRY_H

#include "recorder_preroll.h"
#include "recorder_session.h"

typedef struct recorder_registry recorder_registry;

/* What Open made: settings for its sessions, and the one that it has. */
typedef struct recorder_host {
    UT_hash_handle hh;
    uint8_t id[RECORDER_ID_LEN];
    char *tenant;
    char *body;                       /* of Open */
    uint8_t session[RECORDER_ID_LEN]; /* known once its source is open */
    bool has_session;
    uint8_t before[RECORDER_ID_LEN]; /* the one that counts until then; zeros: none */
    recorder_preroll *preroll;       /* its source that runs before start(); NULL: none */
} recorder_host;

recorder_registry *recorder_registry_new(size_t finished_max, size_t hosts_max);

/* recorder_registry_free removes all sessions. */
recorder_registry *recorder_registry_free(recorder_registry *r);

/* recorder_registry_add takes the session over. finished: it is so, or has become so since. */
void recorder_registry_add(recorder_registry *r, recorder_session *s);
void recorder_registry_finished(recorder_registry *r, recorder_session *s);

/* recorder_registry_recovered: this one recovers no more. recorder_registry_has_archive: all of the
 * archive has been added. */
void recorder_registry_recovered(recorder_registry *r, recorder_session *s);
void recorder_registry_has_archive(recorder_registry *r);

/* recorder_registry_lacks: one of the archive may be missing. recorder_registry_check: OK, or
 * NOT_INITIALISED while that is so or a session recovers. */
bool recorder_registry_lacks(const recorder_registry *r);
recorder_code recorder_registry_check(const recorder_registry *r, recorder_error *error);

/* recorder_registry_oldest: of the finished ones, in order of their end by `newer`; NULL. */
recorder_session *recorder_registry_oldest(const recorder_registry *r);

/* recorder_registry_forgets: finished ones have been forgotten, which the archive still has. */
bool recorder_registry_forgets(const recorder_registry *r);

/* recorder_registry_get: NULL when the tenant has none of this id. */
recorder_session *recorder_registry_get(const recorder_registry *r, const char *tenant,
                                        const uint8_t id[RECORDER_ID_LEN]);

/* recorder_registry_get_any: of any tenant. */
recorder_session *recorder_registry_get_any(const recorder_registry *r,
                                            const uint8_t id[RECORDER_ID_LEN]);

/* recorder_registry_find reads the id as text: the session, or NOT_FOUND, GONE, and NOT_INITIALISED
 * while it recovers or may be in the archive. */
recorder_code recorder_registry_find(const recorder_registry *r, const char *tenant, const char *id,
                                     recorder_session **ret, recorder_error *error);

/* recorder_registry_count counts the sessions that capture, of one tenant and in all. */
void recorder_registry_count(const recorder_registry *r, const char *tenant, size_t *ret_tenant,
                             size_t *ret_all);

/* recorder_registry_first and _next go over all sessions in no order; the one given may be removed
 * after the next is known. */
recorder_session *recorder_registry_first(const recorder_registry *r);
recorder_session *recorder_registry_next(const recorder_session *s);

recorder_host *recorder_registry_open_host(recorder_registry *r, const char *tenant,
                                           const char *body); /* NULL: too many */
recorder_host *recorder_registry_host(const recorder_registry *r, const char *tenant,
                                      const char *id);
void recorder_registry_close_host(recorder_registry *r, recorder_host *host);
void recorder_registry_close_hosts(recorder_registry *r);

/* recorder_registry_prerolls counts the recorders of a tenant that keep a past. */
size_t recorder_registry_prerolls(const recorder_registry *r, const char *tenant);

#endif
