#include "rf_outbox_log.h"

#include "rf_file.h"
#include "rf_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 32

static void name_of(uint64_t number, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%016" PRIx64 ".log", number);
}

/* ---- the list of files ---- */

static void add_newest(rf_outbox_log *log, rf_outbox_file *file)
{
    if (log->newest == NULL) {
        log->oldest = file;
    } else {
        log->newest->next = file;
    }
    log->newest = file;
    atomic_fetch_add(&log->n_bytes, file->size);
    atomic_fetch_add(&log->n_files, 1);
}

static rf_outbox_file *take_oldest(rf_outbox_log *log)
{
    rf_outbox_file *file = log->oldest;
    log->oldest = file->next;
    log->newest = log->oldest == NULL ? NULL : log->newest;
    atomic_fetch_sub(&log->n_bytes, file->size);
    atomic_fetch_sub(&log->n_files, 1);
    return file;
}

static void free_file(rf_outbox_file *file)
{
    rf_close(&file->fd);
    free(file);
}

void rf_outbox_log_drop_oldest(rf_outbox_log *log)
{
    char name[NAME_SIZE];
    rf_outbox_file *file = take_oldest(log);
    name_of(file->number, name);
    unlinkat(log->dir_fd, name, 0); /* if it comes back, its events are sent once more */
    free_file(file);
}

void rf_outbox_log_close(rf_outbox_log *log)
{
    while (log->oldest != NULL) {
        free_file(take_oldest(log));
    }
    rf_close(&log->dir_fd);
}

/* ---- recovery ---- */

static int read_records(rf_outbox_file *file, rf_outbox_record_fn fn, void *user, bool *ret_torn)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *data = rf_alloc(RF_OUTBOX_MAX_RECORD);
    RF_CLEANUP(rf_cleanup_free) rf_outbox_record *record = RF_NEW(rf_outbox_record);
    uint64_t at = 0;
    *ret_torn = false;
    for (;;) {
        size_t len = (size_t)RF_MIN(file->size - at, (uint64_t)RF_OUTBOX_MAX_RECORD);
        int err = rf_outbox_log_read(file, at, data, len);
        if (err < 0) {
            return err;
        }
        long n = rf_outbox_record_unpack(data, len, record);
        if (n <= 0) {
            *ret_torn = n < 0;
            return 0;
        }
        err = fn(file, at, (size_t)n, record, user);
        if (err != 0) {
            return err;
        }
        at += (uint64_t)n;
    }
}

static int open_file(rf_outbox_log *log, uint64_t number)
{
    char name[NAME_SIZE];
    struct stat st;
    name_of(number, name);
    rf_outbox_file *file = RF_NEW(rf_outbox_file);
    *file = (rf_outbox_file){.number = number};
    file->fd = openat(log->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file->fd < 0 || fstat(file->fd, &st) < 0) {
        int err = -errno;
        free_file(file);
        return err;
    }
    file->size = (uint64_t)st.st_size;
    add_newest(log, file);
    return 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* Collects the numbers of all files; the caller frees. */
static int list_files(int dir_fd, uint64_t **ret_numbers, size_t *ret_n)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        int err = -errno;
        rf_close(&fd);
        return err;
    }
    uint64_t *numbers = NULL;
    size_t n = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char name[NAME_SIZE];
        uint64_t number = strtoull(e->d_name, NULL, 16);
        name_of(number, name);
        if (strcmp(name, e->d_name) == 0) {
            numbers = rf_grow(numbers, n + 1, sizeof(*numbers));
            numbers[n++] = number;
        }
    }
    closedir(d);
    if (n > 0) {
        qsort(numbers, n, sizeof(*numbers), compare_numbers);
    }
    *ret_numbers = numbers;
    *ret_n = n;
    return 0;
}

static int recover(rf_outbox_log *log, rf_outbox_record_fn fn, void *user, uint64_t *ret_torn)
{
    RF_CLEANUP(rf_cleanup_free) uint64_t *numbers = NULL;
    size_t n = 0;
    int err = list_files(log->dir_fd, &numbers, &n);
    for (size_t i = 0; err == 0 && i < n; i++) {
        bool torn = false;
        err = open_file(log, numbers[i]);
        err = err == 0 ? read_records(log->newest, fn, user, &torn) : err;
        if (torn) {
            RF_LOG_WARN("outbox file ends in a torn record", RF_INT("file", numbers[i]));
            ++*ret_torn;
        }
    }
    return err;
}

int rf_outbox_log_open(rf_outbox_log *log, const char *dir, uint64_t rotate_bytes,
                       rf_outbox_record_fn fn, void *user, uint64_t *ret_torn)
{
    *log = (rf_outbox_log){.dir_fd = -1, .rotate_bytes = rotate_bytes};
    int err = rf_mkdirs(dir, 0700);
    if (err < 0) {
        return err;
    }
    log->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir_fd < 0) {
        return -errno;
    }
    if (flock(log->dir_fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    return recover(log, fn, user, ret_torn);
}

/* ---- writing ---- */

static int begin_file(rf_outbox_log *log)
{
    char name[NAME_SIZE];
    uint64_t number = log->newest == NULL ? 1 : log->newest->number + 1;
    name_of(number, name);
    int fd = openat(log->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    rf_outbox_file *file = RF_NEW(rf_outbox_file);
    *file = (rf_outbox_file){.number = number, .fd = fd};
    add_newest(log, file);
    log->is_open = true;
    return fsync(log->dir_fd) < 0 ? -errno : 0;
}

static int write_once(rf_outbox_log *log, const rf_buf *data)
{
    int err = 0;
    if (!log->is_open || log->newest->size >= log->rotate_bytes) {
        err = begin_file(log);
    }
    err = err == 0 ? rf_write_all(log->newest->fd, data->data, data->len) : err;
    return err == 0 && fdatasync(log->newest->fd) < 0 ? -errno : err;
}

/* Cuts what a failed write may have left: it must not come back as if it had counted. */
static void give_up_file(rf_outbox_log *log)
{
    if (log->is_open && ftruncate(log->newest->fd, (off_t)log->newest->size) == 0) {
        fdatasync(log->newest->fd);
    }
    log->is_open = false;
}

int rf_outbox_log_write(rf_outbox_log *log, const rf_buf *data, rf_outbox_file **ret_file,
                        uint64_t *ret_offset)
{
    int err = write_once(log, data);
    if (err < 0) {
        give_up_file(log);
        err = write_once(log, data);
    }
    if (err < 0) {
        give_up_file(log);
        return err;
    }
    *ret_file = log->newest;
    *ret_offset = log->newest->size;
    log->newest->size += data->len;
    atomic_fetch_add(&log->n_bytes, data->len);
    return 0;
}

int rf_outbox_log_read(const rf_outbox_file *file, uint64_t offset, void *data, size_t len)
{
    return rf_pread_all(file->fd, data, len, (int64_t)offset);
}
