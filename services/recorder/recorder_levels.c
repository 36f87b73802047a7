#include "recorder_levels.h"

#include <math.h>

#define LOOK_FRAMES 512

static int64_t span(const rf_pcm *pcm)
{
    return pcm->rate_hz / RECORDER_LEVELS_PER_S;
}

static void look(recorder_levels *l, const rf_pcm *pcm, const uint8_t *data, int64_t n)
{
    double values[LOOK_FRAMES * RF_MIX_MAX_CHANNELS];
    rf_sample_state state = {0};
    rf_sample_to_f64(pcm->sample, data, (size_t)n * pcm->n_channels, values, &state);
    for (int64_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < pcm->n_channels; c++) {
            const double x = values[i * pcm->n_channels + c];
            l->peak[c] = fmax(l->peak[c], fabs(x));
            l->power[c] += x * x;
        }
    }
    l->n_frames += n;
}

int64_t recorder_levels_add(recorder_levels *l, const rf_pcm *pcm, const void *data, int64_t n)
{
    const uint8_t *at = data;
    const size_t frame_bytes = rf_pcm_frame_bytes(pcm);
    int64_t done = 0;
    n = RF_MIN(n, span(pcm) - l->n_frames);
    while (done < n) {
        const int64_t part = RF_MIN(n - done, (int64_t)LOOK_FRAMES);
        look(l, pcm, at + (size_t)done * frame_bytes, part);
        done += part;
    }
    return done;
}

bool recorder_levels_full(const recorder_levels *l, const rf_pcm *pcm)
{
    return l->n_frames >= span(pcm);
}

static double db_of(double power)
{
    return power > 0 ? fmax(10 * log10(power), RECORDER_LEVELS_FLOOR_DB) : RECORDER_LEVELS_FLOOR_DB;
}

double recorder_levels_peak_db(const recorder_levels *l, uint32_t channel)
{
    return db_of(l->peak[channel] * l->peak[channel]);
}

double recorder_levels_rms_db(const recorder_levels *l, uint32_t channel)
{
    return l->n_frames > 0 ? db_of(l->power[channel] / (double)l->n_frames)
                           : RECORDER_LEVELS_FLOOR_DB;
}
