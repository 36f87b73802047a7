/*
 * rf_store.h - objects: immutable bytes under a key, written whole or not at all.
 *
 * The URL picks the backend (rf_store_backend.h):
 *     dir:PATH                             files below PATH on one machine
 *     s3://BUCKET[/PREFIX][?NAME=VALUE&..] an S3 bucket that exists, below PREFIX (a key) if given
 *         endpoint     https://host[:port] or http://..; without it AWS of the region
 *         region       else AWS_REGION, AWS_DEFAULT_REGION, us-east-1
 *         style        path (host/bucket/key, as with an endpoint) or virtual (bucket.host/key)
 *         ca           PEM file of the authorities trusted, instead of the system's
 *         credentials  file in the AWS form; without it AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
 * and AWS_SESSION_TOKEN, else AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials. A file is read
 * again when it changes, so that keys can be renewed under it profile      section of that file;
 * else AWS_PROFILE, AWS_DEFAULT_PROFILE, default timeout      seconds of one request with all its
 * tries [120] slow         seconds below 4 KiB/s after which a try is given up [20] stale age in
 * seconds of unfinished uploads that rf_store_open ends [86,400] Values may be percent-encoded.
 * Secrets never stand in a URL, so that it may be logged. A key is 1 to 20 segments joined by '/',
 * at most RF_STORE_MAX_KEY bytes. A segment is 1 to 128 bytes: ASCII letters and digits, `. _ - = @
 * +`, and valid UTF-8 from U+00A0 up; it never begins with "." (spec recorder.md K1 to K3). Keys
 * are compared byte by byte and segment by segment; no key is the beginning of another one's
 * segments. Nothing resolves outside the root: a directory store opens with
 * openat2(RESOLVE_BENEATH, no symbolic links).
 *
 * An object may have metadata: up to RF_STORE_MAX_META bytes of the caller's own form (JSON, as a
 * rule), given before the commit and there from the moment the object is. To be atomic on every
 * backend the metadata lies under an id that the object carries, and is durable before the object
 * is visible; a replaced object takes its metadata along. A directory keeps it beside the object
 * and the id in the object's time of change (copies of a store must keep times to the nanosecond:
 * cp -a, rsync -a, tar --format=posix). An S3 backend puts the id into one x-amz-meta header, which
 * is set when the multipart upload begins, and the metadata (above S3's own limit of 2 KiB, and
 * complete only when the last part is known) into an object of its own before the upload is
 * completed.
 *
 * Where S3 differs from a directory:
 *   - an open object has its first 256 KiB; a read of what lies beyond fails with -ESTALE once the
 *     object has been replaced or deleted, unless the bucket keeps versions;
 *   - "no key is the beginning of another one's segments" is kept by servers on a file system;
 * others take such a key, and then have both;
 *   - modified_ms is the server's clock, to the second where it says no more;
 *   - PREFIX, key and, with metadata, 18 bytes more must fit into 1,024 bytes: -ENAMETOOLONG;
 *   - RF_STORE_NEW_ONLY needs a server that knows If-None-Match (AWS, MinIO, versitygw do);
 *   - a put gathers parts of 8 MiB (from the 2,001st on 16 MiB, and so on) in memory and sends them
 * in rf_store_put_write; an object that is read has a window of at most 2 MiB. Requests are
 * repeated with jittered back-off while the server fails, is busy, slow or away, until the timeout;
 * what is no ordinary outcome is logged with its cause and the setting's name.
 *
 * Threads: an rf_store may be used by any thread; a put or an object by one thread at a time. Calls
 * block on the disk (rf_store_put_commit for an fsync): keep them off event loops.
 *
 * Errors everywhere: -EINVAL bad key, -ENOENT no such object, -ENOSPC the store is full (quota
 * included), -EFBIG above the maximum of the put, -EIO the disk or the server failed, -EEXIST
 * (RF_STORE_NEW_ONLY), -EOPNOTSUPP the file system's times are too coarse for metadata. Of S3
 * alone: -EACCES the credentials are refused or missing, -ENODEV no such bucket, -ETIME this
 * machine's clock is wrong, -ETIMEDOUT too slow, -EHOSTUNREACH no connection, -EKEYREJECTED its
 * certificate is not trusted, -EPROTO an answer that makes no sense.
 */
#ifndef RF_STORE_H
#define RF_STORE_H

#include "rf_base.h"
#include "rf_buf.h"

#include <sys/types.h>

#define RF_STORE_MAX_KEY 1024         /* bytes */
#define RF_STORE_MAX_META (64u << 10) /* bytes */
#define RF_STORE_NEW_ONLY 1u /* rf_store_put_open: commit fails with -EEXIST over an object */

typedef struct rf_store rf_store;
typedef struct rf_store_put rf_store_put;
typedef struct rf_store_object rf_store_object;

typedef struct rf_store_info {
    uint64_t size;       /* bytes */
    int64_t modified_ms; /* wall clock of the commit */
} rf_store_info;

/* rf_store_open opens or makes the store (a bucket must be there, and answers a list before this
 * returns); temporary files and uploads that a crash left are removed. Returns 0, -EINVAL for a bad
 * URL, or an error. */
int rf_store_open(const char *url, rf_store **ret) RF_MUST_USE;

/* rf_store_close frees the store; puts and objects must have been freed. NULL is fine. */
rf_store *rf_store_close(rf_store *store);

/* rf_store_check opens the store of a setting store.url, writes a small object and removes it
 * again: whether all of that works. "" (the data directory) is not looked at. Returns 0, or an
 * error after logging it with the fields "setting" and "why". */
int rf_store_check(const char *url) RF_MUST_USE;

/* rf_store_key_valid says whether key has the form above. */
bool rf_store_key_valid(const char *key);

/* rf_store_put_open begins an object of at most max_bytes. Nothing is visible before the commit;
 * an object already there is replaced by it at once unless flags has RF_STORE_NEW_ONLY. */
int rf_store_put_open(rf_store *store, const char *key, uint64_t max_bytes, unsigned flags,
                      rf_store_put **ret) RF_MUST_USE;

/* rf_store_put_write appends. After a failure the put can only be freed. */
int rf_store_put_write(rf_store_put *put, const void *data, size_t len) RF_MUST_USE;

/* rf_store_put_meta gives the metadata of the object, copied; a later call replaces it, len 0 takes
 * it back. Allowed until the commit. Returns 0, -EFBIG above RF_STORE_MAX_META, or -EBADF. */
int rf_store_put_meta(rf_store_put *put, const void *data, size_t len) RF_MUST_USE;

/* rf_store_put_size tells the bytes written so far. rf_store_put_sha256 ends the writing and tells
 * the SHA-256 of the whole: a digest can be compared before the commit, and read after it. */
uint64_t rf_store_put_size(const rf_store_put *put);
void rf_store_put_sha256(rf_store_put *put, uint8_t out[32]);

/* rf_store_put_commit makes the object durable (bytes, metadata, then name), then visible.
 * Concurrent commits share their fsyncs. Returns 0 or an error; the put stays the caller's to free.
 */
int rf_store_put_commit(rf_store_put *put) RF_MUST_USE;

/* rf_store_put_free ends the put and discards what was not committed. NULL is fine. */
rf_store_put *rf_store_put_free(rf_store_put *put);

/* rf_store_get opens an object for reading; a later delete or replacement does not disturb it. */
int rf_store_get(rf_store *store, const char *key, rf_store_object **ret) RF_MUST_USE;
rf_store_object *rf_store_object_free(rf_store_object *object);

const rf_store_info *rf_store_object_info(const rf_store_object *object);

/* rf_store_object_meta gives the metadata, owned by the object; NULL and 0 bytes when it has none.
 */
const void *rf_store_object_meta(const rf_store_object *object, size_t *ret_len);

/* rf_store_object_read reads up to len bytes at offset; returns their number, 0 at the end. */
ssize_t rf_store_object_read(rf_store_object *object, uint64_t offset, void *data,
                             size_t len) RF_MUST_USE;

/* rf_store_object_fd gives a read-only descriptor (for sendfile or a child), owned by the object;
 * -EOPNOTSUPP when the backend has none. */
int rf_store_object_fd(const rf_store_object *object);

/* rf_store_stat tells about an object without opening it. */
int rf_store_stat(rf_store *store, const char *key, rf_store_info *ret) RF_MUST_USE;

/* rf_store_stat_meta does so and appends the metadata of the same object to out (nothing when it
 * has none). -ENOSPC when out has no room; out is unchanged on failure. */
int rf_store_stat_meta(rf_store *store, const char *key, rf_store_info *ret,
                       rf_buf *out) RF_MUST_USE;

/* rf_store_presign gives a URL of the store's own that reads the object, without credentials, for
 * 1 to 604,800 seconds (the caller frees it). Whether the object is there is not asked.
 * -EOPNOTSUPP: a backend without URLs. */
int rf_store_presign(rf_store *store, const char *key, int64_t seconds, char **ret_url) RF_MUST_USE;

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
