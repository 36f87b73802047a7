/* MP3 and Opus: pieces of the file as files of their own (rf_cut.h), decoded by a sandboxed child,
 * brought back to the session's shape. */
#include "recorder_format.h"
#include "recorder_part.h"
#include "rf_cut.h"

#include <errno.h>
#include <string.h>

#define WINDOW_BYTES (512 << 10) /* of frames kept in hand */
#define WINDOW_S 2
#define FRAMES_MAX ((size_t)16 << 20) /* bytes: a window begins on whole steps of both rates */
#define MARGIN_PER_S 20 /* 50 ms around a window are resampled too, so that its edges are right */
#define PIECE_MAX ((size_t)4 << 20)
#define SPARE_FRAMES 8192 /* that a piece may decode to more than was asked */
#define DECODE_MS 10000

typedef struct lossy_part {
    rf_media_format format;
    uint32_t rate_hz;  /* of what is decoded */
    int64_t n_decoded; /* of the whole segment */
    int64_t first;     /* frames in hand, of the segment */
    int64_t n;
    int64_t before; /* bytes in `frames` that lie before them */
    rf_buf frames;
} lossy_part;

static int read_object(void *user, int64_t offset, void *data, size_t len)
{
    return recorder_part_bytes(user, offset, data, len);
}

static int open_lossy(recorder_part *part, recorder_format format, rf_media_format media)
{
    rf_pcm coded;
    const recorder_output output = {.format = format};
    lossy_part *l = RF_NEW(lossy_part);
    part->state = l;
    rf_buf_init(&l->frames, FRAMES_MAX);
    if (part->decoder == NULL || recorder_output_shape(&output, &part->pcm, &coded, NULL) < 0) {
        return -ENOSYS;
    }
    l->format = media;
    l->rate_hz = format == RECORDER_OPUS ? RF_CUT_OPUS_HZ : coded.rate_hz;
    const int64_t n = rf_resample_length_nearest(part->n_frames, part->pcm.rate_hz, coded.rate_hz);
    l->n_decoded = n * l->rate_hz / coded.rate_hz; /* a whole multiple */
    return 0;
}

static int open_mp3(recorder_part *part)
{
    return open_lossy(part, RECORDER_MP3, RF_FORMAT_MP3);
}

static int open_opus(recorder_part *part)
{
    return open_lossy(part, RECORDER_OPUS, RF_FORMAT_OPUS);
}

static void close_lossy(recorder_part *part)
{
    lossy_part *l = part->state;
    if (l != NULL) {
        rf_buf_done(&l->frames);
        free(l);
    }
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Frames [first, first + n) of what the whole segment decodes to, *ret_lead more before them. */
static int decode(recorder_part *part, int64_t first, int64_t n, rf_frames **ret, int64_t *ret_lead)
{
    const lossy_part *l = part->state;
    const rf_cut_file file = {.size = part->size, .read = read_object, .user = part};
    rf_decode_options options = {.limits = RF_DECODE_LIMITS, .cancel_fd = -1};
    rf_buf piece;
    rf_buf_init(&piece, PIECE_MAX);
    int err = rf_cut(l->format, &file, first, n, &piece, ret_lead);
    options.limits.max_pcm_bytes = (n + *ret_lead + SPARE_FRAMES) * RF_MIX_MAX_CHANNELS * 4;
    options.limits.wall_ms = DECODE_MS;
    if (err == 0) {
        err = rf_decode_bytes(part->decoder, piece.data, piece.len, &options, ret, NULL, NULL);
    }
    rf_buf_done(&piece);
    if (err == 0 && ((*ret)->rate_hz != l->rate_hz || (*ret)->n_frames < *ret_lead + n)) {
        rf_frames_free(*ret);
        err = -EBADMSG;
    }
    return err;
}

/* Appends the frames behind the lead in the session's shape. */
static int convert(const recorder_part *part, const rf_frames *from, int64_t lead, rf_buf *out)
{
    const lossy_part *l = part->state;
    rf_converter *converter = NULL;
    uint8_t frames[1024 * RF_MIX_MAX_CHANNELS * sizeof(float)];
    const rf_convert_params params = {
        .from = {.sample = RF_SAMPLE_F32, .n_channels = from->n_channels, .rate_hz = l->rate_hz},
        .to = part->pcm};
    int64_t given = 1;
    int64_t at = lead;
    int err = rf_converter_new(&params, &converter);
    while (err == 0 && given > 0) {
        const float *in = from->data + at * from->n_channels;
        int64_t taken = 0;
        const bool ended = at == from->n_frames;
        err = rf_converter_run(converter, ended ? NULL : in, from->n_frames - at, &taken, frames,
                               1024, &given);
        at += taken;
        err = err == 0 ? rf_buf_append(out, frames, (size_t)given * part->frame_bytes) : err;
        given = ended ? given : 1;
    }
    rf_converter_free(converter);
    return err;
}

static int append_silence(rf_buf *out, size_t len)
{
    void *to = rf_buf_reserve(out, len);
    if (to == NULL) {
        return -ENOSPC;
    }
    memset(to, 0, len);
    rf_buf_added(out, len);
    return 0;
}

static int64_t window_frames(const recorder_part *part)
{
    return RF_MIN((int64_t)part->pcm.rate_hz * WINDOW_S,
                  (int64_t)(WINDOW_BYTES / part->frame_bytes));
}

/* Has the frames from `first` on in hand. */
static int reach(recorder_part *part, int64_t first)
{
    lossy_part *l = part->state;
    const int64_t rate = part->pcm.rate_hz;
    const int64_t common = gcd(rate, l->rate_hz);
    const int64_t step = rate / common;
    const int64_t margin = rate == l->rate_hz ? 0 : rate / MARGIN_PER_S;
    const int64_t begin = RF_MAX(first - margin, (int64_t)0) / step * step;
    const int64_t last = RF_MIN(first + window_frames(part), part->n_frames);
    const int64_t from = begin / step * (l->rate_hz / common);
    const int64_t end = RF_MIN(last + margin, part->n_frames);
    const int64_t to = RF_MIN((end * l->rate_hz + rate - 1) / rate, l->n_decoded);
    int64_t lead = 0;
    rf_frames *frames = NULL;
    l->n = 0;
    rf_buf_clear(&l->frames);
    int err = to > from ? decode(part, from, to - from, &frames, &lead) : 0;
    err = err == 0 && frames != NULL ? convert(part, frames, lead, &l->frames) : err;
    rf_frames_free(frames);
    const size_t want = (size_t)(last - begin) * part->frame_bytes;
    if (err == 0 && l->frames.len < want) { /* rounding at the end of the segment */
        err = append_silence(&l->frames, want - l->frames.len);
    }
    l->before = (first - begin) * (int64_t)part->frame_bytes;
    l->first = first;
    l->n = err == 0 ? last - first : 0;
    return err;
}

static int read_lossy(recorder_part *part, int64_t first, int64_t n, void *out)
{
    lossy_part *l = part->state;
    uint8_t *to = out;
    int err = 0;
    while (err == 0 && n > 0) {
        if (first < l->first || first >= l->first + l->n) {
            err = reach(part, first);
        }
        if (err == 0) {
            const int64_t k = RF_MIN(n, l->first + l->n - first);
            memcpy(to, l->frames.data + l->before + (size_t)(first - l->first) * part->frame_bytes,
                   (size_t)k * part->frame_bytes);
            to += (size_t)k * part->frame_bytes;
            first += k;
            n -= k;
        }
    }
    return err;
}

const recorder_part_ops recorder_part_mp3 = {open_mp3, read_lossy, close_lossy};
const recorder_part_ops recorder_part_opus = {open_opus, read_lossy, close_lossy};
