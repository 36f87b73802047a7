#include "recorder_loud.h"

#include <math.h>

#define PART_FRAMES 512
#define LEVEL_MAX_DB 1000.0 /* of floats that no sound has */

struct recorder_loud {
    rf_pcm pcm;
    rf_loudness_meter *meter;
    float samples[PART_FRAMES * RECORDER_CHANNELS_MAX];
};

recorder_loud *recorder_loud_new(const rf_pcm *pcm)
{
    recorder_loud *loud = RF_NEW(recorder_loud);
    loud->pcm = *pcm;
    if (rf_loudness_meter_new(pcm->n_channels, pcm->rate_hz, &loud->meter) < 0) {
        abort(); /* a session's shape has been checked */
    }
    return loud;
}

recorder_loud *recorder_loud_free(recorder_loud *loud)
{
    if (loud != NULL) {
        rf_loudness_meter_free(loud->meter);
        free(loud);
    }
    return NULL;
}

void recorder_loud_add(void *user, const void *data, int64_t n)
{
    recorder_loud *loud = user;
    const uint8_t *at = data;
    while (n > 0) {
        const int64_t part = RF_MIN(n, (int64_t)PART_FRAMES);
        const size_t values = (size_t)part * loud->pcm.n_channels;
        rf_sample_convert(loud->pcm.sample, at, RF_SAMPLE_F32, loud->samples, values,
                          &(rf_sample_state){0});
        for (size_t i = 0; loud->pcm.sample == RF_SAMPLE_F32 && i < values; i++) {
            loud->samples[i] = isfinite(loud->samples[i]) ? loud->samples[i] : 0.0F;
        }
        rf_loudness_meter_add(loud->meter, loud->samples, part);
        at += (size_t)part * rf_pcm_frame_bytes(&loud->pcm);
        n -= part;
    }
}

void recorder_loud_read(recorder_loud *loud, rf_loudness *ret)
{
    rf_loudness_meter_read(loud->meter, ret);
}

recorder_loudness recorder_loud_segment(recorder_loud *loud)
{
    rf_loudness l;
    recorder_loud_read(loud, &l);
    return (recorder_loudness){.known = true,
                               .integrated_lufs = (float)l.integrated_lufs,
                               .range_lu = (float)l.range_lu,
                               .true_peak_dbtp = (float)fmin(l.true_peak_dbtp, LEVEL_MAX_DB)};
}
