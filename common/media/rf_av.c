/* Demultiplexing and decoding by libav, one audio stream, whitelisted code only. */
#include "rf_av.h"

#include "rf_av_convert.h"
#include "rf_av_source.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <string.h>

#define CHUNK_FRAMES 4096       /* converted at once */
#define MAX_BAD_PACKETS 0.1     /* of a lossy file: more, and it is not called audio */
#define MAX_ALLOC (256UL << 20) /* bytes of one allocation inside libav */
#define MAX_MISSING 4096        /* frames: the last AAC packets of a file cut by its encoder */
#define MAX_STREAMS 64
#define PROBE_BYTES (1 << 20)

/* What may be used for a format: libav's names. */
static const struct {
    const char *demuxer;
    const char *decoders; /* comma list */
    bool lossless;
} allowed[RF_N_FORMATS] = {
    [RF_FORMAT_WAV] = {"wav",
                       "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,"
                       "pcm_mulaw",
                       true},
    [RF_FORMAT_FLAC] = {"flac", "flac", true},
    [RF_FORMAT_MP3] = {"mp3", "mp3float", false},
    [RF_FORMAT_VORBIS] = {"ogg", "vorbis", false},
    [RF_FORMAT_OPUS] = {"ogg", "opus", false},
    [RF_FORMAT_AAC] = {"aac", "aac", false},
    [RF_FORMAT_M4A] = {"mov", "aac", false},
    [RF_FORMAT_AIFF] = {"aiff",
                        "pcm_s8,pcm_u8,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s32be,pcm_f32be,pcm_f64be,"
                        "pcm_alaw,pcm_mulaw",
                        true},
};

typedef struct decoding {
    const rf_decode_task *task;
    rf_av_out out;
    rf_decode_reply *reply;
    rf_av_source source;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
    int64_t expected;    /* frames that the file promises, -1: unknown */
    int64_t max_missing; /* frames fewer than expected, before the file counts as truncated */
    int64_t n_skip;      /* frames still to drop at the start */
    int64_t n_frames;
    int64_t n_packets;
    int64_t n_bad;
    float samples[CHUNK_FRAMES * RF_MEDIA_MAX_CHANNELS];
} decoding;

int rf_av_fail(rf_decode_reply *reply, rf_media_code code, const char *detail)
{
    reply->code = code;
    (void)rf_copy_str(reply->detail, sizeof(reply->detail), detail);
    return rf_media_code_errno(code);
}

int rf_av_fail_limit(rf_decode_reply *reply, rf_media_code code, int64_t value)
{
    reply->code = code;
    reply->value = value;
    return rf_media_code_errno(code);
}

int rf_av_check_shape(const rf_decode_limits *limits, uint32_t n_channels, uint32_t rate_hz,
                      int64_t n_frames, rf_decode_reply *reply)
{
    if (n_channels > limits->max_channels) {
        return rf_av_fail_limit(reply, RF_MEDIA_LIMIT_CHANNELS, n_channels);
    }
    if (rate_hz == 0 || rate_hz < limits->min_rate_hz || rate_hz > limits->max_rate_hz) {
        return rf_av_fail_limit(reply, RF_MEDIA_LIMIT_RATE, rate_hz);
    }
    if (n_channels == 0) {
        return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED, "the file's header is damaged");
    }
    if (n_frames > limits->max_seconds * (int64_t)rate_hz) {
        return rf_av_fail_limit(reply, RF_MEDIA_LIMIT_DURATION, (n_frames - 1) / rate_hz + 1);
    }
    int64_t frame_bytes = (int64_t)(n_channels * sizeof(float));
    if (n_frames > limits->max_pcm_bytes / frame_bytes) {
        int64_t bytes = n_frames > INT64_MAX / frame_bytes ? INT64_MAX : n_frames * frame_bytes;
        return rf_av_fail_limit(reply, RF_MEDIA_LIMIT_MEMORY, bytes);
    }
    return 0;
}

static int fail_by_av(rf_decode_reply *reply, int av_err, const char *detail)
{
    return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED,
                      av_err == AVERROR(ENOMEM) ? "out of memory" : detail);
}

/* Files that name further files get nothing. */
static int refuse_open(AVFormatContext *s, AVIOContext **pb, const char *url, int flags,
                       AVDictionary **options)
{
    (void)s;
    (void)pb;
    (void)url;
    (void)flags;
    (void)options;
    return AVERROR(EPERM);
}

static int open_format(decoding *d)
{
    const rf_media_format kind = d->source.format;
    d->format = avformat_alloc_context();
    if (d->format == NULL) {
        return AVERROR(ENOMEM);
    }
    d->format->pb = d->source.io;
    d->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    d->format->io_open = refuse_open;
    d->format->max_streams = MAX_STREAMS;
    d->format->probesize = PROBE_BYTES;
    d->format->format_whitelist = av_strdup(allowed[kind].demuxer);
    d->format->codec_whitelist = av_strdup(allowed[kind].decoders);
    d->format->protocol_whitelist = av_strdup("");
    AVDictionary *options = NULL;
    if (kind == RF_FORMAT_M4A) { /* our own parser has read the edit list */
        (void)av_dict_set(&options, "ignore_editlist", "1", 0);
    }
    int err =
        avformat_open_input(&d->format, "", av_find_input_format(allowed[kind].demuxer), &options);
    av_dict_free(&options);
    return err;
}

/* The first audio stream; every other one is skipped without being parsed. */
static void select_stream(decoding *d)
{
    d->stream = -1;
    for (unsigned i = 0; i < d->format->nb_streams; i++) {
        AVStream *st = d->format->streams[i];
        if (d->stream < 0 && st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
            d->stream = (int)i;
        } else {
            st->discard = AVDISCARD_ALL;
        }
    }
}

static bool name_listed(const char *list, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = strstr(list, name); at != NULL; at = strstr(at + 1, name)) {
        if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static const AVCodec *find_decoder(enum AVCodecID id, const char *list)
{
    void *at = NULL;
    for (const AVCodec *c = av_codec_iterate(&at); c != NULL; c = av_codec_iterate(&at)) {
        if (c->id == id && av_codec_is_decoder(c) && name_listed(list, c->name)) {
            return c;
        }
    }
    return NULL;
}

static int open_codec(decoding *d)
{
    const AVStream *st = d->format->streams[d->stream];
    const AVCodec *codec = find_decoder(st->codecpar->codec_id, allowed[d->source.format].decoders);
    if (codec == NULL) {
        return rf_av_fail(d->reply, RF_MEDIA_UNSUPPORTED_FORMAT,
                          "the file's audio coding is not supported");
    }
    d->codec = avcodec_alloc_context3(codec);
    int err =
        d->codec != NULL ? avcodec_parameters_to_context(d->codec, st->codecpar) : AVERROR(ENOMEM);
    if (err >= 0) {
        d->codec->pkt_timebase = st->time_base;
        d->codec->thread_count = 1;
        if (d->source.n_lossy > 0) { /* it drops too little of files of a few packets */
            d->codec->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
        }
        d->codec->err_recognition = allowed[d->source.format].lossless
                                        ? AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_EXPLODE
                                        : 0;
        err = avcodec_open2(d->codec, codec, NULL);
    }
    return err < 0 ? fail_by_av(d->reply, err, "the file's audio cannot be opened") : 0;
}

/* MP4: the part of the track that the edit list shows. */
static void set_edited(decoding *d, int rate_hz)
{
    const rf_av_source *s = &d->source;
    d->n_skip = av_rescale(s->media_start, rate_hz, s->timescale);
    if (s->media_len > 0) {
        d->expected = av_rescale(s->media_len, rate_hz, s->timescale);
        d->max_missing = MAX_MISSING;
    }
}

/* How many frames the file promises. Guesses from the bit rate are no promise. */
static void set_expected(decoding *d)
{
    const AVStream *st = d->format->streams[d->stream];
    d->expected = d->source.n_frames;
    d->max_missing = d->expected >= 0 ? 0 : INT64_MAX;
    if (d->source.n_lossy > 0) {
        d->n_skip = d->source.n_skip;
        d->expected = d->source.n_lossy;
    } else if (d->source.timescale > 0) {
        set_edited(d, st->codecpar->sample_rate);
    } else if (d->expected < 0 && st->duration > 0 && st->codecpar->sample_rate > 0 &&
               d->format->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE) {
        d->expected =
            av_rescale_rnd(st->duration, (int64_t)st->time_base.num * st->codecpar->sample_rate,
                           st->time_base.den, AV_ROUND_UP);
    }
}

static int check_declared(decoding *d)
{
    const AVCodecParameters *p = d->format->streams[d->stream]->codecpar;
    const uint32_t n_channels = (uint32_t)RF_MAX(p->ch_layout.nb_channels, 0);
    const uint32_t rate_hz = (uint32_t)RF_MAX(p->sample_rate, 0);
    set_expected(d);
    return rf_av_check_shape(&d->task->limits, n_channels, rate_hz, d->expected, d->reply);
}

static int open_file(decoding *d)
{
    const rf_decode_limits *limits = &d->task->limits;
    const rf_av_source *s = &d->source;
    if (s->n_channels > 0) { /* our own parser read it: refuse before libav allocates for it */
        int err = rf_av_check_shape(limits, s->n_channels, s->rate_hz, s->n_frames, d->reply);
        if (err != 0) {
            return err;
        }
    }
    int err = open_format(d);
    if (err < 0) {
        return fail_by_av(d->reply, err, "the file's header is damaged");
    }
    select_stream(d);
    if (d->stream < 0) {
        return rf_av_fail(d->reply, RF_MEDIA_UNSUPPORTED_FORMAT, "the file holds no audio");
    }
    err = avformat_find_stream_info(d->format, NULL);
    if (err < 0) {
        return fail_by_av(d->reply, err, "the file's audio cannot be opened");
    }
    err = open_codec(d);
    return err == 0 ? check_declared(d) : err;
}

/* The shape of the first decoded frame is the shape of the file. */
static int check_frame(decoding *d, int64_t n)
{
    const uint32_t n_channels = (uint32_t)d->frame->ch_layout.nb_channels;
    const uint32_t rate_hz = (uint32_t)d->frame->sample_rate;
    if (d->n_frames == 0) {
        d->reply->n_channels = n_channels;
        d->reply->rate_hz = rate_hz;
    }
    if (n_channels != d->reply->n_channels || rate_hz != d->reply->rate_hz) {
        return rf_av_fail(d->reply, RF_MEDIA_DECODE_FAILED,
                          "the file changes its rate or channels on the way");
    }
    return rf_av_check_shape(&d->task->limits, n_channels, rate_hz, d->n_frames + n, d->reply);
}

static int emit_frame(decoding *d)
{
    const int64_t first = RF_MIN(d->n_skip, d->frame->nb_samples);
    int64_t n = d->frame->nb_samples - first;
    d->n_skip -= first;
    if (d->expected >= 0) {
        n = RF_MIN(n, d->expected - d->n_frames);
    }
    int err = n > 0 ? check_frame(d, n) : 0;
    for (int64_t at = first; err == 0 && at < first + n; at += CHUNK_FRAMES) {
        int part = (int)RF_MIN(first + n - at, CHUNK_FRAMES);
        err = rf_av_convert(d->frame, (int)at, part, d->task->keep_nonfinite != 0, d->samples);
        if (err == 0) {
            err = d->out.write(d->out.user, d->samples, part, d->reply->n_channels);
        }
        if (err != 0) {
            return rf_av_fail(d->reply, RF_MEDIA_DECODE_FAILED, "the audio could not be stored");
        }
        d->n_frames += part;
    }
    return err;
}

/* A damaged packet ends a lossless file; of a lossy one it is left out. */
static int count_bad(decoding *d)
{
    d->n_bad++;
    if (allowed[d->source.format].lossless) {
        return rf_av_fail(d->reply, RF_MEDIA_DECODE_FAILED, "the file's audio is damaged");
    }
    return 0;
}

static int drain_codec(decoding *d)
{
    for (;;) {
        int got = avcodec_receive_frame(d->codec, d->frame);
        if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) {
            return 0;
        }
        if (got == AVERROR(ENOMEM)) {
            return fail_by_av(d->reply, got, "");
        }
        int err = got < 0 ? count_bad(d) : emit_frame(d);
        av_frame_unref(d->frame);
        if (err != 0 || got < 0) {
            return err;
        }
    }
}

static int decode_packet(decoding *d, const AVPacket *packet)
{
    int sent = avcodec_send_packet(d->codec, packet);
    if (sent == AVERROR(ENOMEM)) {
        return fail_by_av(d->reply, sent, "");
    }
    d->n_packets += packet != NULL ? 1 : 0;
    if (sent < 0 && sent != AVERROR_EOF) {
        int err = count_bad(d);
        if (err != 0) {
            return err;
        }
    }
    return drain_codec(d);
}

static int decode_all(decoding *d)
{
    for (;;) {
        int got = av_read_frame(d->format, d->packet);
        if (got == AVERROR(ENOMEM)) {
            return fail_by_av(d->reply, got, "");
        }
        if (got < 0) { /* the end; what is missing shows in the count of frames */
            return decode_packet(d, NULL);
        }
        int err = d->packet->stream_index == d->stream ? decode_packet(d, d->packet) : 0;
        av_packet_unref(d->packet);
        if (err != 0) {
            return err;
        }
    }
}

static int check_result(decoding *d)
{
    if ((double)d->n_bad > MAX_BAD_PACKETS * (double)d->n_packets + 1) {
        return rf_av_fail(d->reply, RF_MEDIA_DECODE_FAILED, "the file's audio is damaged");
    }
    if (d->expected >= 0 && d->expected - d->n_frames > d->max_missing) {
        return rf_av_fail(d->reply, RF_MEDIA_DECODE_FAILED, "the file is truncated");
    }
    if (d->n_frames == 0) {
        return rf_av_fail(d->reply, RF_MEDIA_UNSUPPORTED_FORMAT, "the file holds no audio");
    }
    d->reply->code = RF_MEDIA_OK;
    d->reply->format = d->source.format;
    d->reply->n_frames = d->n_frames;
    d->reply->lossless = allowed[d->source.format].lossless ? 1 : 0;
    d->reply->bits_per_sample = d->source.bits_per_sample;
    return 0;
}

static void run(decoding *d)
{
    int err = open_file(d);
    if (err == 0) {
        d->packet = av_packet_alloc();
        d->frame = av_frame_alloc();
        err = d->packet != NULL && d->frame != NULL ? decode_all(d)
                                                    : fail_by_av(d->reply, AVERROR(ENOMEM), "");
    }
    if (err == 0) {
        (void)check_result(d);
    }
}

void rf_av_decode(int fd, const rf_decode_task *task, rf_av_out out, rf_decode_reply *reply)
{
    memset(reply, 0, sizeof(*reply));
    decoding *d = RF_NEW(decoding);
    *d = (decoding){.task = task, .out = out, .reply = reply, .stream = -1, .expected = -1};
    if (rf_av_source_open(&d->source, fd, reply) == 0) {
        run(d);
        av_frame_free(&d->frame);
        av_packet_free(&d->packet);
        avcodec_free_context(&d->codec);
        avformat_close_input(&d->format);
        rf_av_source_close(&d->source);
    }
    free(d);
}

void rf_av_warm_up(void)
{
    static const char *const names[] = {"mp3float", "aac", "vorbis", "opus", "flac"};
    av_log_set_level(AV_LOG_QUIET);
    av_max_alloc(MAX_ALLOC);
    for (size_t i = 0; i < RF_ARRAY_LEN(names); i++) {
        const AVCodec *codec = avcodec_find_decoder_by_name(names[i]);
        AVCodecContext *context = avcodec_alloc_context3(codec);
        if (context != NULL) {
            (void)avcodec_open2(context, codec, NULL);
        }
        avcodec_free_context(&context);
    }
}
