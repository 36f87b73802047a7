#include "recorder_master.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

recorder_master *recorder_master_new(const uint8_t *session, uint32_t frame_bytes, const char *path)
{
    recorder_master *m = RF_NEW(recorder_master);
    atomic_init(&m->fd, -1);
    memcpy(m->session, session, RECORDER_SESSION_ID);
    m->path = rf_strdup(path);
    m->frame_bytes = frame_bytes;
    m->refs = 1;
    return m;
}

void recorder_master_close(recorder_master *m)
{
    int fd = m->fd;
    m->fd = -1;
    rf_close(&fd);
}

recorder_master *recorder_master_free(recorder_master *m)
{
    if (m != NULL) {
        recorder_master_close(m);
        free(m->path);
        free(m);
    }
    return NULL;
}

int recorder_master_open(recorder_master *m)
{
    struct stat st;
    if (m->fd >= 0) {
        return 0;
    }
    int fd = open(m->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int err = -errno;
        rf_close(&fd);
        return err;
    }
    m->size = st.st_size;
    m->fd = fd;
    return 0;
}

/* Drops `done` bytes from the front of n parts; returns how many parts are used up. */
static int skip_parts(struct iovec *parts, int n, size_t done)
{
    int i = 0;
    for (; i < n && done >= parts[i].iov_len; i++) {
        done -= parts[i].iov_len;
    }
    if (i < n) {
        parts[i].iov_base = (uint8_t *)parts[i].iov_base + done;
        parts[i].iov_len -= done;
    }
    return i;
}

int recorder_master_write(recorder_master *m, struct iovec *parts, int n, int64_t at)
{
    while (n > 0) {
        ssize_t done = pwritev(m->fd, parts, n, at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done < 0 ? -errno : -EIO;
        }
        at += done;
        int used = skip_parts(parts, n, (size_t)done);
        parts += used;
        n -= used;
    }
    m->size = RF_MAX(m->size, at);
    return 0;
}

int recorder_master_extend(recorder_master *m, int64_t end)
{
    if (end <= m->size) {
        return 0;
    }
    if (ftruncate(m->fd, end) < 0) {
        return -errno;
    }
    m->size = end;
    return 0;
}

int recorder_master_put(recorder_master *m, const recorder_record *r)
{
    int64_t at = r->first_frame * m->frame_bytes;
    if (r->len == 0) {
        return recorder_master_extend(m, at + (int64_t)r->n_frames * m->frame_bytes);
    }
    struct iovec part = {.iov_base = (void *)(uintptr_t)r->data, .iov_len = r->len};
    return recorder_master_write(m, &part, 1, at);
}
