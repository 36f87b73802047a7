/*
 * rf_store_backend.h - what a backend of rf_store.h provides. Only rf_store.c and backends include
 * this. Keys and prefixes were checked, sizes and hashes are counted by rf_store.c; return values
 * are those of rf_store.h.
 */
#ifndef RF_STORE_BACKEND_H
#define RF_STORE_BACKEND_H

#include "rf_store.h"

#define RF_STORE_BACKEND_VERSION 3

typedef struct rf_store_backend {
    unsigned version;
    const char *scheme; /* of the URL */

    int (*open)(const char *address, void **ret_store);
    void (*close)(void *store);

    int (*put_open)(void *store, const char *key, unsigned flags, void **ret_put);
    int (*put_write)(void *put, const void *data, size_t len);
    int (*put_commit)(void *put, const void *meta, size_t meta_len); /* meta_len 0: none */
    void (*put_free)(void *put);

    /* get and stat append the metadata to meta; NULL: it is not wanted. */
    int (*get)(void *store, const char *key, rf_store_info *ret_info, rf_buf *meta,
               void **ret_object);
    ssize_t (*read)(void *object, uint64_t offset, void *data, size_t len);
    int (*fd)(const void *object);
    void (*object_free)(void *object);

    int (*stat)(void *store, const char *key, rf_store_info *ret, rf_buf *meta);
    int (*remove)(void *store, const char *key);
    int (*list)(void *store, const char *prefix, rf_store_list_fn fn, void *user);
    int (*presign)(void *store, const char *key, int64_t seconds, char **ret_url); /* or NULL */
} rf_store_backend;

extern const rf_store_backend rf_store_dir_backend;
extern const rf_store_backend rf_store_s3_backend;

#endif
