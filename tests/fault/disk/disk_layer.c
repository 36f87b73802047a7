/*
 * disk_layer.c - for LD_PRELOAD under any program: a disk that fails and loses power when it is
 * told to.
 *
 *     REFLECTION_DISK_ROOT=/abs/folder    only files below it are meant; without it nothing happens
 *     REFLECTION_DISK_SEED=n              of all that is random
 *     REFLECTION_DISK_CUT=n               at the n-th change below the folder the power goes: what
 * was not synced is lost or torn (disk_state.h), the process ends by SIGKILL
 *     REFLECTION_DISK_FAIL=call:n:errno   the n-th such call fails with that number; call: open,
 * write (pwrite and pwritev too), sync (fdatasync, fsync), rename, truncate, allocate, unlink; n+
 * instead of n: this one and those after it, n+k: k of them
 *     REFLECTION_DISK_ORDERS=/abs/file    as long as this file is there, the calls that it names
 * fail in every process: words call:errno:part, of files whose path has that part;
 * here a call may also be read (pread too)
 *     REFLECTION_DISK_SYNC_US=n           a sync takes a random time up to this
 *
 * Syncs are not handed to the kernel: the machine keeps running, and tests are quick.
 */
#include "disk_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_SIZE 2048

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool active;
static long cut_at; /* changes left, 0: never */
static char fail_call[16];
static long fail_from; /* calls left before the first to fail */
static long fail_n;
static int fail_errno;
static const char *orders; /* NULL: none */
static long sync_us;

static long number_in(const char *name)
{
    const char *value = getenv(name);
    return value == NULL ? 0 : atol(value);
}

static void read_fail(const char *value)
{
    char count[32];
    if (value == NULL ||
        sscanf(value, "%15[a-z]:%31[0-9+]:%d", fail_call, count, &fail_errno) != 3) {
        fail_call[0] = '\0';
        return;
    }
    const char *plus = strchr(count, '+');
    fail_from = atol(count);
    fail_n = plus == NULL ? 1 : plus[1] == '\0' ? LONG_MAX : atol(plus + 1);
}

static void read_environment(void)
{
    const char *root = getenv("REFLECTION_DISK_ROOT");
    active = root != NULL;
    if (active) {
        cut_at = number_in("REFLECTION_DISK_CUT");
        sync_us = number_in("REFLECTION_DISK_SYNC_US");
        read_fail(getenv("REFLECTION_DISK_FAIL"));
        orders = getenv("REFLECTION_DISK_ORDERS");
        disk_state_open(root, (uint64_t)number_in("REFLECTION_DISK_SEED"));
    }
}

/* Begins a call: true when it is meant; the lock is held then. */
static bool enter(void)
{
    pthread_once(&once, read_environment);
    if (active) {
        pthread_mutex_lock(&lock);
    }
    return active;
}

static void leave(void)
{
    int err = errno;
    pthread_mutex_unlock(&lock);
    errno = err;
}

/* Another thread may have mapped a file that the cut makes shorter (SQLite its index): it waits for
 * the end, which is to be SIGKILL. */
static void wait_for_end(int signal_number)
{
    (void)signal_number;
    for (;;) {
        pause();
    }
}

/* The file of orders as it is now, "" without one. */
static void read_orders(char *out, size_t size)
{
    ssize_t n = -1;
    int fd = orders == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, orders, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = syscall(SYS_read, fd, out, size - 1);
        (void)syscall(SYS_close, fd);
    }
    out[n > 0 ? n : 0] = '\0';
}

/* The errno with which the orders let this call fail, 0: they do not. */
static int ordered(const char *call, const char *path)
{
    char text[1024];
    char name[16];
    char part[256];
    int number;
    char *rest = NULL;
    read_orders(text, sizeof(text));
    for (char *word = strtok_r(text, " \n", &rest); word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        if (sscanf(word, "%15[a-z]:%d:%255s", name, &number, part) == 3 &&
            strcmp(name, call) == 0 && strstr(path, part) != NULL) {
            return number;
        }
    }
    return 0;
}

/* Whether this call on a path is to fail; errno is set then. Before it, the power may go. */
static bool fails(const char *call, const char *path)
{
    if (cut_at > 0 && --cut_at == 0) {
        signal(SIGBUS, wait_for_end);
        disk_cut();
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    int number = ordered(call, path);
    if (number != 0) {
        errno = number;
        return true;
    }
    if (strcmp(call, fail_call) != 0) {
        return false;
    }
    fail_from--;
    if (fail_from <= 0 && fail_n > 0) {
        fail_n--;
        errno = fail_errno;
        return true;
    }
    return false;
}

/* The path of an open folder or file, "" when it has none. */
static const char *path_of(int fd, char out[PATH_SIZE])
{
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, out, PATH_SIZE - 1);
    out[n > 0 ? n : 0] = '\0';
    return out;
}

static const char *absolute(int folder, const char *path, char out[PATH_SIZE])
{
    char here[PATH_SIZE];
    if (path[0] == '/') {
        return path;
    }
    if (folder != AT_FDCWD) {
        path_of(folder, here);
    } else if (getcwd(here, sizeof(here)) == NULL) {
        here[0] = '\0';
    }
    snprintf(out, PATH_SIZE, "%.1000s/%.1000s", here, path);
    return out;
}

static bool below_root(const char *path)
{
    const char *root = getenv("REFLECTION_DISK_ROOT");
    return strncmp(path, root, strlen(root)) == 0;
}

/* ---- names ---- */

static int open_file(int folder, const char *path, int flags, mode_t mode)
{
    char buffer[PATH_SIZE];
    struct stat st;
    if ((flags & O_CREAT) == 0 || !enter()) {
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    }
    const char *full = absolute(folder, path, buffer);
    bool fresh = below_root(full) && stat(full, &st) < 0;
    int fd = -1;
    if (!below_root(full) || !fails("open", full)) {
        fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    }
    if (fd >= 0 && fresh) {
        disk_name_created(full);
        (void)disk_file_of(fd);
    }
    leave();
    return fd;
}

static mode_t mode_in(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = mode_in(flags, args);
    va_end(args);
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = mode_in(flags, args);
    va_end(args);
    return open_file(folder, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    char from_buffer[PATH_SIZE];
    char to_buffer[PATH_SIZE];
    if (!enter()) {
        return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    }
    int err = -1;
    const char *full = absolute(to_folder, to, to_buffer);
    if (!below_root(full) || !fails("rename", full)) {
        disk_name_renames(absolute(from_folder, from, from_buffer), full);
        err = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    }
    leave();
    return err;
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Folders are removed as they are. */
int unlinkat(int folder, const char *path, int flags)
{
    char buffer[PATH_SIZE];
    if ((flags & AT_REMOVEDIR) != 0 || !enter()) {
        return (int)syscall(SYS_unlinkat, folder, path, flags);
    }
    int err = -1;
    const char *full = absolute(folder, path, buffer);
    if (!below_root(full) || !fails("unlink", full)) {
        disk_name_removes(full);
        err = (int)syscall(SYS_unlinkat, folder, path, flags);
    }
    leave();
    return err;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

/* ---- contents ---- */

/* The file of a change through fd, or NULL and *ret_failed. */
static disk_file *change(int fd, const char *call, bool *ret_failed)
{
    char path[PATH_SIZE];
    disk_file *f = disk_file_of(fd);
    *ret_failed = f != NULL && fails(call, path_of(fd, path));
    return f;
}

static size_t length_of(const struct iovec *parts, int n)
{
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        len += parts[i].iov_len;
    }
    return len;
}

ssize_t pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
    bool failed;
    if (!enter()) {
        return syscall(SYS_pwritev, fd, parts, n, at, 0L);
    }
    disk_file *f = change(fd, "write", &failed);
    if (f != NULL && !failed) {
        disk_file_before_write(f, at, length_of(parts, n));
    }
    ssize_t done = failed ? -1 : syscall(SYS_pwritev, fd, parts, n, at, 0L);
    leave();
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    return pwritev(fd, &part, 1, at);
}

ssize_t write(int fd, const void *data, size_t len)
{
    bool failed;
    if (fd <= STDERR_FILENO || !enter()) {
        return syscall(SYS_write, fd, data, len);
    }
    disk_file *f = change(fd, "write", &failed);
    if (f != NULL && !failed) {
        disk_file_before_write(f, syscall(SYS_lseek, fd, 0, SEEK_CUR), len);
    }
    ssize_t done = failed ? -1 : syscall(SYS_write, fd, data, len);
    leave();
    return done;
}

int ftruncate(int fd, off_t size)
{
    bool failed;
    if (!enter()) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    disk_file *f = change(fd, "truncate", &failed);
    if (f != NULL && !failed) {
        disk_file_before_size(f, size);
    }
    int err = failed ? -1 : (int)syscall(SYS_ftruncate, fd, size);
    leave();
    return err;
}

int truncate(const char *path, off_t size)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    int err = fd < 0 ? -1 : ftruncate(fd, size);
    int kept = errno;
    if (fd >= 0) {
        (void)syscall(SYS_close, fd);
    }
    errno = kept;
    return err;
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    bool failed;
    if (!enter()) {
        return (int)syscall(SYS_fallocate, fd, mode, at, len);
    }
    disk_file *f = change(fd, "allocate", &failed);
    (void)f; /* gives no bytes, and the size is known at a sync */
    int err = failed ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, len);
    leave();
    return err;
}

/* Whether the orders let a read fail. Nothing else happens at a read, and it may take long. */
static bool read_fails(int fd)
{
    char path[PATH_SIZE];
    struct stat st;
    int number = 0;
    if (!enter()) {
        return false;
    }
    if (orders != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        below_root(path_of(fd, path))) {
        number = ordered("read", path);
    }
    if (number != 0) {
        errno = number;
    }
    leave();
    return number != 0;
}

ssize_t pread(int fd, void *data, size_t len, off_t at)
{
    return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, data, len, at);
}

ssize_t read(int fd, void *data, size_t len)
{
    return read_fails(fd) ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t pread64(int fd, void *data, size_t len, off_t at) __attribute__((alias("pread")));
ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *parts, int n, off_t at)
    __attribute__((alias("pwritev")));
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));
int truncate64(const char *path, off_t size) __attribute__((alias("truncate")));
int fallocate64(int fd, int mode, off_t at, off_t len) __attribute__((alias("fallocate")));

/* ---- syncs ---- */

static void let_pass(disk_file *f, long us)
{
    while (f != NULL && disk_file_is_syncing(f)) { /* another thread's */
        pthread_mutex_unlock(&lock);
        usleep(100);
        pthread_mutex_lock(&lock);
    }
    if (f != NULL) {
        disk_file_sync_begin(f);
    }
    if (us > 0) {
        pthread_mutex_unlock(&lock);
        usleep((useconds_t)us);
        pthread_mutex_lock(&lock);
    }
}

/* The folder behind fd when it is one below the root, or the root; else NULL. */
static const char *folder_of(int fd, char out[PATH_SIZE])
{
    struct stat st;
    const bool is = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    return is && below_root(path_of(fd, out)) ? out : NULL;
}

int fsync(int fd)
{
    if (!enter()) {
        return (int)syscall(SYS_fsync, fd);
    }
    char path[PATH_SIZE];
    const char *folder = folder_of(fd, path);
    disk_file *f = folder != NULL ? NULL : disk_file_of(fd);
    bool failed = (folder != NULL || f != NULL) && fails("sync", path_of(fd, path));
    int number = errno;
    let_pass(f, sync_us > 0 ? (long)disk_random((uint64_t)sync_us) : 0);
    if (f != NULL) {
        disk_file_sync_end(f, !failed);
    }
    if (folder != NULL && !failed) {
        disk_names_synced(folder);
    }
    if (failed) {
        errno = number;
    }
    leave();
    return failed ? -1 : 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}
