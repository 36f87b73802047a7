/* The parent's side of decoding: descriptors, the child's task, and disbelief. */
#include "rf_decode.h"

#include "rf_decode_wire.h"
#include "rf_file.h"
#include "rf_install.h"
#include "rf_log.h"
#include "rf_sandbox.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "reflection-decode"
#define EXIT_GRACE_MS 1000
#define MAX_CPU_S 86400

struct rf_decoder {
    rf_sandbox_pool *pool;
};

int rf_decoder_new(uint32_t n_ready, uint32_t max_children, rf_decoder **ret_decoder)
{
    char path[PATH_MAX];
    rf_sandbox_pool *pool = NULL;
    if (n_ready > 16) {
        return -EINVAL;
    }
    int err = rf_install_program(PROGRAM, path, sizeof(path));
    if (err == 0) {
        const rf_sandbox_pool_config config = {
            .program = path, .n_ready = n_ready, .max_children = max_children};
        err = rf_sandbox_pool_new(&config, &pool);
    }
    if (err != 0) {
        return err;
    }
    *ret_decoder = RF_NEW(rf_decoder);
    (*ret_decoder)->pool = pool;
    return 0;
}

rf_decoder *rf_decoder_free(rf_decoder *decoder)
{
    if (decoder != NULL) {
        rf_sandbox_pool_free(decoder->pool);
        free(decoder);
    }
    return NULL;
}

static int fail_internal(rf_media_error *error, int err, const char *what)
{
    RF_LOG_ERROR("decode", RF_STR("step", what), RF_STR("error", strerrorname_np(-err)));
    return rf_media_fail(error, RF_MEDIA_INTERNAL, "the decoder is not available");
}

static int check_limits(const rf_decode_limits *l, rf_media_error *error)
{
    bool valid = l->max_bytes > 0 && l->max_seconds > 0 && l->max_channels >= 1 &&
                 l->max_channels <= RF_MEDIA_MAX_CHANNELS &&
                 l->min_rate_hz >= RF_MEDIA_MIN_RATE_HZ && l->min_rate_hz <= l->max_rate_hz &&
                 l->max_rate_hz <= RF_MEDIA_MAX_RATE_HZ && l->max_pcm_bytes > 0 &&
                 l->max_seconds <= INT64_MAX / RF_MEDIA_MAX_RATE_HZ && l->cpu_s > 0 &&
                 l->cpu_s <= MAX_CPU_S && l->wall_ms > 0;
    return valid ? 0 : rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "limits: out of range");
}

/* The size acts before anything else is looked at. */
static int check_file(int fd, const rf_decode_limits *limits, rf_media_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return rf_media_fail(error, RF_MEDIA_INVALID_VALUE, "fd: not a regular file");
    }
    if (st.st_size > limits->max_bytes) {
        return rf_media_fail_limit(error, RF_MEDIA_LIMIT_BYTES, limits->max_bytes, st.st_size);
    }
    return 0;
}

/* A descriptor of its own, so that the child can neither write nor move the caller's position. */
static int reopen_read_only(int fd)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int own = open(path, O_RDONLY | O_CLOEXEC);
    return own >= 0 ? own : -errno;
}

/* The memfd for the samples: its full size from the start (pages come as they are written), and
 * sealed, so that the child can only fill it. */
static int make_pcm(int64_t max_bytes)
{
    int fd = memfd_create("reflection-pcm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -errno;
    }
    if (ftruncate(fd, max_bytes) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

/* Cuts the memfd to what was decoded and views it. The child is dead: nobody else can change it. */
static int view_pcm(int *pcm_fd, const rf_decode_reply *reply, rf_frames **ret_frames)
{
    int64_t n_bytes = reply->n_frames * (int64_t)(reply->n_channels * sizeof(float));
    struct stat st;
    if (fstat(*pcm_fd, &st) != 0 || st.st_size < n_bytes || ftruncate(*pcm_fd, n_bytes) != 0 ||
        fcntl(*pcm_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
            0) {
        return -EIO;
    }
    int err =
        rf_frames_map(*pcm_fd, reply->n_channels, reply->rate_hz, reply->n_frames, ret_frames);
    if (err == 0) {
        *pcm_fd = -1;
    }
    return err;
}

static int start_child(rf_decoder *decoder, const rf_decode_options *options,
                       const int fds[RF_DECODE_N_FDS], rf_sandbox_child **ret_child)
{
    const rf_decode_limits *limits = &options->limits;
    rf_decode_task task;
    memset(&task, 0, sizeof(task)); /* padding too: it goes to another process */
    task.limits = *limits;
    task.keep_nonfinite = options->keep_nonfinite ? 1 : 0;
    const rf_sandbox_task work = {.data = &task,
                                  .len = sizeof(task),
                                  .fds = fds,
                                  .n_fds = RF_DECODE_N_FDS,
                                  .cancel_fd = options->cancel_fd,
                                  .limits = {.address_bytes = limits->address_bytes,
                                             .cpu_s = limits->cpu_s,
                                             .wall_ms = limits->wall_ms}};
    return rf_sandbox_start(decoder->pool, &work, rf_time_ns() + limits->wall_ms * RF_NS_PER_MS,
                            ret_child);
}

/* Says what a child's end means for a call that got no answer from it. */
static int fail_by_end(const rf_sandbox_end *end, const rf_decode_limits *limits,
                       rf_media_error *error)
{
    switch (end->kind) {
    case RF_SANDBOX_WALL:
        return rf_media_fail(error, RF_MEDIA_TIMEOUT, "timeout: decoding took longer than %u ms",
                             limits->wall_ms);
    case RF_SANDBOX_CPU:
        return rf_media_fail(error, RF_MEDIA_TIMEOUT,
                             "timeout: decoding took more than %u s of processor time",
                             limits->cpu_s);
    case RF_SANDBOX_CANCELLED:
        return rf_media_fail(error, RF_MEDIA_CANCELLED, "decoding was cancelled");
    default:
        break;
    }
    RF_LOG_WARN("decoder child died", RF_STR("reason", rf_sandbox_end_name(end->kind)),
                RF_INT("signal", end->signal), RF_INT("exit_code", end->exit_code),
                RF_STR("output", end->output));
    int err = rf_media_fail(error, RF_MEDIA_DECODE_FAILED, "the file could not be decoded");
    error->crashed = true;
    return err;
}

static int run_child(rf_decoder *decoder, const rf_decode_options *options,
                     const int fds[RF_DECODE_N_FDS], rf_decode_reply *ret_reply,
                     rf_media_error *error)
{
    char answer[sizeof(rf_decode_reply) + 1];
    rf_sandbox_child *child = NULL;
    rf_sandbox_end end;
    int err = start_child(decoder, options, fds, &child);
    if (err == -ETIMEDOUT) {
        return rf_media_fail(error, RF_MEDIA_TIMEOUT, "timeout: no decoder was free for %u ms",
                             options->limits.wall_ms);
    }
    if (err == -ECANCELED) {
        return rf_media_fail(error, RF_MEDIA_CANCELLED, "decoding was cancelled");
    }
    if (err != 0) {
        return fail_internal(error, err, "start");
    }
    ssize_t n = rf_sandbox_recv(child, answer, sizeof(answer), RF_NEVER_NS);
    rf_sandbox_finish(child, EXIT_GRACE_MS, &end);
    if (n <= 0 || end.kind != RF_SANDBOX_EXITED) {
        return fail_by_end(&end, &options->limits, error);
    }
    return rf_decode_reply_read(answer, (size_t)n, &options->limits, ret_reply, error);
}

int rf_decode(rf_decoder *decoder, int fd, const rf_decode_options *options, rf_frames **ret_frames,
              rf_decode_info *ret_info, rf_media_error *error)
{
    rf_media_error unheard;
    rf_decode_reply reply = {0};
    error = error != NULL ? error : &unheard;
    int err = check_limits(&options->limits, error);
    err = err == 0 ? check_file(fd, &options->limits, error) : err;
    if (err != 0) {
        return err;
    }
    RF_CLEANUP(rf_cleanup_close) int file_fd = reopen_read_only(fd);
    RF_CLEANUP(rf_cleanup_close) int pcm_fd = make_pcm(options->limits.max_pcm_bytes);
    if (file_fd < 0 || pcm_fd < 0) {
        return fail_internal(error, file_fd < 0 ? file_fd : pcm_fd, "descriptors");
    }
    err = run_child(decoder, options, (int[]){file_fd, pcm_fd}, &reply, error);
    if (err != 0) {
        return err;
    }
    err = view_pcm(&pcm_fd, &reply, ret_frames);
    if (err != 0) {
        return fail_internal(error, err, "view");
    }
    if (ret_info != NULL) {
        *ret_info = (rf_decode_info){.format = (rf_media_format)reply.format,
                                     .bits_per_sample = reply.bits_per_sample,
                                     .lossless = reply.lossless != 0};
    }
    return 0;
}

int rf_decode_bytes(rf_decoder *decoder, const void *data, size_t len,
                    const rf_decode_options *options, rf_frames **ret_frames,
                    rf_decode_info *ret_info, rf_media_error *error)
{
    if (options->limits.max_bytes > 0 && len > (size_t)options->limits.max_bytes) {
        return rf_media_fail_limit(error, RF_MEDIA_LIMIT_BYTES, options->limits.max_bytes,
                                   (int64_t)len);
    }
    RF_CLEANUP(rf_cleanup_close) int fd = memfd_create("reflection-file", MFD_CLOEXEC);
    int err = fd < 0 ? -errno : rf_write_all(fd, data, len);
    if (err != 0) {
        return rf_media_fail(error, RF_MEDIA_INTERNAL, "the decoder is not available");
    }
    return rf_decode(decoder, fd, options, ret_frames, ret_info, error);
}
