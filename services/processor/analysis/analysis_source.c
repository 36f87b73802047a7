#include "analysis_source.h"

#include <errno.h>
#include <math.h>
#include <soxr.h>

#define BLOCK_FRAMES 8192
#define TARGET_RMS 0.1
#define SILENT_RMS 1e-6 /* -120 dBFS: nothing to hear */
#define SAMPLE_MAX 1e4f /* beyond any real level; keeps powers finite */
#define ACTIVE_RATIO 0.1

struct analysis_source {
    const analysis_audio *audio;
    soxr_t soxr;
    int64_t at;   /* next input frame */
    int64_t left; /* output pairs still to give */
    float gain;
    float block[2 * BLOCK_FRAMES];
    int n_block, block_at;
};

static float sane(float sample)
{
    if (!isfinite(sample)) {
        return 0.0f;
    }
    return RF_MAX(-SAMPLE_MAX, RF_MIN(SAMPLE_MAX, sample));
}

/* Folds frames [at, at + n) into pairs. */
static void fold(const analysis_audio *audio, int64_t at, int n, float *ret_pairs)
{
    int n_left = (audio->n_channels + 1) / 2;
    int n_right = RF_MAX(1, audio->n_channels / 2);
    for (int i = 0; i < n; i++) {
        ret_pairs[2 * i] = ret_pairs[2 * i + 1] = 0.0f;
    }
    for (int c = 0; c < audio->n_channels; c++) {
        const float *plane = audio->channels[c] + at;
        float weight = 1.0f / (float)(c % 2 == 0 ? n_left : n_right);
        for (int i = 0; i < n; i++) {
            ret_pairs[2 * i + c % 2] += weight * sane(plane[i]);
        }
    }
    for (int i = 0; i < n && audio->n_channels == 1; i++) {
        ret_pairs[2 * i + 1] = ret_pairs[2 * i];
    }
}

/* Removes the mean, so that an offset does not count as level, and returns the mean square. */
static double block_power(const float *pairs, int n)
{
    double sum[2] = {0, 0};
    double square = 0;
    for (int i = 0; i < n; i++) {
        sum[0] += pairs[2 * i];
        sum[1] += pairs[2 * i + 1];
        square += pairs[2 * i] * pairs[2 * i] + pairs[2 * i + 1] * pairs[2 * i + 1];
    }
    return RF_MAX(0.0, square - (sum[0] * sum[0] + sum[1] * sum[1]) / n) / (2.0 * n);
}

/* Gain that brings the RMS of the louder blocks (above a tenth of the mean power) to TARGET_RMS:
 * long silences do not raise it. */
static int measure_gain(analysis_source *source, const analysis_control *control)
{
    double mean = 0;
    double active = 0;
    int64_t n_blocks = 0;
    int64_t n_active = 0;
    for (int64_t at = 0; at < source->audio->n_frames; at += BLOCK_FRAMES) {
        int n = (int)RF_MIN((int64_t)BLOCK_FRAMES, source->audio->n_frames - at);
        fold(source->audio, at, n, source->block);
        double power = block_power(source->block, n);
        n_blocks++;
        mean += (power - mean) / (double)n_blocks;
        if (power >= ACTIVE_RATIO * mean) {
            n_active++;
            active += (power - active) / (double)n_active;
        }
        if (analysis_cancelled(control)) {
            return -ECANCELED;
        }
    }
    double rms = sqrt(active);
    source->gain = rms > SILENT_RMS ? (float)(TARGET_RMS / rms) : 0.0f;
    return 0;
}

static int open_resampler(analysis_source *source)
{
    soxr_error_t err = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_LQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    source->soxr =
        soxr_create(source->audio->rate_hz, ANALYSIS_RATE_HZ, 2, &err, &io, &quality, &runtime);
    return err != NULL || source->soxr == NULL ? -ENOMEM : 0;
}

int analysis_source_open(const analysis_audio *audio, const analysis_control *control,
                         analysis_source **ret)
{
    int err = analysis_audio_check(audio);
    if (err < 0) {
        return err;
    }
    analysis_source *source = RF_NEW(analysis_source);
    source->audio = audio;
    source->left = (audio->n_frames * ANALYSIS_RATE_HZ + audio->rate_hz - 1) / audio->rate_hz;
    err = open_resampler(source);
    if (err == 0) {
        err = measure_gain(source, control);
    }
    if (err < 0) {
        analysis_source_close(source);
        return err;
    }
    *ret = source;
    return 0;
}

analysis_source *analysis_source_close(analysis_source *source)
{
    if (source != NULL) {
        soxr_delete(source->soxr);
        free(source);
    }
    return NULL;
}

double analysis_source_gain(const analysis_source *source)
{
    return source->gain;
}

static void fill_block(analysis_source *source)
{
    int64_t left = source->audio->n_frames - source->at;
    source->n_block = (int)RF_MIN((int64_t)BLOCK_FRAMES, left);
    source->block_at = 0;
    fold(source->audio, source->at, source->n_block, source->block);
    for (int i = 0; i < 2 * source->n_block; i++) {
        source->block[i] *= source->gain;
    }
    source->at += source->n_block;
}

int analysis_source_read(analysis_source *source, float *ret_pairs, int n_pairs)
{
    int want = (int)RF_MIN((int64_t)n_pairs, source->left);
    int got = 0;
    while (got < want) {
        if (source->block_at == source->n_block && source->at < source->audio->n_frames) {
            fill_block(source);
        }
        int n_in = source->n_block - source->block_at;
        size_t used = 0;
        size_t made = 0;
        const float *in = n_in > 0 ? source->block + 2 * source->block_at : NULL;
        if (soxr_process(source->soxr, in, (size_t)n_in, &used, ret_pairs + 2 * got,
                         (size_t)(want - got), &made) != NULL) {
            return -ENOMEM;
        }
        source->block_at += (int)used;
        got += (int)made;
        if (n_in == 0 && made == 0) {
            break; /* rounding: the resampler ended a pair early */
        }
    }
    source->left = got == 0 ? 0 : source->left - got;
    return got;
}
