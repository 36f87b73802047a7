/*
 * band_bank.h - a soundfont and its modulators as FluidSynth wants them, shared by all
 * synthesizers. Read only once made: any thread.
 */
#ifndef BAND_BANK_H
#define BAND_BANK_H

#include "band_font.h"

struct _fluid_voice_t;

typedef struct band_bank band_bank;

/* band_bank_new takes over the font. */
band_bank *band_bank_new(band_font *font);
band_bank *band_bank_free(band_bank *bank);

/* The bank's own; lent. */
const band_font *band_bank_font(const band_bank *bank);

/* band_bank_modulate gives a voice that has not started the modulators of a span: those of an
 * instrument replace FluidSynth's of the same kind, those of a preset add to them. */
void band_bank_modulate(const band_bank *bank, struct _fluid_voice_t *voice, band_font_span span,
                        bool replaces);

#endif
