#include "jam_restore.h"

#include "jam_parking.h"
#include "jam_session.h"
#include "rf_log.h"

#include <errno.h>
#include <string.h>

struct jam_restore {
    jam_service *service;
    jam_socket *socket; /* NULL: gone */
    jam_message start;
    jam_parked *parked;
    jam_engine_entry *engine; /* a place of it is taken */
};

static void restore_free(jam_restore *r)
{
    jam_parked_free(r->parked);
    free(r);
}

static void refuse(jam_restore *r, const jam_error *error)
{
    if (r->socket != NULL) {
        jam_socket_refused(r->socket, error, r->start.id);
    }
    restore_free(r);
}

static void refuse_unknown(jam_restore *r)
{
    jam_error error;
    jam_error_set(&error, JAM_RESUME_UNKNOWN, "resume_token", "the token is used or expired");
    rf_metric_add(r->service->metrics->resumes[JAM_RESUME_NONE], 1);
    refuse(r, &error);
}

static void on_claimed(void *user, int err, jam_parked *parked)
{
    jam_restore *r = user;
    (void)parked;
    if (err < 0) {
        jam_admission_give(r->service->admission, r->engine);
        refuse_unknown(r);
        return;
    }
    RF_LOG_INFO("session goes on", RF_STR("session", r->parked->id));
    jam_session *s = jam_session_restore(r->service, r->engine, r->socket, &r->start, r->parked);
    if (r->socket != NULL) {
        jam_socket_restored(r->socket, s);
    }
    restore_free(r);
}

static bool is_to_be_had(const jam_restore *r)
{
    int64_t age_ms = rf_time_wall_ms() - r->parked->parked_wall_ms;
    return age_ms <= r->service->config->park_s * 1000 && r->parked->left_ms > 0 &&
           strcmp(r->parked->tenant, jam_socket_tenant(r->socket)) == 0;
}

static bool take_place(jam_restore *r)
{
    jam_error error;
    jam_refusal refusal;
    if (jam_admission_ask(r->service->admission, r->engine, r->socket, rf_time_ns(), &refusal) ==
        0) {
        return true;
    }
    jam_error_set(&error, JAM_BUSY, NULL, "there is no room for another session now");
    error.has_retry = error.has_place = true;
    error.retry_after_ms = refusal.retry_after_ms;
    error.queue_place = refusal.queue_place;
    refuse(r, &error);
    return false;
}

static void on_got(void *user, int err, jam_parked *parked)
{
    jam_restore *r = user;
    r->parked = parked;
    if (err < 0 || r->socket == NULL || !is_to_be_had(r)) {
        refuse_unknown(r);
        return;
    }
    r->engine = jam_engines_find(r->service->engines, parked->settings.engine);
    if (r->engine == NULL) {
        refuse_unknown(r);
    } else if (take_place(r)) {
        jam_parking_claim(r->service, r->parked, on_claimed, r);
    }
}

jam_restore *jam_restore_begin(jam_service *service, jam_socket *socket, const jam_message *start)
{
    jam_restore *r = RF_NEW(jam_restore);
    r->service = service;
    r->socket = socket;
    r->start = *start;
    jam_parking_get(service, start->resume_token, on_got, r);
    return r;
}

void jam_restore_forget(jam_restore *restore)
{
    restore->socket = NULL;
}
