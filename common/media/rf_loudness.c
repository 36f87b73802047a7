#include "rf_loudness.h"

#include "rf_resample.h"

#include <ebur128.h>
#include <errno.h>
#include <math.h>

#define MOMENTARY_STEPS_HZ 100
#define SHORT_TERM_EVERY 5 /* steps: 50 ms */
#define MIN_RATE_HZ 40000  /* below it libebur128's filter is warped: 0.2 LU at 8 kHz */
#define RESAMPLED_HZ 48000 /* what is measured instead */
#define RESAMPLED_FRAMES 4096

struct rf_loudness_meter {
    ebur128_state *state;
    rf_resampler *resampler; /* NULL at rates that the filter can do */
    float *resampled;        /* RESAMPLED_FRAMES */
    bool finished;           /* the resampler has been emptied */
    uint32_t n_channels;
    uint32_t rate_hz; /* that is measured */
    int64_t n_frames;
    int64_t n_steps;
    double momentary_max;
    double short_term_max;
};

/* BS.1770 weighs surrounds and leaves the LFE out; WAVE order beyond that is front, so weight 1. */
static void set_channels(ebur128_state *state, uint32_t n)
{
    static const int maps[6][6] = {
        {EBUR128_LEFT}, /* mono is measured as one channel, not as two */
        {EBUR128_LEFT, EBUR128_RIGHT},
        {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER},
        {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND},
        {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_LEFT_SURROUND,
         EBUR128_RIGHT_SURROUND},
        {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_UNUSED, EBUR128_LEFT_SURROUND,
         EBUR128_RIGHT_SURROUND},
    };
    for (uint32_t i = 0; i < n; i++) {
        int channel = EBUR128_LEFT;
        if (n <= 6) {
            channel = maps[n - 1][i];
        } else if (n <= 8) { /* 6.1 and 7.1: as 5.1, what follows is surround */
            channel = i < 4 ? maps[5][i] : EBUR128_LEFT_SURROUND;
        }
        (void)ebur128_set_channel(state, i, channel);
    }
}

int rf_loudness_meter_new(uint32_t n_channels, uint32_t rate_hz, rf_loudness_meter **ret_meter)
{
    if (n_channels < 1 || n_channels > RF_MEDIA_MAX_CHANNELS || rate_hz < RF_MEDIA_MIN_RATE_HZ ||
        rate_hz > RF_MEDIA_MAX_RATE_HZ) {
        return -EINVAL;
    }
    const int modes = EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_S | EBUR128_MODE_M |
                      EBUR128_MODE_SAMPLE_PEAK | EBUR128_MODE_TRUE_PEAK;
    const uint32_t measured_hz = rate_hz >= MIN_RATE_HZ ? rate_hz : RESAMPLED_HZ;
    rf_loudness_meter *meter = RF_NEW(rf_loudness_meter);
    *meter = (rf_loudness_meter){.state = ebur128_init(n_channels, measured_hz, modes),
                                 .n_channels = n_channels,
                                 .rate_hz = measured_hz,
                                 .momentary_max = -HUGE_VAL,
                                 .short_term_max = -HUGE_VAL};
    int err = meter->state != NULL ? 0 : -ENOMEM;
    if (err == 0 && measured_hz != rate_hz) {
        meter->resampled = rf_alloc_array((size_t)RESAMPLED_FRAMES * n_channels, sizeof(float));
        err = rf_resampler_new(rate_hz, measured_hz, n_channels, &meter->resampler);
    }
    if (err != 0) {
        rf_loudness_meter_free(meter);
        return err;
    }
    set_channels(meter->state, n_channels);
    *ret_meter = meter;
    return 0;
}

rf_loudness_meter *rf_loudness_meter_free(rf_loudness_meter *meter)
{
    if (meter != NULL) {
        if (meter->state != NULL) {
            ebur128_destroy(&meter->state);
        }
        rf_resampler_free(meter->resampler);
        free(meter->resampled);
        free(meter);
    }
    return NULL;
}

/* The first frame behind step n; steps are 10 ms, to the nearest frame. */
static int64_t step_end(const rf_loudness_meter *meter, int64_t n)
{
    return (n * meter->rate_hz + MOMENTARY_STEPS_HZ / 2) / MOMENTARY_STEPS_HZ;
}

static void note_maxima(rf_loudness_meter *meter)
{
    double lufs = 0;
    if (ebur128_loudness_momentary(meter->state, &lufs) == 0) {
        meter->momentary_max = fmax(meter->momentary_max, lufs);
    }
    if (meter->n_steps % SHORT_TERM_EVERY == 0 &&
        ebur128_loudness_shortterm(meter->state, &lufs) == 0) {
        meter->short_term_max = fmax(meter->short_term_max, lufs);
    }
}

static int measure(rf_loudness_meter *meter, const float *data, int64_t n)
{
    while (n > 0) {
        int64_t part = RF_MIN(n, step_end(meter, meter->n_steps + 1) - meter->n_frames);
        if (ebur128_add_frames_float(meter->state, data, (size_t)part) != 0) {
            return -ENOMEM;
        }
        meter->n_frames += part;
        data += part * meter->n_channels;
        n -= part;
        if (meter->n_frames == step_end(meter, meter->n_steps + 1)) {
            meter->n_steps++;
            note_maxima(meter);
        }
    }
    return 0;
}

/* Resamples and measures; data NULL gets out what the filter has held back. Sets how many frames it
 * took and how many it measured. */
static int measure_resampled(rf_loudness_meter *meter, const float *data, int64_t n,
                             int64_t *ret_taken, int64_t *ret_given)
{
    int err = rf_resampler_process(meter->resampler, data, n, ret_taken, meter->resampled,
                                   RESAMPLED_FRAMES, ret_given);
    return err == 0 ? measure(meter, meter->resampled, *ret_given) : err;
}

static int finish_resampling(rf_loudness_meter *meter)
{
    int64_t taken = 0;
    int64_t given = 1;
    int err = 0;
    meter->finished = true;
    while (err == 0 && given > 0) {
        err = measure_resampled(meter, NULL, 0, &taken, &given);
    }
    return err;
}

int rf_loudness_meter_add(rf_loudness_meter *meter, const float *data, int64_t n)
{
    if (meter->resampler == NULL) {
        return measure(meter, data, n);
    }
    int err = meter->finished ? -EINVAL : 0;
    while (err == 0 && n > 0) {
        int64_t taken = 0;
        int64_t given = 0;
        err = measure_resampled(meter, data, n, &taken, &given);
        data += taken * meter->n_channels;
        n -= taken;
    }
    return err;
}

static double decibel(double peak)
{
    return peak > 0 ? 20 * log10(peak) : -HUGE_VAL;
}

int rf_loudness_meter_read(rf_loudness_meter *meter, rf_loudness *ret)
{
    double sample_peak = 0;
    double true_peak = 0;
    int err = meter->resampler != NULL && !meter->finished ? finish_resampling(meter) : 0;
    if (err != 0) {
        return err;
    }
    rf_loudness l = {.momentary_max_lufs = meter->momentary_max,
                     .short_term_max_lufs = meter->short_term_max};
    if (ebur128_loudness_global(meter->state, &l.integrated_lufs) != 0 ||
        ebur128_loudness_range(meter->state, &l.range_lu) != 0) {
        return -ENOMEM;
    }
    for (uint32_t c = 0; c < meter->n_channels; c++) {
        double peak = 0;
        (void)ebur128_sample_peak(meter->state, c, &peak);
        sample_peak = fmax(sample_peak, peak);
        (void)ebur128_true_peak(meter->state, c, &peak);
        true_peak = fmax(true_peak, peak);
    }
    l.sample_peak_dbfs = decibel(sample_peak);
    l.true_peak_dbtp = decibel(true_peak);
    *ret = l;
    return 0;
}

int rf_loudness_of(const rf_frames *frames, rf_loudness *ret)
{
    rf_loudness_meter *meter = NULL;
    int err = rf_loudness_meter_new(frames->n_channels, frames->rate_hz, &meter);
    if (err == 0) {
        err = rf_loudness_meter_add(meter, frames->data, frames->n_frames);
    }
    if (err == 0) {
        err = rf_loudness_meter_read(meter, ret);
    }
    rf_loudness_meter_free(meter);
    return err;
}
