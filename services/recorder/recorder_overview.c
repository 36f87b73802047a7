#include "recorder_overview.h"

#include "recorder_peaks.h"

#include <errno.h>

#define READ_FRAMES 4096
#define PIXELS_MAX (256u << 10) /* bytes of what one read makes: 2 frames a pixel, 8 channels */
#define WRITE_BYTES 65536

typedef struct drawing {
    const recorder_overview *overview;
    recorder_write_fn write;
    void *user;
    recorder_peaks peaks;
    recorder_reader *reader;
    rf_buf pixels; /* made, not yet written down */
    rf_buf out;    /* written down, not yet sent */
    bool begun;    /* a value has been written down */
} drawing;

static int send_bytes(drawing *d, size_t at_least)
{
    if (d->out.len < at_least || d->out.len == 0) {
        return 0;
    }
    int err = d->write(d->user, d->out.data, d->out.len);
    rf_buf_clear(&d->out);
    return err;
}

static int put_pixels(drawing *d)
{
    size_t n = d->pixels.len / sizeof(int16_t);
    const int16_t *values = (const int16_t *)(const void *)d->pixels.data;
    int err = 0;
    if (n > 0 && d->overview->json) {
        err = recorder_peaks_json_values(d->overview->bits, values, n, !d->begun, &d->out);
    } else if (n > 0) {
        err = recorder_peaks_dat_values(d->overview->bits, values, n, &d->out);
    }
    d->begun = d->begun || n > 0;
    rf_buf_clear(&d->pixels);
    return err < 0 ? err : send_bytes(d, WRITE_BYTES);
}

static int put_head(drawing *d, const recorder_start *start, int64_t count)
{
    int64_t pixels = count / d->overview->spp;
    pixels += d->overview->partial && count % d->overview->spp != 0;
    const recorder_peaks_head head = {
        .rate_hz = start->rate_hz,
        .spp = d->overview->spp,
        .length = (uint32_t)RF_MIN(pixels, (int64_t)UINT32_MAX),
        .channels = recorder_peaks_channels(&d->peaks),
        .bits = d->overview->bits,
    };
    return d->overview->json ? recorder_peaks_json_head(&head, &d->out)
                             : recorder_peaks_dat_head(&head, &d->out);
}

static int draw(drawing *d, int64_t first, int64_t end)
{
    const void *data;
    int err = 0;
    while (err == 0 && first < end) {
        int64_t n = recorder_reader_frames(d->reader, first, end, READ_FRAMES, &data);
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        err = recorder_peaks_add(&d->peaks, data, (size_t)n, &d->pixels);
        err = err == 0 ? put_pixels(d) : err;
        first += n;
    }
    if (err == 0 && d->overview->partial) {
        err = recorder_peaks_finish(&d->peaks, &d->pixels);
        err = err == 0 ? put_pixels(d) : err;
    }
    return err;
}

int recorder_overview_write(const recorder_frames *frames, const recorder_start *start,
                            const recorder_overview *overview, int64_t first, int64_t count,
                            recorder_write_fn write, void *user)
{
    drawing d = {.overview = overview, .write = write, .user = user};
    size_t frame_bytes = recorder_sample_size(start->sample_format) * start->channels;
    recorder_peaks_init(&d.peaks, start->sample_format, start->channels, overview->spp,
                        overview->per_channel);
    d.reader = recorder_reader_new(-1, frames, frame_bytes);
    rf_buf_init(&d.pixels, PIXELS_MAX);
    rf_buf_init(&d.out, WRITE_BYTES + 8 * PIXELS_MAX);
    int err = put_head(&d, start, count);
    err = err == 0 ? draw(&d, first, first + count) : err;
    if (err == 0 && overview->json) {
        err = recorder_peaks_json_tail(&d.out);
    }
    err = err == 0 ? send_bytes(&d, 0) : err;
    recorder_reader_free(d.reader);
    rf_buf_done(&d.pixels);
    rf_buf_done(&d.out);
    return err;
}

const char *recorder_overview_content_type(const recorder_overview *overview)
{
    return overview->json ? "application/json" : "application/octet-stream";
}
