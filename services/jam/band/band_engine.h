/*
 * band_engine.h - the engine "band": a rule-based composer and sampled instruments (FluidSynth with
 * a General MIDI soundfont). It is no neural model and does not say so.
 */
#ifndef BAND_ENGINE_H
#define BAND_ENGINE_H

#include "jam_engine.h"

/* band_engine_new loads the soundfont (SF2 or SF3, "" for Debian's General MIDI fonts), once for
 * all instances; what of it must be decoded is kept in cache_dir (NULL: in memory, see
 * band_font_load). Returns 0 and the engine, whose open answers -ENOENT when there was no
 * soundfont; band_engine_free after the last instance is closed. */
int band_engine_new(const char *soundfont, const char *cache_dir, jam_engine **ret);
jam_engine *band_engine_free(jam_engine *engine);

#endif
