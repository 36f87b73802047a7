#include "rf_resample.h"

#include <errno.h>
#include <soxr.h>
#include <string.h>

#define CHUNK_FRAMES 16384 /* on the side of the higher rate: soxr's queues grow by small steps */
#define MIN_CHUNK_FRAMES 64
#define SILENCE_SAMPLES 512
#define MIN_LOG2_DFT 8 /* soxr's lowest: it makes the transforms as short as the filter allows */

struct rf_resampler {
    uint32_t from_hz;
    uint32_t to_hz;
    uint32_t n_channels;
    rf_resample_type in, out;
    bool stream; /* short blocks, length to the nearest frame */
    soxr_t soxr; /* NULL: equal rates */
    int64_t n_in;
    int64_t n_out;
};

static const struct {
    soxr_datatype_t soxr; /* interleaved */
    size_t n_bytes;
} types[] = {
    [RF_RESAMPLE_F64] = {SOXR_FLOAT64_I, sizeof(double)},
    [RF_RESAMPLE_F32] = {SOXR_FLOAT32_I, sizeof(float)},
    [RF_RESAMPLE_S32] = {SOXR_INT32_I, sizeof(int32_t)},
    [RF_RESAMPLE_S16] = {SOXR_INT16_I, sizeof(int16_t)},
};

static bool rate_valid(uint32_t rate_hz)
{
    return rate_hz >= RF_MEDIA_MIN_RATE_HZ && rate_hz <= RF_MEDIA_MAX_RATE_HZ;
}

static int make_soxr(rf_resampler *r)
{
    soxr_error_t error = NULL;
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    const soxr_io_spec_t io = {.itype = types[r->in].soxr,
                               .otype = types[r->out].soxr,
                               .scale = 1,
                               .flags = SOXR_NO_DITHER};
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    if (r->stream) {
        runtime.log2_min_dft_size = MIN_LOG2_DFT;
        runtime.log2_large_dft_size = MIN_LOG2_DFT;
    }
    r->soxr = soxr_create(r->from_hz, r->to_hz, r->n_channels, &error, &io, &quality, &runtime);
    return r->soxr != NULL ? 0 : -ENOMEM;
}

static int new_resampler(const rf_resample_params *p, bool stream, rf_resampler **ret_resampler)
{
    if (!rate_valid(p->from_hz) || !rate_valid(p->to_hz) || p->n_channels < 1 ||
        p->n_channels > RF_MEDIA_MAX_CHANNELS || (p->from_hz == p->to_hz && p->in != p->out)) {
        return -EINVAL;
    }
    rf_resampler *r = RF_NEW(rf_resampler);
    *r = (rf_resampler){.from_hz = p->from_hz,
                        .to_hz = p->to_hz,
                        .n_channels = p->n_channels,
                        .in = p->in,
                        .out = p->out,
                        .stream = stream};
    if (p->from_hz != p->to_hz && make_soxr(r) != 0) {
        free(r);
        return -ENOMEM;
    }
    *ret_resampler = r;
    return 0;
}

int rf_resampler_new(uint32_t from_hz, uint32_t to_hz, uint32_t n_channels,
                     rf_resampler **ret_resampler)
{
    const rf_resample_params p = {.from_hz = from_hz,
                                  .to_hz = to_hz,
                                  .n_channels = n_channels,
                                  .in = RF_RESAMPLE_F32,
                                  .out = RF_RESAMPLE_F32};
    return new_resampler(&p, false, ret_resampler);
}

int rf_resampler_new_stream(const rf_resample_params *params, rf_resampler **ret_resampler)
{
    return new_resampler(params, true, ret_resampler);
}

rf_resampler *rf_resampler_free(rf_resampler *resampler)
{
    if (resampler != NULL) {
        soxr_delete(resampler->soxr);
        free(resampler);
    }
    return NULL;
}

static int64_t length(const rf_resampler *r, int64_t n)
{
    return r->stream ? rf_resample_length_nearest(n, r->from_hz, r->to_hz)
                     : rf_resample_length(n, r->from_hz, r->to_hz);
}

/* After the end of the input soxr may give a frame more or less than the ratio says. */
static int64_t flush(rf_resampler *r, void *out, int64_t max_out)
{
    size_t taken = 0;
    size_t given = 0;
    int64_t left = length(r, r->n_in) - r->n_out;
    size_t room = (size_t)RF_MIN(left, max_out);
    if (left <= 0 || soxr_process(r->soxr, NULL, 0, &taken, out, room, &given) != NULL) {
        return left <= 0 ? 0 : -EIO;
    }
    if (given == 0 && room > 0) {
        given = room;
        memset(out, 0, room * r->n_channels * types[r->out].n_bytes);
    }
    return (int64_t)given;
}

/* soxr's own end puts large blocks of silence in at once, which costs megabytes. */
static int64_t flush_stream(rf_resampler *r, void *out, int64_t max_out)
{
    static const double silence[SILENCE_SAMPLES]; /* of every type */
    const int64_t room = RF_MIN(length(r, r->n_in) - r->n_out, max_out);
    const int64_t most = SILENCE_SAMPLES / r->n_channels;
    const int64_t fitting = RF_MAX(room * r->from_hz / r->to_hz, (int64_t)1);
    size_t taken = 0;
    size_t given = 0;
    while (room > 0 && given == 0) {
        if (soxr_process(r->soxr, silence, 0, &taken, out, (size_t)room, &given) != NULL ||
            (given == 0 && soxr_process(r->soxr, silence, (size_t)RF_MIN(most, fitting), &taken,
                                        out, (size_t)room, &given) != NULL)) {
            return -EIO;
        }
    }
    return (int64_t)given;
}

static int process(rf_resampler *r, const void *in, int64_t n_in, int64_t *ret_taken, void *out,
                   int64_t max_out, int64_t *ret_given)
{
    size_t taken = 0;
    size_t given = 0;
    if (r->soxr == NULL) {
        taken = in != NULL ? (size_t)RF_MIN(n_in, max_out) : 0;
        given = taken;
        if (taken > 0) {
            memcpy(out, in, taken * r->n_channels * types[r->out].n_bytes);
        }
    } else if (in == NULL) {
        int64_t n = r->stream ? flush_stream(r, out, max_out) : flush(r, out, max_out);
        if (n < 0) {
            return (int)n;
        }
        given = (size_t)n;
    } else {
        int64_t due = length(r, r->n_in + n_in) - r->n_out;
        due = n_in > 0 ? RF_MAX(due, (int64_t)1) : due; /* without room soxr takes nothing */
        size_t room = (size_t)RF_MIN(due, max_out);
        if (soxr_process(r->soxr, in, (size_t)n_in, &taken, out, room, &given) != NULL) {
            return -EIO;
        }
    }
    r->n_in += (int64_t)taken;
    r->n_out += (int64_t)given;
    *ret_taken = (int64_t)taken;
    *ret_given = (int64_t)given;
    return 0;
}

int rf_resampler_process(rf_resampler *resampler, const float *in, int64_t n_in, int64_t *ret_taken,
                         float *out, int64_t max_out, int64_t *ret_given)
{
    return process(resampler, in, n_in, ret_taken, out, max_out, ret_given);
}

int rf_resampler_process_stream(rf_resampler *resampler, const void *in, int64_t n_in,
                                int64_t *ret_taken, void *out, int64_t max_out, int64_t *ret_given)
{
    return process(resampler, in, n_in, ret_taken, out, max_out, ret_given);
}

int64_t rf_resampler_n_clipped(const rf_resampler *resampler)
{
    return resampler->soxr != NULL ? (int64_t)*soxr_num_clips(resampler->soxr) : 0;
}

int64_t rf_resample_length(int64_t n, uint32_t from_hz, uint32_t to_hz)
{
    int64_t whole = n / from_hz;
    int64_t rest = n % from_hz;
    return whole * to_hz + (rest * to_hz + from_hz - 1) / from_hz;
}

int64_t rf_resample_length_nearest(int64_t n, uint32_t from_hz, uint32_t to_hz)
{
    int64_t whole = n / from_hz;
    int64_t rest = n % from_hz;
    return whole * to_hz + (2 * rest * to_hz + from_hz) / (2 * (int64_t)from_hz);
}

static int convert_all(rf_resampler *r, const rf_frames *in, rf_frames *out)
{
    const int64_t ratio = (r->to_hz + r->from_hz - 1) / r->from_hz;
    const int64_t chunk = RF_MAX(CHUNK_FRAMES / ratio, MIN_CHUNK_FRAMES);
    int64_t at_in = 0;
    int64_t at_out = 0;
    while (at_out < out->n_frames) {
        int64_t taken = 0;
        int64_t given = 0;
        const int64_t n = RF_MIN(in->n_frames - at_in, chunk);
        int err = rf_resampler_process(r, n > 0 ? in->data + at_in * in->n_channels : NULL, n,
                                       &taken, out->data + at_out * out->n_channels,
                                       out->n_frames - at_out, &given);
        if (err != 0) {
            return err;
        }
        at_in += taken;
        at_out += given;
    }
    return 0;
}

int rf_resample(const rf_frames *frames, uint32_t to_hz, rf_frames **ret_frames)
{
    rf_resampler *r = NULL;
    RF_CLEANUP(rf_cleanup_frames) rf_frames *out = NULL;
    int err = rf_resampler_new(frames->rate_hz, to_hz, frames->n_channels, &r);
    if (err == 0) {
        err = rf_frames_new(frames->n_channels, to_hz,
                            rf_resample_length(frames->n_frames, frames->rate_hz, to_hz), &out);
    }
    if (err == 0) {
        err = convert_all(r, frames, out);
    }
    rf_resampler_free(r);
    if (err == 0) {
        *ret_frames = RF_STEAL(out);
    }
    return err;
}
