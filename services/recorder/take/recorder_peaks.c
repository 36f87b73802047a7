#include "recorder_peaks.h"

#include <string.h>

#define BLOCK 1024 /* values converted at once */

static void empty(recorder_peaks *p)
{
    p->count = 0;
    for (size_t i = 0; i < RECORDER_CHANNELS_MAX; i++) {
        p->low[i] = INT32_MAX;
        p->high[i] = INT32_MIN;
    }
}

void recorder_peaks_init(recorder_peaks *peaks, recorder_sample_format sample_format,
                         uint32_t channels, uint32_t spp, bool per_channel)
{
    *peaks = (recorder_peaks){
        .sample_format = sample_format,
        .channels = channels,
        .spp = spp,
        .per_channel = per_channel,
    };
    empty(peaks);
}

uint32_t recorder_peaks_channels(const recorder_peaks *peaks)
{
    return peaks->per_channel ? peaks->channels : 1;
}

/* ---- the least and the greatest of a run of frames; simple loops that become vectors ---- */

static void fold_one(const int16_t *in, size_t n, int32_t *low, int32_t *high)
{
    int16_t least = in[0];
    int16_t greatest = in[0];
    for (size_t i = 0; i < n; i++) {
        least = in[i] < least ? in[i] : least;
        greatest = in[i] > greatest ? in[i] : greatest;
    }
    *low = least < *low ? least : *low;
    *high = greatest > *high ? greatest : *high;
}

/* The mean is monotone in the sum, also where it is rounded: the sum is enough. */
static void fold_pairs(const int16_t *in, size_t n, int32_t *low, int32_t *high)
{
    int32_t least = *low;
    int32_t greatest = *high;
    for (size_t i = 0; i < n; i++) {
        int32_t sum = in[2 * i] + in[2 * i + 1];
        least = sum < least ? sum : least;
        greatest = sum > greatest ? sum : greatest;
    }
    *low = least;
    *high = greatest;
}

static void fold_sums(const int16_t *in, size_t n, uint32_t channels, int32_t *low, int32_t *high)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (uint32_t c = 0; c < channels; c++) {
            sum += *in++;
        }
        *low = sum < *low ? sum : *low;
        *high = sum > *high ? sum : *high;
    }
}

static void fold_each(const int16_t *in, size_t n, uint32_t channels, int32_t *low, int32_t *high)
{
    for (size_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < channels; c++) {
            int32_t value = *in++;
            low[c] = value < low[c] ? value : low[c];
            high[c] = value > high[c] ? value : high[c];
        }
    }
}

static void fold(recorder_peaks *p, const int16_t *in, size_t n)
{
    if (p->channels == 1) {
        fold_one(in, n, p->low, p->high);
    } else if (p->per_channel) {
        fold_each(in, n, p->channels, p->low, p->high);
    } else if (p->channels == 2) {
        fold_pairs(in, n, p->low, p->high);
    } else {
        fold_sums(in, n, p->channels, p->low, p->high);
    }
}

/* ---- pixels ---- */

static int put_pixel(recorder_peaks *p, rf_buf *out)
{
    int16_t pixel[2 * RECORDER_CHANNELS_MAX];
    uint32_t n = recorder_peaks_channels(p);
    int32_t divisor = p->per_channel ? 1 : (int32_t)p->channels;
    for (uint32_t c = 0; c < n; c++) {
        pixel[2 * c] = (int16_t)(p->low[c] / divisor);
        pixel[2 * c + 1] = (int16_t)(p->high[c] / divisor);
    }
    empty(p);
    return rf_buf_append(out, pixel, 2 * n * sizeof(int16_t));
}

static int add_i16(recorder_peaks *p, const int16_t *in, size_t n_frames, rf_buf *out)
{
    int err = 0;
    while (n_frames > 0) {
        size_t n = RF_MIN(n_frames, (size_t)(p->spp - p->count));
        fold(p, in, n);
        p->count += (uint32_t)n;
        in += n * p->channels;
        n_frames -= n;
        if (p->count == p->spp && put_pixel(p, out) < 0) {
            err = rf_buf_error(out);
        }
    }
    return err;
}

int recorder_peaks_add(recorder_peaks *peaks, const void *data, size_t n_frames, rf_buf *out)
{
    const uint8_t *at = data;
    int16_t block[BLOCK];
    size_t frame_bytes = peaks->channels * recorder_sample_size(peaks->sample_format);
    int err = 0;
    if (peaks->sample_format == RECORDER_SAMPLE_INT16) {
        return add_i16(peaks, data, n_frames, out);
    }
    while (n_frames > 0 && err == 0) {
        size_t n = RF_MIN(n_frames, (size_t)BLOCK / peaks->channels);
        recorder_sample_to_i16(peaks->sample_format, at, n * peaks->channels, block);
        err = add_i16(peaks, block, n, out);
        at += n * frame_bytes;
        n_frames -= n;
    }
    return err;
}

int recorder_peaks_silence(recorder_peaks *peaks, int64_t n_frames, rf_buf *out,
                           int64_t *ret_n_zero)
{
    static const int16_t zeros[RECORDER_CHANNELS_MAX];
    int err = 0;
    *ret_n_zero = 0;
    if (n_frames > 0 && peaks->count > 0) {
        int64_t n = RF_MIN(n_frames, (int64_t)(peaks->spp - peaks->count));
        fold(peaks, zeros, 1);
        peaks->count += (uint32_t)n;
        n_frames -= n;
        err = peaks->count == peaks->spp ? put_pixel(peaks, out) : 0;
    }
    *ret_n_zero = n_frames / peaks->spp;
    if (n_frames % peaks->spp > 0) {
        fold(peaks, zeros, 1);
        peaks->count = (uint32_t)(n_frames % peaks->spp);
    }
    return err;
}

int recorder_peaks_finish(recorder_peaks *peaks, rf_buf *out)
{
    return peaks->count > 0 ? put_pixel(peaks, out) : 0;
}
