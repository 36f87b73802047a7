/*
 * band_font_presets.h - the presets of a soundfont, flattened to layers. Internal to band_font.
 */
#ifndef BAND_FONT_PRESETS_H
#define BAND_FONT_PRESETS_H

#include "band_font.h"
#include "band_font_riff.h"

/* band_font_presets_read fills font->presets, ->layers, ->gens and ->mods with the presets of
 * General MIDI's banks, 0 and 128; the samples must be there. Returns 0, or -EINVAL when a table
 * points outside another or no preset of these banks sounds. */
int band_font_presets_read(band_font *font, const band_riff_chunk chunks[BAND_RIFF_N]);

#endif
