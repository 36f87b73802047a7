#include "jam_start.h"

#include "rf_time.h"

#include <errno.h>
#include <string.h>

#define ANONYMOUS_RETRY_MS 5000
#define DRAIN_RETRY_MS 1000

static int refuse_busy(jam_error *error, const jam_refusal *refusal, const char *why)
{
    jam_error_set(error, JAM_BUSY, NULL, "%s", why);
    error->has_retry = error->has_place = true;
    error->retry_after_ms = refusal->retry_after_ms;
    error->queue_place = refusal->queue_place;
    return -EBUSY;
}

static int check_draining(const jam_service *service, jam_error *error)
{
    if (!service->draining) {
        return 0;
    }
    jam_error_set(error, JAM_DRAINING, NULL, "the server is stopping");
    error->has_retry = true;
    error->retry_after_ms = DRAIN_RETRY_MS;
    return -EBUSY;
}

static int check_anonymous(const jam_service *service, const jam_socket *socket, jam_error *error)
{
    static const jam_refusal refusal = {.retry_after_ms = ANONYMOUS_RETRY_MS};
    size_t n_address, n_all;
    if (jam_socket_tenant(socket)[0] != '\0') {
        return 0;
    }
    jam_registry_anonymous(service->registry, jam_socket_address(socket), &n_address, &n_all);
    if (n_address >= (size_t)service->config->anonymous_per_address) {
        return refuse_busy(error, &refusal, "this address has its sessions without a key already");
    }
    if (n_all >= (size_t)service->config->anonymous_max) {
        return refuse_busy(error, &refusal, "all sessions without a key are taken");
    }
    return 0;
}

static void count(const jam_service *service, const jam_engine_entry *engine,
                  jam_start_result result)
{
    rf_metric_add(service->metrics->engines[engine->number].starts[result], 1);
}

/* ---- a new session ---- */

static int take_place(jam_service *service, jam_engine_entry *engine, const jam_socket *socket,
                      jam_error *error)
{
    jam_refusal refusal;
    int err = jam_admission_ask(service->admission, engine, socket, rf_time_ns(), &refusal);
    jam_service_measure_queue(service);
    if (err < 0) {
        rf_metric_add(service->metrics->engines[engine->number].busy, 1);
        return refuse_busy(error, &refusal, "there is no room for another session now");
    }
    return 0;
}

static int open_new(jam_service *service, jam_socket *socket, const jam_message *start,
                    jam_session **ret, jam_error *error)
{
    jam_settings settings;
    jam_settings_default(&settings);
    jam_settings_apply(&settings, &start->change);
    jam_engine_entry *engine = jam_engines_find(service->engines, settings.engine);
    if (engine == NULL) {
        jam_error_set(error, JAM_ENGINE_UNAVAILABLE, "engine", "engine %s is not installed",
                      settings.engine);
        return -ENOENT;
    }
    int err = check_anonymous(service, socket, error);
    err = err == 0 ? take_place(service, engine, socket, error) : err;
    if (err < 0) {
        count(service, engine, JAM_START_REFUSED);
        return err;
    }
    *ret = jam_session_open(service, engine, socket, start);
    return 0;
}

/* ---- sessions that are there ---- */

static int join(jam_service *service, jam_socket *socket, const jam_message *start,
                jam_session **ret, jam_error *error)
{
    jam_session *s = jam_registry_find(service->registry, start->session_id);
    bool has_token = s != NULL && jam_session_is_listen_token(s, start->listen_token);
    bool is_own = s != NULL && strcmp(jam_session_tenant(s), jam_socket_tenant(socket)) == 0;
    if (!is_own && !has_token) {
        jam_error_set(error, JAM_SESSION_NOT_FOUND, "session_id", "there is no such session");
        return -ENOENT;
    }
    if (!is_own && start->role == JAM_ROLE_CONTROLLER) {
        jam_error_set(error, JAM_FORBIDDEN, "role", "a listen_token is for listening");
        return -EPERM;
    }
    int err = jam_session_join(s, socket, start, error);
    if (err == 0) {
        count(service, jam_session_engine(s), JAM_START_JOINED);
        *ret = s;
    }
    return err;
}

static int resume(jam_service *service, jam_socket *socket, const jam_message *start,
                  jam_started_by *ret, jam_error *error)
{
    jam_session *s = jam_registry_find_token(service->registry, start->resume_token);
    if (s == NULL && service->store != NULL) {
        ret->restore = jam_restore_begin(service, socket, start);
        return 0;
    }
    if (s == NULL || strcmp(jam_session_tenant(s), jam_socket_tenant(socket)) != 0) {
        jam_error_set(error, JAM_RESUME_UNKNOWN, "resume_token", "the token is used or expired");
        rf_metric_add(service->metrics->resumes[JAM_RESUME_NONE], 1);
        return -ENOENT;
    }
    int err = jam_session_resume(s, socket, start, error);
    if (err == 0) {
        count(service, jam_session_engine(s), JAM_START_RESUMED);
        ret->session = s;
    }
    return err;
}

int jam_start_begin(jam_service *service, jam_socket *socket, const jam_message *start,
                    jam_started_by *ret, jam_error *error)
{
    int err = check_draining(service, error);
    if (err < 0) {
        return err;
    }
    if (start->resume_token[0] != '\0') {
        return resume(service, socket, start, ret, error);
    }
    if (start->session_id[0] != '\0' || start->role == JAM_ROLE_LISTENER) {
        return join(service, socket, start, &ret->session, error);
    }
    return open_new(service, socket, start, &ret->session, error);
}
