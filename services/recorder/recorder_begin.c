#include "recorder_begin.h"

#include "recorder_feed.h"
#include "recorder_once.h"
#include "recorder_request.h"

#include <string.h>

recorder_session *recorder_begin_session(const recorder_service *s, const recorder_host *host)
{
    recorder_session *last =
        host->has_session ? recorder_registry_get_any(s->registry, host->session) : NULL;
    return last != NULL ? last : recorder_registry_get_any(s->registry, host->before);
}

static bool is_recording(const recorder_service *s, const recorder_host *host)
{
    const recorder_session *last = host != NULL ? recorder_begin_session(s, host) : NULL;
    return (last != NULL && recorder_state_captures(last->take->live.state)) ||
           (host != NULL && host->has_session && recorder_feed_opens(s, host->session));
}

static void fill_in(const recorder_config *config, recorder_start *start)
{
    recorder_request_default(start);
    start->options.capture_period_ms = (int32_t)config->capture_period_ms;
    start->options.ring_ms = (int32_t)config->ring_ms;
    start->options.stall_ms = (int32_t)config->stall_ms;
    start->options.reopen_s = (int32_t)config->reopen_s;
}

static recorder_code check_source(const recorder_begin_ask *ask, const recorder_start *start,
                                  recorder_error *error)
{
    if (ask->publisher && start->source != RECORDER_SOURCE_NETWORK) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "source: a publisher's is network");
    }
    return start->source == RECORDER_SOURCE_DEVICE ? recorder_access_devices(&ask->caller, error)
                                                   : RECORDER_OK;
}

static recorder_code read_start(const recorder_service *s, const recorder_host *host,
                                const recorder_begin_ask *ask, recorder_start *ret,
                                recorder_error *error)
{
    fill_in(s->config, ret);
    const char *prefix = s->config->key_prefix;
    recorder_code code =
        host != NULL ? recorder_request_read(host->body, prefix, ret, error) : RECORDER_OK;
    code = code == RECORDER_OK ? recorder_request_read(ask->body, prefix, ret, error) : code;
    code = code == RECORDER_OK ? check_source(ask, ret, error) : code;
    return code == RECORDER_OK &&
                   rf_copy_str(ret->tenant, sizeof(ret->tenant), ask->caller.tenant) < 0
               ? recorder_fail(error, RECORDER_INVALID_ARGUMENT, "tenant: at most 128 bytes")
               : code;
}

/* The recorder's session is the new one; until its source is open it is the one before. */
static void note_session(const recorder_service *s, recorder_host *host, const uint8_t *id)
{
    const recorder_session *last = recorder_begin_session(s, host);
    if (last != NULL) {
        memcpy(host->before, last->take->start.id, sizeof(host->before));
    }
    memcpy(host->session, id, sizeof(host->session));
    host->has_session = true;
}

static bool keeps_past(const recorder_start *start)
{
    return start->source != RECORDER_SOURCE_NETWORK && start->options.preroll_ms > 0;
}

static recorder_code open_preroll(recorder_service *s, recorder_host *host,
                                  const recorder_start *start, recorder_error *error)
{
    if (s->sources[start->source].ops == NULL) {
        return recorder_fail(error, RECORDER_DEVICE_UNAVAILABLE, "source: %s is not offered",
                             recorder_source_name(start->source));
    }
    if (recorder_registry_prerolls(s->registry, host->tenant) >=
        (size_t)s->config->sessions_per_tenant) {
        return recorder_fail(error, RECORDER_TOO_MANY_SESSIONS,
                             "preroll_ms: at most %lld recorders of a tenant keep a past",
                             (long long)s->config->sessions_per_tenant);
    }
    return recorder_preroll_open(s, start, &host->preroll, error);
}

/* The recorder's source, as this start asks for it: another source or shape has no past. */
static recorder_code renew_preroll(recorder_service *s, recorder_host *host,
                                   const recorder_start *start, recorder_error *error)
{
    if (host->preroll != NULL && recorder_preroll_fits(host->preroll, start)) {
        return RECORDER_OK;
    }
    host->preroll = recorder_preroll_close(host->preroll);
    return keeps_past(start) ? open_preroll(s, host, start, error) : RECORDER_OK;
}

recorder_code recorder_begin_open(recorder_service *s, const recorder_begin_ask *ask,
                                  recorder_host **ret, recorder_error *error)
{
    recorder_start start;
    recorder_code code = read_start(s, NULL, ask, &start, error);
    if (code != RECORDER_OK) {
        return code;
    }
    recorder_host *host = recorder_registry_open_host(s->registry, ask->caller.tenant, ask->body);
    if (host == NULL) {
        return recorder_fail(error, RECORDER_TOO_MANY_SESSIONS, "too many open recorders");
    }
    code = keeps_past(&start) ? open_preroll(s, host, &start, error) : RECORDER_OK;
    if (code != RECORDER_OK) {
        recorder_registry_close_host(s->registry, host);
        return code;
    }
    *ret = host;
    return RECORDER_OK;
}

recorder_code recorder_begin(recorder_service *s, const recorder_begin_ask *ask,
                             recorder_waiter_fn ready, void *user, recorder_session **ret,
                             recorder_error *error)
{
    static const recorder_error none = {.code = RECORDER_OK};
    recorder_start start;
    recorder_session *before = NULL;
    recorder_host *host = recorder_registry_host(s->registry, ask->caller.tenant, ask->recorder_id);
    bool once = ask->once != NULL && ask->once[0] != '\0';
    if (ask->recorder_id[0] != '\0' && host == NULL) {
        return recorder_fail(error, RECORDER_NOT_INITIALISED, "recorder_id: not open");
    }
    recorder_code code = read_start(s, host, ask, &start, error);
    code = code == RECORDER_OK && once ? recorder_once(s, ask->once, &start, &before, error) : code;
    if (code == RECORDER_OK && before != NULL) {
        *ret = NULL;
        ready(user, before, &none);
        return code;
    }
    if (code == RECORDER_OK && is_recording(s, host)) {
        return recorder_fail_state(error, RECORDER_ALREADY_RECORDING);
    }
    code = code == RECORDER_OK && host != NULL ? renew_preroll(s, host, &start, error) : code;
    code = code == RECORDER_OK
               ? recorder_service_start_from(s, &start, host != NULL ? host->preroll : NULL, ready,
                                             user, ret, error)
               : code;
    if (code == RECORDER_OK && host != NULL) {
        note_session(s, host, start.id);
    }
    return code;
}
