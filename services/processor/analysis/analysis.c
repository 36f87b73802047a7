#include "analysis.h"

#include <errno.h>

int analysis_audio_check(const analysis_audio *audio)
{
    if (audio->n_channels < 1 || audio->n_channels > ANALYSIS_CHANNELS_MAX ||
        audio->rate_hz < ANALYSIS_RATE_MIN_HZ || audio->rate_hz > ANALYSIS_RATE_MAX_HZ ||
        audio->n_frames < 0 ||
        audio->n_frames / audio->rate_hz > (int64_t)ANALYSIS_DURATION_MAX_S) {
        return -EINVAL;
    }
    for (int c = 0; c < audio->n_channels && audio->n_frames > 0; c++) {
        if (audio->channels == NULL || audio->channels[c] == NULL) {
            return -EINVAL;
        }
    }
    return 0;
}

double analysis_audio_duration_s(const analysis_audio *audio)
{
    return (double)audio->n_frames / audio->rate_hz;
}

bool analysis_cancelled(const analysis_control *control)
{
    return control != NULL && control->cancelled != NULL && control->cancelled(control->user);
}

void analysis_progress(const analysis_control *control, double fraction)
{
    if (control != NULL && control->progress != NULL) {
        control->progress(control->user, fraction);
    }
}
