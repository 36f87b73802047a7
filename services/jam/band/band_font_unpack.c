#include "band_font_unpack.h"

#include "band_font_cache.h"
#include "band_font_vorbis.h"
#include "rf_log.h"

#include <errno.h>
#include <string.h>

/* Returns how many compressed samples are played. */
static size_t keep_played(band_font *font, band_font_packed *packed)
{
    RF_CLEANUP(rf_cleanup_free) bool *played = RF_NEW_ARRAY(bool, font->n_samples + 1);
    for (size_t i = 0; i < font->n_layers; i++) {
        played[font->layers[i].sample] = true;
    }
    size_t n = 0;
    for (size_t i = 0; i < font->n_samples; i++) {
        if (packed[i].data != NULL && !played[i]) {
            packed[i].data = NULL;
            font->samples[i].n = 0;
        }
        n += packed[i].data != NULL;
    }
    return n;
}

static int unpack_to_memory(band_font *font, const band_font_packed *packed)
{
    size_t all = 0;
    font->decoded = RF_NEW_ARRAY(int16_t *, font->n_samples + 1);
    for (size_t i = 0; i < font->n_samples; i++) {
        if (packed[i].data == NULL) {
            continue;
        }
        uint32_t n = 0;
        int r = band_font_vorbis_decode(packed[i].data, packed[i].size, &font->decoded[i], &n);
        all += n * sizeof(int16_t);
        r = r == 0 && all > BAND_FONT_MAX_DECODED ? -EFBIG : r;
        if (r != 0) {
            return r;
        }
        band_font_samples_set(font, i, &packed[i], font->decoded[i] + BAND_FONT_MARGIN, n);
    }
    return 0;
}

int band_font_unpack(band_font *font, band_font_packed *packed, const char *cache_dir)
{
    if (keep_played(font, packed) == 0) {
        return 0;
    }
    if (cache_dir != NULL) {
        const int r = band_font_cache_use(font, packed, cache_dir);
        if (r == 0 || r == -EINVAL || r == -EFBIG) {
            return r;
        }
        RF_LOG_WARN("a soundfont's decoded samples stay in memory: no cache file",
                    RF_STR("directory", cache_dir), RF_STR("why", strerror(-r)));
    }
    return unpack_to_memory(font, packed);
}
