#include "recorder_once.h"

#include "recorder_feed.h"
#include "rf_crypto.h"
#include "rf_time.h"

#include <string.h>
#include <unistd.h>

#define KEPT_NS (INT64_C(86400) * RF_NS_PER_S)

/* The n-th id of a key: the next one once the session of the last is older than 24 h. */
static void nth_id(const char *tenant, const char *key, uint32_t n, uint8_t ret[RECORDER_ID_LEN])
{
    static const char purpose[] = "recorder.once";
    uint8_t digest[RF_SHA256_LEN];
    rf_sha256 *h = rf_sha256_new();
    rf_sha256_add(h, purpose, sizeof(purpose));
    rf_sha256_add(h, tenant, strlen(tenant) + 1);
    rf_sha256_add(h, key, strlen(key) + 1);
    rf_sha256_add(h, &n, sizeof(n));
    rf_sha256_finish(h, digest);
    memcpy(ret, digest, RECORDER_ID_LEN);
}

/* A device that is open calls itself by its own name. */
static bool same_body(const recorder_start *a, const recorder_start *b)
{
    bool same_name = strcmp(a->source_name, b->source_name) == 0;
    return a->source == b->source && (same_name || a->source == RECORDER_SOURCE_DEVICE) &&
           strcmp(a->folder, b->folder) == 0 && a->sample_format == b->sample_format &&
           a->channels == b->channels && a->rate_hz == b->rate_hz && a->chunk == b->chunk &&
           a->store_format == b->store_format &&
           memcmp(&a->options, &b->options, sizeof(a->options)) == 0 &&
           strcmp(a->trace_id, b->trace_id) == 0;
}

/* A session that is forgotten, whose audio is not. */
static bool has_master(const recorder_service *s, const uint8_t id[RECORDER_ID_LEN])
{
    RF_CLEANUP(rf_cleanup_free) char *path = recorder_service_master(s, id);
    return access(path, F_OK) == 0;
}

/* One that the registry does not know yet. */
static bool is_unread(const recorder_service *s, const uint8_t id[RECORDER_ID_LEN])
{
    RF_CLEANUP(rf_cleanup_free) char *path = recorder_service_finished(s, id);
    return recorder_registry_lacks(s->registry) && access(path, F_OK) == 0 &&
           recorder_registry_get_any(s->registry, id) == NULL;
}

/* The session of the key that is not too old, or NULL with the next free id. */
static recorder_session *find(const recorder_service *s, const char *key, recorder_start *start)
{
    int64_t now_ns = rf_time_ns() + recorder_utc_offset_ns();
    for (uint32_t n = 0;; n++) {
        nth_id(start->tenant, key, n, start->id);
        recorder_session *session = recorder_registry_get_any(s->registry, start->id);
        if (session == NULL && (!has_master(s, start->id) || is_unread(s, start->id))) {
            return NULL;
        }
        if (session != NULL && now_ns - session->take->start.requested_at_ns < KEPT_NS) {
            return session;
        }
    }
}

recorder_code recorder_once(const recorder_service *s, const char *key, recorder_start *start,
                            recorder_session **ret, recorder_error *error)
{
    if (strlen(key) > RECORDER_ONCE_KEY_MAX) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT, "idempotency_key: at most %d bytes",
                             RECORDER_ONCE_KEY_MAX);
    }
    *ret = find(s, key, start);
    if (*ret != NULL && !same_body(&(*ret)->take->start, start)) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                             "idempotency_key: has started a session of another body");
    }
    bool waits = *ret != NULL ? !(*ret)->begun || (*ret)->recovering
                              : recorder_feed_opens(s, start->id) || is_unread(s, start->id);
    return waits ? recorder_fail(error, RECORDER_NOT_INITIALISED,
                                 "the first start of this idempotency_key is not done yet")
                 : RECORDER_OK;
}
