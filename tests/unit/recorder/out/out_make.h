/* Masters made by formula, and what leaves them, for the tests of recorder/out. Failures end the
 * test. */
#ifndef OUT_MAKE_H
#define OUT_MAKE_H

#include "media_make.h"
#include "recorder_extract.h"
#include "recorder_stream.h"

typedef struct out_master {
    int fd;
    rf_pcm pcm;
    int64_t n_frames;
    rf_frames *floats; /* the same samples, NULL for int32, which floats cannot hold */
} out_master;

/* Tones and noise (media_noise), exact in the sample format; int32 has noise in all its bits. */
out_master out_master_new(rf_sample_format sample, uint32_t n_channels, uint32_t rate_hz,
                          int64_t n_frames);
void out_master_done(out_master *m);

/* The bytes of frames [first, first + n) as they lie in the master; the caller frees. */
uint8_t *out_master_bytes(const out_master *m, int64_t first, int64_t n);

/* Bytes that were given out. */
typedef struct out_bytes {
    uint8_t *data;
    size_t len, cap;
} out_bytes;

int out_bytes_add(void *bytes, const void *data, size_t len); /* a recorder_write_fn */
void out_bytes_done(out_bytes *bytes);

/* out_extract extracts or fails the test; out_decoded decodes the bytes by the project's decoder.
 */
out_bytes out_extract(const recorder_extract_params *params, recorder_extract_result *ret);
rf_frames *out_decoded(const out_bytes *bytes, rf_decode_info *ret_info);

/* What a stream gave: all its bytes joined, and where its chunks begin and how many frames they
 * have. */
typedef struct out_chunk {
    size_t at, len;
    int64_t n_frames, first_frame;
} out_chunk;

typedef struct out_chunks {
    out_bytes bytes;
    out_chunk *chunks;
    int64_t n;
} out_chunks;

/* out_stream_take takes pieces until there are none for now; true at the end of the stream. */
bool out_stream_take(recorder_stream *stream, int64_t readable, bool ended, out_chunks *to);

/* out_stream opens a stream, makes `step` more frames readable at a time, and takes all. */
out_chunks out_stream(const recorder_stream_params *params, int64_t n_frames, int64_t step);
void out_chunks_done(out_chunks *chunks);

/* The samples of raw PCM or of a file, in the sample format of pcm, as floats: for comparisons. */
double out_snr_db(const float *got, const float *want, int64_t n);

/* out_judge has ffmpeg decode the bytes: the number of frames it gives; *ret_said (freed by the
 * caller) is what it warned of, empty for nothing. */
int64_t out_judge(const out_bytes *bytes, uint32_t n_channels, char **ret_said);

#endif
