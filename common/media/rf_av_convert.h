/*
 * rf_av_convert.h - libav's sample formats to interleaved float32. Private to common/media.
 * Integers are divided by their full scale, exactly up to 24 bits.
 */
#ifndef RF_AV_CONVERT_H
#define RF_AV_CONVERT_H

#include "rf_base.h"

#include <libavutil/frame.h>

/* rf_av_convert writes frames [first, first + n) of the frame to out. Non-finite samples become 0
 * unless keep_nonfinite. Returns 0, -ENOTSUP for a format that no allowed decoder gives. */
int rf_av_convert(const AVFrame *frame, int first, int n, bool keep_nonfinite, float *out);

#endif
