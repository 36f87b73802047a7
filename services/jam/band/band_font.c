#include "band_font.h"

#include "band_font_map.h"
#include "band_font_presets.h"
#include "band_font_unpack.h"
#include "rf_crypto.h"
#include "rf_id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)1 << 16)

/* Reads instead of going through the map: what is mapped and touched counts as this process's. */
static int hash(int fd, char ret[65])
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *part = rf_alloc(READ_SIZE);
    uint8_t digest[RF_SHA256_LEN];
    rf_sha256 *sum = rf_sha256_new();
    ssize_t n;
    while ((n = read(fd, part, READ_SIZE)) > 0 || (n < 0 && errno == EINTR)) {
        rf_sha256_add(sum, part, n > 0 ? (size_t)n : 0);
    }
    if (n < 0) {
        const int err = -errno;
        (void)rf_sha256_free(sum);
        return err;
    }
    rf_sha256_finish(sum, digest);
    rf_hex(digest, sizeof(digest), ret);
    return 0;
}

/* Fills the tables from font->file. */
static int read_file(band_font *font, const char *cache_dir)
{
    band_riff_chunk chunks[BAND_RIFF_N];
    RF_CLEANUP(rf_cleanup_free) band_font_packed *packed = NULL;
    int r = band_riff_read(font->file.data, font->file.size, chunks);
    r = r == 0 ? band_font_samples_read(font, chunks, &packed) : r;
    r = r == 0 ? band_font_presets_read(font, chunks) : r;
    r = r == 0 ? band_font_unpack(font, packed, cache_dir) : r;
    band_font_map_rest(&font->file);
    return r;
}

static int finish(band_font *font, int r, band_font **ret)
{
    if (r != 0) {
        (void)band_font_free(font);
        return r;
    }
    *ret = font;
    return 0;
}

int band_font_parse(uint8_t *file, size_t size, band_font **ret)
{
    uint8_t digest[RF_SHA256_LEN];
    band_font *font = RF_NEW(band_font);
    font->file = (band_font_bytes){file, size, false};
    rf_sha256_of(file, size, digest);
    rf_hex(digest, sizeof(digest), font->sha256);
    return finish(font, read_file(font, NULL), ret);
}

int band_font_load(const char *path, const char *cache_dir, band_font **ret)
{
    RF_CLEANUP(rf_cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return -errno;
    }
    if (st.st_size <= 0) {
        return -EINVAL;
    }
    if ((size_t)st.st_size > BAND_FONT_MAX_SIZE) {
        return -EFBIG;
    }
    band_font *font = RF_NEW(band_font);
    int r = band_font_map(fd, (size_t)st.st_size, &font->file);
    r = r == 0 ? hash(fd, font->sha256) : r;
    return finish(font, r == 0 ? read_file(font, cache_dir) : r, ret);
}

band_font *band_font_free(band_font *font)
{
    if (font != NULL) {
        for (size_t i = 0; font->decoded != NULL && i < font->n_samples; i++) {
            free(font->decoded[i]);
        }
        free(font->decoded);
        free(font->samples);
        free(font->presets);
        free(font->layers);
        free(font->gens);
        free(font->mods);
        band_font_unmap(&font->cache);
        band_font_unmap(&font->file);
        free(font);
    }
    return NULL;
}

size_t band_font_find(const band_font *font, int bank, int program)
{
    size_t fallback = 0;
    for (size_t i = 0; i < font->n_presets; i++) {
        const band_font_preset *preset = &font->presets[i];
        if (preset->bank == bank && preset->program == program) {
            return i;
        }
        if (preset->bank == bank && preset->program == 0) {
            fallback = i;
        }
    }
    return fallback;
}

void band_font_fetch(const band_font *font)
{
    band_font_map_fetch(font->cache.data != NULL ? &font->cache : &font->file);
}
