/*
 * recorder_peaks.h - waveform overviews in the format of audiowaveform, version 2 (its "Waveform
 * data file format"): of every `spp` frames the least and the greatest sample, of the channels'
 * mean or of each channel.
 *
 * A recorder_peaks turns frames into pixels as they come; the caller keeps the pixels (16 bit: one
 * pair min, max for each channel of the overview) where it likes, for a day of audio is too long
 * for memory. The writers below make the two files of them. One owner; memory is fixed.
 */
#ifndef RECORDER_PEAKS_H
#define RECORDER_PEAKS_H

#include "recorder_sample.h"
#include "rf_buf.h"

#define RECORDER_PEAKS_SPP_MIN 2
#define RECORDER_PEAKS_SPP_MAX 65536
#define RECORDER_PEAKS_HEADER_LEN 24

typedef struct recorder_peaks {
    recorder_sample_format sample_format;
    uint32_t channels;
    uint32_t spp;
    bool per_channel;                   /* else one channel: the mean, rounded toward zero */
    uint32_t count;                     /* frames in the pixel that is being filled */
    int32_t low[RECORDER_CHANNELS_MAX]; /* of sums over the channels where they are averaged */
    int32_t high[RECORDER_CHANNELS_MAX];
} recorder_peaks;

/* recorder_peaks_init: sample_format as kept, 1..8 channels, spp 2..65,536. */
void recorder_peaks_init(recorder_peaks *peaks, recorder_sample_format sample_format,
                         uint32_t channels, uint32_t spp, bool per_channel);

/* recorder_peaks_channels: of the overview. A pixel is 2 x 2 bytes for each. */
uint32_t recorder_peaks_channels(const recorder_peaks *peaks);

/* recorder_peaks_add takes the next frames, interleaved, int16 aligned as such, and appends the
 * pixels that they complete. Returns 0 or the error of the buffer. */
int recorder_peaks_add(recorder_peaks *peaks, const void *data, size_t n_frames, rf_buf *out);

/* recorder_peaks_silence takes n_frames of silence: it appends at most one pixel; after it come
 * *ret_n_zero pixels of zeros that the caller writes as it likes (a hole in a file). */
int recorder_peaks_silence(recorder_peaks *peaks, int64_t n_frames, rf_buf *out,
                           int64_t *ret_n_zero);

/* recorder_peaks_finish appends the last pixel when it is partly filled. */
int recorder_peaks_finish(recorder_peaks *peaks, rf_buf *out);

/* ---- files ---- */

typedef struct recorder_peaks_head {
    uint32_t rate_hz;
    uint32_t spp;
    uint32_t length;   /* pixels */
    uint32_t channels; /* of the overview */
    uint32_t bits;     /* 8 or 16 */
} recorder_peaks_head;

/* .dat: the header, then values. 8 bit: a value / 256, rounded toward zero. Values are pixels as
 * made above, n of int16. */
int recorder_peaks_dat_head(const recorder_peaks_head *head, rf_buf *out);
int recorder_peaks_dat_values(uint32_t bits, const int16_t *values, size_t n, rf_buf *out);

/* .json: head, values in any number of calls, tail. is_first: no value has been written yet. */
int recorder_peaks_json_head(const recorder_peaks_head *head, rf_buf *out);
int recorder_peaks_json_values(uint32_t bits, const int16_t *values, size_t n, bool is_first,
                               rf_buf *out);
int recorder_peaks_json_tail(rf_buf *out);

#endif
