#include "recorder_pack.h"

#include "recorder_cost.h"
#include "rf_time.h"

#include <errno.h>

#define MP3_BITRATE_BPS 128000
#define OPUS_BITRATE_BPS 64000
#define FLAC_BLOCK 4096
#define FLAC_BLOCK_SAMPLES 16384 /* of all channels: what libFLAC needs grows with it */
#define MIN_FLAC_BLOCK 16
#define OPUS_UNITS_PER_S 400 /* of 2.5 ms */

struct recorder_pack {
    rf_sink sink;
    recorder_format format;
    rf_sample_format sample;
    size_t frame_bytes;
    rf_encoder *encoder; /* NULL: PCM */
    int64_t n_written;
    uint32_t n_preroll;
};

/* Chunks of any length as whole blocks, where it can be. */
static uint32_t flac_block(uint32_t chunk, uint32_t n_channels)
{
    const uint32_t most = RF_MIN((uint32_t)FLAC_BLOCK, FLAC_BLOCK_SAMPLES / n_channels);
    const uint32_t n_blocks = (chunk + most - 1) / most;
    if (chunk < MIN_FLAC_BLOCK || chunk % n_blocks != 0) {
        return most;
    }
    return RF_MAX(chunk / n_blocks, (uint32_t)MIN_FLAC_BLOCK);
}

/* The longest packet that is no longer than a chunk; 20 ms at most, 2.5 at least. */
static uint32_t opus_packet(uint32_t chunk, uint32_t rate_hz)
{
    const uint32_t unit = rate_hz / OPUS_UNITS_PER_S;
    uint32_t packet = 8 * unit;
    while (chunk > 0 && packet > unit && packet > chunk) {
        packet /= 2;
    }
    return packet;
}

static rf_encode_params encode_params(const recorder_pack_params *p)
{
    const recorder_output *o = &p->output;
    rf_encode_params e = {.rate_hz = p->pcm.rate_hz,
                          .n_channels = p->pcm.n_channels,
                          .n_frames = p->n_frames,
                          .live = p->n_frames < 0,
                          .n_preroll = p->n_preroll,
                          .cues = p->cues,
                          .n_cues = p->n_cues};
    switch (o->format) {
    case RECORDER_FLAC:
        e.format = RF_FORMAT_FLAC;
        e.bit_depth = rf_sample_bits(p->pcm.sample);
        e.level = o->flac_level;
        e.block_frames = flac_block(p->chunk_frames, p->pcm.n_channels);
        break;
    case RECORDER_MP3:
        e.format = RF_FORMAT_MP3;
        e.bitrate_bps = o->bitrate_bps != 0 ? o->bitrate_bps : MP3_BITRATE_BPS;
        e.any_bitrate = true;
        e.no_reservoir = true;
        e.quick = true;
        break;
    case RECORDER_OPUS:
        e.format = RF_FORMAT_OPUS;
        e.bitrate_bps = o->bitrate_bps != 0 ? o->bitrate_bps : OPUS_BITRATE_BPS;
        e.complexity = o->opus_complexity;
        e.fastest = o->opus_fastest;
        e.block_frames = opus_packet(p->chunk_frames, p->pcm.rate_hz);
        break;
    default:
        e.format = RF_FORMAT_WAV;
        e.bit_depth = rf_sample_bits(p->pcm.sample);
        e.integers = p->pcm.sample != RF_SAMPLE_F32;
        e.room = p->stored;
        break;
    }
    return e;
}

int recorder_pack_check(const recorder_pack_params *params, rf_media_error *error)
{
    const rf_encode_params e = encode_params(params);
    return params->output.format != RECORDER_PCM ? rf_encode_check(&e, error) : 0;
}

int recorder_pack_open(const recorder_pack_params *params, rf_sink sink, recorder_pack **ret,
                       rf_media_error *error)
{
    recorder_pack *p = RF_NEW(recorder_pack);
    p->sink = (rf_sink){.write = sink.write, .user = sink.user};
    p->format = params->output.format;
    p->sample = params->pcm.sample;
    p->frame_bytes = rf_pcm_frame_bytes(&params->pcm);
    p->n_preroll = params->n_preroll;
    if (params->output.format != RECORDER_PCM) {
        const rf_encode_params e = encode_params(params);
        int err = rf_encoder_open(&e, p->sink, &p->encoder, error);
        if (err < 0) {
            recorder_pack_free(p);
            return err;
        }
    }
    *ret = p;
    return 0;
}

int recorder_pack_write(recorder_pack *pack, const void *data, int64_t n)
{
    pack->n_written += n;
    if (pack->encoder == NULL) {
        return pack->sink.write(pack->sink.user, data, (size_t)n * pack->frame_bytes);
    }
    const int64_t from_ns = rf_time_ns();
    int err = rf_encoder_write_pcm(pack->encoder, pack->sample, data, n);
    recorder_cost_encode(pack->format, from_ns);
    return err;
}

int recorder_pack_flush(recorder_pack *pack)
{
    return pack->encoder != NULL ? rf_encoder_flush(pack->encoder) : 0;
}

int recorder_pack_close(recorder_pack *pack)
{
    int err = 0;
    if (pack->encoder != NULL) {
        const int64_t from_ns = rf_time_ns();
        err = rf_encoder_close(RF_STEAL(pack->encoder), NULL);
        recorder_cost_encode(pack->format, from_ns);
    }
    recorder_pack_free(pack);
    return err;
}

recorder_pack *recorder_pack_free(recorder_pack *pack)
{
    if (pack != NULL) {
        rf_encoder_free(pack->encoder);
        free(pack);
    }
    return NULL;
}

int64_t recorder_pack_coded(const recorder_pack *pack)
{
    const int64_t coded = pack->encoder != NULL ? rf_encoder_coded(pack->encoder) : pack->n_written;
    return coded - pack->n_preroll;
}

uint32_t recorder_pack_codec_frame(const recorder_pack *pack)
{
    return pack->encoder != NULL ? rf_encoder_codec_frame(pack->encoder) : 1;
}
