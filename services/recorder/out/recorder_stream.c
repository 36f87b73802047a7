#include "recorder_stream.h"

#include "recorder_pack.h"
#include "recorder_pull.h"
#include "rf_buf.h"

#include <errno.h>
#include <string.h>

#define PUSH_FRAMES 1024   /* coded at once, at most */
#define GATHER_BYTES 24576 /* they are given when so many are there */
#define MAX_BYTES 262144   /* what one more push, or the end, may make of them: FLAC's blocks */

struct recorder_stream {
    recorder_stream_params params;
    float matrix[RF_MIX_MAX_CHANNELS * RF_MIX_MAX_CHANNELS];
    rf_pcm pcm;
    size_t frame_bytes;
    recorder_pull *pull;
    recorder_pack *pack; /* NULL: not begun; standalone: between chunks */
    rf_buf bytes;
    recorder_stream_piece piece; /* what they are; handed out by and by */
    size_t n_given;
    bool ended;
    /* Frames at the output rate. */
    int64_t lead;       /* to come before the first frame */
    int64_t lead_left;  /* of them, still */
    int64_t n_pushed;   /* to encoders */
    int64_t n_closed;   /* of them, to encoders that are closed */
    int64_t n_reported; /* coded and in a piece */
    int64_t chunk_left; /* standalone: frames that the chunk still lacks */
    int64_t boundary;   /* continuous: where the chunk ends */
    /* The chunk in hand. */
    int64_t chunk;
    int64_t first_frame;
    int64_t chunk_coded; /* before it */
    bool inside;         /* it has a frame */
    bool begun;          /* and no piece of it was given */
    /* Lag. */
    int64_t dropped_first, n_dropped; /* not told yet */
    int64_t n_dropped_all;            /* ever */
    /* Opus: the last frames, which warm the next encoder up. */
    uint8_t *history;
    int64_t n_history, max_history;
    uint8_t samples[PUSH_FRAMES * RF_MIX_MAX_CHANNELS * sizeof(float)];
};

static int to_buffer(void *user, const void *data, size_t len)
{
    recorder_stream *s = user;
    return rf_buf_append(&s->bytes, data, len);
}

static int check(const recorder_stream_params *p, const rf_pcm *pcm, rf_media_error *error)
{
    const uint32_t most = RECORDER_CHUNK_MAX_S * pcm->rate_hz;
    if (p->chunk_frames < RECORDER_CHUNK_MIN_FRAMES || p->chunk_frames > most) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE,
                             "chunk_size: %d to %u frames at %u Hz, not %u",
                             RECORDER_CHUNK_MIN_FRAMES, most, pcm->rate_hz, p->chunk_frames);
    }
    if (p->lag_limit_ms != 0 &&
        (p->lag_limit_ms < RECORDER_LAG_MIN_MS || p->lag_limit_ms > RECORDER_LAG_MAX_MS)) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "lag: %d to %d ms, not %u",
                             RECORDER_LAG_MIN_MS, RECORDER_LAG_MAX_MS, p->lag_limit_ms);
    }
    if (p->first < 0) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "from: frames begin at 0");
    }
    const recorder_pack_params pack = {
        .output = p->output, .pcm = *pcm, .n_frames = -1, .chunk_frames = p->chunk_frames};
    return recorder_pack_check(&pack, error);
}

static int open_pull(recorder_stream *s, rf_media_error *error)
{
    const recorder_stream_params *p = &s->params;
    const bool opus = p->output.format == RECORDER_OPUS;
    const recorder_pull_params pull = {.fd = p->fd,
                                       .frames = p->frames,
                                       .convert = {.from = p->session,
                                                   .to = s->pcm,
                                                   .matrix = p->output.matrix,
                                                   .dither = p->output.dither},
                                       .first = p->first,
                                       .lead_ms = opus ? RECORDER_PREROLL_MS : 0};
    int err = recorder_pull_new(&pull, &s->pull, &s->lead);
    s->lead_left = s->lead;
    if (err < 0) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "channels: the matrix has -4 to 4");
    }
    if (opus) {
        s->max_history = (int64_t)s->pcm.rate_hz * RECORDER_PREROLL_MS / 1000;
        s->history = rf_alloc_array((size_t)s->max_history, s->frame_bytes);
    }
    return 0;
}

static void keep_matrix(recorder_stream *s)
{
    recorder_output *o = &s->params.output;
    if (o->matrix != NULL) {
        const size_t n = (size_t)s->params.session.n_channels * s->pcm.n_channels;
        memcpy(s->matrix, o->matrix, n * sizeof(*s->matrix));
        o->matrix = s->matrix;
    }
}

int recorder_stream_open(const recorder_stream_params *params, recorder_stream **ret,
                         rf_media_error *error)
{
    rf_pcm pcm;
    int err = recorder_output_shape(&params->output, &params->session, &pcm, error);
    err = err == 0 ? check(params, &pcm, error) : err;
    if (err < 0) {
        return err;
    }
    recorder_stream *s = RF_NEW(recorder_stream);
    s->params = *params;
    s->pcm = pcm;
    s->frame_bytes = rf_pcm_frame_bytes(&pcm);
    s->boundary = params->chunk_frames;
    rf_buf_init(&s->bytes, MAX_BYTES);
    keep_matrix(s);
    err = open_pull(s, error);
    if (err < 0) {
        recorder_stream_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

recorder_stream *recorder_stream_close(recorder_stream *stream)
{
    if (stream != NULL) {
        recorder_pack_free(stream->pack);
        recorder_pull_free(stream->pull);
        rf_buf_done(&stream->bytes);
        free(stream->history);
        free(stream);
    }
    return NULL;
}

static bool standalone(const recorder_stream *s)
{
    return s->params.framing == RECORDER_STANDALONE;
}

/* Keeps the last frames of the output, the newest at the end. */
static void remember(recorder_stream *s, const uint8_t *data, int64_t n)
{
    const int64_t fresh = RF_MIN(n, s->max_history);
    const int64_t old = RF_MIN(s->n_history, s->max_history - fresh);
    if (s->history == NULL) {
        return;
    }
    memmove(s->history, s->history + (size_t)(s->n_history - old) * s->frame_bytes,
            (size_t)old * s->frame_bytes);
    memcpy(s->history + (size_t)old * s->frame_bytes, data + (size_t)(n - fresh) * s->frame_bytes,
           (size_t)fresh * s->frame_bytes);
    s->n_history = old + fresh;
}

/* Pulls the frames before the first. Returns 1 when they are all there or will never be, 0 while
 * some are missing, or an error. */
static int pull_lead(recorder_stream *s, int64_t readable, bool ended)
{
    while (s->lead_left > 0) {
        int64_t n = recorder_pull_frames(s->pull, readable, ended, s->samples,
                                         RF_MIN(s->lead_left, (int64_t)PUSH_FRAMES));
        if (n <= 0) {
            return n == 0 && ended ? 1 : (int)n;
        }
        remember(s, s->samples, n);
        s->lead_left -= n;
    }
    return 1;
}

/* Opens an encoder and has it hear what comes before its first frame. */
static int open_pack(recorder_stream *s, int64_t n_frames)
{
    const recorder_pack_params pack = {.output = s->params.output,
                                       .pcm = s->pcm,
                                       .n_frames = n_frames,
                                       .chunk_frames = s->params.chunk_frames,
                                       .n_preroll = (uint32_t)s->n_history};
    int err = recorder_pack_open(&pack, (rf_sink){.write = to_buffer, .user = s}, &s->pack, NULL);
    return err == 0 && s->n_history > 0 ? recorder_pack_write(s->pack, s->history, s->n_history)
                                        : err;
}

static int64_t coded(const recorder_stream *s)
{
    return s->n_closed + (s->pack != NULL ? RF_MAX(recorder_pack_coded(s->pack), (int64_t)0) : 0);
}

static int64_t position(const recorder_stream *s)
{
    return recorder_pull_position(s->pull, s->lead + coded(s));
}

static int64_t lag_limit(const recorder_stream *s)
{
    const uint32_t ms =
        s->params.lag_limit_ms != 0 ? s->params.lag_limit_ms : RECORDER_LAG_DEFAULT_MS;
    return (int64_t)ms * s->params.session.rate_hz / 1000;
}

/* Frames that wait beyond the chunk in hand: a standalone chunk is read only when it is whole. */
static int64_t frames_behind(const recorder_stream *s, int64_t readable)
{
    const int64_t chunk = standalone(s) ? rf_resample_length(s->params.chunk_frames, s->pcm.rate_hz,
                                                             s->params.session.rate_hz)
                                        : 0;
    return readable - recorder_pull_cursor(s->pull) - chunk;
}

static int mind_lag(recorder_stream *s, int64_t readable, bool ended)
{
    const int64_t to =
        readable - (int64_t)RECORDER_LAG_BEHIND_MS * s->params.session.rate_hz / 1000;
    const int64_t from = recorder_pull_cursor(s->pull);
    if (ended || s->params.lag_policy == RECORDER_LAG_WAIT ||
        frames_behind(s, readable) <= lag_limit(s)) {
        return 0;
    }
    if (s->params.lag_policy == RECORDER_LAG_DISCONNECT) {
        return -EOVERFLOW;
    }
    if (s->n_dropped == 0) {
        s->dropped_first = from;
    }
    s->n_dropped += to - from;
    s->n_dropped_all += to - from;
    recorder_pull_jump(s->pull, to);
    return 0;
}

/* Begins a chunk: 1, or 0 when it must wait, or at the end. */
static int begin_chunk(recorder_stream *s, int64_t readable, bool ended)
{
    int err = 0;
    if (standalone(s)) {
        const int64_t left = recorder_pull_left(s->pull, readable) - s->lead_left;
        s->chunk_left = RF_MIN((int64_t)s->params.chunk_frames, left);
        if (s->chunk_left <= 0 || (!ended && left < (int64_t)s->params.chunk_frames)) {
            return 0;
        }
        err = open_pack(s, s->chunk_left);
    } else if (s->pack == NULL) {
        err = open_pack(s, -1);
    }
    return err < 0 ? err : 1;
}

static int64_t push_size(const recorder_stream *s)
{
    const uint32_t codec_frame = recorder_pack_codec_frame(s->pack);
    if (standalone(s)) {
        return RF_MIN(s->chunk_left, (int64_t)PUSH_FRAMES);
    }
    return codec_frame > 1 ? RF_MIN(codec_frame, (uint32_t)PUSH_FRAMES)
                           : RF_MIN(s->boundary - coded(s), (int64_t)PUSH_FRAMES);
}

/* Whether the codec frame that ends nearest to the end of the chunk is coded. */
static bool passed(const recorder_stream *s)
{
    return coded(s) + recorder_pack_codec_frame(s->pack) / 2 >= s->boundary;
}

static bool chunk_whole(const recorder_stream *s)
{
    return standalone(s) ? s->chunk_left == 0 : coded(s) > s->chunk_coded && passed(s);
}

static int close_pack(recorder_stream *s)
{
    s->n_closed = s->n_pushed;
    return recorder_pack_close(RF_STEAL(s->pack));
}

/* Codes some frames: how many, 0: there are none, or an error. */
static int64_t push(recorder_stream *s, int64_t readable, bool ended)
{
    const int64_t at = position(s);
    int64_t n = recorder_pull_frames(s->pull, readable, ended, s->samples, push_size(s));
    if (n > 0) {
        if (!s->inside) {
            s->first_frame = at;
            s->inside = true;
            s->begun = true;
        }
        int err = recorder_pack_write(s->pack, s->samples, n);
        if (err < 0) {
            return err;
        }
        if (standalone(s)) {
            remember(s, s->samples, n);
        }
        s->n_pushed += n;
        s->chunk_left -= n;
    }
    return n;
}

/* The next part of the bytes: what they begin goes with the first, what they end with the last. */
static int give_part(recorder_stream *s, recorder_stream_piece *ret)
{
    const bool first = s->n_given == 0;
    const size_t len = RF_MIN(s->bytes.len - s->n_given, (size_t)RECORDER_PIECE_BYTES);
    *ret = s->piece;
    ret->data = len > 0 ? s->bytes.data + s->n_given : NULL;
    ret->len = len;
    s->n_given += len;
    if (!first) {
        ret->chunk_begin = false;
        ret->n_dropped = 0;
        ret->dropped_first = 0;
    }
    if (s->n_given < s->bytes.len) {
        ret->chunk_end = false;
        ret->end = false;
        ret->n_frames = 0;
    }
    s->ended = ret->end;
    return 1;
}

static int give(recorder_stream *s, bool chunk_end, bool end, recorder_stream_piece *ret)
{
    const int64_t n = coded(s);
    s->piece = (recorder_stream_piece){.chunk = s->chunk,
                                       .chunk_begin = s->begun && s->bytes.len > 0,
                                       .chunk_end = chunk_end,
                                       .end = end,
                                       .first_frame = s->first_frame,
                                       .n_frames = n - s->n_reported,
                                       .next_frame = recorder_pull_cursor(s->pull),
                                       .dropped_first = s->dropped_first,
                                       .n_dropped = s->n_dropped};
    s->n_reported = n;
    s->dropped_first = 0;
    s->n_dropped = 0;
    s->begun = false;
    if (chunk_end) {
        s->chunk++;
        s->chunk_coded = n;
        s->inside = false;
    }
    return give_part(s, ret);
}

/* A chunk is whole. Those of a stream that lie within the same codec frame are passed over. */
static int end_chunk(recorder_stream *s, recorder_stream_piece *ret)
{
    if (standalone(s)) {
        int err = close_pack(s);
        return err < 0 ? err : give(s, true, false, ret);
    }
    int err = recorder_pack_flush(s->pack);
    while (passed(s)) {
        s->boundary += s->params.chunk_frames;
    }
    return err < 0 ? err : give(s, true, false, ret);
}

static int end_stream(recorder_stream *s, recorder_stream_piece *ret)
{
    int err = s->pack != NULL ? close_pack(s) : 0;
    s->begun = s->begun || !s->inside; /* a head without frames is a chunk too */
    return err < 0 ? err : give(s, s->bytes.len > 0, true, ret);
}

/* Codes until there is something to give. */
static int next_piece(recorder_stream *s, int64_t readable, bool ended, recorder_stream_piece *ret)
{
    for (;;) {
        int err = s->inside ? 0 : mind_lag(s, readable, ended);
        int begun = err == 0 && s->pack == NULL ? begin_chunk(s, readable, ended) : 1;
        if (err < 0 || begun <= 0) {
            return err < 0 ? err : begun == 0 && ended ? end_stream(s, ret) : begun;
        }
        int64_t n = push(s, readable, ended);
        if (n < 0) {
            return (int)n;
        }
        if (chunk_whole(s)) {
            return end_chunk(s, ret);
        }
        if (n == 0) {
            return ended ? end_stream(s, ret) : 0;
        }
        if (s->bytes.len >= GATHER_BYTES) {
            return give(s, false, false, ret);
        }
    }
}

int recorder_stream_next(recorder_stream *stream, int64_t readable, bool ended,
                         recorder_stream_piece *ret)
{
    recorder_stream *s = stream;
    if (s->ended) {
        return 0;
    }
    if (s->n_given > 0 && s->n_given < s->bytes.len) {
        return give_part(s, ret);
    }
    if (s->n_given > 0) {
        rf_buf_clear(&s->bytes);
        s->n_given = 0;
    }
    int err = pull_lead(s, readable, ended);
    return err <= 0 ? err : next_piece(s, readable, ended, ret);
}

const rf_pcm *recorder_stream_shape(const recorder_stream *stream)
{
    return &stream->pcm;
}

int64_t recorder_stream_cursor(const recorder_stream *stream)
{
    return recorder_pull_cursor(stream->pull);
}

recorder_stream_work recorder_stream_work_done(const recorder_stream *stream)
{
    const rf_sample_state *samples = recorder_pull_samples(stream->pull);
    return (recorder_stream_work){.reads = *recorder_pull_work(stream->pull),
                                  .n_coded = coded(stream),
                                  .n_clipped = samples->n_clipped,
                                  .n_nonfinite = samples->n_nonfinite,
                                  .n_dropped = stream->n_dropped_all};
}
