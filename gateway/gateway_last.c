#include "gateway_last.h"

#include "rf_id.h"
#include "rf_time.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define N_SLOTS 16384

typedef struct slot {
    int64_t at_ns;
    size_t len; /* 0: empty */
    char application[RF_UUID_LEN];
    char job[RF_UUID_LEN];
    char text[GATEWAY_LAST_TEXT_MAX];
} slot;

struct gateway_last {
    pthread_mutex_t mutex;
    slot *slots;
};

gateway_last *gateway_last_new(void)
{
    gateway_last *t = RF_NEW(gateway_last);
    pthread_mutex_init(&t->mutex, NULL);
    t->slots = RF_NEW_ARRAY(slot, N_SLOTS);
    return t;
}

gateway_last *gateway_last_free(gateway_last *t)
{
    if (t != NULL) {
        pthread_mutex_destroy(&t->mutex);
        free(t->slots);
        free(t);
    }
    return NULL;
}

/* FNV-1a; job ids are random, so that any spread does. */
static slot *slot_of(gateway_last *t, const char *job)
{
    uint32_t h = 2166136261u;
    for (const char *p = job; *p != '\0'; p++) {
        h = (h ^ (uint8_t)*p) * 16777619u;
    }
    return &t->slots[h % N_SLOTS];
}

static bool holds(const slot *s, const char *application, const char *job)
{
    return s->len > 0 && strcmp(s->job, job) == 0 && strcmp(s->application, application) == 0;
}

void gateway_last_put(gateway_last *t, const char *application, const char *job, const char *json,
                      size_t len, int64_t now_ns)
{
    if (len == 0 || len > GATEWAY_LAST_TEXT_MAX) {
        return;
    }
    pthread_mutex_lock(&t->mutex);
    slot *s = slot_of(t, job);
    s->at_ns = now_ns;
    s->len = len;
    rf_copy_str(s->application, sizeof(s->application), application);
    rf_copy_str(s->job, sizeof(s->job), job);
    memcpy(s->text, json, len);
    pthread_mutex_unlock(&t->mutex);
}

int gateway_last_get(gateway_last *t, const char *application, const char *job, int64_t now_ns,
                     char out[GATEWAY_LAST_TEXT_MAX])
{
    int len = -ENOENT;
    pthread_mutex_lock(&t->mutex);
    const slot *s = slot_of(t, job);
    if (holds(s, application, job) && now_ns - s->at_ns <= GATEWAY_LAST_AGE_S * RF_NS_PER_S) {
        memcpy(out, s->text, s->len);
        len = (int)s->len;
    }
    pthread_mutex_unlock(&t->mutex);
    return len;
}

void gateway_last_drop(gateway_last *t, const char *application, const char *job)
{
    pthread_mutex_lock(&t->mutex);
    slot *s = slot_of(t, job);
    if (holds(s, application, job)) {
        s->len = 0;
    }
    pthread_mutex_unlock(&t->mutex);
}
