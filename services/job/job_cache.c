#include "job_cache.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#define KEY_BYTES 16

typedef struct entry {
    uint8_t id[KEY_BYTES];
    uint8_t app[KEY_BYTES];
    job_state state;
    struct entry *prev; /* in order of arrival */
    struct entry *next;
    UT_hash_handle hh;
} entry;

struct job_cache {
    pthread_mutex_t mutex;
    size_t capacity;
    entry *table;
    entry *order;
};

job_cache *job_cache_new(size_t capacity)
{
    job_cache *c = RF_NEW(job_cache);
    pthread_mutex_init(&c->mutex, NULL);
    c->capacity = capacity;
    return c;
}

static void drop(job_cache *c, entry *e)
{
    HASH_DEL(c->table, e); // NOLINT(clang-analyzer-core.NullDereference): uthash keeps prev
    DL_DELETE(c->order, e);
    free(e);
}

job_cache *job_cache_free(job_cache *c)
{
    if (c != NULL) {
        while (c->order != NULL) {
            drop(c, c->order);
        }
        pthread_mutex_destroy(&c->mutex);
        free(c);
    }
    return NULL;
}

static uint8_t digit(char c)
{
    return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
}

/* The bytes of a UUID in text; what is none gives bytes that no job has. */
static void pack(const char *uuid, uint8_t out[KEY_BYTES])
{
    memset(out, 0, KEY_BYTES);
    for (size_t n = 0; *uuid != '\0' && n < 2 * KEY_BYTES; uuid++) {
        if (isxdigit((unsigned char)*uuid)) {
            out[n / 2] = (uint8_t)(out[n / 2] << 4 | digit(*uuid));
            n++;
        }
    }
}

static entry *find(job_cache *c, const uint8_t id[KEY_BYTES])
{
    entry *e;
    HASH_FIND(hh, c->table, id, KEY_BYTES, e);
    return e;
}

static entry *add(job_cache *c, const uint8_t id[KEY_BYTES])
{
    if (HASH_COUNT(c->table) >= c->capacity) {
        drop(c, c->order);
    }
    entry *e = RF_NEW(entry);
    memcpy(e->id, id, KEY_BYTES);
    HASH_ADD(hh, c->table, id, KEY_BYTES, e);
    DL_APPEND(c->order, e);
    return e;
}

void job_cache_put(job_cache *c, const char *app, const char *id, job_state state)
{
    uint8_t key[KEY_BYTES];
    pack(id, key);
    pthread_mutex_lock(&c->mutex);
    entry *e = find(c, key);
    if (state == JOB_NONE) {
        if (e != NULL) {
            drop(c, e);
        }
    } else {
        e = e == NULL ? add(c, key) : e;
        pack(app, e->app);
        e->state = state;
    }
    pthread_mutex_unlock(&c->mutex);
}

void job_cache_advance(job_cache *c, const char *id, job_state state)
{
    uint8_t key[KEY_BYTES];
    pack(id, key);
    pthread_mutex_lock(&c->mutex);
    entry *e = find(c, key);
    if (e != NULL && state == JOB_NONE) {
        drop(c, e);
    } else if (e != NULL && state > e->state) {
        e->state = state;
    }
    pthread_mutex_unlock(&c->mutex);
}

job_state job_cache_get(job_cache *c, const char *app, const char *id)
{
    uint8_t key[KEY_BYTES];
    uint8_t owner[KEY_BYTES];
    pack(id, key);
    pack(app, owner);
    pthread_mutex_lock(&c->mutex);
    const entry *e = find(c, key);
    job_state state = e != NULL && memcmp(e->app, owner, KEY_BYTES) == 0 ? e->state : JOB_NONE;
    pthread_mutex_unlock(&c->mutex);
    return state;
}

size_t job_cache_count(job_cache *c)
{
    pthread_mutex_lock(&c->mutex);
    size_t n = HASH_COUNT(c->table);
    pthread_mutex_unlock(&c->mutex);
    return n;
}
