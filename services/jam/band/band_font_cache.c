#include "band_font_cache.h"

#include "band_font_map.h"
#include "band_font_vorbis.h"
#include "rf_crypto.h"
#include "rf_file.h"
#include "rf_log.h"
#include "rf_time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x314d435044424652ULL /* "RFBDPCM1", and no other where bytes lie otherwise */
#define VERSION 1U                  /* of the format, and of which samples are in it */
#define ALIGN 4096U
#define SUFFIX ".pcm"

typedef struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t n_samples;
    uint64_t size;              /* of the whole file */
    char font[64];              /* its SHA-256, hex */
    uint8_t sum[RF_SHA256_LEN]; /* SHA-256 of header, this being 0, and table */
} header;

typedef struct entry {
    uint64_t at; /* byte of the file: the first sample behind the margin */
    uint64_t n;  /* 0: not here */
} entry;

RF_DEFINE_CLEANUP(DIR, dir, closedir)

static uint64_t data_begin(size_t n_samples)
{
    return (sizeof(header) + n_samples * sizeof(entry) + ALIGN - 1) / ALIGN * ALIGN;
}

static header make_header(const band_font *font, const entry *table, uint64_t size)
{
    header h = {
        .magic = MAGIC, .version = VERSION, .n_samples = (uint32_t)font->n_samples, .size = size};
    memcpy(h.font, font->sha256, sizeof(h.font));
    rf_sha256 *sum = rf_sha256_new();
    rf_sha256_add(sum, &h, sizeof(h));
    rf_sha256_add(sum, table, font->n_samples * sizeof(*table));
    rf_sha256_finish(sum, h.sum);
    return h;
}

/* Whether the table has just the samples that are wanted, all within the file. */
static bool is_sound(const band_font *font, const band_font_packed *packed, const entry *table,
                     uint64_t size)
{
    const uint64_t margin = BAND_FONT_MARGIN * sizeof(int16_t);
    const uint64_t begin = data_begin(font->n_samples) + margin;
    for (size_t i = 0; i < font->n_samples; i++) {
        const entry *e = &table[i];
        if ((packed[i].data != NULL) != (e->n > 0)) {
            return false;
        }
        if (e->n > 0 && (e->n > UINT32_MAX || e->at % sizeof(int16_t) != 0 || e->at < begin ||
                         e->at > size || e->n * sizeof(int16_t) + margin > size - e->at)) {
            return false;
        }
    }
    return true;
}

/* Maps the file and sets the samples. Returns 0, -ESTALE when it is not this font's whole file, or
 * the errno of reading. */
static int take(band_font *font, const band_font_packed *packed, int fd)
{
    struct stat st;
    const uint64_t begin = data_begin(font->n_samples);
    if (fstat(fd, &st) != 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= begin) {
        return -ESTALE;
    }
    const uint64_t size = (uint64_t)st.st_size;
    int r = band_font_map(fd, size, &font->cache);
    if (r != 0) {
        return r;
    }
    const entry *table = (const entry *)(const void *)(font->cache.data + sizeof(header));
    const header h = make_header(font, table, size);
    if (memcmp(font->cache.data, &h, sizeof(h)) != 0 || !is_sound(font, packed, table, size)) {
        band_font_unmap(&font->cache);
        return -ESTALE;
    }
    for (size_t i = 0; i < font->n_samples; i++) {
        if (table[i].n > 0) {
            const int16_t *data = (const int16_t *)(const void *)(font->cache.data + table[i].at);
            band_font_samples_set(font, i, &packed[i], data, (uint32_t)table[i].n);
        }
    }
    return 0;
}

/* Decodes one sample to the file's end, *size. */
static int write_sample(int fd, const band_font_packed *packed, entry *ret, uint64_t *size)
{
    RF_CLEANUP(rf_cleanup_free) int16_t *samples = NULL;
    uint32_t n = 0;
    const int r = band_font_vorbis_decode(packed->data, packed->size, &samples, &n);
    if (r != 0) {
        return r;
    }
    const size_t bytes = ((size_t)n + (size_t)2 * BAND_FONT_MARGIN) * sizeof(int16_t);
    if (*size + bytes > BAND_FONT_MAX_DECODED) {
        return -EFBIG;
    }
    *ret = (entry){*size + BAND_FONT_MARGIN * sizeof(int16_t), n};
    *size += bytes;
    const int w = rf_write_all(fd, samples, bytes);
    return w == -EFBIG ? -ENOSPC : w; /* a limit of the process's, not of the font's */
}

static int write_front(const band_font *font, int fd, const entry *table, uint64_t size)
{
    const header h = make_header(font, table, size);
    if (lseek(fd, 0, SEEK_SET) < 0) {
        return -errno;
    }
    const int r = rf_write_all(fd, &h, sizeof(h));
    return r != 0 ? r : rf_write_all(fd, table, font->n_samples * sizeof(*table));
}

static int write_file(const band_font *font, const band_font_packed *packed, int fd)
{
    RF_CLEANUP(rf_cleanup_free) entry *table = RF_NEW_ARRAY(entry, font->n_samples + 1);
    uint64_t size = data_begin(font->n_samples);
    int r = lseek(fd, (off_t)size, SEEK_SET) < 0 ? -errno : 0;
    for (size_t i = 0; i < font->n_samples && r == 0; i++) {
        r = packed[i].data != NULL ? write_sample(fd, &packed[i], &table[i], &size) : 0;
    }
    return r != 0 ? r : write_front(font, fd, table, size);
}

/* One font plays at a time: files of others, and an unusable one of this name, only fill the disk.
 * Who has them mapped keeps them. */
static void remove_others(int directory)
{
    const int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    RF_CLEANUP(rf_cleanup_dir) DIR *all = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *e = all != NULL ? readdir(all) : NULL; e != NULL; e = readdir(all)) {
        const size_t n = strlen(e->d_name);
        if (n > strlen(SUFFIX) && strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX) == 0) {
            (void)unlinkat(directory, e->d_name, 0);
        }
    }
}

/* Gives the whole file its name. Without one it plays as well, but is made again next time. */
static void name_file(int directory, int fd, const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *self = rf_asprintf("/proc/self/fd/%d", fd);
    remove_others(directory);
    if (fdatasync(fd) != 0 || linkat(AT_FDCWD, self, directory, name, AT_SYMLINK_FOLLOW) != 0) {
        RF_LOG_WARN("a soundfont's cache file is not kept", RF_STR("name", name),
                    RF_STR("why", strerror(errno)));
    }
}

static int make(band_font *font, const band_font_packed *packed, int directory, const char *name)
{
    RF_CLEANUP(rf_cleanup_close)
    int fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    const int64_t begin_ns = rf_time_ns();
    int r = write_file(font, packed, fd);
    if (r != 0) {
        return r;
    }
    name_file(directory, fd, name);
    RF_LOG_INFO("a soundfont is decoded", RF_STR("cache", name),
                RF_INT("ms", (rf_time_ns() - begin_ns) / 1000000));
    return take(font, packed, fd);
}

int band_font_cache_use(band_font *font, const band_font_packed *packed, const char *directory)
{
    RF_CLEANUP(rf_cleanup_free) char *name = rf_asprintf("%s" SUFFIX, font->sha256);
    (void)rf_mkdirs(directory, 0700); /* open tells */
    RF_CLEANUP(rf_cleanup_close)
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return -errno;
    }
    RF_CLEANUP(rf_cleanup_close)
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && take(font, packed, fd) == 0) {
        return 0;
    }
    return make(font, packed, dir, name);
}
