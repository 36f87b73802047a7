/*
 * band_font_cache.h - the decoded samples of a compressed soundfont in a file that is mapped.
 * Internal to band_font. Any thread; several processes may use one directory.
 *
 * <directory>/<SHA-256 of the font>.pcm, of the machine's own byte order: a header, a table of
 * n_samples entries, and from the next 4,096 bytes on the samples, 16 bits each, with their
 * margins. Header and table carry a checksum, the header the file's whole length. It is written
 * without a name, made durable and named then, so that what has a name is whole; what does not fit
 * in any way is not used but made anew. Files of other fonts go when one is made.
 */
#ifndef BAND_FONT_CACHE_H
#define BAND_FONT_CACHE_H

#include "band_font_samples.h"

/* band_font_cache_use sets the samples that are packed, from the file of the font's digest, which
 * it makes when there is none. Returns 0; -EINVAL when a sample cannot be decoded; -EFBIG above
 * BAND_FONT_MAX_DECODED; the errno of making, writing or mapping the file, when no sample is set.
 */
int band_font_cache_use(band_font *font, const band_font_packed *packed, const char *directory);

#endif
