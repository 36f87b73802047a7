/*
 * corpus_onsets.h - the hits of a separated drum: where its level jumps. Pure.
 */
#ifndef CORPUS_ONSETS_H
#define CORPUS_ONSETS_H

#include "corpus_synth.h"

/* corpus_onsets_find writes the times (s) of the hits of one drum that was taken from a mix,
 * sorted. Jumps much smaller than the drum's own, or than anything to be heard in the mix, are
 * none. Returns how many; *ret_s is for the caller to free. */
size_t corpus_onsets_find(const corpus_sounding *drum, const corpus_sounding *mix, double **ret_s);

#endif
