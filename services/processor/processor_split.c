/*
 * stems, drums: audio -> one 24-bit WAV for each stem, meta.
 *
 * The stems have the input's frames and sum to it within 2 LSB at 24 bit. When one of them would
 * clip, one gain below 0 dB applies to all. It is known only at the end: until then the samples lie
 * as floats in the output files, which are then written as WAV in place, front to back; a WAV
 * sample is shorter than a float, so writing never overtakes reading.
 */
#include "analysis_drums.h"
#include "analysis_stems.h"
#include "processor_audio.h"
#include "processor_json.h"
#include "processor_modules.h"
#include "rf_encode.h"
#include "rf_file.h"
#include "rf_time.h"

#include <errno.h>
#include <math.h>

#define SPLIT_PERCENT 90.0                /* of the work; the rest is writing */
#define HIGHEST (8388607.0f / 8388608.0f) /* largest sample of 24 bit; the lowest is -1 */
#define BLOCK_FRAMES_MAX ((size_t)PROCESSOR_CHUNK_FRAMES)

typedef int (*split_fn)(const analysis_audio *audio, const analysis_control *control,
                        const analysis_sink *sink);

typedef struct split_job {
    processor_call *call;
    const processor_audio *audio;
    size_t n_stems;
    float excess; /* how far beyond full scale the loudest sample is; up to 1 nothing clips */
    float *block; /* interleaved */
    bool is_cancelled;
} split_job;

static bool on_cancelled(void *user)
{
    return ((const split_job *)user)->is_cancelled;
}

static void on_progress(void *user, double fraction)
{
    split_job *j = user;
    j->is_cancelled |= j->call->progress(j->call, fraction * SPLIT_PERCENT);
}

/* ---- first: floats ---- */

static void interleave(split_job *j, const float *const *channels, size_t first, size_t n)
{
    uint32_t n_channels = j->audio->channels;
    for (uint32_t c = 0; c < n_channels; c++) {
        for (size_t i = 0; i < n; i++) {
            float s = channels[c][first + i];
            j->block[i * n_channels + c] = s;
            j->excess = fmaxf(j->excess, s > 0 ? s / HIGHEST : -s);
        }
    }
}

static int write_stem(split_job *j, size_t stem, const float *const *channels, size_t n_frames)
{
    for (size_t at = 0; at < n_frames; at += BLOCK_FRAMES_MAX) {
        size_t n = RF_MIN(n_frames - at, BLOCK_FRAMES_MAX);
        interleave(j, channels, at, n);
        int err =
            rf_write_all(j->call->out[stem].fd, j->block, n * j->audio->channels * sizeof(float));
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int on_block(void *user, const float *const *const *stems, size_t n_frames)
{
    split_job *j = user;
    for (size_t s = 0; s < j->n_stems; s++) {
        int err = write_stem(j, s, stems[s], n_frames);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int split(split_job *j, split_fn fn)
{
    processor_planar planar;
    int err = processor_planar_open(&j->call->in[0], &planar);
    if (err < 0) {
        return err;
    }
    const analysis_audio audio = {.channels = (const float *const *)planar.channels,
                                  .n_channels = (int)planar.n_channels,
                                  .n_frames = (int64_t)planar.n_frames,
                                  .rate_hz = (int)planar.rate_hz};
    const analysis_control control = {on_cancelled, on_progress, j};
    const analysis_sink sink = {on_block, j};
    err = fn(&audio, &control, &sink);
    processor_planar_done(&planar);
    return err;
}

/* ---- then: WAV ---- */

typedef struct place {
    int fd;
    int64_t at;
} place;

static int place_write(void *user, const void *data, size_t len)
{
    place *p = user;
    int err = rf_pwrite_all(p->fd, data, len, p->at);
    p->at += err == 0 ? (int64_t)len : 0;
    return err;
}

static int place_seek(void *user, int64_t offset)
{
    place *p = user;
    p->at = offset;
    return 0;
}

/* Reads the floats of a stem from frame at on, scaled; returns their number or negative errno. */
static int64_t read_block(split_job *j, const processor_value *floats, uint64_t at)
{
    float gain = j->excess > 1.0f ? 1.0f / j->excess : 1.0f;
    uint64_t left = j->audio->n_frames - at;
    size_t n = (size_t)RF_MIN(left, (uint64_t)BLOCK_FRAMES_MAX);
    int err = processor_audio_read(floats, at, n, j->block);
    for (size_t i = 0; i < n * j->audio->channels; i++) {
        j->block[i] *= gain;
    }
    return err < 0 ? err : (int64_t)n;
}

/* Each block is read before what comes before it is written. */
static int encode(split_job *j, const processor_value *floats, rf_encoder *encoder, int64_t n)
{
    uint64_t at = 0;
    while (n > 0) {
        int err = rf_encoder_write(encoder, j->block, n);
        if (err < 0) {
            return err;
        }
        at += (uint64_t)n;
        n = read_block(j, floats, at);
    }
    return (int)n;
}

static int write_wav(split_job *j, processor_value *out)
{
    place p = {.fd = out->fd};
    const rf_sink sink = {place_write, place_seek, &p};
    const rf_encode_params params = {.format = RF_FORMAT_WAV,
                                     .rate_hz = j->audio->rate_hz,
                                     .n_channels = j->audio->channels,
                                     .bit_depth = 24,
                                     .n_frames = (int64_t)j->audio->n_frames};
    const processor_value floats = {.fd = out->fd, .audio = *j->audio};
    rf_encode_stats stats;
    rf_encoder *encoder = NULL;
    int64_t n = read_block(j, &floats, 0); /* before the header takes their place */
    int err = n < 0 ? (int)n : rf_encoder_open(&params, sink, &encoder, NULL);
    err = err == 0 ? encode(j, &floats, encoder, n) : err;
    if (err < 0) {
        rf_encoder_free(encoder);
        return err;
    }
    err = rf_encoder_close(encoder, &stats);
    out->type = PROCESSOR_WAV;
    out->size = (uint64_t)stats.n_bytes;
    return err;
}

static int run(processor_call *call, const char *module, size_t n_stems, split_fn fn)
{
    int64_t begin_ns = rf_time_ns();
    split_job j = {.call = call, .audio = &call->in[0].audio, .n_stems = n_stems};
    j.block = RF_NEW_ARRAY(float, PROCESSOR_CHUNK_FRAMES *(size_t)j.audio->channels);
    int err = split(&j, fn);
    for (size_t s = 0; err == 0 && s < n_stems; s++) {
        err = write_wav(&j, &call->out[s]);
        call->progress(call,
                       SPLIT_PERCENT + (100.0 - SPLIT_PERCENT) * (double)(s + 1) / (double)n_stems);
    }
    free(j.block);
    const processor_meta meta = {.module = module,
                                 .version = PROCESSOR_SPLIT_VERSION,
                                 .method = "soft masks of a small network on spectral features",
                                 .confidence = 0.5,
                                 .seconds = (double)(rf_time_ns() - begin_ns) / 1e9};
    return err < 0 ? err : processor_json_meta(&meta, &call->out[n_stems]);
}

int processor_stems_run(processor_call *call)
{
    return run(call, "stems", ANALYSIS_N_STEMS, analysis_stems_split);
}

int processor_drums_run(processor_call *call)
{
    return run(call, "drums", ANALYSIS_N_DRUMS, analysis_drums_split);
}
