#include "rf_file.h"

#include "rf_id.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK 16384

int rf_file_read(const char *path, rf_buf *out)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    for (;;) {
        char chunk[READ_CHUNK];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : 0;
        }
        int err = rf_buf_append(out, chunk, (size_t)n);
        if (err < 0) {
            return err;
        }
    }
}

int rf_write_all(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int rf_read_all(int fd, void *data, size_t len)
{
    uint8_t *p = data;
    while (len > 0) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -ENODATA;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int rf_pwrite_all(int fd, const void *data, size_t len, int64_t at)
{
    const uint8_t *p = data;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int rf_pread_all(int fd, void *data, size_t len, int64_t at)
{
    uint8_t *p = data;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -ENODATA;
        }
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int sync_parent(const char *path)
{
    RF_CLEANUP(rf_cleanup_free) char *dir = rf_strdup(path);
    char *slash = strrchr(dir, '/');
    const char *name = slash == NULL ? "." : slash == dir ? "/" : dir;
    if (slash != NULL && slash != dir) {
        *slash = '\0';
    }
    RF_CLEANUP(rf_cleanup_close) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int rf_file_sync(const char *path)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fdatasync(fd) < 0) {
        return -errno;
    }
    return sync_parent(path);
}

static int write_new(const char *path, const void *data, size_t len, mode_t mode)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return -errno;
    }
    int err = rf_write_all(fd, data, len);
    return err < 0 ? err : fsync(fd) < 0 ? -errno : 0;
}

/* Writes data beside path; the caller renames or links, then unlinks. */
static int write_beside(const char *path, const void *data, size_t len, mode_t mode, char **ret)
{
    char suffix[17];
    uint8_t random[8];
    rf_random(random, sizeof(random));
    rf_hex(random, sizeof(random), suffix);
    RF_CLEANUP(rf_cleanup_free) char *temp = rf_asprintf("%s.%s.tmp", path, suffix);
    int err = write_new(temp, data, len, mode);
    if (err < 0) {
        unlink(temp);
        return err;
    }
    *ret = RF_STEAL(temp);
    return 0;
}

int rf_file_write_atomic(const char *path, const void *data, size_t len, mode_t mode)
{
    RF_CLEANUP(rf_cleanup_free) char *temp = NULL;
    int err = write_beside(path, data, len, mode, &temp);
    if (err < 0) {
        return err;
    }
    if (rename(temp, path) < 0) {
        err = -errno;
        unlink(temp);
        return err;
    }
    return sync_parent(path);
}

int rf_file_create_atomic(const char *path, const void *data, size_t len, mode_t mode)
{
    RF_CLEANUP(rf_cleanup_free) char *temp = NULL;
    int err = write_beside(path, data, len, mode, &temp);
    if (err < 0) {
        return err;
    }
    /* link(2), unlike rename(2), fails when the name is taken. */
    err = link(temp, path) < 0 ? -errno : 0;
    unlink(temp);
    return err < 0 ? err : sync_parent(path);
}

int rf_mkdirs(const char *path, mode_t mode)
{
    RF_CLEANUP(rf_cleanup_free) char *copy = rf_strdup(path);
    for (char *p = copy + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            if (mkdir(copy, mode) < 0 && errno != EEXIST) {
                return -errno;
            }
            *p = '/';
        }
    }
    return mkdir(copy, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int rf_secret_load(const char *path, uint8_t *secret, size_t len)
{
    rf_buf text;
    rf_buf_init(&text, 4096);
    int err = rf_file_read(path, &text);
    if (err == -ENOENT) {
        RF_CLEANUP(rf_cleanup_free) char *hex = rf_alloc(2 * len + 2);
        rf_random(secret, len);
        rf_hex(secret, len, hex);
        hex[2 * len] = '\n';
        err = rf_file_create_atomic(path, hex, 2 * len + 1, 0600);
        err = err == -EEXIST || err == 0 ? rf_file_read(path, &text) : err;
    }
    if (err == 0) {
        err = text.len < 2 * len ? -EBADMSG : rf_unhex(rf_buf_str(&text), secret, len);
    }
    rf_buf_done(&text);
    return err;
}
