#include "rf_store.h"

#include "rf_crypto.h"
#include "rf_store_backend.h"

#include <errno.h>
#include <string.h>

struct rf_store {
    const rf_store_backend *backend;
    void *self;
};

/*
 * open --write--> open --sha256--> ended --commit--> committed
 *   |               |                ^      any failure --> failed
 *   +---------------+----commit------+
 */
typedef enum put_state { PUT_OPEN, PUT_ENDED, PUT_COMMITTED, PUT_FAILED } put_state;

struct rf_store_put {
    rf_store *store;
    void *self;
    put_state state;
    uint64_t size;
    uint64_t max_bytes;
    rf_sha256 *hash; /* NULL once finished */
    rf_buf meta;
    uint8_t sha256[RF_SHA256_LEN];
};

struct rf_store_object {
    rf_store *store;
    void *self;
    rf_store_info info;
    rf_buf meta;
};

static const rf_store_backend *const backends[] = {&rf_store_dir_backend, &rf_store_s3_backend};

/* ---- store ---- */

int rf_store_open(const char *url, rf_store **ret)
{
    for (size_t i = 0; url != NULL && i < RF_ARRAY_LEN(backends); i++) {
        const rf_store_backend *b = backends[i];
        size_t n = strlen(b->scheme);
        if (b->version != RF_STORE_BACKEND_VERSION || strncmp(url, b->scheme, n) != 0 ||
            url[n] != ':' || url[n + 1] == '\0') {
            continue;
        }
        void *self = NULL;
        int err = b->open(url + n + 1, &self);
        if (err == 0) {
            *ret = RF_NEW(rf_store);
            **ret = (rf_store){.backend = b, .self = self};
        }
        return err;
    }
    return -EINVAL;
}

rf_store *rf_store_close(rf_store *store)
{
    if (store != NULL) {
        store->backend->close(store->self);
        free(store);
    }
    return NULL;
}

/* ---- writing ---- */

int rf_store_put_open(rf_store *store, const char *key, uint64_t max_bytes, unsigned flags,
                      rf_store_put **ret)
{
    if (!rf_store_key_valid(key) || (flags & ~RF_STORE_NEW_ONLY) != 0) {
        return -EINVAL;
    }
    void *self = NULL;
    int err = store->backend->put_open(store->self, key, flags, &self);
    if (err < 0) {
        return err;
    }
    rf_store_put *put = RF_NEW(rf_store_put);
    *put = (rf_store_put){.store = store, .self = self, .max_bytes = max_bytes};
    put->hash = rf_sha256_new();
    rf_buf_init(&put->meta, RF_STORE_MAX_META);
    *ret = put;
    return 0;
}

static int put_fail(rf_store_put *put, int err)
{
    if (err < 0) {
        put->state = PUT_FAILED;
    }
    return err;
}

int rf_store_put_write(rf_store_put *put, const void *data, size_t len)
{
    if (put->state != PUT_OPEN) {
        return -EBADF;
    }
    if (len > put->max_bytes - put->size) {
        return put_fail(put, -EFBIG);
    }
    int err = put->store->backend->put_write(put->self, data, len);
    if (err == 0) {
        rf_sha256_add(put->hash, data, len);
        put->size += len;
    }
    return put_fail(put, err);
}

int rf_store_put_meta(rf_store_put *put, const void *data, size_t len)
{
    if (put->state != PUT_OPEN && put->state != PUT_ENDED) {
        return -EBADF;
    }
    if (len > RF_STORE_MAX_META) {
        return -EFBIG;
    }
    rf_buf_clear(&put->meta);
    return rf_buf_append(&put->meta, data, len);
}

uint64_t rf_store_put_size(const rf_store_put *put)
{
    return put->size;
}

static void put_end(rf_store_put *put)
{
    if (put->hash != NULL) {
        rf_sha256_finish(RF_STEAL(put->hash), put->sha256);
    }
    put->state = put->state == PUT_OPEN ? PUT_ENDED : put->state;
}

void rf_store_put_sha256(rf_store_put *put, uint8_t out[32])
{
    put_end(put);
    memcpy(out, put->sha256, RF_SHA256_LEN);
}

int rf_store_put_commit(rf_store_put *put)
{
    put_end(put);
    if (put->state != PUT_ENDED) {
        return -EBADF;
    }
    int err = put->store->backend->put_commit(put->self, put->meta.data, put->meta.len);
    put->state = PUT_COMMITTED;
    return put_fail(put, err);
}

rf_store_put *rf_store_put_free(rf_store_put *put)
{
    if (put != NULL) {
        put->store->backend->put_free(put->self);
        rf_sha256_free(put->hash);
        rf_buf_done(&put->meta);
        free(put);
    }
    return NULL;
}

/* ---- reading ---- */

int rf_store_get(rf_store *store, const char *key, rf_store_object **ret)
{
    if (!rf_store_key_valid(key)) {
        return -EINVAL;
    }
    void *self = NULL;
    rf_store_info info = {0};
    rf_buf meta;
    rf_buf_init(&meta, RF_STORE_MAX_META);
    int err = store->backend->get(store->self, key, &info, &meta, &self);
    if (err < 0) {
        rf_buf_done(&meta);
        return err;
    }
    *ret = RF_NEW(rf_store_object);
    **ret = (rf_store_object){.store = store, .self = self, .info = info, .meta = meta};
    return 0;
}

rf_store_object *rf_store_object_free(rf_store_object *object)
{
    if (object != NULL) {
        object->store->backend->object_free(object->self);
        rf_buf_done(&object->meta);
        free(object);
    }
    return NULL;
}

const rf_store_info *rf_store_object_info(const rf_store_object *object)
{
    return &object->info;
}

const void *rf_store_object_meta(const rf_store_object *object, size_t *ret_len)
{
    *ret_len = object->meta.len;
    return object->meta.len == 0 ? NULL : object->meta.data;
}

ssize_t rf_store_object_read(rf_store_object *object, uint64_t offset, void *data, size_t len)
{
    if (offset >= object->info.size || len == 0) {
        return 0;
    }
    len = (size_t)RF_MIN((uint64_t)len, object->info.size - offset);
    return object->store->backend->read(object->self, offset, data, len);
}

int rf_store_object_fd(const rf_store_object *object)
{
    return object->store->backend->fd(object->self);
}

int rf_store_stat(rf_store *store, const char *key, rf_store_info *ret)
{
    return rf_store_key_valid(key) ? store->backend->stat(store->self, key, ret, NULL) : -EINVAL;
}

int rf_store_stat_meta(rf_store *store, const char *key, rf_store_info *ret, rf_buf *out)
{
    return rf_store_key_valid(key) ? store->backend->stat(store->self, key, ret, out) : -EINVAL;
}

int rf_store_presign(rf_store *store, const char *key, int64_t seconds, char **ret_url)
{
    if (!rf_store_key_valid(key)) {
        return -EINVAL;
    }
    return store->backend->presign != NULL
               ? store->backend->presign(store->self, key, seconds, ret_url)
               : -EOPNOTSUPP;
}

/* ---- removing, listing ---- */

int rf_store_delete(rf_store *store, const char *key)
{
    return rf_store_key_valid(key) ? store->backend->remove(store->self, key) : -EINVAL;
}

int rf_store_list(rf_store *store, const char *prefix, rf_store_list_fn fn, void *user)
{
    if (prefix[0] != '\0' && !rf_store_key_valid(prefix)) {
        return -EINVAL;
    }
    return store->backend->list(store->self, prefix, fn, user);
}

typedef struct sweep {
    rf_store *store;
    int64_t older_than_ms;
    rf_store_wanted_fn wanted;
    void *user;
    uint64_t n_removed;
} sweep;

static int sweep_one(const char *key, const rf_store_info *info, void *user)
{
    sweep *s = user;
    if (info->modified_ms >= s->older_than_ms ||
        (s->wanted != NULL && s->wanted(key, info, s->user))) {
        return 0;
    }
    int err = rf_store_delete(s->store, key);
    s->n_removed += err == 0 ? 1 : 0;
    return err == -ENOENT ? 0 : err;
}

int rf_store_sweep(rf_store *store, const char *prefix, int64_t older_than_ms,
                   rf_store_wanted_fn wanted, void *user, uint64_t *ret_removed)
{
    sweep s = {store, older_than_ms, wanted, user, 0};
    int err = rf_store_list(store, prefix, sweep_one, &s);
    if (ret_removed != NULL) {
        *ret_removed = s.n_removed;
    }
    return err;
}

int rf_store_delete_prefix(rf_store *store, const char *prefix, uint64_t *ret_removed)
{
    if (!rf_store_key_valid(prefix)) {
        return -EINVAL;
    }
    return rf_store_sweep(store, prefix, INT64_MAX, NULL, NULL, ret_removed);
}
