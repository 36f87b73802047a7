#include "processor_host.h"

#include "processor_metric.h"
#include "processor_wire.h"
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

#define CHILD_PROGRAM "reflection-module"
#define FINISH_GRACE_MS 1000
#define START_WAIT_NS (60 * RF_NS_PER_S)

struct processor_host {
    processor_host_config config;
    rf_sandbox_pool *pool;
    rf_decoder *decoder;
    processor_remote remotes[PROCESSOR_MAX_REMOTES];
};

int processor_host_new(const processor_host_config *config, processor_host **ret)
{
    char program[PATH_MAX];
    int err = rf_install_program(CHILD_PROGRAM, program, sizeof(program));
    if (err < 0) {
        return err;
    }
    processor_host *h = RF_NEW(processor_host);
    h->config = *config;
    h->config.n_remotes = RF_MIN(config->n_remotes, (size_t)PROCESSOR_MAX_REMOTES);
    for (size_t i = 0; i < h->config.n_remotes; i++) {
        h->remotes[i] = config->remotes[i];
    }
    const rf_sandbox_pool_config pool = {
        .program = program, .n_ready = config->n_ready, .max_children = config->max_children};
    err = rf_sandbox_pool_new(&pool, &h->pool);
    if (err == 0) {
        err = rf_decoder_new(config->n_ready, config->max_children, &h->decoder);
    }
    if (err < 0) {
        processor_host_free(h);
        return err;
    }
    *ret = h;
    return 0;
}

processor_host *processor_host_free(processor_host *host)
{
    if (host != NULL) {
        rf_sandbox_pool_free(host->pool);
        rf_decoder_free(host->decoder);
        free(host);
    }
    return NULL;
}

static uint32_t wall_ms(int64_t deadline_ns)
{
    if (deadline_ns == RF_NEVER_NS) {
        return 0;
    }
    int64_t left_ms = (deadline_ns - rf_time_ns()) / RF_NS_PER_MS;
    return (uint32_t)RF_MAX(1, RF_MIN(left_ms, (int64_t)UINT32_MAX));
}

/* ---- decode ---- */

static int decode_failed(const rf_media_error *e, processor_step_call *call)
{
    switch (e->code) {
    case RF_MEDIA_CANCELLED:
        return -ECANCELED;
    case RF_MEDIA_LIMIT_DURATION:
    case RF_MEDIA_LIMIT_MEMORY:
        call->is_too_long = true;
        return -EBADMSG;
    case RF_MEDIA_LIMIT_BYTES:
        call->is_too_large = true;
        return -EBADMSG;
    case RF_MEDIA_DECODE_FAILED:
        call->is_decoder_crash = e->crashed;
        rf_copy_str(call->message, sizeof(call->message), "The input could not be decoded.");
        return -EBADMSG;
    case RF_MEDIA_INTERNAL:
        return -EIO;
    case RF_MEDIA_TIMEOUT:
        return -ETIMEDOUT;
    default:
        return -EBADMSG;
    }
}

/* The descriptor outlives the view: later steps map it anew. */
static int take_frames(const rf_frames *frames, const rf_decode_info *info, processor_value *ret)
{
    int fd = fcntl(frames->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return -errno;
    }
    *ret = PROCESSOR_VALUE_NONE;
    ret->type = PROCESSOR_AUDIO;
    ret->fd = fd;
    ret->size = rf_frames_bytes(frames);
    ret->audio = (processor_audio){.rate_hz = frames->rate_hz,
                                   .channels = frames->n_channels,
                                   .n_frames = (uint64_t)frames->n_frames,
                                   .source_bits = info->bits_per_sample};
    return processor_audio_valid(ret) ? 0 : -EBADMSG;
}

static int run_decode(processor_host *h, processor_step_call *call)
{
    rf_decode_options options = {.limits = RF_DECODE_LIMITS, .cancel_fd = call->cancel_fd};
    options.limits.max_bytes = (int64_t)h->config.max_input_bytes;
    options.limits.max_seconds = h->config.max_duration_s;
    options.limits.max_channels = PROCESSOR_CHANNELS_MAX;
    options.limits.min_rate_hz = PROCESSOR_RATE_MIN_HZ;
    options.limits.max_rate_hz = PROCESSOR_RATE_MAX_HZ;
    options.limits.wall_ms = wall_ms(call->deadline_ns);
    RF_CLEANUP(rf_cleanup_frames) rf_frames *frames = NULL;
    rf_decode_info info = {0};
    rf_media_error error = {0};
    int err = rf_decode(h->decoder, call->in[0].fd, &options, &frames, &info, &error);
    processor_metric_decode(rf_format_name(info.format), rf_media_code_name(error.code));
    if (err < 0) {
        RF_LOG_INFO("input not decoded", RF_STR("code", rf_media_code_name(error.code)),
                    RF_STR("why", error.message));
        return decode_failed(&error, call);
    }
    return take_frames(frames, &info, &call->out[0]);
}

/* ---- children ---- */

static int open_outputs(processor_step_call *call)
{
    for (size_t i = 0; i < call->module->n_out; i++) {
        processor_type type = call->module->out[i].type;
        if (type == PROCESSOR_STRING) {
            continue;
        }
        call->out[i].fd = memfd_create(call->module->out[i].name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (call->out[i].fd < 0) {
            return -errno;
        }
    }
    return 0;
}

/* What the child says about a descriptor must be true, save that it cannot cut what it needs no
 * more; from here on nobody changes it. */
static int seal_outputs(const processor_step_call *call)
{
    for (size_t i = 0; i < call->module->n_out; i++) {
        struct stat st;
        processor_value *v = &call->out[i];
        if (v->fd < 0) {
            continue;
        }
        if (v->type == PROCESSOR_NONE) {
            processor_value_done(v);
            continue;
        }
        if (fstat(v->fd, &st) < 0 || (uint64_t)st.st_size < v->size ||
            ftruncate(v->fd, (off_t)v->size) < 0 ||
            fcntl(v->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0 ||
            (v->type == PROCESSOR_AUDIO && !processor_audio_valid(v))) {
            return -EBADMSG;
        }
    }
    return 0;
}

/* Opens each input anew, read-only and with a position of its own: children that share a file
 * neither disturb nor change it. fds[0..n) are replaced; on failure none is left open. */
static int reopen_inputs(int *fds, size_t n)
{
    char path[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            int err = -errno;
            while (i > 0) {
                close(fds[--i]);
            }
            return err;
        }
        fds[i] = fd;
    }
    return 0;
}

static size_t count_fds(const processor_value *values, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += values[i].fd >= 0;
    }
    return count;
}

static int hand_over(processor_host *h, const processor_step_call *call, const rf_buf *task,
                     const int *fds, size_t n_fds, rf_sandbox_child **ret)
{
    const rf_sandbox_task t = {.data = task->data,
                               .len = task->len,
                               .fds = fds,
                               .n_fds = n_fds,
                               .limits = {.address_bytes = h->config.memory_bytes,
                                          .file_bytes = h->config.max_file_bytes,
                                          .wall_ms = wall_ms(call->deadline_ns)},
                               .cancel_fd = call->cancel_fd};
    return rf_sandbox_start(h->pool, &t, rf_time_ns() + START_WAIT_NS, ret);
}

static int start_child(processor_host *h, const processor_step_call *call, rf_sandbox_child **ret)
{
    int fds[PROCESSOR_WIRE_FDS];
    size_t n_fds = 0;
    size_t n_in = count_fds(call->in, call->module->n_in);
    rf_buf task;
    rf_buf_init(&task, PROCESSOR_WIRE_MAX);
    int err = processor_wire_task(call->module, call->in, call->out, &task, fds, &n_fds);
    err = err == 0 ? reopen_inputs(fds, n_in) : err;
    if (err == 0) {
        err = hand_over(h, call, &task, fds, n_fds, ret);
        for (size_t i = 0; i < n_in; i++) {
            close(fds[i]);
        }
    }
    rf_buf_done(&task);
    return err;
}

/* Reads replies up to the end. */
static int follow_child(rf_sandbox_child *child, processor_step_call *call)
{
    RF_CLEANUP(rf_cleanup_free) uint8_t *data = rf_alloc(RF_SANDBOX_MESSAGE_MAX);
    processor_reply reply = {0};
    while (!reply.is_end) {
        ssize_t n = rf_sandbox_recv(child, data, RF_SANDBOX_MESSAGE_MAX, RF_NEVER_NS);
        if (n < 0) {
            return (int)n;
        }
        if (processor_wire_read_reply(data, (size_t)n, call->module, &reply, call->out) < 0) {
            return -EPROTO;
        }
        if (!reply.is_end && call->progress != NULL) {
            call->progress(call->user, reply.percent);
        }
    }
    rf_copy_str(call->message, sizeof(call->message), reply.message);
    return reply.err;
}

/* Of the modules that write media, what they wrote. */
static void count_encoded(const processor_step_call *call, int err)
{
    const processor_module *m = call->module;
    int format = processor_port_find(m->in, m->n_in, "format");
    for (size_t i = 0; err == 0 && i < m->n_out; i++) {
        if (m->out[i].type == PROCESSOR_WAV) {
            processor_metric_encode("wav");
        } else if (m->out[i].type == PROCESSOR_FILE && format >= 0) {
            processor_metric_encode(call->in[format].text);
        }
    }
}

static int run_child(processor_host *h, processor_step_call *call)
{
    rf_sandbox_child *child = NULL;
    int err = open_outputs(call);
    err = err == 0 ? start_child(h, call, &child) : err;
    if (err < 0) {
        return err;
    }
    err = follow_child(child, call);
    count_encoded(call, err);
    rf_sandbox_end end;
    rf_sandbox_finish(child, err == 0 ? FINISH_GRACE_MS : 0, &end);
    processor_metric_child(&end);
    if (err < 0 && err != -ECANCELED && err != -EBADMSG) {
        RF_LOG_WARN("module failed", RF_STR("module", call->module->name),
                    RF_STR("error", strerror(-err)), RF_STR("end", rf_sandbox_end_name(end.kind)),
                    RF_INT("signal", end.signal), RF_STR("output", end.output));
    }
    return err < 0 ? err : seal_outputs(call) < 0 ? -EPROTO : 0;
}

/* ---- inline ---- */

static bool ignore_progress(processor_call *call, double percent)
{
    (void)call;
    (void)percent;
    return false;
}

static int run_inline(processor_step_call *call)
{
    processor_call c = {.in = call->in, .out = call->out, .progress = ignore_progress};
    int err = call->module->run(&c);
    rf_copy_str(call->message, sizeof(call->message), c.message);
    return err;
}

/* ---- other services ---- */

static int run_remote(processor_host *h, processor_step_call *call)
{
    for (size_t i = 0; i < h->config.n_remotes; i++) {
        if (strcmp(h->remotes[i].module, call->module->name) == 0) {
            return h->remotes[i].run(h->remotes[i].self, call);
        }
    }
    return -ENOSYS;
}

static int run_module(processor_host *h, processor_step_call *call)
{
    return call->module->isolation == PROCESSOR_REMOTE ? run_remote(h, call)
           : call->module->run == NULL                 ? run_decode(h, call)
                                                       : run_child(h, call);
}

int processor_host_run(processor_host *host, processor_step_call *call)
{
    if (call->module->isolation == PROCESSOR_INLINE) {
        return run_inline(call);
    }
    int64_t begin_ns = rf_time_ns();
    int err = run_module(host, call);
    processor_metric_module(call->module->name, (double)(rf_time_ns() - begin_ns) / 1e9);
    if (err < 0) {
        for (size_t i = 0; i < call->module->n_out; i++) {
            processor_value_done(&call->out[i]);
        }
    }
    return err;
}
