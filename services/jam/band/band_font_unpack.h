/*
 * band_font_unpack.h - what the compressed samples of a soundfont are after decoding, one at a
 * time. Internal to band_font.
 */
#ifndef BAND_FONT_UNPACK_H
#define BAND_FONT_UNPACK_H

#include "band_font_samples.h"

/* band_font_unpack sets the compressed samples that layers play, from cache_dir or from memory (see
 * band_font_load), and forgets the others: n = 0. The font's digest must be there. Returns 0;
 * -EINVAL when one is broken, -EFBIG when they are too much. */
int band_font_unpack(band_font *font, band_font_packed *packed, const char *cache_dir);

#endif
