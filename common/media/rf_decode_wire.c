#include "rf_decode_wire.h"

#include <string.h>

static int refuse(rf_media_error *error)
{
    return rf_media_fail(error, RF_MEDIA_DECODE_FAILED, "the file could not be decoded");
}

/* The bound that a LIMIT_* code says is broken; -1 when the value does not break it. */
static int64_t broken_limit(const rf_decode_reply *reply, const rf_decode_limits *limits)
{
    int64_t most = INT64_MAX;
    int64_t least = 0;
    switch ((rf_media_code)reply->code) {
    case RF_MEDIA_LIMIT_BYTES:
        most = limits->max_bytes;
        break;
    case RF_MEDIA_LIMIT_DURATION:
        most = limits->max_seconds;
        break;
    case RF_MEDIA_LIMIT_CHANNELS:
        most = limits->max_channels;
        break;
    case RF_MEDIA_LIMIT_MEMORY:
        most = limits->max_pcm_bytes;
        break;
    case RF_MEDIA_LIMIT_RATE:
        least = limits->min_rate_hz;
        most = limits->max_rate_hz;
        break;
    default:
        return -1;
    }
    if (reply->value < 0 || (reply->value >= least && reply->value <= most)) {
        return -1;
    }
    return reply->value < least ? least : most;
}

static int fail_limit(const rf_decode_reply *reply, const rf_decode_limits *limits,
                      rf_media_error *error)
{
    const int64_t limit = broken_limit(reply, limits);
    if (limit < 0) {
        return refuse(error);
    }
    return rf_media_fail_limit(error, (rf_media_code)reply->code, limit, reply->value);
}

static int fail_with_detail(const rf_decode_reply *reply, rf_media_error *error)
{
    size_t len = strnlen(reply->detail, sizeof(reply->detail));
    if (len == 0 || len == sizeof(reply->detail)) {
        return refuse(error);
    }
    for (size_t i = 0; i < len; i++) {
        if (reply->detail[i] < ' ' || reply->detail[i] > '~') {
            return refuse(error);
        }
    }
    return rf_media_fail(error, (rf_media_code)reply->code, "%s", reply->detail);
}

static bool success_believable(const rf_decode_reply *reply, const rf_decode_limits *limits)
{
    if (reply->n_channels < 1 || reply->n_channels > limits->max_channels ||
        reply->rate_hz < limits->min_rate_hz || reply->rate_hz > limits->max_rate_hz ||
        reply->format <= RF_FORMAT_UNKNOWN || reply->format >= RF_N_FORMATS ||
        reply->bits_per_sample > 64 || reply->lossless > 1) {
        return false;
    }
    int64_t frame_bytes = (int64_t)(reply->n_channels * sizeof(float));
    return reply->n_frames > 0 && reply->n_frames <= limits->max_pcm_bytes / frame_bytes &&
           reply->n_frames <= limits->max_seconds * (int64_t)reply->rate_hz;
}

int rf_decode_reply_read(const void *bytes, size_t len, const rf_decode_limits *limits,
                         rf_decode_reply *ret_reply, rf_media_error *error)
{
    rf_decode_reply reply;
    if (len != sizeof(reply)) {
        return refuse(error);
    }
    memcpy(&reply, bytes, sizeof(reply));
    if (reply.code == RF_MEDIA_DECODE_FAILED || reply.code == RF_MEDIA_UNSUPPORTED_FORMAT) {
        return fail_with_detail(&reply, error);
    }
    if (reply.code != RF_MEDIA_OK) {
        return fail_limit(&reply, limits, error);
    }
    if (!success_believable(&reply, limits)) {
        return refuse(error);
    }
    *error = (rf_media_error){.code = RF_MEDIA_OK};
    *ret_reply = reply;
    return 0;
}
