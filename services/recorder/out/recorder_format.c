#include "recorder_format.h"

#include <errno.h>
#include <string.h>

#define MIN_RATE_HZ 8000
#define MAX_RATE_HZ 192000
#define MAX_MP3_CHANNELS 2

static const struct {
    const char *name;
    const char *content_type;
} formats[RECORDER_N_FORMATS] = {
    [RECORDER_PCM] = {"pcm", "application/octet-stream"},
    [RECORDER_WAV] = {"wav", "audio/wav"},
    [RECORDER_FLAC] = {"flac", "audio/flac"},
    [RECORDER_MP3] = {"mp3", "audio/mpeg"},
    [RECORDER_OPUS] = {"opus", "audio/ogg"},
};

const char *recorder_format_name(recorder_format format)
{
    return formats[format].name;
}

const char *recorder_format_content_type(recorder_format format)
{
    return formats[format].content_type;
}

int recorder_format_parse(const char *name, recorder_format *ret)
{
    for (int i = 0; i < RECORDER_N_FORMATS; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *ret = (recorder_format)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* Ascending. */
static const uint32_t mp3_rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
static const uint32_t opus_rates[] = {8000, 12000, 16000, 24000, 48000};

static uint32_t next_rate(const uint32_t *rates, size_t n, uint32_t rate_hz)
{
    size_t i = 0;
    while (i + 1 < n && rates[i] < rate_hz) {
        i++;
    }
    return rates[i];
}

static uint32_t codec_rate(recorder_format format, uint32_t rate_hz)
{
    switch (format) {
    case RECORDER_MP3:
        return next_rate(mp3_rates, RF_ARRAY_LEN(mp3_rates), rate_hz);
    case RECORDER_OPUS:
        return next_rate(opus_rates, RF_ARRAY_LEN(opus_rates), rate_hz);
    default:
        return rate_hz;
    }
}

static rf_sample_format codec_sample(recorder_format format, rf_sample_format sample)
{
    switch (format) {
    case RECORDER_FLAC:
        return sample == RF_SAMPLE_S16 ? RF_SAMPLE_S16 : RF_SAMPLE_S24;
    case RECORDER_MP3:
    case RECORDER_OPUS:
        return RF_SAMPLE_F32;
    default:
        return sample;
    }
}

int recorder_output_shape(const recorder_output *output, const rf_pcm *session, rf_pcm *ret,
                          rf_media_error *error)
{
    const recorder_output *o = output;
    const uint32_t most = o->format == RECORDER_MP3 ? MAX_MP3_CHANNELS : RF_MIX_MAX_CHANNELS;
    const uint32_t rate_hz = o->rate_hz != 0 ? o->rate_hz : session->rate_hz;
    const uint32_t n_channels =
        o->n_channels != 0 ? o->n_channels : RF_MIN(session->n_channels, most);
    if (rate_hz < MIN_RATE_HZ || rate_hz > MAX_RATE_HZ) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "rate: %d to %d Hz, not %u",
                             MIN_RATE_HZ, MAX_RATE_HZ, rate_hz);
    }
    if (n_channels > most) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "channels: 1 to %u for %s, not %u",
                             most, recorder_format_name(o->format), n_channels);
    }
    *ret = (rf_pcm){.sample = codec_sample(o->format, session->sample),
                    .n_channels = n_channels,
                    .rate_hz = codec_rate(o->format, rate_hz)};
    return 0;
}
