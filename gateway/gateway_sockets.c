#include "gateway_sockets.h"

#include <pthread.h>
#include <uthash.h>

typedef struct entry {
    char name[GATEWAY_SOCKETS_NAME_MAX];
    size_t n;
    UT_hash_handle hh;
} entry;

struct gateway_sockets {
    pthread_mutex_t mutex;
    entry *entries;
};

gateway_sockets *gateway_sockets_new(void)
{
    gateway_sockets *t = RF_NEW(gateway_sockets);
    pthread_mutex_init(&t->mutex, NULL);
    return t;
}

static void drop(gateway_sockets *t, entry *e)
{
    HASH_DEL(t->entries, e); // NOLINT(clang-analyzer-core.NullDereference): uthash keeps prev
    free(e);
}

gateway_sockets *gateway_sockets_free(gateway_sockets *t)
{
    if (t != NULL) {
        while (t->entries != NULL) {
            drop(t, t->entries);
        }
        pthread_mutex_destroy(&t->mutex);
        free(t);
    }
    return NULL;
}

static entry *find(gateway_sockets *t, const char *name)
{
    entry *e = NULL;
    HASH_FIND_STR(t->entries, name, e);
    return e;
}

static entry *find_or_make(gateway_sockets *t, const char *name)
{
    entry *e = find(t, name);
    if (e == NULL) {
        e = RF_NEW(entry);
        rf_copy_str(e->name, sizeof(e->name), name);
        HASH_ADD_STR(t->entries, name, e);
    }
    return e;
}

bool gateway_sockets_take(gateway_sockets *t, const char *name, size_t max)
{
    pthread_mutex_lock(&t->mutex);
    entry *e = find_or_make(t, name);
    bool room = e->n < max;
    e->n += room ? 1 : 0;
    if (e->n == 0) {
        drop(t, e);
    }
    pthread_mutex_unlock(&t->mutex);
    return room;
}

void gateway_sockets_give(gateway_sockets *t, const char *name)
{
    pthread_mutex_lock(&t->mutex);
    entry *e = find(t, name);
    if (e != NULL && --e->n == 0) {
        drop(t, e);
    }
    pthread_mutex_unlock(&t->mutex);
}

size_t gateway_sockets_names(gateway_sockets *t)
{
    pthread_mutex_lock(&t->mutex);
    size_t n = HASH_COUNT(t->entries);
    pthread_mutex_unlock(&t->mutex);
    return n;
}
