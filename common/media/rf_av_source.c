#include "rf_av_source.h"
#include "rf_file.h"

#include "rf_sniff.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define IO_BUFFER 32768

int rf_av_source_read(const rf_av_source *s, int64_t offset, void *data, size_t len)
{
    return rf_pread_all(s->fd, data, len, offset);
}

/* Shows the types of hidden boxes, where they lie in the n bytes at file offset `at`, as "free". */
static void hide_boxes(const rf_av_source *s, int64_t at, uint8_t *buf, int64_t n)
{
    static const char free_type[4] = {'f', 'r', 'e', 'e'};
    for (size_t i = 0; i < s->n_hidden; i++) {
        for (int64_t k = 0; k < 4; k++) {
            const int64_t where = s->hidden[i] + k - at;
            if (where >= 0 && where < n) {
                buf[where] = (uint8_t)free_type[k];
            }
        }
    }
}

static int read_packet(void *opaque, uint8_t *buf, int size)
{
    rf_av_source *s = opaque;
    int64_t n_prefix = (int64_t)s->n_prefix;
    int64_t left = n_prefix + s->len - s->pos;
    if (left <= 0 || size <= 0) {
        return AVERROR_EOF;
    }
    if (s->pos < n_prefix) {
        int n = (int)RF_MIN(n_prefix - s->pos, size);
        memcpy(buf, s->prefix + s->pos, (size_t)n);
        s->pos += n;
        return n;
    }
    int64_t at = s->base + s->pos - n_prefix;
    if (s->gap_len > 0 && at < s->gap_at) {
        left = RF_MIN(left, s->gap_at - at);
    } else {
        at += s->gap_len;
    }
    ssize_t n = pread(s->fd, buf, (size_t)RF_MIN(left, size), at);
    if (n <= 0) {
        return n < 0 ? AVERROR(errno) : AVERROR_EOF;
    }
    hide_boxes(s, at, buf, n);
    s->pos += n;
    return (int)n;
}

static int64_t seek_packet(void *opaque, int64_t offset, int whence)
{
    rf_av_source *s = opaque;
    int64_t size = (int64_t)s->n_prefix + s->len;
    int64_t from = 0;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return size;
    case SEEK_SET:
        break;
    case SEEK_CUR:
        from = s->pos;
        break;
    case SEEK_END:
        from = size;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (offset < -from || offset > size - from) {
        return AVERROR(EINVAL);
    }
    s->pos = from + offset;
    return s->pos;
}

static int find_audio(rf_av_source *s, rf_decode_reply *reply)
{
    switch (s->format) {
    case RF_FORMAT_UNKNOWN:
        return rf_av_fail(reply, RF_MEDIA_UNSUPPORTED_FORMAT,
                          "the file is not audio of a supported format");
    case RF_FORMAT_WAV:
        return rf_av_find_wav(s, reply);
    case RF_FORMAT_AIFF:
        return rf_av_find_aiff(s, reply);
    case RF_FORMAT_FLAC:
        return rf_av_find_flac(s, reply);
    case RF_FORMAT_MP3:
        return rf_av_find_mp3(s, reply);
    case RF_FORMAT_M4A:
        return rf_av_find_mp4(s, reply);
    case RF_FORMAT_VORBIS:
    case RF_FORMAT_OPUS:
        rf_av_find_ogg(s);
        return 0;
    default:
        return 0;
    }
}

int rf_av_source_open(rf_av_source *s, int fd, rf_decode_reply *reply)
{
    *s = (rf_av_source){.fd = fd, .n_frames = -1};
    s->file_size =
        lseek(fd, 0, SEEK_END); /* the C library's fstat wants a path: not allowed here */
    if (s->file_size < 0 || rf_sniff_fd(fd, &s->format, &s->base) != 0) {
        return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED, "the file could not be read");
    }
    s->len = RF_MAX(s->file_size - s->base, 0);
    int err = find_audio(s, reply);
    if (err != 0) {
        return err;
    }
    uint8_t *buffer = av_malloc(IO_BUFFER);
    s->io = buffer != NULL
                ? avio_alloc_context(buffer, IO_BUFFER, 0, s, read_packet, NULL, seek_packet)
                : NULL;
    if (s->io == NULL) {
        av_free(buffer);
        return rf_av_fail(reply, RF_MEDIA_DECODE_FAILED, "out of memory");
    }
    return 0;
}

void rf_av_source_close(rf_av_source *s)
{
    if (s->io != NULL) {
        av_freep(&s->io->buffer);
        avio_context_free(&s->io);
    }
}
