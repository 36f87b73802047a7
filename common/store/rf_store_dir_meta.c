#include "rf_store_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PATH_SIZE (RF_STORE_MAX_KEY + RF_STORE_META_ID_DIGITS + 3)

uint64_t rf_store_meta_id(const struct stat *st)
{
    if (st->st_mtim.tv_nsec % RF_NS_PER_MS == 0) {
        return 0;
    }
    return (uint64_t)st->st_mtim.tv_sec * RF_NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
}

/* ---- reading ---- */

static int read_whole(int fd, rf_buf *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return -errno;
    }
    size_t len = (size_t)st.st_size;
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)RF_STORE_MAX_META) {
        return -EIO;
    }
    void *to = rf_buf_reserve(out, len);
    int err = to == NULL ? -ENOSPC : rf_read_all(fd, to, len);
    if (err == 0) {
        rf_buf_added(out, len);
    }
    return err;
}

int rf_store_meta_read(const rf_store_dir *dir, const char *key, uint64_t id, rf_buf *out)
{
    char path[PATH_SIZE];
    const char *slash = strrchr(key, '/');
    const char *last = slash == NULL ? key : slash + 1;
    snprintf(path, sizeof(path), "%.*s.%s.%016llx", (int)(last - key), key, last,
             (unsigned long long)id);
    RF_CLEANUP(rf_cleanup_close)
    int fd = rf_store_dir_open_at(dir, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    return fd < 0 ? fd : read_whole(fd, out);
}

/* ---- what crashes left ---- */

static bool belongs(int parent_fd, const char *last, uint64_t id)
{
    struct stat st;
    return fstatat(parent_fd, last, &st, AT_SYMLINK_NOFOLLOW) == 0 && rf_store_meta_id(&st) == id;
}

bool rf_store_meta_sweep(int parent_fd, const char *name)
{
    char last[RF_STORE_META_NAME];
    uint64_t id = 0;
    if (!rf_store_meta_parse(name, last, &id) || belongs(parent_fd, last, id)) {
        return false;
    }
    RF_CLEANUP(rf_cleanup_close)
    int fd = openat(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || belongs(parent_fd, last, id)) {
        return false; /* its put goes on, or has just ended well */
    }
    return unlinkat(parent_fd, name, 0) == 0;
}
