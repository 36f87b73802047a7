/*
 * band_font_samples.h - the sample headers of a soundfont. Internal to band_font.
 */
#ifndef BAND_FONT_SAMPLES_H
#define BAND_FONT_SAMPLES_H

#include "band_font.h"
#include "band_font_riff.h"

/* A compressed sample as it lies in the file. */
typedef struct band_font_packed {
    const uint8_t *data; /* NULL: it is not compressed, or is not wanted */
    size_t size;
    uint32_t loop_start, loop_end; /* of what is decoded, unchecked */
} band_font_packed;

/* band_font_samples_read fills font->samples. Samples that cannot sound (ROM, empty, out of the
 * file) get n = 0, compressed ones n = 1 until they are set. *ret_packed, n_samples of them, is the
 * caller's to free. Returns 0, or -EINVAL when compressed ones lie out of the file. */
int band_font_samples_read(band_font *font, const band_riff_chunk chunks[BAND_RIFF_N],
                           band_font_packed **ret_packed);

/* band_font_samples_set gives compressed sample i what was decoded: n samples at data, lent for the
 * font's life, with their margins. */
void band_font_samples_set(band_font *font, size_t i, const band_font_packed *packed,
                           const int16_t *data, uint32_t n);

#endif
