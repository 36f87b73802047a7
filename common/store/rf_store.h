/*
 * rf_store.h - objects: immutable bytes under a key, written whole or not at all.
 *
 * The URL picks the backend (rf_store_backend.h):
 *     dir:PATH     files below PATH on one machine
 * Keys are made by the server, never from user text: 1 to 8 segments `[a-z0-9-]{1,64}` joined by
 * '/', at most RF_STORE_MAX_KEY characters; no key is the beginning of another one's segments.
 * Nothing resolves outside the root: a directory store opens with openat2(RESOLVE_BENEATH, no
 * symbolic links).
 *
 * Threads: an rf_store may be used by any thread; a put or an object by one thread at a time. Calls
 * block on the disk (rf_store_put_commit for an fsync): keep them off event loops.
 *
 * Errors everywhere: -EINVAL bad key, -ENOENT no such object, -ENOSPC the store is full (quota
 * included), -EFBIG above the maximum of the put, -EIO the disk failed, -EEXIST
 * (RF_STORE_NEW_ONLY).
 */
#ifndef RF_STORE_H
#define RF_STORE_H

#include "rf_base.h"

#include <sys/types.h>

#define RF_STORE_MAX_KEY 200 /* characters */
#define RF_STORE_NEW_ONLY 1u /* rf_store_put_open: commit fails with -EEXIST over an object */

typedef struct rf_store rf_store;
typedef struct rf_store_put rf_store_put;
typedef struct rf_store_object rf_store_object;

typedef struct rf_store_info {
    uint64_t size;       /* bytes */
    int64_t modified_ms; /* wall clock of the commit */
} rf_store_info;

/* rf_store_open opens or makes the store; temporary files that a crash left are removed. Returns 0,
 * -EINVAL for a bad URL, or the errno of the file system. */
int rf_store_open(const char *url, rf_store **ret) RF_MUST_USE;

/* rf_store_close frees the store; puts and objects must have been freed. NULL is fine. */
rf_store *rf_store_close(rf_store *store);

/* rf_store_key_valid says whether key has the form above. */
bool rf_store_key_valid(const char *key);

/* rf_store_put_open begins an object of at most max_bytes. Nothing is visible before the commit;
 * an object already there is replaced by it at once unless flags has RF_STORE_NEW_ONLY. */
int rf_store_put_open(rf_store *store, const char *key, uint64_t max_bytes, unsigned flags,
                      rf_store_put **ret) RF_MUST_USE;

/* rf_store_put_write appends. After a failure the put can only be freed. */
int rf_store_put_write(rf_store_put *put, const void *data, size_t len) RF_MUST_USE;

/* rf_store_put_size tells the bytes written so far. rf_store_put_sha256 ends the writing and tells
 * the SHA-256 of the whole: a digest can be compared before the commit, and read after it. */
uint64_t rf_store_put_size(const rf_store_put *put);
void rf_store_put_sha256(rf_store_put *put, uint8_t out[32]);

/* rf_store_put_commit makes the object durable (bytes, then name), then visible. Concurrent commits
 * share their fsyncs. Returns 0 or an error; the put stays the caller's to free. */
int rf_store_put_commit(rf_store_put *put) RF_MUST_USE;

/* rf_store_put_free ends the put and discards what was not committed. NULL is fine. */
rf_store_put *rf_store_put_free(rf_store_put *put);

/* rf_store_get opens an object for reading; a later delete or replacement does not disturb it. */
int rf_store_get(rf_store *store, const char *key, rf_store_object **ret) RF_MUST_USE;
rf_store_object *rf_store_object_free(rf_store_object *object);

const rf_store_info *rf_store_object_info(const rf_store_object *object);

/* rf_store_object_read reads up to len bytes at offset; returns their number, 0 at the end. */
ssize_t rf_store_object_read(rf_store_object *object, uint64_t offset, void *data,
                             size_t len) RF_MUST_USE;

/* rf_store_object_fd gives a read-only descriptor (for sendfile or a child), owned by the object;
 * -EOPNOTSUPP when the backend has none. */
int rf_store_object_fd(const rf_store_object *object);

/* rf_store_stat tells about an object without opening it. */
int rf_store_stat(rf_store *store, const char *key, rf_store_info *ret) RF_MUST_USE;

/* rf_store_delete removes an object. Durable: it does not come back after a crash. */
int rf_store_delete(rf_store *store, const char *key);

/* Called for each object of a list; a non-zero value ends it and is returned. Deleting the object
 * given is allowed. */
typedef int (*rf_store_list_fn)(const char *key, const rf_store_info *info, void *user);

/* rf_store_list calls fn for each object whose key begins with the segments of prefix ("" for all,
 * "jobs/1f", never half a segment), in no order. Returns 0, fn's value, or an error. */
int rf_store_list(rf_store *store, const char *prefix, rf_store_list_fn fn, void *user);

/* rf_store_delete_prefix removes every object below prefix (not ""). *ret_removed may be NULL. */
int rf_store_delete_prefix(rf_store *store, const char *prefix, uint64_t *ret_removed);

/* Says whether a key is still needed. */
typedef bool (*rf_store_wanted_fn)(const char *key, const rf_store_info *info, void *user);

/* rf_store_sweep removes objects below prefix last written before older_than_ms (wall clock) that
 * wanted (NULL: none is) does not hold on to. *ret_removed may be NULL. */
int rf_store_sweep(rf_store *store, const char *prefix, int64_t older_than_ms,
                   rf_store_wanted_fn wanted, void *user, uint64_t *ret_removed);

#endif
