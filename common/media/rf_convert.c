#include "rf_convert.h"

#include <errno.h>

#define BLOCK_SAMPLES 2048 /* on the side with more channels */

struct rf_converter {
    rf_pcm from, to;
    rf_mix mix;
    rf_resampler *resampler; /* NULL: equal rates */
    rf_sample_state state;
    bool mixes;
    bool mixes_first;  /* before the rate changes: the side with fewer channels is resampled */
    bool takes, gives; /* the resampler takes the input, gives the output, as they are */
    double wide[BLOCK_SAMPLES];
    double mixed[BLOCK_SAMPLES];
    double resampled[BLOCK_SAMPLES];
};

size_t rf_pcm_frame_bytes(const rf_pcm *pcm)
{
    return pcm->n_channels * rf_sample_bytes(pcm->sample);
}

/* The resampler's type for a format, or float64, to which and from which it is converted then:
 * foreign floats may not be finite, dither is made here. */
static rf_resample_type type_of(rf_sample_format sample, bool direct)
{
    if (direct && sample == RF_SAMPLE_S16) {
        return RF_RESAMPLE_S16;
    }
    return direct && sample == RF_SAMPLE_S32 ? RF_RESAMPLE_S32 : RF_RESAMPLE_F64;
}

static int open_resampler(rf_converter *c)
{
    const rf_resample_params p = {
        .from_hz = c->from.rate_hz,
        .to_hz = c->to.rate_hz,
        .n_channels = RF_MIN(c->from.n_channels, c->to.n_channels),
        .in = type_of(c->from.sample, !c->mixes || !c->mixes_first),
        .out = type_of(c->to.sample, (!c->mixes || c->mixes_first) && !c->state.dither),
    };
    c->takes = p.in != RF_RESAMPLE_F64;
    c->gives = p.out != RF_RESAMPLE_F64;
    return rf_resampler_new_stream(&p, &c->resampler);
}

int rf_converter_new(const rf_convert_params *params, rf_converter **ret_converter)
{
    const rf_pcm *from = &params->from;
    const rf_pcm *to = &params->to;
    rf_converter *c = RF_NEW(rf_converter);
    c->from = *from;
    c->to = *to;
    c->state.dither = params->dither;
    int err = rf_mix_init(&c->mix, from->n_channels, to->n_channels, params->matrix);
    if (err == 0) {
        c->mixes = rf_mix_changes(&c->mix);
        c->mixes_first = from->n_channels >= to->n_channels;
        err = from->rate_hz != to->rate_hz ? open_resampler(c) : 0;
    }
    if (err != 0) {
        rf_converter_free(c);
        return err;
    }
    *ret_converter = c;
    return 0;
}

rf_converter *rf_converter_free(rf_converter *converter)
{
    if (converter != NULL) {
        rf_resampler_free(converter->resampler);
        free(converter);
    }
    return NULL;
}

int64_t rf_converter_length(const rf_converter *converter, int64_t n)
{
    return rf_resample_length_nearest(n, converter->from.rate_hz, converter->to.rate_hz);
}

const rf_sample_state *rf_converter_state(const rf_converter *converter)
{
    return &converter->state;
}

static const double *mix(rf_converter *c, const double *in, int64_t n)
{
    rf_mix_run(&c->mix, in, (size_t)n, c->mixed);
    return c->mixed;
}

static void put(rf_converter *c, const double *samples, int64_t n, void *out)
{
    rf_sample_from_f64(c->to.sample, samples, (size_t)n * c->to.n_channels, out, &c->state);
}

static int same_rate(rf_converter *c, const void *in, int64_t n, void *out)
{
    const size_t n_samples = (size_t)n * c->from.n_channels;
    if (!c->mixes) {
        rf_sample_convert(c->from.sample, in, c->to.sample, out, n_samples, &c->state);
        return 0;
    }
    rf_sample_to_f64(c->from.sample, in, n_samples, c->wide, &c->state);
    put(c, mix(c, c->wide, n), n, out);
    return 0;
}

static const void *resampler_input(rf_converter *c, const void *in, int64_t n)
{
    if (in == NULL || c->takes) {
        return in;
    }
    rf_sample_to_f64(c->from.sample, in, (size_t)n * c->from.n_channels, c->wide, &c->state);
    return c->mixes && c->mixes_first ? mix(c, c->wide, n) : c->wide;
}

/* What the resampler has ready is taken first, and then no more is put in than comes out, so that
 * nothing piles up in it. */
static int resample(rf_converter *c, const void *in, int64_t n_in, int64_t *ret_taken, void *out,
                    int64_t max_out, int64_t *ret_given)
{
    int err =
        rf_resampler_process_stream(c->resampler, c->wide, 0, ret_taken, out, max_out, ret_given);
    if (err != 0 || *ret_given > 0 || (in != NULL && n_in == 0)) {
        return err;
    }
    n_in = RF_MIN(n_in, RF_MAX(max_out * c->from.rate_hz / c->to.rate_hz, (int64_t)1));
    return rf_resampler_process_stream(c->resampler, resampler_input(c, in, n_in), n_in, ret_taken,
                                       out, max_out, ret_given);
}

static int other_rate(rf_converter *c, const void *in, int64_t n_in, int64_t *ret_taken, void *out,
                      int64_t max_out, int64_t *ret_given)
{
    int err = resample(c, in, n_in, ret_taken, c->gives ? out : c->resampled, max_out, ret_given);
    if (err == 0 && c->gives) {
        c->state.n_clipped = rf_resampler_n_clipped(c->resampler);
    } else if (err == 0 && *ret_given > 0) {
        put(c, c->mixes && !c->mixes_first ? mix(c, c->resampled, *ret_given) : c->resampled,
            *ret_given, out);
    }
    return err;
}

int rf_converter_run(rf_converter *converter, const void *in, int64_t n_in, int64_t *ret_taken,
                     void *out, int64_t max_out, int64_t *ret_given)
{
    rf_converter *c = converter;
    const int64_t block = BLOCK_SAMPLES / RF_MAX(c->from.n_channels, c->to.n_channels);
    n_in = RF_MIN(n_in, block);
    max_out = RF_MIN(max_out, block);
    if (c->resampler != NULL) {
        return other_rate(c, in, n_in, ret_taken, out, max_out, ret_given);
    }
    *ret_given = in != NULL ? RF_MIN(n_in, max_out) : 0;
    *ret_taken = *ret_given;
    return *ret_given > 0 ? same_rate(c, in, *ret_given, out) : 0;
}
