/* MP3: codec frames stand alone, and their places follow from the bit rate. */
#include "rf_cut_impl.h"
#include "rf_mp3_tag.h"

#include <errno.h>
#include <string.h>

#define HEADER 4
#define DELAY 1105 /* samples: 576 of LAME, 529 of every decoder */
#define WARM_UP 4  /* codec frames before the first that is wanted */
#define COPY 32768 /* bytes at a time */

typedef struct layout {
    rf_mp3_header header;
    int64_t tag_bytes;
} layout;

/* The header at an offset: -EBADMSG when there is none. */
static int read_header(const rf_cut_file *file, int64_t at, rf_mp3_header *ret)
{
    uint8_t bytes[HEADER];
    if (at > file->size - HEADER) {
        return -EBADMSG;
    }
    int err = file->read(file->user, at, bytes, sizeof(bytes));
    return err < 0 || rf_mp3_header_read(bytes, ret) ? err : -EBADMSG;
}

static int read_layout(const rf_cut_file *file, layout *ret)
{
    rf_mp3_header tag = {0};
    int err = read_header(file, 0, &tag);
    if (err == 0) {
        ret->tag_bytes = tag.n_bytes;
        err = read_header(file, ret->tag_bytes, &ret->header);
    }
    return err == 0 && ret->header.n_frames == 0 ? -EBADMSG : err;
}

static int64_t place(const layout *l, int64_t codec_frame)
{
    const rf_mp3_header *h = &l->header;
    return l->tag_bytes +
           (int64_t)rf_mp3_audio_bytes(h->rate_hz, h->bitrate_bps, (uint64_t)codec_frame);
}

static int copy(const rf_cut_file *file, int64_t from, int64_t to, rf_buf *out)
{
    uint8_t bytes[COPY];
    int err = 0;
    while (err == 0 && from < to) {
        const size_t len = (size_t)RF_MIN(to - from, (int64_t)COPY);
        err = file->read(file->user, from, bytes, len);
        err = err == 0 ? rf_buf_append(out, bytes, len) : err;
        from += (int64_t)len;
    }
    return err;
}

/* The layout has a codec frame begin there. */
static int check_place(const rf_cut_file *file, const layout *l, int64_t at)
{
    rf_mp3_header h = {0};
    int err = read_header(file, at, &h);
    bool same =
        err == 0 && h.rate_hz == l->header.rate_hz && h.bitrate_bps == l->header.bitrate_bps;
    return err == 0 && !same ? -EBADMSG : err;
}

int rf_cut_mp3(const rf_cut_file *file, int64_t first, int64_t n, rf_buf *out, int64_t *ret_lead)
{
    layout l = {0};
    uint8_t tag[RF_MP3_TAG_MAX];
    int err = read_layout(file, &l);
    if (err != 0) {
        return err;
    }
    const rf_mp3_header *h = &l.header;
    const int64_t length = h->n_frames;
    const int64_t begin = RF_MAX((first + DELAY) / length - WARM_UP, (int64_t)0);
    const int64_t end = (first + n + DELAY) / length + 2;
    const int64_t from = place(&l, begin);
    err = check_place(file, &l, from);
    if (err != 0) {
        return err;
    }
    *ret_lead = first - begin * length;
    err = rf_buf_append(out, tag,
                        rf_mp3_tag(h->rate_hz, h->n_channels, h->bitrate_bps, *ret_lead + n, tag));
    return err == 0 ? copy(file, from, RF_MIN(place(&l, end), file->size), out) : err;
}
