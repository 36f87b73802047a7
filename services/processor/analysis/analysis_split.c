#include "analysis_split.h"

#include "analysis_context.h"
#include "analysis_fft.h"

#include <errno.h>
#include <fftw3.h>
#include <math.h>
#include <string.h>

#define CORE_S 20.0   /* of a segment, whose masks are kept */
#define CONTEXT_S 4.0 /* before and after, for the features */
#define OVERLAP 4     /* windows over each sample */
#define GRID 0x1p-23f /* stems are rounded to it, so that the remainder is exact */

typedef struct split {
    const analysis_audio *audio;
    const analysis_split_model *model;
    const analysis_control *control;
    const analysis_sink *sink;
    int length, hop; /* of the transform, frames */
    size_t n_times;  /* of the whole audio */
    size_t n_bins;   /* with masks */
    float *window;   /* root of Hann: OVERLAP squares sum to 2 */
    float *samples;
    fftwf_complex *spectrum, *masked;
    fftwf_plan forward, backward;
    analysis_planes planes; /* of the segment at hand */
    size_t first_time;      /* of the planes */
    float *masks;           /* [core times][n_masks][n_bins] */
    float *row;             /* [inputs of the network][n_bins] of one time */
    float *ring;            /* [n_masks][n_channels][core frames + length] */
    size_t ring_frames;
    int64_t n_written;
} split;

static int n_masks(const split *s)
{
    return s->model->n_stems - 1;
}

/* ---- set-up ---- */

static int choose_length(double wanted)
{
    int length = 64;
    while (length * M_SQRT2 < wanted) {
        length *= 2;
    }
    return length;
}

static void fill_window(split *s)
{
    for (int i = 0; i < s->length; i++) {
        s->window[i] = (float)sqrt(0.5 - 0.5 * cos(2.0 * M_PI * i / s->length));
    }
}

static size_t core_times(const split *s)
{
    return RF_MAX((size_t)1, (size_t)(CORE_S * s->audio->rate_hz / s->hop));
}

static size_t context_times(const split *s)
{
    return (size_t)(CONTEXT_S * s->audio->rate_hz / s->hop);
}

static int make_plans(split *s)
{
    size_t n_spectrum = (size_t)s->length / 2 + 1;
    analysis_fft_plan_lock();
    s->samples = fftwf_alloc_real((size_t)s->length);
    s->spectrum = fftwf_alloc_complex(n_spectrum);
    s->masked = fftwf_alloc_complex(n_spectrum);
    if (s->samples != NULL && s->spectrum != NULL && s->masked != NULL) {
        s->forward = fftwf_plan_dft_r2c_1d(s->length, s->samples, s->spectrum, FFTW_ESTIMATE);
        s->backward = fftwf_plan_dft_c2r_1d(s->length, s->masked, s->samples, FFTW_ESTIMATE);
    }
    analysis_fft_plan_unlock();
    return s->forward != NULL && s->backward != NULL ? 0 : -ENOMEM;
}

static void split_done(split *s)
{
    analysis_fft_plan_lock();
    if (s->forward != NULL) {
        fftwf_destroy_plan(s->forward);
    }
    if (s->backward != NULL) {
        fftwf_destroy_plan(s->backward);
    }
    fftwf_free(s->samples);
    fftwf_free(s->spectrum);
    fftwf_free(s->masked);
    analysis_fft_plan_unlock();
    free(s->window);
    free(s->planes.level);
    free(s->planes.centre);
    free(s->planes.balance);
    free(s->masks);
    free(s->row);
    free(s->ring);
}

static int allocate(split *s)
{
    size_t n_plane = (core_times(s) + 2 * context_times(s)) * s->n_bins;
    size_t channels = (size_t)s->audio->n_channels, masks = (size_t)n_masks(s);
    s->ring_frames = core_times(s) * (size_t)s->hop + (size_t)s->length;
    s->window = calloc((size_t)s->length, sizeof(float));
    s->planes.level = calloc(n_plane, sizeof(float));
    s->planes.centre = calloc(n_plane, sizeof(float));
    s->planes.balance = calloc(n_plane, sizeof(float));
    s->masks = calloc(core_times(s) * masks * s->n_bins, sizeof(float));
    s->row = calloc(s->n_bins * (size_t)s->model->net->n_in, sizeof(float));
    s->ring = calloc(masks * channels * s->ring_frames, sizeof(float));
    bool ok = s->window && s->planes.level && s->planes.centre && s->planes.balance && s->masks &&
              s->row && s->ring;
    return ok ? make_plans(s) : -ENOMEM;
}

static int split_init(split *s)
{
    double rate_hz = s->audio->rate_hz;
    s->length = choose_length(s->model->window_s * rate_hz);
    s->hop = s->length / OVERLAP;
    s->n_times = (size_t)((s->audio->n_frames + s->hop - 1) / s->hop) + OVERLAP - 1;
    s->planes.bin_hz = rate_hz / s->length;
    s->planes.time_s = s->hop / rate_hz;
    s->n_bins =
        RF_MIN((size_t)s->length / 2 + 1, (size_t)(ANALYSIS_SPLIT_TOP_HZ / s->planes.bin_hz) + 1);
    s->planes.n_bins = s->n_bins;
    int rc = allocate(s);
    if (rc == 0) {
        fill_window(s);
    }
    return rc;
}

/* ---- spectra ---- */

static float sample_at(const split *s, int channel, int64_t frame)
{
    if (frame < 0 || frame >= s->audio->n_frames) {
        return 0;
    }
    float x = s->audio->channels[channel][frame];
    return isfinite(x) ? x : 0;
}

/* The first frame that the window at a time covers; the first windows begin before the audio. */
static int64_t window_start(const split *s, size_t time)
{
    return ((int64_t)time - (OVERLAP - 1)) * s->hop;
}

static void transform(split *s, int channel, size_t time)
{
    int64_t start = window_start(s, time);
    for (int i = 0; i < s->length; i++) {
        s->samples[i] = sample_at(s, channel, start + i) * s->window[i];
    }
    fftwf_execute(s->forward);
}

/* Spectra of the first two channels make the planes; mono stands for both. */
static void fill_planes(split *s, size_t row, size_t time)
{
    float *level = s->planes.level + row * s->n_bins;
    float *centre = s->planes.centre + row * s->n_bins;
    float *balance = s->planes.balance + row * s->n_bins;
    float scale = 4.0f / (float)s->length;
    transform(s, 0, time);
    memcpy(s->masked, s->spectrum, s->n_bins * sizeof(*s->spectrum));
    if (s->audio->n_channels > 1) {
        transform(s, 1, time);
    }
    for (size_t b = 0; b < s->n_bins; b++) {
        const float *l = s->masked[b], *r = s->spectrum[b];
        float left = l[0] * l[0] + l[1] * l[1], right = r[0] * r[0] + r[1] * r[1];
        float both = left + right + 1e-12f;
        level[b] = scale * sqrtf(0.5f * both);
        centre[b] = 0.5f + (l[0] * r[0] + l[1] * r[1]) / both;
        balance[b] = fabsf(left - right) / both;
    }
}

/* ---- masks ---- */

/* Writes masks[n_masks][n_bins] of one row of the planes. */
static void mask_row(split *s, analysis_features *features, const analysis_context *context,
                     size_t row, float *masks)
{
    analysis_features_at(features, row, s->row);
    analysis_context_at(context, row, s->row + ANALYSIS_N_FEATURES * s->n_bins);
    analysis_net_run(s->model->net, s->row, s->n_bins, masks);
    for (size_t b = 0; b < s->n_bins; b++) {
        float sum = 0;
        for (int m = 0; m < n_masks(s); m++) {
            sum += masks[(size_t)m * s->n_bins + b];
        }
        float scale = 1.0f / RF_MAX(1.0f, sum);
        for (int m = 0; m < n_masks(s); m++) {
            masks[(size_t)m * s->n_bins + b] *= scale;
        }
    }
}

/* Masks of the core, rows of the planes from s->first_time on. */
static int mask_rows(split *s, size_t first, size_t end)
{
    analysis_features *features = NULL;
    int rc = analysis_features_new(&s->planes, s->control, &features);
    if (rc != 0) {
        return rc;
    }
    analysis_context *context =
        analysis_context_new(s->model->context, n_masks(s), &s->planes, features);
    for (size_t t = first; t < end && rc == 0; t++) {
        rc = analysis_cancelled(s->control) ? -ECANCELED : 0;
        mask_row(s, features, context, t - s->first_time,
                 s->masks + (t - first) * (size_t)n_masks(s) * s->n_bins);
        analysis_progress(s->control, (double)t / (double)s->n_times);
    }
    analysis_context_free(context);
    analysis_features_free(features);
    return rc;
}

/* Planes of the core and its context, then the masks of the core. */
static int make_masks(split *s, size_t first, size_t end)
{
    size_t context = context_times(s);
    s->first_time = first > context ? first - context : 0;
    size_t last = RF_MIN(end + context, s->n_times);
    s->planes.n_times = last - s->first_time;
    for (size_t t = s->first_time; t < last; t++) {
        if (analysis_cancelled(s->control)) {
            return -ECANCELED;
        }
        fill_planes(s, t - s->first_time, t);
    }
    return mask_rows(s, first, end);
}

/* ---- synthesis ---- */

static float *ring_of(split *s, int mask, int channel)
{
    return s->ring +
           ((size_t)mask * (size_t)s->audio->n_channels + (size_t)channel) * s->ring_frames;
}

static void add_window(split *s, const float *mask, float *out)
{
    float scale = 0.5f / (float)s->length; /* of the transforms and of the windows' sum */
    for (size_t b = 0; b <= (size_t)s->length / 2; b++) {
        float m = mask[RF_MIN(b, s->n_bins - 1)];
        s->masked[b][0] = s->spectrum[b][0] * m;
        s->masked[b][1] = s->spectrum[b][1] * m;
    }
    fftwf_execute(s->backward);
    for (int i = 0; i < s->length; i++) {
        out[i] += s->samples[i] * s->window[i] * scale;
    }
}

static int synthesise(split *s, size_t first, size_t end)
{
    for (size_t t = first; t < end; t++) {
        if (analysis_cancelled(s->control)) {
            return -ECANCELED;
        }
        for (int c = 0; c < s->audio->n_channels; c++) {
            transform(s, c, t);
            for (int m = 0; m < n_masks(s); m++) {
                const float *mask =
                    s->masks + ((t - first) * (size_t)n_masks(s) + (size_t)m) * s->n_bins;
                add_window(s, mask, ring_of(s, m, c) + (t - first) * (size_t)s->hop);
            }
        }
    }
    return 0;
}

/* ---- output ---- */

/* What the masks leave of one channel goes to the last stem. */
static void finish_channel(split *s, int channel, size_t skip, size_t n, float *rest)
{
    for (size_t i = 0; i < n; i++) {
        float left = sample_at(s, channel, s->n_written + (int64_t)i);
        for (int m = 0; m < n_masks(s); m++) {
            float *x = ring_of(s, m, channel) + skip + i;
            *x = rintf(*x / GRID) * GRID;
            left -= *x;
        }
        rest[i] = left;
    }
}

static int write_block(split *s, size_t skip, size_t n)
{
    int channels = s->audio->n_channels, stems = s->model->n_stems;
    RF_CLEANUP(rf_cleanup_free) float *rest = calloc(n * (size_t)channels + 1, sizeof(float));
    const float *planes[ANALYSIS_SPLIT_MAX_STEMS][ANALYSIS_CHANNELS_MAX];
    const float *const *stem_planes[ANALYSIS_SPLIT_MAX_STEMS];
    if (rest == NULL) {
        return -ENOMEM;
    }
    for (int c = 0; c < channels; c++) {
        finish_channel(s, c, skip, n, rest + (size_t)c * n);
        for (int m = 0; m < stems - 1; m++) {
            planes[m][c] = ring_of(s, m, c) + skip;
        }
        planes[stems - 1][c] = rest + (size_t)c * n;
    }
    for (int m = 0; m < stems; m++) {
        stem_planes[m] = planes[m];
    }
    int rc = n > 0 ? s->sink->write(s->sink->user, stem_planes, n) : 0;
    s->n_written += (int64_t)n;
    return rc;
}

/* Frames before the next segment's first window are finished; the others move to the front. */
static int flush(split *s, size_t first, size_t end)
{
    int64_t ring_start = window_start(s, first);
    int64_t done = RF_MIN(window_start(s, end), s->audio->n_frames);
    if (done > s->n_written) {
        int rc = write_block(s, (size_t)(s->n_written - ring_start), (size_t)(done - s->n_written));
        if (rc < 0) {
            return rc;
        }
    }
    size_t moved = (end - first) * (size_t)s->hop, kept = s->ring_frames - moved;
    for (int m = 0; m < n_masks(s); m++) {
        for (int c = 0; c < s->audio->n_channels; c++) {
            float *ring = ring_of(s, m, c);
            memmove(ring, ring + moved, kept * sizeof(float));
            memset(ring + kept, 0, moved * sizeof(float));
        }
    }
    return 0;
}

static int run_segments(split *s)
{
    int rc = 0;
    for (size_t first = 0; first < s->n_times && rc == 0;) {
        size_t end = RF_MIN(first + core_times(s), s->n_times);
        rc = make_masks(s, first, end);
        rc = rc == 0 ? synthesise(s, first, end) : rc;
        rc = rc == 0 ? flush(s, first, end) : rc;
        first = end;
    }
    return rc;
}

int analysis_split_run(const analysis_audio *audio, const analysis_split_model *model,
                       const analysis_control *control, const analysis_sink *sink)
{
    int rc = analysis_audio_check(audio);
    if (rc != 0 || audio->n_frames == 0) {
        return rc;
    }
    split s = {.audio = audio, .model = model, .control = control, .sink = sink};
    rc = split_init(&s);
    rc = rc == 0 ? run_segments(&s) : rc;
    split_done(&s);
    return rc;
}
