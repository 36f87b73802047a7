#include "recorder_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ZEROS 65536
#define STAT_BLOCK 512 /* of st_blocks */

/* For file systems that know no fallocate: zeros, really written. */
static int write_zeros(int fd, int64_t bytes)
{
    static const uint8_t zeros[ZEROS];
    for (int64_t at = 0; at < bytes;) {
        ssize_t n = pwrite(fd, zeros, (size_t)RF_MIN(bytes - at, (int64_t)ZEROS), at);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        at += n > 0 ? n : 0;
    }
    return 0;
}

static int hold(int fd, int64_t bytes)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size == bytes && st.st_blocks * STAT_BLOCK >= bytes) {
        return 0;
    }
    if (ftruncate(fd, 0) < 0) {
        return -errno;
    }
    if (fallocate(fd, 0, 0, bytes) == 0) {
        return 0;
    }
    int err = errno == EOPNOTSUPP || errno == ENOSYS ? write_zeros(fd, bytes) : -errno;
    if (err < 0 && ftruncate(fd, 0) < 0) { /* a part of it is of no use */
        return -errno;
    }
    return err;
}

int recorder_reserve_set(const char *path, int64_t bytes)
{
    if (bytes == 0) {
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
    }
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : hold(fd, bytes);
}

bool recorder_reserve_spend(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_blocks > 0 && truncate(path, 0) == 0;
}

int64_t recorder_free_bytes(const char *path)
{
    struct statvfs st;
    return statvfs(path, &st) < 0 ? -errno : (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}
