#include "rf_store_dir.h"

#include "rf_file.h"
#include "rf_id.h"
#include "rf_log.h"
#include "rf_time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A directory can vanish between making it and using it, when the last object in it is deleted. */
#define VANISHED_TRIES 100

typedef struct dir_put {
    rf_store_dir *dir;
    char key[RF_STORE_MAX_KEY + 1];
    unsigned flags;
    char temp[RF_UUID_LEN];
    int fd;
    bool temp_there;
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

static bool temp_is_orphan(int temp_fd, const char *name)
{
    RF_CLEANUP(rf_cleanup_close)
    int fd = openat(temp_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static int sweep_temps(int temp_fd)
{
    int fd = dup(temp_fd);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        int err = -errno;
        rf_close(&fd);
        return err;
    }
    rewinddir(d);
    int64_t n = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (rf_uuid4_valid(e->d_name) && temp_is_orphan(temp_fd, e->d_name)) {
            n += unlinkat(temp_fd, e->d_name, 0) == 0 ? 1 : 0;
        }
    }
    closedir(d);
    if (n > 0) {
        RF_LOG_INFO("store removed unfinished objects", RF_INT("count", n));
    }
    return 0;
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
    return dir->temp_fd < 0 ? dir->temp_fd : sweep_temps(dir->temp_fd);
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

static int make_temp(dir_put *put)
{
    rf_uuid4(put->temp);
    put->fd = openat(put->dir->temp_fd, put->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (put->fd < 0) {
        return -errno;
    }
    put->temp_there = true;
    return flock(put->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* A sweep of another process may have come between the making of the file and its lock. */
static bool temp_was_swept(const dir_put *put)
{
    struct stat st;
    return fstat(put->fd, &st) == 0 && st.st_nlink == 0;
}

static void dir_put_free(void *self)
{
    dir_put *put = self;
    if (put->temp_there) {
        unlinkat(put->dir->temp_fd, put->temp, 0);
    }
    rf_close(&put->fd);
    free(put);
}

static int dir_put_open(void *store, const char *key, unsigned flags, void **ret_put)
{
    dir_put *put = RF_NEW(dir_put);
    *put = (dir_put){.dir = store, .flags = flags, .fd = -1};
    rf_copy_str(put->key, sizeof(put->key), key);
    int err = make_temp(put);
    while (err == -EWOULDBLOCK || (err == 0 && temp_was_swept(put))) {
        rf_close(&put->fd);
        err = make_temp(put);
    }
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
    return rf_store_dir_error(rf_write_all(put->fd, data, len));
}

/* The time of the commit is the object's time, also under a clock that a test drives. */
static int seal_file(const dir_put *put)
{
    int64_t ms = rf_time_wall_ms();
    struct timespec at = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * RF_NS_PER_MS};
    if (futimens(put->fd, (const struct timespec[]){at, at}) < 0 || fsync(put->fd) < 0) {
        return -errno;
    }
    return 0;
}

/* Gives the file its name in dir_fd. */
static int name_file(const dir_put *put, int dir_fd, const char *name)
{
    unsigned flags = (put->flags & RF_STORE_NEW_ONLY) != 0 ? RENAME_NOREPLACE : 0;
    return renameat2(put->dir->temp_fd, put->temp, dir_fd, name, flags) < 0 ? -errno : 0;
}

static int publish(dir_put *put)
{
    const char *name = NULL;
    int err = make_parents(put->dir, put->key);
    if (err < 0) {
        return err;
    }
    RF_CLEANUP(rf_cleanup_close) int fd = open_parent(put->dir, put->key, &name);
    if (fd < 0) {
        return fd;
    }
    err = name_file(put, fd, name);
    if (err < 0) {
        return err;
    }
    put->temp_there = false;
    return rf_store_sync_dir(put->dir->sync, fd);
}

/* Tells a directory that was deleted just now from a part of the key that is an object. */
static bool parent_is_object(const dir_put *put)
{
    char path[RF_STORE_MAX_KEY + 1];
    rf_copy_str(path, sizeof(path), put->key);
    for (char *p = strchr(path, '/'); p != NULL; p = strchr(p + 1, '/')) {
        rf_store_info info;
        *p = '\0';
        if (rf_store_dir_backend.stat(put->dir, path, &info) == 0) {
            return true;
        }
        *p = '/';
    }
    return false;
}

static int dir_put_commit(void *self)
{
    dir_put *put = self;
    int err = seal_file(put);
    if (err < 0) {
        return rf_store_dir_error(err);
    }
    err = -ENOENT;
    for (int i = 0; i < VANISHED_TRIES && err == -ENOENT && put->temp_there; i++) {
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

static int dir_get(void *store, const char *key, rf_store_info *ret_info, void **ret_object)
{
    RF_CLEANUP(rf_cleanup_close)
    int fd = rf_store_dir_open_at(store, key, O_RDONLY | O_NONBLOCK);
    struct stat st;
    if (fd < 0) {
        return fd;
    }
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return -ENOENT;
    }
    rf_store_dir_info(&st, ret_info);
    dir_object *object = RF_NEW(dir_object);
    object->fd = fd;
    fd = -1;
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

static int dir_stat(void *store, const char *key, rf_store_info *ret)
{
    RF_CLEANUP(rf_cleanup_close) int fd = rf_store_dir_open_at(store, key, O_PATH);
    struct stat st;
    if (fd < 0) {
        return fd;
    }
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return -ENOENT;
    }
    rf_store_dir_info(&st, ret);
    return 0;
}

/* ---- removing ---- */

/* Removes the directories of a key that have become empty. They come back when they are needed, so
 * their end need not be durable. */
static void remove_parents(const rf_store_dir *dir, const char *key)
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

static int dir_remove(void *store, const char *key)
{
    const rf_store_dir *dir = store;
    const char *name = NULL;
    RF_CLEANUP(rf_cleanup_close) int fd = open_parent(dir, key, &name);
    if (fd < 0) {
        return fd;
    }
    if (unlinkat(fd, name, 0) < 0) {
        return errno == EISDIR ? -ENOENT : rf_store_dir_error(-errno);
    }
    int err = rf_store_sync_dir(dir->sync, fd);
    remove_parents(dir, key);
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
