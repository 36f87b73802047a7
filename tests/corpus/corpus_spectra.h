/*
 * corpus_spectra.h - short-time spectra of soundings as the splitter takes them, and the masks that
 * would be ideal. One thread.
 */
#ifndef CORPUS_SPECTRA_H
#define CORPUS_SPECTRA_H

#include "corpus_synth.h"

#include <fftw3.h>

#define CORPUS_SPECTRA_OVERLAP 4

typedef struct corpus_spectra {
    int length, hop;
    size_t n_bins; /* length / 2 + 1 */
    float *window; /* root of Hann: CORPUS_SPECTRA_OVERLAP squares sum to 2 */
    float *samples;
    fftwf_complex *spectrum;
    fftwf_plan forward, backward; /* backward overwrites spectrum, too */
} corpus_spectra;

/* corpus_spectra_init prepares transforms of `length` frames, a power of two. */
void corpus_spectra_init(corpus_spectra *spectra, int length);
void corpus_spectra_done(corpus_spectra *spectra);

/* corpus_spectra_times counts the windows that cover n_frames. */
size_t corpus_spectra_times(const corpus_spectra *spectra, size_t n_frames);

/* corpus_spectra_forward transforms the window at a time of one channel x[n_frames] into
 * spectra->spectrum. The first windows begin before the sounding. */
void corpus_spectra_forward(corpus_spectra *spectra, const float *x, size_t n_frames, size_t time);

/* corpus_spectra_add transforms spectra->spectrum back and adds it to x[n_frames]. */
void corpus_spectra_add(corpus_spectra *spectra, float *x, size_t n_frames, size_t time);

/* corpus_ideal_share gives the real factor, 0 to 1, that takes one bin of the mix nearest to that
 * of the wanted stem, both channels together. */
float corpus_ideal_share(const float *mix_left, const float *mix_right, const float *left,
                         const float *right);

/* corpus_ideal_split applies ideal shares of each of the wanted soundings to the mix; where they
 * sum to more than 1 they are scaled down, as the splitter does. ret[n_wanted] are for the caller
 * to end: the bound of what masks on these spectra can reach. */
void corpus_ideal_split(corpus_spectra *spectra, const corpus_sounding *mix,
                        const corpus_sounding *wanted, int n_wanted, corpus_sounding *ret);

#endif
