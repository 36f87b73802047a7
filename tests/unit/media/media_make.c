#include "media_make.h"

#include "rf_file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

double media_tone_hz(uint32_t channel)
{
    return 300.0 + 170.0 * channel;
}

static float next_noise(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (float)(int32_t)*state / 2147483648.0F;
}

rf_frames *media_noise(uint32_t n_channels, uint32_t rate_hz, int64_t n_frames)
{
    rf_frames *frames = NULL;
    uint32_t state = 1;
    cr_assert_eq(rf_frames_new(n_channels, rate_hz, n_frames, &frames), 0);
    for (int64_t i = 0; i < n_frames; i++) {
        for (uint32_t c = 0; c < n_channels; c++) {
            double tone = sin(2 * M_PI * media_tone_hz(c) * (double)i / rate_hz);
            frames->data[i * n_channels + c] = (float)(0.5 * tone) + 0.05F * next_noise(&state);
        }
    }
    return frames;
}

void media_round(rf_frames *frames, unsigned bits)
{
    const float scale = (float)(1U << (bits - 1));
    for (int64_t i = 0; i < frames->n_frames * frames->n_channels; i++) {
        frames->data[i] = rintf(frames->data[i] * scale) / scale + 0.0F; /* no -0 */
    }
}

int media_file(const void *data, size_t len)
{
    int fd = memfd_create("media-test", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(rf_write_all(fd, data, len), 0);
    return fd;
}

int media_encoded(const rf_encode_params *params, const rf_frames *frames,
                  rf_encode_stats *ret_stats)
{
    rf_media_error error;
    int fd = media_file("", 0);
    cr_assert_eq(rf_encode_frames(params, frames, rf_sink_fd(&fd), ret_stats, &error), 0, "%s",
                 error.message);
    return fd;
}

int64_t media_size(int fd)
{
    struct stat st;
    cr_assert_eq(fstat(fd, &st), 0);
    return st.st_size;
}

int media_prefix(int fd, int64_t len)
{
    char *data = malloc((size_t)len + 1);
    cr_assert_eq(pread(fd, data, (size_t)len, 0), len);
    int prefix = media_file(data, (size_t)len);
    free(data);
    return prefix;
}

rf_decoder *media_decoder(void)
{
    static rf_decoder *decoder;
    if (decoder == NULL) {
        cr_assert_eq(rf_decoder_new(1, 4, &decoder), 0);
    }
    return decoder;
}

rf_decode_options media_options(void)
{
    return (rf_decode_options){.limits = RF_DECODE_LIMITS, .cancel_fd = -1};
}

rf_frames *media_decode(int fd, rf_decode_info *ret_info)
{
    rf_media_error error;
    rf_frames *frames = NULL;
    const rf_decode_options options = media_options();
    cr_assert_eq(rf_decode(media_decoder(), fd, &options, &frames, ret_info, &error), 0, "%s: %s",
                 rf_media_code_name(error.code), error.message);
    return frames;
}

rf_media_error media_decode_fails(int fd, const rf_decode_options *options)
{
    rf_media_error error;
    rf_frames *frames = NULL;
    int err = rf_decode(media_decoder(), fd, options, &frames, NULL, &error);
    cr_assert_eq(err, rf_media_code_errno(error.code));
    cr_assert_null(frames);
    cr_assert_lt(err, 0, "decoding should fail");
    cr_assert_gt(strlen(error.message), 0);
    return error;
}

double media_level(const rf_frames *frames, uint32_t channel, double hz)
{
    double re = 0;
    double im = 0;
    for (int64_t i = 0; i < frames->n_frames; i++) {
        const double x = (double)frames->data[i * frames->n_channels + channel];
        const double phase = 2 * M_PI * hz * (double)i / frames->rate_hz;
        re += x * cos(phase);
        im += x * sin(phase);
    }
    return 2 * hypot(re, im) / (double)RF_MAX(frames->n_frames, 1);
}
