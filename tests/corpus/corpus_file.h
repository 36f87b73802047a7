/*
 * corpus_file.h - sound files of the corpus: WAV in and out, and a trip through MP3.
 */
#ifndef CORPUS_FILE_H
#define CORPUS_FILE_H

#include "corpus_synth.h"

/* corpus_wav_write writes stereo PCM of 16 or 24 bits. Returns 0 or -EIO. */
int corpus_wav_write(const char *path, const corpus_sounding *s, int bits);

/* corpus_wav_read reads a mono or stereo file that libsndfile knows; mono comes out on both
 * channels. *ret_rate_hz may be NULL. The sounding is for the caller to end. Returns 0 or -EIO. */
int corpus_wav_read(const char *path, corpus_sounding *ret, int *ret_rate_hz);

/* corpus_mp3_trip encodes and decodes in place, delay removed: the loss stays, the time does not
 * move. Returns 0 or -EIO. */
int corpus_mp3_trip(corpus_sounding *s, int kbps);

#endif
