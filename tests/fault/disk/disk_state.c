#include "disk_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uthash.h>

#define SECTOR 512
#define PATH_SIZE 2048

/* A sector as it was. */
typedef struct sector {
    UT_hash_handle hh;
    int64_t number;
    uint8_t before[SECTOR];
} sector;

struct disk_file {
    UT_hash_handle hh;
    struct {
        uint64_t device;
        uint64_t inode;
    } key;
    int fd; /* our own */
    sector *dirty;
    sector *syncing; /* of the sync in progress */
    sector *lost;    /* of failed ones */
    int64_t durable_size;
    int64_t syncing_size;
    bool is_syncing;
};

typedef enum name_kind { NAME_CREATED, NAME_RENAMED, NAME_REMOVED } name_kind;

typedef struct name_change {
    struct name_change *older;
    name_kind kind;
    char path[PATH_SIZE];  /* where the file is now; removed: was */
    char from[PATH_SIZE];  /* renamed */
    char saved[PATH_SIZE]; /* another name of what was there, "": none */
} name_change;

static char folder[PATH_SIZE];
static uint64_t random_state;
static disk_file *files;
static name_change *changes; /* newest first */
static unsigned n_saved;

/* The layer stands before these functions of libc, so that here the kernel is asked directly. */
static ssize_t raw_pread(int fd, void *data, size_t len, int64_t at)
{
    return syscall(SYS_pread64, fd, data, len, at);
}

static void raw_pwrite(int fd, const void *data, size_t len, int64_t at)
{
    if (syscall(SYS_pwrite64, fd, data, len, at) != (long)len) {
        abort();
    }
}

uint64_t disk_random(uint64_t bound)
{
    random_state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % bound;
}

static bool coin(void)
{
    return disk_random(2) == 0;
}

void disk_state_open(const char *root, uint64_t seed)
{
    char saved[PATH_SIZE + 8];
    snprintf(folder, sizeof(folder), "%s", root);
    snprintf(saved, sizeof(saved), "%s/.cut", root);
    (void)syscall(SYS_mkdir, saved, 0700);
    random_state = seed;
}

static bool is_inside(const char *path)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* ---- contents ---- */

static int64_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : 0;
}

static disk_file *add_file(int fd, const struct stat *st)
{
    char link[64];
    disk_file *f = calloc(1, sizeof(*f));
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    f->key.device = st->st_dev;
    f->key.inode = st->st_ino;
    f->fd = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC);
    f->durable_size = st->st_size;
    HASH_ADD(hh, files, key, sizeof(f->key), f);
    return f;
}

disk_file *disk_file_of(int fd)
{
    char link[64];
    char path[PATH_SIZE];
    struct stat st;
    disk_file *f;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return NULL;
    }
    struct {
        uint64_t device;
        uint64_t inode;
    } key = {st.st_dev, st.st_ino};
    HASH_FIND(hh, files, &key, sizeof(key), f);
    if (f != NULL) {
        return f;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return is_inside(path) ? add_file(fd, &st) : NULL;
}

static void forget_sectors(sector **set)
{
    sector *s;
    sector *next;
    HASH_ITER(hh, *set, s, next)
    {
        HASH_DEL(*set, s);
        free(s);
    }
}

static sector *find_sector(sector *set, int64_t number)
{
    sector *s;
    HASH_FIND(hh, set, &number, sizeof(number), s);
    return s;
}

static void keep_sector(disk_file *f, int64_t number)
{
    if (find_sector(f->dirty, number) != NULL) {
        return;
    }
    sector *s = find_sector(f->lost, number);
    if (s != NULL) { /* what is on disk is older than what is seen */
        HASH_DEL(f->lost, s);
    } else {
        s = calloc(1, sizeof(*s));
        s->number = number;
        (void)raw_pread(f->fd, s->before, SECTOR, number * SECTOR); /* behind the end: zeros */
    }
    HASH_ADD(hh, f->dirty, number, sizeof(s->number), s);
}

void disk_file_before_write(disk_file *f, int64_t at, size_t len)
{
    int64_t last = (at + (int64_t)len - 1) / SECTOR;
    for (int64_t number = at / SECTOR; len > 0 && number <= last; number++) {
        keep_sector(f, number);
    }
}

void disk_file_before_size(disk_file *f, int64_t size)
{
    static const uint8_t zeros[SECTOR];
    uint8_t data[SECTOR];
    int64_t end = size_of(f->fd);
    for (int64_t at = size / SECTOR * SECTOR; at < end; at += SECTOR) {
        ssize_t n = raw_pread(f->fd, data, SECTOR, at);
        if (n > 0 && memcmp(data, zeros, (size_t)n) != 0) {
            keep_sector(f, at / SECTOR);
        }
    }
}

bool disk_file_is_syncing(const disk_file *f)
{
    return f->is_syncing;
}

void disk_file_sync_begin(disk_file *f)
{
    f->is_syncing = true;
    f->syncing = f->dirty;
    f->dirty = NULL;
    f->syncing_size = size_of(f->fd);
}

void disk_file_sync_end(disk_file *f, bool success)
{
    f->is_syncing = false;
    if (success) {
        forget_sectors(&f->syncing);
        f->durable_size = f->syncing_size;
        return;
    }
    sector *s;
    sector *next;
    HASH_ITER(hh, f->syncing, s, next)
    {
        sector *later = find_sector(f->dirty, s->number);
        HASH_DEL(f->syncing, s);
        if (later !=
            NULL) { /* written again meanwhile: will be synced, but the disk has the older */
            memcpy(later->before, s->before, SECTOR);
            free(s);
        } else {
            HASH_ADD(hh, f->lost, number, sizeof(s->number), s);
        }
    }
}

/* ---- names ---- */

static name_change *add_change(name_kind kind, const char *path)
{
    name_change *c = calloc(1, sizeof(*c));
    c->kind = kind;
    snprintf(c->path, sizeof(c->path), "%s", path);
    c->older = changes;
    changes = c;
    return c;
}

static void save(name_change *c, const char *path)
{
    snprintf(c->saved, sizeof(c->saved), "%.1900s/.cut/%u", folder, n_saved++);
    if (link(path, c->saved) < 0) {
        c->saved[0] = '\0';
    }
}

void disk_name_created(const char *path)
{
    if (is_inside(path)) {
        add_change(NAME_CREATED, path);
    }
}

void disk_name_renames(const char *from, const char *to)
{
    if (is_inside(to)) {
        name_change *c = add_change(NAME_RENAMED, to);
        snprintf(c->from, sizeof(c->from), "%s", from);
        save(c, to);
    }
}

void disk_name_removes(const char *path)
{
    if (is_inside(path)) {
        save(add_change(NAME_REMOVED, path), path);
    }
}

void disk_names_synced(const char *path)
{
    size_t len = strlen(path);
    for (name_change **link = &changes; *link != NULL;) {
        name_change *c = *link;
        const char *slash = strrchr(c->path, '/');
        if ((size_t)(slash - c->path) != len || strncmp(c->path, path, len) != 0) {
            link = &c->older;
            continue;
        }
        *link = c->older;
        (void)syscall(SYS_unlink, c->saved);
        free(c);
    }
}

/* ---- the cut ---- */

static void undo_name(const name_change *c)
{
    if (c->kind == NAME_CREATED) {
        (void)syscall(SYS_unlink, c->path);
    }
    if (c->kind == NAME_RENAMED) {
        (void)syscall(SYS_rename, c->path, c->from);
    }
    if (c->saved[0] != '\0') {
        (void)syscall(SYS_rename, c->saved, c->path);
    }
}

static void put_back(const disk_file *f, sector *set, uint64_t of_100)
{
    for (const sector *s = set; s != NULL; s = s->hh.next) {
        if (disk_random(100) < of_100) {
            raw_pwrite(f->fd, s->before, SECTOR, s->number * SECTOR);
        }
    }
}

static void cut_file(const disk_file *f)
{
    static const uint64_t losses[] = {100, 50, 50, 10, 0}; /* of 100 sectors */
    uint64_t loss = losses[disk_random(sizeof(losses) / sizeof(losses[0]))];
    int64_t size = size_of(f->fd);
    struct stat st;
    if (fstat(f->fd, &st) < 0) {
        abort();
    }
    put_back(f, f->dirty, loss);
    put_back(f, f->syncing, loss);
    put_back(f, f->lost, 100);
    /* Putting back whole sectors may have made it longer than it was. */
    int64_t end = coin() ? f->durable_size : size;
    /* Its time, which a sync has made durable, does not tell of the cut. */
    if (syscall(SYS_ftruncate, f->fd, end) < 0 ||
        futimens(f->fd, (const struct timespec[]){st.st_atim, st.st_mtim}) < 0) {
        abort();
    }
}

void disk_cut(void)
{
    for (const disk_file *f = files; f != NULL; f = f->hh.next) {
        cut_file(f);
    }
    for (const name_change *c = changes; c != NULL; c = c->older) {
        if (coin()) {
            undo_name(c);
        }
    }
}
