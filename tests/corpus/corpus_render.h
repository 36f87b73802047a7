/*
 * corpus_render.h - a piece to files: its mixes, stems and truth, in a directory of its own.
 */
#ifndef CORPUS_RENDER_H
#define CORPUS_RENDER_H

#include "corpus_synth.h"

enum { CORPUS_MIX_CLEAN = 1, CORPUS_MIX_REVERB = 2, CORPUS_MIX_MP3 = 4 };

typedef struct corpus_render_options {
    unsigned mixes; /* CORPUS_MIX_* or'ed */
    bool stems;     /* also <mix>.<stem>.wav of clean and reverb, 24 bits, summing to the mix
                       (reverb: when the master is not clipped) */
} corpus_render_options;

/* corpus_stem_name gives "vocals", "kick", "snare", "drums_other", "bass", "other". */
const char *corpus_stem_name(corpus_stem stem);

/* corpus_render_stems renders the dry stems, scaled so that their sum peaks at 0.9. The soundings
 * are for the caller to end. */
int corpus_render_stems(corpus_synth *synth, const corpus_piece *piece, corpus_sounding *ret_stems);

/* corpus_render_files writes directory/{clean,reverb,mp3}.wav, stems and truth.json. Returns 0 or
 * negative errno. */
int corpus_render_files(corpus_synth *synth, const corpus_piece *piece,
                        const corpus_render_options *options, const char *directory);

#endif
