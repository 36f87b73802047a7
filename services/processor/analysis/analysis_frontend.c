#include "analysis_frontend.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "analysis_frontend_store.h"
#include "analysis_onset.h"
#include "analysis_source.h"
#include "analysis_tone.h"

#define BUFFER_PAIRS (4 * ANALYSIS_TONE_WINDOW)
#define HALF (ANALYSIS_TONE_WINDOW / 2)
#define HOPS_PER_TONE (ANALYSIS_TONE_HOP / ANALYSIS_ONSET_HOP)
#define STREAM_SHARE 0.7 /* of the work, the rest is fitting notes */

/* The window of frame i starts at pair i * hop - HALF; buf holds pairs from the next frame's
 * window on, zeros before the start and after the end of the audio. */
typedef struct frame_stream {
    analysis_source *source;
    analysis_onset *onset;
    analysis_tone *tone;
    float *log_spectra;
    float *buf;
    int n_buf;
    bool ended;
} frame_stream;

static void stream_done(frame_stream *stream)
{
    analysis_source_close(stream->source);
    analysis_onset_free(stream->onset);
    analysis_tone_free(stream->tone);
    free(stream->log_spectra);
    free(stream->buf);
}

static int stream_init(frame_stream *stream, const analysis_audio *audio,
                       const analysis_control *control)
{
    int err = analysis_source_open(audio, control, &stream->source);
    if (err < 0) {
        return err;
    }
    stream->onset = analysis_onset_new();
    stream->tone = analysis_tone_new();
    stream->buf = calloc(BUFFER_PAIRS, 2 * sizeof(float));
    stream->n_buf = HALF;
    return stream->onset == NULL || stream->tone == NULL || stream->buf == NULL ? -ENOMEM : 0;
}

/* Fills the buffer up; zeros follow the end of the audio. */
static int stream_fill(frame_stream *stream)
{
    while (stream->n_buf < BUFFER_PAIRS) {
        float *at = stream->buf + 2 * stream->n_buf;
        int n = 0;
        if (!stream->ended) {
            n = analysis_source_read(stream->source, at, BUFFER_PAIRS - stream->n_buf);
        }
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            stream->ended = true;
            n = BUFFER_PAIRS - stream->n_buf;
            memset(at, 0, (size_t)n * 2 * sizeof(float));
        }
        stream->n_buf += n;
    }
    return 0;
}

static float level_of(const float *pairs, int n, double gain)
{
    double sum = 0;
    for (int i = 0; i < 2 * n; i++) {
        sum += (double)pairs[i] * (double)pairs[i];
    }
    return gain > 0.0 ? (float)(sqrt(sum / (2.0 * n)) / gain) : 0.0f;
}

static void push_frame(analysis_frontend *frontend, frame_stream *stream, size_t i, const float *w)
{
    analysis_onset_push(stream->onset, w + 2 * (HALF - ANALYSIS_ONSET_WINDOW / 2),
                        frontend->flux + i * ANALYSIS_N_FLUX);
    size_t t = i / HOPS_PER_TONE;
    if (i % HOPS_PER_TONE == 0 && t < frontend->n_tone) {
        analysis_tone_push(stream->tone, w, stream->log_spectra + t * ANALYSIS_N_LOG,
                           frontend->timbre + t * ANALYSIS_N_TIMBRE);
        const float *centre = w + 2 * (HALF - ANALYSIS_TONE_HOP / 2);
        frontend->level[t] =
            level_of(centre, ANALYSIS_TONE_HOP, analysis_source_gain(stream->source));
    }
}

/* All frames of the audio through both transforms. */
static int stream_frames(analysis_frontend *frontend, frame_stream *stream,
                         const analysis_control *control)
{
    int at = BUFFER_PAIRS; /* forces the first fill */
    stream->n_buf = HALF;
    for (size_t i = 0; i < frontend->n_onset; i++, at += ANALYSIS_ONSET_HOP) {
        if (at + ANALYSIS_TONE_WINDOW > BUFFER_PAIRS) {
            int keep = i == 0 ? HALF : BUFFER_PAIRS - at;
            int from = i == 0 ? 0 : at;
            memmove(stream->buf, stream->buf + 2 * from, (size_t)keep * 2 * sizeof(float));
            stream->n_buf = keep;
            at = 0;
            int err = analysis_cancelled(control) ? -ECANCELED : stream_fill(stream);
            if (err < 0) {
                return err;
            }
            analysis_progress(control, STREAM_SHARE * (double)i / (double)frontend->n_onset);
        }
        push_frame(frontend, stream, i, stream->buf + 2 * at);
    }
    return 0;
}

static int fit_notes(analysis_frontend *frontend, const frame_stream *stream,
                     const analysis_control *control)
{
    double tuning = analysis_tone_tuning(stream->tone);
    frontend->tuning_hz = 440.0 * pow(2.0, tuning / 12.0);
    for (size_t t = 0; t < frontend->n_tone; t++) {
        if (t % 64 == 0) {
            if (analysis_cancelled(control)) {
                return -ECANCELED;
            }
            double part = (double)t / (double)frontend->n_tone;
            analysis_progress(control, STREAM_SHARE + (1.0 - STREAM_SHARE) * part);
        }
        analysis_tone_notes(stream->tone, stream->log_spectra + t * ANALYSIS_N_LOG, tuning,
                            frontend->notes + t * ANALYSIS_N_NOTES);
    }
    analysis_progress(control, 1.0);
    return 0;
}

/* Brings each band to a mean of 1, unless it is so quiet that only noise would be raised. */
static void scale_flux(analysis_frontend *frontend)
{
    const double quiet = 0.003;
    for (int band = 0; band < ANALYSIS_N_FLUX; band++) {
        double sum = 0;
        for (size_t i = 0; i < frontend->n_onset; i++) {
            sum += (double)frontend->flux[i * ANALYSIS_N_FLUX + (size_t)band];
        }
        double mean = frontend->n_onset > 0 ? sum / (double)frontend->n_onset : 0.0;
        float scale = (float)(1.0 / RF_MAX(mean, quiet));
        for (size_t i = 0; i < frontend->n_onset; i++) {
            frontend->flux[i * ANALYSIS_N_FLUX + (size_t)band] *= scale;
        }
    }
}

static int build(analysis_frontend *frontend, frame_stream *stream, const analysis_audio *audio,
                 const analysis_control *control)
{
    int err = stream_init(stream, audio, control);
    if (err < 0) {
        return err;
    }
    err = analysis_frontend_alloc(frontend, analysis_audio_duration_s(audio));
    if (err < 0) {
        return err;
    }
    stream->log_spectra = calloc(frontend->n_tone + 1, ANALYSIS_N_LOG * sizeof(float));
    if (stream->log_spectra == NULL) {
        err = -ENOMEM;
    }
    if (err == 0) {
        err = stream_frames(frontend, stream, control);
    }
    if (err == 0) {
        err = fit_notes(frontend, stream, control);
    }
    return err;
}

int analysis_frontend_new(const analysis_audio *audio, const analysis_control *control,
                          analysis_frontend **ret)
{
    analysis_frontend *frontend = RF_NEW(analysis_frontend);
    frame_stream stream = {0};
    int err = build(frontend, &stream, audio, control);
    stream_done(&stream);
    if (err < 0) {
        analysis_frontend_free(frontend);
        return err;
    }
    scale_flux(frontend);
    *ret = frontend;
    return 0;
}
