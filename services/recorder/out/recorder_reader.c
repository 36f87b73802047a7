#include "recorder_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct recorder_reader {
    int fd;
    const recorder_frames *frames; /* NULL: the descriptor's */
    size_t frame_bytes;
    int64_t first; /* of the frames in the buffer */
    int64_t n;
    recorder_reader_work work;
    uint8_t buffer[RECORDER_READER_BYTES];
};

recorder_reader *recorder_reader_new(int fd, const recorder_frames *frames, size_t frame_bytes)
{
    recorder_reader *r = RF_NEW(recorder_reader);
    r->fd = fd;
    r->frames = frames;
    r->frame_bytes = frame_bytes;
    return r;
}

recorder_reader *recorder_reader_free(recorder_reader *reader)
{
    free(reader);
    return NULL;
}

int recorder_reader_pread(int fd, int64_t offset, void *out, size_t len, recorder_reader_work *work)
{
    uint8_t *to = out;
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, to + done, len - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        work->n_reads++;
        work->n_bytes += n;
        if (n == 0) {
            memset(to + done, 0, len - done);
            break;
        }
        done += (size_t)n;
    }
    return 0;
}

static int read_frames(recorder_reader *r, int64_t first, int64_t n)
{
    const size_t len = (size_t)n * r->frame_bytes;
    if (r->frames == NULL) {
        return recorder_reader_pread(r->fd, first * (int64_t)r->frame_bytes, r->buffer, len,
                                     &r->work);
    }
    r->work.n_reads++;
    r->work.n_bytes += (int64_t)len;
    return r->frames->read(r->frames->user, first, n, r->buffer);
}

static int fill(recorder_reader *r, int64_t first, int64_t n)
{
    r->n = 0;
    int err = read_frames(r, first, n);
    if (err == 0) {
        r->first = first;
        r->n = n;
    }
    return err;
}

int64_t recorder_reader_frames(recorder_reader *reader, int64_t first, int64_t readable,
                               int64_t max, const void **ret_data)
{
    recorder_reader *r = reader;
    const int64_t room = (int64_t)(RECORDER_READER_BYTES / r->frame_bytes);
    if (first >= readable || max <= 0) {
        return 0;
    }
    if (first < r->first || first >= r->first + r->n) {
        int err = fill(r, first, RF_MIN(readable - first, room));
        if (err < 0) {
            return err;
        }
    }
    *ret_data = r->buffer + (size_t)(first - r->first) * r->frame_bytes;
    return RF_MIN(r->first + r->n - first, max);
}

const recorder_reader_work *recorder_reader_work_done(const recorder_reader *reader)
{
    return &reader->work;
}
