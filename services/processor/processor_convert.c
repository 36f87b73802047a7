/* convert: audio, format, sampleRate, channels, bitrate -> file. */
#include "processor_audio.h"
#include "processor_modules.h"
#include "rf_encode.h"
#include "rf_resample.h"

#include <errno.h>
#include <string.h>

enum { IN_AUDIO, IN_FORMAT, IN_RATE, IN_CHANNELS, IN_BITRATE };

#define OPUS_RATE_HZ 48000
#define MP3_CHANNELS_MAX 2

typedef struct conversion {
    processor_call *call;
    rf_encode_params params;
    rf_resampler *resampler; /* NULL at equal rates */
    rf_encoder *encoder;
    float *chunk; /* input channels */
    float *mixed; /* output channels */
    float *out;   /* output rate */
} conversion;

/* ---- what to make ---- */

static int read_number(const processor_value *v, int64_t def, int64_t *ret)
{
    if (v->type == PROCESSOR_NONE) {
        *ret = def;
        return 0;
    }
    return rf_parse_i64(v->text, ret) < 0 || *ret < 1 || *ret > INT32_MAX ? -EBADMSG : 0;
}

/* The nearest rate that MP3 has and that keeps all of the spectrum, else the highest. */
static uint32_t mp3_rate(uint32_t rate_hz)
{
    static const uint32_t rates[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    for (size_t i = 0; i < RF_ARRAY_LEN(rates); i++) {
        if (rates[i] >= rate_hz) {
            return rates[i];
        }
    }
    return rate_hz % 44100 == 0 ? 44100 : 48000;
}

static uint32_t default_rate(rf_media_format format, uint32_t rate_hz)
{
    return format == RF_FORMAT_OPUS  ? OPUS_RATE_HZ
           : format == RF_FORMAT_MP3 ? mp3_rate(rate_hz)
                                     : rate_hz;
}

/* FLAC keeps 16-bit sources at 16 bit; everything that was computed, and all WAV, is 24 bit. Lossy
 * formats have no depth. */
static uint32_t bit_depth(const rf_encode_params *p, const processor_audio *a)
{
    if (p->format != RF_FORMAT_WAV && p->format != RF_FORMAT_FLAC) {
        return 0;
    }
    bool is_same = p->rate_hz == a->rate_hz && p->n_channels == a->channels;
    bool is_short = a->source_bits > 0 && a->source_bits <= 16;
    return p->format == RF_FORMAT_FLAC && is_same && is_short ? 16 : 24;
}

static int plan(conversion *c)
{
    const processor_value *in = c->call->in;
    const processor_audio *a = &in[IN_AUDIO].audio;
    rf_encode_params *p = &c->params;
    int64_t rate_hz;
    int64_t channels;
    int64_t kbit_s;
    if (rf_format_parse(in[IN_FORMAT].text, &p->format) < 0) {
        return -EBADMSG;
    }
    uint32_t most = p->format == RF_FORMAT_MP3 ? MP3_CHANNELS_MAX : PROCESSOR_CHANNELS_MAX;
    if (read_number(&in[IN_RATE], default_rate(p->format, a->rate_hz), &rate_hz) < 0 ||
        read_number(&in[IN_CHANNELS], RF_MIN(a->channels, most), &channels) < 0 ||
        read_number(&in[IN_BITRATE], 0, &kbit_s) < 0 || channels > PROCESSOR_CHANNELS_MAX) {
        return -EBADMSG;
    }
    p->rate_hz = (uint32_t)rate_hz;
    p->n_channels = (uint32_t)channels;
    p->bitrate_bps = (uint32_t)kbit_s * 1000;
    p->bit_depth = bit_depth(p, a);
    p->no_dither = true; /* 16 bit is only used for samples that fit it */
    p->level = -1;
    p->n_frames = rf_resample_length((int64_t)a->n_frames, a->rate_hz, p->rate_hz);
    rf_media_error error = {0};
    int err = rf_encode_check(p, &error);
    if (err < 0) {
        rf_copy_str(c->call->message, sizeof(c->call->message), error.message);
        return -EBADMSG;
    }
    return 0;
}

/* ---- making it ---- */

static int open_tools(conversion *c, const rf_sink *sink)
{
    const processor_audio *a = &c->call->in[IN_AUDIO].audio;
    if (c->params.rate_hz != a->rate_hz) {
        int err =
            rf_resampler_new(a->rate_hz, c->params.rate_hz, c->params.n_channels, &c->resampler);
        if (err < 0) {
            return err;
        }
    }
    c->chunk = RF_NEW_ARRAY(float, PROCESSOR_CHUNK_FRAMES *(size_t)a->channels);
    c->mixed = RF_NEW_ARRAY(float, PROCESSOR_CHUNK_FRAMES *(size_t)c->params.n_channels);
    c->out = RF_NEW_ARRAY(float, PROCESSOR_CHUNK_FRAMES *(size_t)c->params.n_channels);
    return rf_encoder_open(&c->params, *sink, &c->encoder, NULL);
}

static void close_tools(conversion *c)
{
    rf_resampler_free(c->resampler);
    rf_encoder_free(c->encoder);
    free(c->chunk);
    free(c->mixed);
    free(c->out);
}

/* Gives n frames to the resampler, all of them, and what comes out to the encoder; in NULL drains.
 */
static int resample(conversion *c, const float *in, int64_t n)
{
    int64_t taken;
    int64_t given;
    do {
        int err = rf_resampler_process(c->resampler, in, n, &taken, c->out, PROCESSOR_CHUNK_FRAMES,
                                       &given);
        err = err == 0 && given > 0 ? rf_encoder_write(c->encoder, c->out, given) : err;
        if (err < 0) {
            return err;
        }
        if (in != NULL) {
            in += taken * c->params.n_channels;
            n -= taken;
        }
    } while (in == NULL ? given > 0 : n > 0);
    return 0;
}

static int convert_chunk(conversion *c, uint64_t at, size_t n)
{
    const processor_value *audio = &c->call->in[IN_AUDIO];
    const float *frames = c->chunk;
    int err = processor_audio_read(audio, at, n, c->chunk);
    if (err < 0) {
        return err;
    }
    if (audio->audio.channels != c->params.n_channels) {
        processor_mix(c->chunk, audio->audio.channels, c->mixed, c->params.n_channels, n);
        frames = c->mixed;
    }
    return c->resampler == NULL ? rf_encoder_write(c->encoder, frames, (int64_t)n)
                                : resample(c, frames, (int64_t)n);
}

static int convert_all(conversion *c)
{
    uint64_t n_frames = c->call->in[IN_AUDIO].audio.n_frames;
    for (uint64_t at = 0; at < n_frames; at += PROCESSOR_CHUNK_FRAMES) {
        size_t n = (size_t)RF_MIN(n_frames - at, (uint64_t)PROCESSOR_CHUNK_FRAMES);
        int err = convert_chunk(c, at, n);
        if (err < 0) {
            return err;
        }
        if (c->call->progress(c->call, 100.0 * (double)at / (double)n_frames)) {
            return -ECANCELED;
        }
    }
    return c->resampler == NULL ? 0 : resample(c, NULL, 0);
}

int processor_convert_run(processor_call *call)
{
    conversion c = {.call = call};
    const rf_sink sink = rf_sink_fd(&call->out[0].fd);
    int err = plan(&c);
    err = err == 0 ? open_tools(&c, &sink) : err;
    err = err == 0 ? convert_all(&c) : err;
    if (err == 0) {
        err = rf_encoder_close(RF_STEAL(c.encoder), NULL);
    }
    close_tools(&c);
    return err == 0 ? processor_value_measure(PROCESSOR_FILE, &call->out[0]) : err;
}
