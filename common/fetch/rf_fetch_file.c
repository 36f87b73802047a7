#include "rf_fetch_internal.h"

#include "rf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

/* ---- override files ---- */

static int copy_chunk(const rf_fetch_call *call, int fd, uint8_t *chunk)
{
    ssize_t n = read(fd, chunk, CHUNK);
    if (n <= 0) {
        return n < 0 ? -errno : 0;
    }
    if ((uint64_t)n > call->max_bytes - call->result->n_bytes) {
        return -EFBIG;
    }
    int err = call->sink->write(call->sink->user, chunk, (size_t)n);
    call->result->n_bytes += (uint64_t)n;
    return err < 0 ? err : 1;
}

void rf_fetch_read_file(const rf_fetch_call *call, const char *path)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    RF_CLEANUP(rf_cleanup_free) uint8_t *chunk = rf_alloc(CHUNK);
    int err = fd < 0 ? -errno : call->sink->begin(call->sink->user);
    int more = err < 0 ? err : 1;
    call->result->n_tries = 1;
    while (more > 0) {
        more = rf_fetch_cancelled(call->cancel_fd, 0) ? -ECANCELED : copy_chunk(call, fd, chunk);
    }
    rf_fetch_outcome outcome = more == 0            ? RF_FETCH_OK
                               : more == -ECANCELED ? RF_FETCH_CANCELLED
                               : more == -EFBIG     ? RF_FETCH_TOO_LARGE
                                                    : RF_FETCH_LOCAL;
    rf_fetch_end(call->result, outcome, more, "override file");
}

/* ---- descriptors as sink and source ---- */

static int fd_begin(void *user)
{
    const int *fd = user;
    return ftruncate(*fd, 0) < 0 || lseek(*fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int fd_write(void *user, const void *data, size_t len)
{
    const int *fd = user;
    return rf_write_all(*fd, data, len);
}

rf_fetch_sink rf_fetch_fd_sink(int *fd)
{
    return (rf_fetch_sink){.begin = fd_begin, .write = fd_write, .user = fd};
}

static ssize_t fd_read(void *user, uint64_t offset, void *data, size_t len)
{
    const int *fd = user;
    ssize_t n = pread(*fd, data, len, (off_t)offset);
    return n < 0 ? -errno : n;
}

int rf_fetch_fd_source(int *fd, rf_fetch_source *ret)
{
    struct stat st;
    if (fstat(*fd, &st) < 0) {
        return -errno;
    }
    *ret = (rf_fetch_source){.size = (uint64_t)st.st_size, .read = fd_read, .user = fd};
    return 0;
}
