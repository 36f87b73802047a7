#include "processor_jam.h"

#include "rf_encode.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "float32 of WAV is read as it lies");

#define RATE_HZ 48000
#define CHANNELS 2
#define FRAME_BYTES (CHANNELS * sizeof(float))
#define HEADER_BYTES 58
#define BLOCK_FRAMES 4096
#define SECONDS_DEFAULT 30.0

/* ---- the request ---- */

enum { STYLES, STYLE_WEIGHTS, SECONDS, BPM, SEED };

/* Ranges of jobs.md section 6. */
static const struct {
    int port;
    const char *name;
    const char *field; /* of params; NULL: seconds, which stands beside them */
    double min;
    double max;
} numbers[] = {
    {SECONDS, "seconds", NULL, 1, 600},
    {BPM, "bpm", "bpm", 40, 240},
    {SEED, "seed", "seed", 0, 2147483647},
};

static int read_number(const processor_value *in, size_t i, double *ret,
                       char message[PROCESSOR_MESSAGE_MAX])
{
    double x;
    if (rf_parse_f64(in[numbers[i].port].text, &x) < 0 || !(x >= numbers[i].min) ||
        !(x <= numbers[i].max) || (numbers[i].port == SEED && x != floor(x))) {
        snprintf(message, PROCESSOR_MESSAGE_MAX, "%s must be %.0f to %.0f.", numbers[i].name,
                 numbers[i].min, numbers[i].max);
        return -EBADMSG;
    }
    *ret = x;
    return 0;
}

static json_t *number_json(double x)
{
    return x == floor(x) ? json_integer((json_int_t)x) : json_real(x);
}

int processor_jam_request_init(const processor_value *in, processor_jam_request *ret,
                               char message[PROCESSOR_MESSAGE_MAX])
{
    double seconds = SECONDS_DEFAULT;
    json_t *params = json_pack("{s:s, s:s}", "styles", in[STYLES].text, "format", "wav-f32");
    int err = 0;
    if (in[STYLE_WEIGHTS].type != PROCESSOR_NONE) {
        json_object_set_new(params, "style_weights", json_string(in[STYLE_WEIGHTS].text));
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(numbers) && err == 0; i++) {
        double x = 0;
        bool is_fed = in[numbers[i].port].type != PROCESSOR_NONE;
        err = is_fed ? read_number(in, i, &x, message) : 0;
        if (err == 0 && is_fed && numbers[i].field != NULL) {
            json_object_set_new(params, numbers[i].field, number_json(x));
        } else if (err == 0 && is_fed) {
            seconds = x;
        }
    }
    json_t *body = json_pack("{s:o, s:o}", "params", params, "seconds", number_json(seconds));
    ret->json = err == 0 ? json_dumps(body, JSON_COMPACT) : NULL;
    ret->n_frames = llround(seconds * RATE_HZ);
    json_decref(body);
    return err;
}

void processor_jam_request_done(processor_jam_request *r)
{
    free(r->json);
    *r = (processor_jam_request){0};
}

/* ---- the file ---- */

struct processor_jam_file {
    int fd;
    rf_encoder *encoder;
    int64_t n_frames;
    uint64_t n_bytes; /* had of the answer */
    uint8_t header[HEADER_BYTES];
    float block[CHANNELS * BLOCK_FRAMES];
    size_t filled; /* bytes of block */
};

int processor_jam_file_new(const char *scratch_dir, int64_t n_frames, processor_jam_file **ret)
{
    processor_jam_file *f = RF_NEW(processor_jam_file);
    f->n_frames = n_frames;
    f->fd = open(scratch_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const rf_encode_params params = {.format = RF_FORMAT_WAV,
                                     .rate_hz = RATE_HZ,
                                     .n_channels = CHANNELS,
                                     .bit_depth = 24,
                                     .n_frames = n_frames};
    int err = f->fd < 0 ? -errno : 0;
    if (err == 0) {
        err = rf_encoder_open(&params, rf_sink_fd(&f->fd), &f->encoder, NULL);
    }
    if (err < 0) {
        processor_jam_file_free(f);
        return err;
    }
    *ret = f;
    return 0;
}

processor_jam_file *processor_jam_file_free(processor_jam_file *f)
{
    if (f != NULL) {
        rf_encoder_free(f->encoder);
        rf_close(&f->fd);
        free(f);
    }
    return NULL;
}

/* The header of wav-f32 is known to the last byte (jam.md section 5). */
static bool is_expected(const processor_jam_file *f)
{
    uint32_t data_bytes = (uint32_t)((uint64_t)f->n_frames * FRAME_BYTES);
    const uint32_t after_riff = data_bytes + HEADER_BYTES - 8;
    const uint32_t format[] = {18, 3 | CHANNELS << 16, RATE_HZ, RATE_HZ * FRAME_BYTES,
                               FRAME_BYTES | 32u << 16};
    return memcmp(f->header, "RIFF", 4) == 0 && memcmp(f->header + 4, &after_riff, 4) == 0 &&
           memcmp(f->header + 8, "WAVEfmt ", 8) == 0 &&
           memcmp(f->header + 16, format, sizeof(format)) == 0 &&
           memcmp(f->header + 38, "fact", 4) == 0 && memcmp(f->header + 50, "data", 4) == 0 &&
           memcmp(f->header + 54, &data_bytes, 4) == 0;
}

static uint64_t total_bytes(const processor_jam_file *f)
{
    return HEADER_BYTES + (uint64_t)f->n_frames * FRAME_BYTES;
}

static int write_block(processor_jam_file *f)
{
    size_t n = f->filled / FRAME_BYTES;
    f->filled = 0;
    return rf_encoder_write(f->encoder, f->block, (int64_t)n);
}

/* Takes what fits of the header, or of the block; the bytes taken, or an error. */
static ssize_t take(processor_jam_file *f, const uint8_t *data, size_t len)
{
    if (f->n_bytes < HEADER_BYTES) {
        len = RF_MIN(len, HEADER_BYTES - (size_t)f->n_bytes);
        memcpy(f->header + f->n_bytes, data, len);
        f->n_bytes += len;
        return f->n_bytes == HEADER_BYTES && !is_expected(f) ? -EPROTO : (ssize_t)len;
    }
    len = RF_MIN(len, sizeof(f->block) - f->filled);
    memcpy((uint8_t *)f->block + f->filled, data, len);
    f->filled += len;
    f->n_bytes += len;
    bool is_full = f->filled == sizeof(f->block) || f->n_bytes == total_bytes(f);
    int err = is_full ? write_block(f) : 0;
    return err < 0 ? err : (ssize_t)len;
}

int processor_jam_file_write(processor_jam_file *f, const void *data, size_t len)
{
    if (len > total_bytes(f) - f->n_bytes) {
        return -EPROTO;
    }
    for (size_t done = 0; done < len;) {
        ssize_t n = take(f, (const uint8_t *)data + done, len - done);
        if (n < 0) {
            return (int)n;
        }
        done += (size_t)n;
    }
    return 0;
}

double processor_jam_file_percent(const processor_jam_file *f)
{
    return 100.0 * (double)f->n_bytes / (double)total_bytes(f);
}

int processor_jam_file_end(processor_jam_file *f, processor_value *ret)
{
    if (f->n_bytes != total_bytes(f)) {
        return -EPROTO;
    }
    int err = rf_encoder_close(RF_STEAL(f->encoder), NULL);
    processor_value v = PROCESSOR_VALUE_NONE;
    v.fd = f->fd;
    err = err == 0 ? processor_value_measure(PROCESSOR_WAV, &v) : err;
    if (err < 0) {
        return err;
    }
    f->fd = -1;
    *ret = v;
    return 0;
}
