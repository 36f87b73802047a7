/*
 * cli_wav.h - a WAV file of float32 stereo at 48,000 Hz that grows while music plays. Its header is
 * right after every write, also when the program is killed.
 */
#ifndef CLI_WAV_H
#define CLI_WAV_H

#include "rf_base.h"
#include "rf_buf.h"

typedef struct cli_wav cli_wav;

/* cli_wav_open makes or empties the file. One that may become larger than a WAV file's 4 GiB with
 * max_samples sample pairs is made so that it turns into RF64 there. On failure error says why;
 * returns negative errno. */
int cli_wav_open(const char *path, uint64_t max_samples, cli_wav **ret, rf_buf *error) RF_MUST_USE;

/* cli_wav_write adds n interleaved sample pairs, unchanged. 0, or -EIO with error filled. */
int cli_wav_write(cli_wav *w, const float *samples, size_t n, rf_buf *error) RF_MUST_USE;

/* cli_wav_close ends the file and frees; NULL is fine. 0, or -EIO with error filled. */
int cli_wav_close(cli_wav *w, rf_buf *error) RF_MUST_USE;

#endif
