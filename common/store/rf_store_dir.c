#include "rf_store_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A directory can vanish between making it and using it, when the last object in it is deleted. */
#define VANISHED_TRIES 100

typedef struct dir_put {
    rf_store_dir *dir;
    char key[RF_STORE_MAX_KEY + 1];
    unsigned flags;
    rf_store_temp data;
    rf_store_temp meta; /* fd -1: none */
    uint64_t meta_id;   /* 0: none */
} dir_put;

typedef struct dir_object {
    int fd;
} dir_object;

/* ---- the root ---- */

int rf_store_dir_error(int err)
{
    switch (err) {
    case -EDQUOT:
        return -ENOSPC;
    case -ENOTDIR: /* a part of the key is an object */
    case -ELOOP:   /* a symbolic link: not ours */
    case -EXDEV:   /* outside the root */
        return -ENOENT;
    default:
        return err;
    }
}

int rf_store_dir_open_at(const rf_store_dir *dir, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    do {
        fd = syscall(SYS_openat2, dir->root_fd, path, &how, sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    return fd < 0 ? rf_store_dir_error(-errno) : (int)fd;
}

void rf_store_dir_info(const struct stat *st, rf_store_info *ret)
{
    ret->size = (uint64_t)st->st_size;
    ret->modified_ms = st->st_mtim.tv_sec * 1000LL + st->st_mtim.tv_nsec / RF_NS_PER_MS;
}

static int open_root(rf_store_dir *dir, const char *path)
{
    int err = rf_mkdirs(path, 0700);
    if (err < 0) {
        return err;
    }
    dir->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->root_fd < 0 || (mkdirat(dir->root_fd, ".tmp", 0700) < 0 && errno != EEXIST)) {
        return -errno;
    }
    dir->temp_fd = rf_store_dir_open_at(dir, ".tmp", O_RDONLY | O_DIRECTORY);
    return dir->temp_fd < 0 ? dir->temp_fd : rf_store_temp_sweep(dir->temp_fd);
}

static void dir_close(void *store)
{
    rf_store_dir *dir = store;
    rf_store_sync_free(dir->sync);
    rf_close(&dir->temp_fd);
    rf_close(&dir->root_fd);
    free(dir);
}

static int dir_open(const char *address, void **ret_store)
{
    rf_store_dir *dir = RF_NEW(rf_store_dir);
    *dir = (rf_store_dir){.root_fd = -1, .temp_fd = -1, .sync = rf_store_sync_new()};
    int err = open_root(dir, address);
    if (err < 0) {
        dir_close(dir);
        return err;
    }
    *ret_store = dir;
    return 0;
}

/* ---- directories of keys ---- */

/* Splits key into the path of its directory ("." for none) and its last segment. */
static const char *split_key(const char *key, char parent[RF_STORE_MAX_KEY + 1])
{
    rf_copy_str(parent, RF_STORE_MAX_KEY + 1, key);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        rf_copy_str(parent, RF_STORE_MAX_KEY + 1, ".");
        return key;
    }
    *slash = '\0';
    return key + (slash - parent) + 1;
}

/* Opens the directory of a key. */
static int open_parent(const rf_store_dir *dir, const char *key, const char **ret_name)
{
    char parent[RF_STORE_MAX_KEY + 1];
    *ret_name = split_key(key, parent);
    return rf_store_dir_open_at(dir, parent, O_RDONLY | O_DIRECTORY);
}

/* Makes one directory durable in its parent, which must exist. */
static int make_dir(const rf_store_dir *dir, const char *path)
{
    const char *name = NULL;
    RF_CLEANUP(rf_cleanup_close) int fd = open_parent(dir, path, &name);
    if (fd < 0) {
        return fd;
    }
    if (mkdirat(fd, name, 0700) < 0) {
        return errno == EEXIST ? 0 : rf_store_dir_error(-errno);
    }
    return rf_store_sync_dir(dir->sync, fd);
}

static int make_parents(const rf_store_dir *dir, const char *key)
{
    char path[RF_STORE_MAX_KEY + 1];
    rf_copy_str(path, sizeof(path), key);
    for (char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        int err = make_dir(dir, path);
        *p = '/';
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* ---- writing ---- */

static void dir_put_free(void *self)
{
    dir_put *put = self;
    rf_store_temp_done(&put->data, put->dir->temp_fd);
    rf_store_temp_done(&put->meta, put->dir->temp_fd);
    free(put);
}

static int dir_put_open(void *store, const char *key, unsigned flags, void **ret_put)
{
    dir_put *put = RF_NEW(dir_put);
    *put = (dir_put){.dir = store, .flags = flags, .data.fd = -1, .meta.fd = -1};
    rf_copy_str(put->key, sizeof(put->key), key);
    int err = rf_store_temp_open(put->dir->temp_fd, &put->data);
    if (err < 0) {
        dir_put_free(put);
        return rf_store_dir_error(err);
    }
    *ret_put = put;
    return 0;
}

static int dir_put_write(void *self, const void *data, size_t len)
{
    const dir_put *put = self;
    return rf_store_dir_error(rf_write_all(put->data.fd, data, len));
}

/* The time of the commit is the object's time, also under a clock that a test drives. What lies
 * below the millisecond is free to be the metadata's id. */
static int seal_data(dir_put *put, bool with_meta)
{
    int64_t ms = rf_time_wall_ms();
    int64_t ns = ms % 1000 * RF_NS_PER_MS;
    ns += with_meta ? 1 + (int64_t)rf_random_u64(RF_NS_PER_MS - 1) : 0;
    struct timespec at = {.tv_sec = ms / 1000, .tv_nsec = ns};
    struct stat st;
    if (futimens(put->data.fd, (const struct timespec[]){at, at}) < 0 || fsync(put->data.fd) < 0 ||
        fstat(put->data.fd, &st) < 0) {
        return -errno;
    }
    put->meta_id = with_meta ? rf_store_meta_id(&st) : 0;
    return with_meta && put->meta_id == 0 ? -EOPNOTSUPP : 0;
}

static int seal_meta(dir_put *put, const void *meta, size_t len)
{
    int err = rf_store_temp_open(put->dir->temp_fd, &put->meta);
    err = err == 0 ? rf_write_all(put->meta.fd, meta, len) : err;
    return err == 0 && fsync(put->meta.fd) < 0 ? -errno : err;
}

/* The metadata must have its name, durably, before the object has. */
static int publish_meta(dir_put *put, int dir_fd, const char *name)
{
    char meta_name[RF_STORE_META_NAME];
    if (!put->meta.there) {
        return 0;
    }
    rf_store_meta_name(name, put->meta_id, meta_name);
    int err = rf_store_temp_name(&put->meta, put->dir->temp_fd, dir_fd, meta_name, 0);
    return err < 0 ? err : rf_store_sync_dir(put->dir->sync, dir_fd);
}

static void remove_meta(int dir_fd, const char *name, uint64_t id)
{
    char meta_name[RF_STORE_META_NAME];
    if (id != 0) {
        rf_store_meta_name(name, id, meta_name);
        unlinkat(dir_fd, meta_name, 0);
    }
}

/* The id of the object that is there now, 0 for none. */
static uint64_t present_id(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : rf_store_meta_id(&st);
}

static int publish_in(dir_put *put, int dir_fd, const char *name)
{
    unsigned flags = (put->flags & RF_STORE_NEW_ONLY) != 0 ? RENAME_NOREPLACE : 0;
    int err = publish_meta(put, dir_fd, name);
    if (err < 0) {
        return err;
    }
    uint64_t old_id = present_id(dir_fd, name);
    err = rf_store_temp_name(&put->data, put->dir->temp_fd, dir_fd, name, flags);
    if (err < 0) {
        remove_meta(dir_fd, name, put->meta_id);
        return err;
    }
    err = rf_store_sync_dir(put->dir->sync, dir_fd);
    if (err == 0 && old_id != put->meta_id) {
        remove_meta(dir_fd, name, old_id);
    }
    return err;
}

static int publish(dir_put *put)
{
    const char *name = NULL;
    int err = make_parents(put->dir, put->key);
    if (err < 0) {
        return err;
    }
    RF_CLEANUP(rf_cleanup_close) int fd = open_parent(put->dir, put->key, &name);
    return fd < 0 ? fd : publish_in(put, fd, name);
}

/* Tells a directory that was deleted just now from a part of the key that is an object. */
static bool parent_is_object(const dir_put *put)
{
    char path[RF_STORE_MAX_KEY + 1];
    rf_copy_str(path, sizeof(path), put->key);
    for (char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
        rf_store_info info;
        *p = '\0';
        if (rf_store_dir_backend.stat(put->dir, path, &info, NULL) == 0) {
            return true;
        }
        *p = '/';
    }
    return false;
}

static int dir_put_commit(void *self, const void *meta, size_t meta_len)
{
    dir_put *put = self;
    int err = seal_data(put, meta_len > 0);
    err = err == 0 && meta_len > 0 ? seal_meta(put, meta, meta_len) : err;
    if (err < 0) {
        return rf_store_dir_error(err);
    }
    err = -ENOENT;
    for (int i = 0; i < VANISHED_TRIES && err == -ENOENT && put->data.there; i++) {
        err = publish(put);
        if (err == -ENOENT && parent_is_object(put)) {
            return -EEXIST;
        }
    }
    if (err == -EISDIR || err == -ENOTEMPTY) {
        return -EEXIST;
    }
    return rf_store_dir_error(err);
}

/* ---- reading ---- */

static int open_object(const rf_store_dir *dir, const char *key, int flags, struct stat *ret_st)
{
    int fd = rf_store_dir_open_at(dir, key, flags);
    if (fd >= 0 && (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode))) {
        rf_close(&fd);
        return -ENOENT;
    }
    return fd;
}

/* Opens an object together with its metadata. When the metadata is gone although the object has an
 * id, another put or a delete came in between, or a copy of the store has lost the exact times. */
static int open_with_meta(const rf_store_dir *dir, const char *key, int flags, rf_buf *meta,
                          struct stat *ret_st)
{
    uint64_t missed_id = 0;
    for (;;) {
        int fd = open_object(dir, key, flags, ret_st);
        uint64_t id = fd < 0 || meta == NULL ? 0 : rf_store_meta_id(ret_st);
        int err = id == 0 || id == missed_id ? 0 : rf_store_meta_read(dir, key, id, meta);
        if (err == 0) {
            return fd;
        }
        rf_close(&fd);
        if (err != -ENOENT) {
            return err;
        }
        missed_id = id;
    }
}

static int dir_get(void *store, const char *key, rf_store_info *ret_info, rf_buf *meta,
                   void **ret_object)
{
    struct stat st;
    int fd = open_with_meta(store, key, O_RDONLY | O_NONBLOCK, meta, &st);
    if (fd < 0) {
        return fd;
    }
    rf_store_dir_info(&st, ret_info);
    dir_object *object = RF_NEW(dir_object);
    object->fd = fd;
    *ret_object = object;
    return 0;
}

static ssize_t dir_read(void *self, uint64_t offset, void *data, size_t len)
{
    const dir_object *object = self;
    ssize_t n = -1;
    do {
        n = pread(object->fd, data, len, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int dir_fd(const void *self)
{
    const dir_object *object = self;
    return object->fd;
}

static void dir_object_free(void *self)
{
    dir_object *object = self;
    rf_close(&object->fd);
    free(object);
}

static int dir_stat(void *store, const char *key, rf_store_info *ret, rf_buf *meta)
{
    struct stat st;
    RF_CLEANUP(rf_cleanup_close) int fd = open_with_meta(store, key, O_PATH, meta, &st);
    if (fd < 0) {
        return fd;
    }
    rf_store_dir_info(&st, ret);
    return 0;
}

/* ---- removing ---- */

/* Removes the directories of a key that have become empty. They come back when they are needed, so
 * their end need not be durable. */
void rf_store_dir_remove_parents(const rf_store_dir *dir, const char *key)
{
    char path[RF_STORE_MAX_KEY + 1];
    rf_copy_str(path, sizeof(path), key);
    for (char *slash = strrchr(path, '/'); slash != NULL; slash = strrchr(path, '/')) {
        const char *name = NULL;
        *slash = '\0';
        RF_CLEANUP(rf_cleanup_close) int fd = open_parent(dir, path, &name);
        if (fd < 0 || unlinkat(fd, name, AT_REMOVEDIR) < 0) {
            return;
        }
    }
}

/* Removes a name that is an object; a symbolic link is none, although its removal would harm
 * nobody. */
static int remove_object(const rf_store_dir *dir, int dir_fd, const char *name)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) {
        return -ENOENT;
    }
    if (unlinkat(dir_fd, name, 0) < 0) {
        return rf_store_dir_error(-errno);
    }
    int err = rf_store_sync_dir(dir->sync, dir_fd);
    remove_meta(dir_fd, name, rf_store_meta_id(&st));
    return err;
}

static int dir_remove(void *store, const char *key)
{
    const rf_store_dir *dir = store;
    const char *name = NULL;
    RF_CLEANUP(rf_cleanup_close) int fd = open_parent(dir, key, &name);
    int err = fd < 0 ? fd : remove_object(dir, fd, name);
    if (err != -ENOENT) {
        rf_store_dir_remove_parents(dir, key);
    }
    return err;
}

const rf_store_backend rf_store_dir_backend = {
    .version = RF_STORE_BACKEND_VERSION,
    .scheme = "dir",
    .open = dir_open,
    .close = dir_close,
    .put_open = dir_put_open,
    .put_write = dir_put_write,
    .put_commit = dir_put_commit,
    .put_free = dir_put_free,
    .get = dir_get,
    .read = dir_read,
    .fd = dir_fd,
    .object_free = dir_object_free,
    .stat = dir_stat,
    .remove = dir_remove,
    .list = rf_store_dir_list,
};
