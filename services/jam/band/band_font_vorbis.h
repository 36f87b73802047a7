/*
 * band_font_vorbis.h - one compressed sample of SF3. Internal to band_font. Any thread.
 */
#ifndef BAND_FONT_VORBIS_H
#define BAND_FONT_VORBIS_H

#include "rf_base.h"

/* band_font_vorbis_decode decodes one channel of Ogg Vorbis, a minute at most, into fresh memory of
 * BAND_FONT_MARGIN zeros, *ret_n samples, and as many zeros again; the caller frees. Returns 0, or
 * -EINVAL when there is nothing to hear in it. */
int band_font_vorbis_decode(const uint8_t *data, size_t size, int16_t **ret, uint32_t *ret_n);

#endif
