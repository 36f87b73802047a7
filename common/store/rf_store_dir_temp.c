#include "rf_store_dir.h"

#include "rf_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- what crashes left ---- */

static bool temp_is_orphan(int temp_fd, const char *name)
{
    RF_CLEANUP(rf_cleanup_close)
    int fd = openat(temp_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

int rf_store_temp_sweep(int temp_fd)
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

/* ---- one file ---- */

static int make_temp(rf_store_temp *temp, int temp_fd)
{
    rf_uuid4(temp->name);
    temp->fd = openat(temp_fd, temp->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (temp->fd < 0) {
        return -errno;
    }
    temp->there = true;
    return flock(temp->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* A sweep of another process may have come between the making of the file and its lock. */
static bool temp_was_swept(const rf_store_temp *temp)
{
    struct stat st;
    return fstat(temp->fd, &st) == 0 && st.st_nlink == 0;
}

int rf_store_temp_open(int temp_fd, rf_store_temp *ret)
{
    rf_store_temp temp = {.fd = -1};
    int err = make_temp(&temp, temp_fd);
    while (err == -EWOULDBLOCK || (err == 0 && temp_was_swept(&temp))) {
        rf_close(&temp.fd);
        err = make_temp(&temp, temp_fd);
    }
    if (err < 0) {
        rf_store_temp_done(&temp, temp_fd);
        return err;
    }
    *ret = temp;
    return 0;
}

int rf_store_temp_name(rf_store_temp *temp, int temp_fd, int dir_fd, const char *name,
                       unsigned flags)
{
    if (renameat2(temp_fd, temp->name, dir_fd, name, flags) < 0) {
        return -errno;
    }
    temp->there = false;
    return 0;
}

void rf_store_temp_done(rf_store_temp *temp, int temp_fd)
{
    if (temp->there) {
        unlinkat(temp_fd, temp->name, 0);
        temp->there = false;
    }
    rf_close(&temp->fd);
}
