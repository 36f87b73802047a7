#include "gateway_used.h"

#include <pthread.h>
#include <uthash.h>

typedef struct entry {
    char name[GATEWAY_USED_NAME_MAX];
    int64_t until_s;
    UT_hash_handle hh; /* oldest first */
} entry;

struct gateway_used {
    pthread_mutex_t mutex;
    entry *entries;
    size_t max;
};

gateway_used *gateway_used_new(size_t max)
{
    gateway_used *u = RF_NEW(gateway_used);
    pthread_mutex_init(&u->mutex, NULL);
    u->max = max;
    return u;
}

static void drop(gateway_used *u, entry *e)
{
    HASH_DEL(u->entries, e); // NOLINT(clang-analyzer-core.NullDereference): uthash keeps prev
    free(e);
}

gateway_used *gateway_used_free(gateway_used *u)
{
    if (u != NULL) {
        while (u->entries != NULL) {
            drop(u, u->entries);
        }
        pthread_mutex_destroy(&u->mutex);
        free(u);
    }
    return NULL;
}

static bool take(gateway_used *u, const char *name, int64_t until_s)
{
    entry *e = NULL;
    HASH_FIND_STR(u->entries, name, e);
    if (e != NULL || HASH_COUNT(u->entries) >= u->max) {
        return false;
    }
    e = RF_NEW(entry);
    e->until_s = until_s;
    (void)rf_copy_str(e->name, sizeof(e->name), name);
    HASH_ADD_STR(u->entries, name, e);
    return true;
}

bool gateway_used_take(gateway_used *u, const char *name, int64_t until_s, int64_t now_s)
{
    pthread_mutex_lock(&u->mutex);
    while (u->entries != NULL && u->entries->until_s < now_s) {
        drop(u, u->entries);
    }
    bool taken = take(u, name, until_s);
    pthread_mutex_unlock(&u->mutex);
    return taken;
}
