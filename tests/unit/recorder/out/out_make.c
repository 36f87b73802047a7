#include "out_make.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void noise32(uint8_t *data, size_t n_samples)
{
    uint64_t state = 1;
    for (size_t i = 0; i < n_samples; i++) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const int32_t x = (int32_t)(state >> 32);
        memcpy(data + 4 * i, &x, sizeof(x));
    }
}

out_master out_master_new(rf_sample_format sample, uint32_t n_channels, uint32_t rate_hz,
                          int64_t n_frames)
{
    out_master m = {.pcm = {.sample = sample, .n_channels = n_channels, .rate_hz = rate_hz},
                    .n_frames = n_frames};
    const size_t n_samples = (size_t)n_frames * n_channels;
    const size_t len = n_samples * rf_sample_bytes(sample);
    uint8_t *data = malloc(len + 1);
    rf_sample_state state = {0};
    if (sample == RF_SAMPLE_S32) {
        noise32(data, n_samples);
    } else {
        m.floats = media_noise(n_channels, rate_hz, n_frames);
        if (sample != RF_SAMPLE_F32) {
            media_round(m.floats, rf_sample_bits(sample));
        }
        rf_sample_convert(RF_SAMPLE_F32, m.floats->data, sample, data, n_samples, &state);
    }
    m.fd = media_file(data, len);
    free(data);
    return m;
}

void out_master_done(out_master *m)
{
    rf_frames_free(m->floats);
    close(m->fd);
}

uint8_t *out_master_bytes(const out_master *m, int64_t first, int64_t n)
{
    const size_t frame_bytes = rf_pcm_frame_bytes(&m->pcm);
    const size_t len = (size_t)n * frame_bytes;
    uint8_t *data = malloc(len + 1);
    cr_assert_eq(pread(m->fd, data, len, first * (int64_t)frame_bytes), (ssize_t)len);
    return data;
}

int out_bytes_add(void *bytes, const void *data, size_t len)
{
    out_bytes *b = bytes;
    if (b->len + len > b->cap) {
        b->cap = 2 * (b->len + len);
        b->data = realloc(b->data, b->cap);
        cr_assert_not_null(b->data);
    }
    if (len > 0) {
        memcpy(b->data + b->len, data, len);
    }
    b->len += len;
    return 0;
}

void out_bytes_done(out_bytes *bytes)
{
    free(bytes->data);
    *bytes = (out_bytes){0};
}

out_bytes out_extract(const recorder_extract_params *params, recorder_extract_result *ret)
{
    out_bytes bytes = {0};
    rf_media_error error = {0};
    cr_assert_eq(recorder_extract(params, out_bytes_add, &bytes, ret, &error), 0, "%s",
                 error.message);
    return bytes;
}

rf_frames *out_decoded(const out_bytes *bytes, rf_decode_info *ret_info)
{
    int fd = media_file(bytes->data, bytes->len);
    rf_frames *frames = media_decode(fd, ret_info);
    close(fd);
    return frames;
}

static void add_piece(out_chunks *to, const recorder_stream_piece *piece)
{
    if (piece->chunk_begin) {
        if ((to->n & (to->n - 1)) == 0) {
            to->chunks = realloc(to->chunks, (size_t)(2 * to->n + 1) * sizeof(*to->chunks));
        }
        cr_assert_eq(piece->chunk, to->n);
        to->chunks[to->n++] = (out_chunk){.at = to->bytes.len, .first_frame = piece->first_frame};
    }
    cr_assert_leq(piece->len, RECORDER_PIECE_BYTES);
    cr_assert(to->n > 0 || piece->len == 0, "bytes before the first chunk");
    out_bytes_add(&to->bytes, piece->data, piece->len);
    if (to->n > 0) {
        to->chunks[to->n - 1].len += piece->len;
        to->chunks[to->n - 1].n_frames += piece->n_frames;
    }
}

bool out_stream_take(recorder_stream *stream, int64_t readable, bool ended, out_chunks *to)
{
    recorder_stream_piece piece = {.end = false};
    int got = 0;
    while (!piece.end && (got = recorder_stream_next(stream, readable, ended, &piece)) == 1) {
        add_piece(to, &piece);
    }
    cr_assert_geq(got, 0, "%s", strerror(-got));
    return piece.end;
}

out_chunks out_stream(const recorder_stream_params *params, int64_t n_frames, int64_t step)
{
    out_chunks got = {0};
    recorder_stream *stream = NULL;
    rf_media_error error = {0};
    bool end = false;
    cr_assert_eq(recorder_stream_open(params, &stream, &error), 0, "%s", error.message);
    for (int64_t readable = 0; readable < n_frames; readable += step) {
        end = out_stream_take(stream, readable, false, &got);
        cr_assert_not(end);
    }
    end = out_stream_take(stream, n_frames, true, &got);
    cr_assert(end, "a stream has an end");
    recorder_stream_close(stream);
    return got;
}

void out_chunks_done(out_chunks *chunks)
{
    out_bytes_done(&chunks->bytes);
    free(chunks->chunks);
    *chunks = (out_chunks){0};
}

double out_snr_db(const float *got, const float *want, int64_t n)
{
    double signal = 0;
    double noise = 1e-30;
    for (int64_t i = 0; i < n; i++) {
        const double error = (double)got[i] - (double)want[i];
        signal += (double)want[i] * (double)want[i];
        noise += error * error;
    }
    return 10 * log10(signal / noise);
}

/* Runs a command; the bytes of its standard output are counted, or kept. */
static int64_t run(const char *command, char **ret_text)
{
    out_bytes text = {0};
    char block[4096];
    int64_t total = 0;
    FILE *pipe = popen(command, "re"); // NOLINT(bugprone-command-processor)
    cr_assert_not_null(pipe);
    for (size_t n; (n = fread(block, 1, sizeof(block), pipe)) > 0;) {
        total += (int64_t)n;
        if (ret_text != NULL) {
            out_bytes_add(&text, block, n);
        }
    }
    cr_assert_eq(pclose(pipe), 0, "%s", command);
    if (ret_text != NULL) {
        out_bytes_add(&text, "", 1);
        *ret_text = (char *)text.data;
    }
    return total;
}

int64_t out_judge(const out_bytes *bytes, uint32_t n_channels, char **ret_said)
{
    int fd = media_file(bytes->data, bytes->len);
    char command[256];
    snprintf(command, sizeof(command),
             "ffmpeg -nostdin -v warning -i /proc/%d/fd/%d -f null - 2>&1 >/dev/null", getpid(),
             fd);
    (void)run(command, ret_said);
    snprintf(command, sizeof(command), "ffmpeg -nostdin -v quiet -i /proc/%d/fd/%d -f s16le -",
             getpid(), fd);
    int64_t n = run(command, NULL);
    close(fd);
    return n / (2 * (int64_t)n_channels);
}
