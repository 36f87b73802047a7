/*
 * rf_encode_impl.h - what the writers of the single formats share. Private to common/media.
 */
#ifndef RF_ENCODE_IMPL_H
#define RF_ENCODE_IMPL_H

#include "rf_encode.h"

#define RF_ENCODE_CHUNK 1024 /* frames handed to a writer at once, at most */

/* The writer of one format. Every function returns 0 or negative errno. */
typedef struct rf_encode_writer {
    int (*check)(const rf_encode_params *params, rf_media_error *error);
    int (*open)(rf_encoder *e);                                /* sets e->codec */
    int (*write)(rf_encoder *e, const float *data, int64_t n); /* n <= RF_ENCODE_CHUNK */
    int (*write_pcm)(rf_encoder *e, rf_sample_format sample, const void *data, int64_t n);
    int (*flush)(rf_encoder *e); /* may be NULL */
    int (*close)(rf_encoder *e); /* what is left */
    void (*free)(rf_encoder *e); /* e->codec, NULL included */
} rf_encode_writer;

struct rf_encoder {
    rf_encode_params params; /* defaults filled in */
    rf_sink sink;
    const rf_encode_writer *writer;
    void *codec;
    rf_encode_stats stats;
    int64_t at;           /* position in the sink */
    int64_t n_coded;      /* frames */
    uint32_t codec_frame; /* frames that are coded together; set by open */
    uint64_t dither_state;
    int err; /* the first; everything after it fails alike */
};

extern const rf_encode_writer rf_encode_wav;
extern const rf_encode_writer rf_encode_flac;
extern const rf_encode_writer rf_encode_mp3;
extern const rf_encode_writer rf_encode_opus;

/* rf_encode_emit sends bytes to the sink; those that make the file longer are counted. */
int rf_encode_emit(rf_encoder *e, const void *data, size_t len);

/* rf_encode_seek moves to an offset already written; -ESPIPE when the sink cannot. */
int rf_encode_seek(rf_encoder *e, int64_t offset);

/* rf_encode_quantise rounds n_samples to integers of `bits`: dither, clip and count. */
void rf_encode_quantise(rf_encoder *e, const float *in, size_t n_samples, unsigned bits,
                        int32_t *out);

/* rf_encode_write_float is write_pcm of the formats that take float32. */
int rf_encode_write_float(rf_encoder *e, rf_sample_format sample, const void *data, int64_t n);

/* rf_encode_finite copies samples, non-finite ones as 0, and counts those. */
void rf_encode_finite(rf_encoder *e, const float *in, size_t n_samples, float *out);

#endif
