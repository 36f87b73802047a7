#include "rf_av_convert.h"

#include <errno.h>
#include <math.h>

/* One channel: samples `stride` apart in the source become samples n_channels apart in out. */
#define DEFINE_CONVERT(name, type, expression)                                                     \
    static void name(const uint8_t *src, size_t stride, int n, float *out, size_t out_stride)      \
    {                                                                                              \
        const type *from = (const type *)(const void *)src;                                        \
        for (int i = 0; i < n; i++) {                                                              \
            const type x = from[(size_t)i * stride];                                               \
            out[(size_t)i * out_stride] = (float)(expression);                                     \
        }                                                                                          \
    }

DEFINE_CONVERT(from_u8, uint8_t, (float)(x - 128) / 128.0F)
DEFINE_CONVERT(from_s16, int16_t, (float)x / 32768.0F)
DEFINE_CONVERT(from_s32, int32_t, (double)x / 2147483648.0)
DEFINE_CONVERT(from_flt, float, x)
DEFINE_CONVERT(from_dbl, double, x)

typedef void (*convert_fn)(const uint8_t *src, size_t stride, int n, float *out, size_t out_stride);

static convert_fn find_convert(enum AVSampleFormat packed)
{
    switch (packed) {
    case AV_SAMPLE_FMT_U8:
        return from_u8;
    case AV_SAMPLE_FMT_S16:
        return from_s16;
    case AV_SAMPLE_FMT_S32:
        return from_s32;
    case AV_SAMPLE_FMT_FLT:
        return from_flt;
    case AV_SAMPLE_FMT_DBL:
        return from_dbl;
    default:
        return NULL;
    }
}

static void silence_nonfinite(float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = isfinite(out[i]) ? out[i] : 0.0F;
    }
}

int rf_av_convert(const AVFrame *frame, int first, int n, bool keep_nonfinite, float *out)
{
    const enum AVSampleFormat format = (enum AVSampleFormat)frame->format;
    const bool planar = av_sample_fmt_is_planar(format) != 0;
    const size_t size = (size_t)av_get_bytes_per_sample(format);
    const size_t n_channels = (size_t)frame->ch_layout.nb_channels;
    convert_fn convert = find_convert(av_get_packed_sample_fmt(format));
    if (convert == NULL) {
        return -ENOTSUP;
    }
    for (size_t c = 0; c < n_channels; c++) {
        const uint8_t *plane =
            planar ? frame->extended_data[c] : frame->extended_data[0] + c * size;
        const size_t stride = planar ? 1 : n_channels;
        convert(plane + (size_t)first * stride * size, stride, n, out + c, n_channels);
    }
    if (!keep_nonfinite && (convert == from_flt || convert == from_dbl)) {
        silence_nonfinite(out, (size_t)n * n_channels);
    }
    return 0;
}
