/*
 * band_font_map.h - files mapped read-only. Internal to band_font. Any thread.
 */
#ifndef BAND_FONT_MAP_H
#define BAND_FONT_MAP_H

#include "band_font.h"

/* band_font_map maps the first size bytes (1 and more) of a file, none of which need be in memory.
 * The map holds when fd is closed. Returns 0 or the negative errno of mmap. */
int band_font_map(int fd, size_t size, band_font_bytes *ret);

/* band_font_unmap also takes bytes of the heap, and none. */
void band_font_unmap(band_font_bytes *bytes);

/* band_font_map_rest takes a map's pages out of the process; they come back when they are read. */
void band_font_map_rest(const band_font_bytes *bytes);

/* band_font_map_fetch waits until the whole map is in memory and in the page tables; where the
 * kernel cannot (before Linux 5.14) it asks for it. Does nothing for bytes of the heap. */
void band_font_map_fetch(const band_font_bytes *bytes);

#endif
