#include "recorder_file.h"

#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sndfile.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PERIOD_NS (10 * RF_NS_PER_MS)
#define BLOCK_FRAMES 1024
#define TURN_BLOCKS 64 /* unpaced: then others have their turn */
#define PACE_MAX 1000.0

typedef struct file {
    SNDFILE *snd;
    rf_timer *timer;
    const recorder_source_events *events;
    void *user;
    recorder_sample_format format;
    uint32_t channels;
    uint32_t rate_hz;
    double pace; /* 0: none */
    bool opened;
    int64_t from_ns; /* of the first frame */
    int64_t read;    /* frames taken from the file */
    uint32_t n_held; /* frames that were refused */
    int32_t ints[BLOCK_FRAMES * RECORDER_CHANNELS_MAX];
    uint8_t block[BLOCK_FRAMES * RECORDER_CHANNELS_MAX * 4];
} file;

/* ---- reading ---- */

static void pack(file *f, size_t n)
{
    size_t bytes = recorder_sample_size(f->format);
    unsigned shift = (unsigned)(32 - 8 * bytes);
    uint8_t *out = f->block;
    for (size_t i = 0; i < n; i++, out += bytes) {
        int32_t value = f->ints[i] >> shift;
        memcpy(out, &value, bytes);
    }
}

/* Frames into the block; 0 at the end of the file. */
static uint32_t read_block(file *f, uint32_t max)
{
    sf_count_t n = f->format == RECORDER_SAMPLE_FLOAT32
                       ? sf_readf_float(f->snd, (float *)(void *)f->ints, max)
                       : sf_readf_int(f->snd, f->ints, max);
    n = RF_MAX(n, (sf_count_t)0);
    if (f->format == RECORDER_SAMPLE_FLOAT32) {
        memcpy(f->block, f->ints, (size_t)n * f->channels * sizeof(float));
    } else {
        pack(f, (size_t)n * f->channels);
    }
    f->read += n;
    return (uint32_t)n;
}

/* Frames that are due, at most a block. */
static uint32_t due(const file *f, int64_t now_ns)
{
    if (f->pace <= 0.0) {
        return BLOCK_FRAMES;
    }
    double frames = (double)(now_ns - f->from_ns) * f->pace * f->rate_hz / 1e9;
    return (uint32_t)RF_MIN(RF_MAX(frames - (double)f->read, 0.0), (double)BLOCK_FRAMES);
}

/* One block: false when there is none for now, or the source is gone. */
static bool give_block(file *f, int64_t now_ns)
{
    uint32_t max = due(f, now_ns);
    if (f->n_held == 0 && max == 0) {
        rf_timer_set(f->timer, now_ns + PERIOD_NS);
        return false;
    }
    f->n_held = f->n_held > 0 ? f->n_held : read_block(f, max);
    if (f->n_held == 0) {
        f->events->end(f->user);
        return false;
    }
    int err = f->events->frames(f->user, f->block, f->n_held, now_ns);
    if (err == -ESHUTDOWN || err == -ENOBUFS || err == -ENOSPC) {
        return false;
    }
    f->n_held = 0;
    return true;
}

static void on_timer(void *user)
{
    file *f = user;
    if (!f->opened) {
        f->opened = true;
        if (f->events->opened(f->user, "") < 0) {
            return;
        }
    }
    for (int i = 0; i < TURN_BLOCKS; i++) {
        if (!give_block(f, rf_time_ns())) {
            return;
        }
    }
    rf_timer_set(f->timer, rf_time_ns());
}

/* ---- opening ---- */

static int open_below(const char *root, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    RF_CLEANUP(rf_cleanup_close) int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return -errno;
    }
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
    return fd < 0 ? -errno : fd;
}

static int raw_format(recorder_sample_format format)
{
    switch (format) {
    case RECORDER_SAMPLE_FLOAT32:
        return SF_FORMAT_FLOAT;
    case RECORDER_SAMPLE_INT32:
        return SF_FORMAT_PCM_32;
    case RECORDER_SAMPLE_INT24:
        return SF_FORMAT_PCM_24;
    default:
        return SF_FORMAT_PCM_16;
    }
}

static SNDFILE *open_sound(int fd, const char *path, const file *f, SF_INFO *info)
{
    const char *dot = strrchr(path, '.');
    bool known = dot != NULL && (strcmp(dot, ".wav") == 0 || strcmp(dot, ".flac") == 0);
    *info = (SF_INFO){0};
    if (!known) {
        *info = (SF_INFO){.samplerate = (int)f->rate_hz,
                          .channels = (int)f->channels,
                          .format = SF_FORMAT_RAW | raw_format(f->format) | SF_ENDIAN_LITTLE};
    }
    return sf_open_fd(fd, SFM_READ, info, SF_TRUE);
}

/* Splits the pace off; the path is what is left. */
static recorder_code read_name(char *path, double *ret_pace, recorder_error *error)
{
    char *at = strrchr(path, '@');
    *ret_pace = 1.0;
    if (at == NULL) {
        return RECORDER_OK;
    }
    *at = '\0';
    return rf_parse_f64(at + 1, ret_pace) < 0 || !(*ret_pace >= 0.0) || *ret_pace > PACE_MAX
               ? recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                               "source_name: a pace of 0 to 1000 after the last @")
               : RECORDER_OK;
}

static recorder_code open_file(const char *root, char *path, file *f, recorder_error *error)
{
    SF_INFO info;
    recorder_code code = read_name(path, &f->pace, error);
    if (code != RECORDER_OK) {
        return code;
    }
    int fd = open_below(root, path);
    if (fd < 0) {
        return recorder_fail(error, fd == -ENOENT ? RECORDER_NOT_FOUND : RECORDER_INVALID_ARGUMENT,
                             "source_name: %s", strerror(-fd));
    }
    f->snd = open_sound(fd, path, f, &info);
    if (f->snd == NULL) {
        return recorder_fail(error, RECORDER_UNSUPPORTED_FORMAT, "source_name: no WAV or FLAC");
    }
    if (info.channels != (int)f->channels || info.samplerate != (int)f->rate_hz) {
        return recorder_fail(error, RECORDER_INVALID_ARGUMENT,
                             "source_name: has %d channels at %d Hz", info.channels,
                             info.samplerate);
    }
    return RECORDER_OK;
}

static void stop(void *source)
{
    file *f = source;
    if (f->snd != NULL) {
        (void)sf_close(f->snd);
    }
    rf_timer_free(f->timer);
    free(f);
}

static recorder_code open_source(void *factory, const recorder_start *start, rf_loop *loop,
                                 const recorder_source_events *events, void *user,
                                 void **ret_source, recorder_error *error)
{
    char path[RECORDER_SOURCE_NAME_MAX + 1];
    file *f = RF_NEW(file);
    f->events = events;
    f->user = user;
    f->format = start->sample_format;
    f->channels = start->channels;
    f->rate_hz = start->rate_hz;
    (void)rf_copy_str(path, sizeof(path), start->source_name);
    recorder_code code = open_file(factory, path, f, error);
    if (code != RECORDER_OK) {
        stop(f);
        return code;
    }
    f->timer = rf_timer_new(loop, on_timer, f);
    f->from_ns = rf_time_ns();
    rf_timer_set(f->timer, f->from_ns);
    *ret_source = f;
    return RECORDER_OK;
}

static void resume(void *source)
{
    file *f = source;
    if (f->n_held > 0) {
        rf_timer_set(f->timer, rf_time_ns());
    }
}

const recorder_source_ops recorder_file_source = {open_source, resume, NULL, stop};
