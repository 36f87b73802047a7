/* media_muxed: files in the formats that the project reads but does not write. */
#include "media_make.h"

#include <criterion/criterion.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* libvorbisenc's rate control setup loses a table when it is closed. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_encode_setup_init\n";
}

typedef struct muxing {
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream;
    AVPacket *packet;
} muxing;

static void store(AVFrame *frame, int i, int channel, float x)
{
    const int n = frame->ch_layout.nb_channels;
    const bool planar = av_sample_fmt_is_planar((enum AVSampleFormat)frame->format);
    const int at = planar ? i : i * n + channel;
    uint8_t *plane = frame->extended_data[planar ? channel : 0];
    switch (av_get_packed_sample_fmt((enum AVSampleFormat)frame->format)) {
    case AV_SAMPLE_FMT_U8:
        plane[at] = (uint8_t)(rintf(x * 128) + 128);
        break;
    case AV_SAMPLE_FMT_S16:
        ((int16_t *)(void *)plane)[at] = (int16_t)rintf(x * 32768);
        break;
    case AV_SAMPLE_FMT_S32:
        ((int32_t *)(void *)plane)[at] = (int32_t)rint((double)x * 2147483648.0);
        break;
    case AV_SAMPLE_FMT_FLT:
        ((float *)(void *)plane)[at] = x;
        break;
    case AV_SAMPLE_FMT_DBL:
        ((double *)(void *)plane)[at] = (double)x;
        break;
    default:
        cr_assert_fail("sample format");
    }
}

/* What all codecs of the tests call n channels. */
static void set_layout(AVChannelLayout *layout, uint32_t n)
{
    static const uint64_t masks[] = {AV_CH_LAYOUT_MONO,         AV_CH_LAYOUT_STEREO,
                                     AV_CH_LAYOUT_SURROUND,     AV_CH_LAYOUT_QUAD,
                                     AV_CH_LAYOUT_5POINT0_BACK, AV_CH_LAYOUT_5POINT1_BACK,
                                     AV_CH_LAYOUT_6POINT1,      AV_CH_LAYOUT_7POINT1};
    cr_assert_leq(n, RF_ARRAY_LEN(masks));
    cr_assert_geq(av_channel_layout_from_mask(layout, masks[n - 1]), 0);
}

/* Tells a decoder that the AAC-LC of this stream is the lower half of HE-AAC at 44.1 kHz
 * (ISO/IEC 14496-3, 1.6.5: AOT 5, 22.05 kHz, channels, 44.1 kHz, AOT 2, no options). No frame has
 * bands to replicate, which is allowed: the upper half is silent. */
static void declare_sbr(AVCodecParameters *p)
{
    const unsigned n = (unsigned)p->ch_layout.nb_channels;
    const uint32_t bits = 5U << 27 | 7U << 23 | n << 19 | 4U << 15 | 2U << 10;
    cr_assert_eq(p->sample_rate, 22050);
    cr_assert_geq(p->extradata_size, 4);
    for (int i = 0; i < 4; i++) {
        p->extradata[i] = (uint8_t)(bits >> (24 - 8 * i));
    }
    p->extradata_size = 4;
}

static void open_codec(muxing *m, const char *name, const rf_frames *frames)
{
    const bool he_aac = strcmp(name, "he-aac") == 0;
    const char *codec = he_aac ? "aac" : name;
    const AVCodec *c = avcodec_find_encoder_by_name(codec);
    cr_assert_not_null(c, "libav has no %s", codec);
    m->codec = avcodec_alloc_context3(c);
    m->codec->sample_fmt = c->sample_fmts[0];
    m->codec->sample_rate = (int)frames->rate_hz;
    m->codec->time_base = (AVRational){1, (int)frames->rate_hz};
    m->codec->thread_count = 1;
    m->codec->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    set_layout(&m->codec->ch_layout, frames->n_channels);
    if (m->format->oformat->flags & AVFMT_GLOBALHEADER) {
        m->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }
    cr_assert_geq(avcodec_open2(m->codec, c, NULL), 0, "%s", codec);
    m->stream = avformat_new_stream(m->format, NULL);
    m->stream->time_base = m->codec->time_base;
    cr_assert_geq(avcodec_parameters_from_context(m->stream->codecpar, m->codec), 0);
    if (he_aac) {
        declare_sbr(m->stream->codecpar);
    }
}

static void encode(muxing *m, const AVFrame *frame)
{
    cr_assert_geq(avcodec_send_frame(m->codec, frame), 0);
    while (avcodec_receive_packet(m->codec, m->packet) >= 0) {
        av_packet_rescale_ts(m->packet, m->codec->time_base, m->stream->time_base);
        cr_assert_geq(av_interleaved_write_frame(m->format, m->packet), 0);
    }
}

static void encode_all(muxing *m, const rf_frames *frames)
{
    const int64_t size = m->codec->frame_size > 0 ? m->codec->frame_size : 4096;
    for (int64_t at = 0; at < frames->n_frames; at += size) {
        AVFrame *frame = av_frame_alloc();
        frame->nb_samples = (int)RF_MIN(size, frames->n_frames - at);
        frame->format = m->codec->sample_fmt;
        frame->sample_rate = m->codec->sample_rate;
        frame->pts = at;
        cr_assert_geq(av_channel_layout_copy(&frame->ch_layout, &m->codec->ch_layout), 0);
        cr_assert_geq(av_frame_get_buffer(frame, 0), 0);
        for (int i = 0; i < frame->nb_samples; i++) {
            for (int c = 0; c < (int)frames->n_channels; c++) {
                store(frame, i, c, frames->data[(at + i) * frames->n_channels + c]);
            }
        }
        encode(m, frame);
        av_frame_free(&frame);
    }
    encode(m, NULL);
}

/* A comment of so many bytes; the container may keep it for the file or for its stream. */
static void tag(muxing *m, size_t len)
{
    char *text = malloc(len + 1);
    cr_assert_not_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    cr_assert_geq(av_dict_set(&m->stream->metadata, "comment", text, AV_DICT_DONT_STRDUP_VAL), 0);
}

int media_muxed(const char *container, const char *codec, const char *options,
                const rf_frames *frames)
{
    return media_muxed_tagged(container, codec, options, 0, frames);
}

int media_muxed_tagged(const char *container, const char *codec, const char *options,
                       size_t tag_len, const rf_frames *frames)
{
    muxing m = {.packet = av_packet_alloc()};
    AVDictionary *dict = NULL;
    char path[64];
    int fd = media_file("", 0);
    av_log_set_level(AV_LOG_ERROR);
    cr_assert_geq(avformat_alloc_output_context2(&m.format, NULL, container, NULL), 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    cr_assert_geq(avio_open(&m.format->pb, path, AVIO_FLAG_WRITE), 0);
    open_codec(&m, codec, frames);
    if (options != NULL) {
        cr_assert_geq(av_dict_parse_string(&dict, options, "=", ":", 0), 0);
    }
    if (tag_len > 0) {
        tag(&m, tag_len);
    }
    cr_assert_geq(avformat_write_header(m.format, &dict), 0);
    encode_all(&m, frames);
    cr_assert_geq(av_write_trailer(m.format), 0);
    cr_assert_geq(avio_closep(&m.format->pb), 0);
    av_dict_free(&dict);
    av_packet_free(&m.packet);
    avcodec_free_context(&m.codec);
    avformat_free_context(m.format);
    return fd;
}
