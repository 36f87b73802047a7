/*
 * corpus_remix.h - excerpts mixed anew from the stems of several pieces, so that what is learned
 * from them knows no piece, level, equaliser, stereo picture or master by heart. One thread.
 */
#ifndef CORPUS_REMIX_H
#define CORPUS_REMIX_H

#include "corpus_synth.h"

/* Sources are "DIRECTORY/MIX" of pieces with stems; further ones hold voices or kits alone, in
 * directories named *-voice-* and *-kit-* (extra_stems.py). */
typedef struct corpus_remix {
    const char **pieces, **voices, **kits;
    size_t n_pieces, n_voices, n_kits;
    corpus_rng rng;
} corpus_remix;

/* corpus_remix_init sorts sources, which are borrowed until corpus_remix_done. */
void corpus_remix_init(corpus_remix *remix, const char **sources, size_t n_sources, uint64_t seed);
void corpus_remix_done(corpus_remix *remix);

/* corpus_remix_draw makes one excerpt: a mix and the stems in it, which sum to it where the master
 * was neither clipped nor coded. All are for the caller to end, also after -EIO: a source that
 * cannot be read. */
int corpus_remix_draw(corpus_remix *remix, corpus_sounding *ret_mix, corpus_sounding *ret_stems);

#endif
