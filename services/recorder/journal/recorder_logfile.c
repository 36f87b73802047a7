#include "recorder_logfile.h"

#include "recorder_crc.h"
#include "recorder_kill.h"
#include "rf_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "RFJRNL\r\n"
#define MAGIC_LEN 8
#define VERSION 1
#define HEADER 64
#define AT_VERSION 8
#define AT_NUMBER 16
#define AT_CRC 60
#define NAME_FORMAT "%s/journal-%016llx.log"
#define NAME_LEN 28 /* of "journal-0123456789abcdef.log" */
#define READ_STEP (1u << 20)
#define PAGES 65536 /* the largest pages of common processors; a multiple of the others' */
#define PAVE_BYTES (256 << 10)
#define SMALL_WRITE (32u << 10)

/* ---- names ---- */

static char *path_of(const char *dir, uint64_t number)
{
    return rf_asprintf(NAME_FORMAT, dir, (unsigned long long)number);
}

int recorder_dir_sync(const char *dir)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int recorder_dir_sync_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    RF_CLEANUP(rf_cleanup_free)
    char *dir = slash == NULL ? rf_strdup(".") : rf_strndup(path, len > 0 ? len : 1);
    return recorder_dir_sync(dir);
}

bool recorder_dir_is_same(const char *a, const char *b)
{
    const char *x = strrchr(a, '/');
    const char *y = strrchr(b, '/');
    return x != NULL && y != NULL && x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

/* The number in a file's name, 0 when it is none of the journal's. */
static uint64_t number_of(const char *name)
{
    unsigned long long number;
    int end = 0;
    if (strlen(name) != NAME_LEN || sscanf(name, "journal-%16llx.log%n", &number, &end) != 1) {
        return 0;
    }
    return end == NAME_LEN ? number : 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void remove_leftover(const char *dir, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(name, "journal-", 8) == 0 && len > 4 && strcmp(name + len - 4, ".tmp") == 0) {
        RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/%s", dir, name);
        (void)unlink(path); /* harmless if it stays: never read */
    }
}

int recorder_logfile_list(const char *dir, uint64_t **ret, size_t *ret_n)
{
    uint64_t *numbers = NULL;
    size_t n = 0;
    DIR *d = opendir(dir);
    if (d == NULL) {
        return -errno;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        uint64_t number = number_of(e->d_name);
        if (number > 0) {
            numbers = rf_grow(numbers, n + 1, sizeof(*numbers));
            numbers[n++] = number;
        } else {
            remove_leftover(dir, e->d_name);
        }
    }
    closedir(d);
    if (n > 0) {
        qsort(numbers, n, sizeof(*numbers), by_number);
    }
    *ret = numbers;
    *ret_n = n;
    return 0;
}

int recorder_logfile_remove(const char *dir, uint64_t number)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of(dir, number);
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- writing ---- */

recorder_logfile *recorder_logfile_free(recorder_logfile *f)
{
    if (f != NULL) {
        rf_close(&f->fd);
        free(f->path);
        free(f);
    }
    return NULL;
}

/* Space that was only set aside must be noted as used by the file system when it is written first,
 * at a cost above that of the sync itself. Before small writes zeros go there, many writes ahead; a
 * large write is as good as that. */
static int pave(recorder_logfile *f, size_t len)
{
    static const uint8_t zeros[PAVE_BYTES];
    int64_t until = f->end + (int64_t)len;
    int64_t to = RF_MIN(f->end + PAVE_BYTES, f->room);
    if (len > SMALL_WRITE || until <= f->paved || until >= to) {
        return 0;
    }
    int err = rf_pwrite_all(f->fd, zeros, (size_t)(to - f->end), f->end);
    f->paved = err == 0 ? to : f->paved;
    return err;
}

int recorder_logfile_write(recorder_logfile *f, const void *data, size_t len)
{
    int err = pave(f, len);
    err = err == 0 ? rf_pwrite_all(f->fd, data, len, f->end) : err;
    f->end += err == 0 ? (int64_t)len : 0;
    return err;
}

int recorder_logfile_sync(recorder_logfile *f)
{
    return fdatasync(f->fd) < 0 ? -errno : 0;
}

static int set_room_aside(recorder_logfile *f, int64_t room)
{
    if (room == 0 || fallocate(f->fd, 0, 0, room) == 0) {
        f->room = room;
        return 0;
    }
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno; /* then it grows as it is written */
}

static int write_header(recorder_logfile *f)
{
    uint8_t header[HEADER] = MAGIC;
    recorder_put_le(header + AT_VERSION, VERSION, 4);
    recorder_put_le(header + AT_NUMBER, f->number, 8);
    recorder_put_le(header + AT_CRC, recorder_crc(0, header, AT_CRC), 4);
    return recorder_logfile_write(f, header, sizeof(header));
}

static int make(recorder_logfile *f, const char *temp, int64_t room)
{
    f->fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        return -errno;
    }
    int err = set_room_aside(f, room);
    err = err == 0 ? write_header(f) : err;
    return err < 0 ? err : fsync(f->fd) < 0 ? -errno : 0;
}

int recorder_logfile_create(const char *dir, uint64_t number, int64_t room, recorder_logfile **ret)
{
    recorder_logfile *f = RF_NEW(recorder_logfile);
    *f = (recorder_logfile){.number = number, .path = path_of(dir, number), .fd = -1};
    RF_CLEANUP(rf_cleanup_free) char *temp = rf_asprintf("%s.tmp", f->path);
    int err = make(f, temp, room);
    if (err < 0 || rename(temp, f->path) < 0) {
        err = err < 0 ? err : -errno;
        (void)unlink(temp);
        recorder_logfile_free(f);
        return err;
    }
    recorder_kill_point("rename");
    err = recorder_dir_sync(dir);
    if (err < 0) {
        (void)unlink(f->path);
        recorder_logfile_free(f);
        return err;
    }
    *ret = f;
    return 0;
}

/* ---- reading ---- */

int recorder_logfile_open(const char *dir, uint64_t number)
{
    RF_CLEANUP(rf_cleanup_free) char *path = path_of(dir, number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int recorder_logfile_resync(const char *dir, uint64_t number)
{
    RF_CLEANUP(rf_cleanup_close) int fd = recorder_logfile_open(dir, number);
    return fd < 0 ? fd : fdatasync(fd) < 0 ? -errno : 0;
}

struct recorder_logreader {
    int fd;
    uint8_t *bytes;
    size_t cap;
    size_t at; /* of the next record in bytes */
    size_t len;
    int64_t file_at; /* of bytes[0] in the file */
    bool at_end;     /* the file has no more than bytes */
};

recorder_logreader *recorder_logreader_free(recorder_logreader *r)
{
    if (r != NULL) {
        rf_close(&r->fd);
        free(r->bytes);
        free(r);
    }
    return NULL;
}

static void make_room(recorder_logreader *r, size_t want)
{
    if (r->at > 0) {
        memmove(r->bytes, r->bytes + r->at, r->len - r->at);
    }
    r->file_at += (int64_t)r->at;
    r->len -= r->at;
    r->at = 0;
    if (r->cap < want + READ_STEP) {
        r->cap = want + READ_STEP;
        r->bytes = rf_grow(r->bytes, r->cap, 1);
    }
}

/* How many bytes to read at a place of the file: whole pages, as far as there is room. One that was
 * read is in the page cache, and data to SEEK_DATA, even where it was only set aside. */
static size_t read_step(int64_t from, size_t room)
{
    size_t in_last = (size_t)((from + (int64_t)room) % PAGES);
    return room > in_last ? room - in_last : room;
}

/* Has `want` bytes behind `at`, unless the file ends before. */
static int fill(recorder_logreader *r, size_t want)
{
    if (r->len - r->at >= want || r->at_end) {
        return 0;
    }
    make_room(r, want);
    while (r->len < want && !r->at_end) {
        int64_t from = r->file_at + (int64_t)r->len;
        ssize_t n = pread(r->fd, r->bytes + r->len, read_step(from, r->cap - r->len), from);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        r->at_end = n == 0;
        r->len += (size_t)n;
    }
    return 0;
}

static int check_header(const uint8_t *header, uint64_t number)
{
    if (memcmp(header, MAGIC, MAGIC_LEN) != 0 ||
        recorder_get_le(header + AT_CRC, 4) != recorder_crc(0, header, AT_CRC)) {
        return -EBADMSG;
    }
    if (recorder_get_le(header + AT_VERSION, 4) != VERSION) {
        return -EPROTO;
    }
    return recorder_get_le(header + AT_NUMBER, 8) == number ? 0 : -EBADMSG;
}

int recorder_logreader_open(const char *dir, uint64_t number, recorder_logreader **ret)
{
    recorder_logreader *r = RF_NEW(recorder_logreader);
    make_room(r, HEADER);
    r->fd = recorder_logfile_open(dir, number);
    int err = r->fd;
    if (err >= 0) {
        posix_fadvise(r->fd, 0, 0, POSIX_FADV_RANDOM); /* nothing ahead of read_step */
        err = fill(r, HEADER);
    }
    err = err < 0 ? err : r->len < HEADER ? -EBADMSG : check_header(r->bytes, number);
    if (err < 0) {
        recorder_logreader_free(r);
        return err;
    }
    r->at = HEADER;
    *ret = r;
    return 0;
}

int recorder_logreader_next(recorder_logreader *r, recorder_record *ret)
{
    int err = fill(r, RECORDER_RECORD_HEADER);
    if (err == 0 && r->len - r->at >= RECORDER_RECORD_HEADER) {
        err = fill(r, recorder_record_need(r->bytes + r->at));
    }
    if (err < 0) {
        return err;
    }
    ssize_t size = recorder_record_parse(r->bytes + r->at, r->len - r->at, ret);
    if (size <= 0) {
        return size == -ENODATA ? -EBADMSG : (int)size;
    }
    r->at += (size_t)size;
    return 1;
}

int64_t recorder_logreader_end(const recorder_logreader *r)
{
    return r->file_at + (int64_t)r->at;
}

/* The length without the zeros at the end. */
static size_t trim_zeros(const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[4096];
    while (len >= sizeof(zeros) && memcmp(bytes + len - sizeof(zeros), zeros, sizeof(zeros)) == 0) {
        len -= sizeof(zeros);
    }
    while (len > 0 && bytes[len - 1] == 0) {
        len--;
    }
    return len;
}

/* Goes on behind what was read where the file has data next: space that was only set aside reads as
 * zeros and need not be read. Without an answer from the file system all of it is read. */
static void skip_hole(recorder_logreader *r)
{
    int64_t at = r->file_at + (int64_t)r->len;
    int64_t data = lseek(r->fd, at, SEEK_DATA);
    if (data < 0) {
        r->at_end = r->at_end || errno == ENXIO;
    } else if (data > at) {
        r->file_at = data;
        r->at = 0;
        r->len = 0;
    }
}

int64_t recorder_logreader_rest(recorder_logreader *r)
{
    int64_t from = recorder_logreader_end(r);
    int64_t last = from;
    do {
        size_t len = trim_zeros(r->bytes + r->at, r->len - r->at);
        last = len > 0 ? r->file_at + (int64_t)(r->at + len) : last;
        r->at = r->len;
        skip_hole(r);
    } while (fill(r, 1) == 0 && r->len > r->at);
    return last - from;
}
