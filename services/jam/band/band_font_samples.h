/*
 * band_font_samples.h - the sample headers of a soundfont, and the decoding of SF3's. Internal to
 * band_font.
 */
#ifndef BAND_FONT_SAMPLES_H
#define BAND_FONT_SAMPLES_H

#include "band_font.h"
#include "band_font_riff.h"

/* band_font_samples_read fills font->samples (and ->decoded). Samples that cannot sound (ROM,
 * empty, out of the file) get n = 0. Returns 0, or -EINVAL when compressed ones are broken. */
int band_font_samples_read(band_font *font, const band_riff_chunk chunks[BAND_RIFF_N]);

#endif
