/* cli_record_run.c - a recording from its start to what is told of it. */
#include "cli_record.h"

#include "cli_meter.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TURN_MS 200        /* between two looks at signals */
#define ALIVE_MS 1000      /* between two looks at the connection of a silent source */
#define STREAM_CHUNKS_S 20 /* of a device that is listened to, for its level */

typedef struct record {
    const cli_record_options *options;
    reflection_recorder *recorder;
    cli_pcm *pcm;        /* of what is published */
    cli_pcm_shape shape; /* of the session */
    int64_t limit;       /* frames, INT64_MAX without */
    int64_t frames;
    int signal_fd;
    cli_meter meter;
    rf_buf error;
} record;

int cli_record_fail(const reflection_recorder_fault *fault)
{
    const bool is_away =
        fault->code == REFLECTION_RECORDER_NONE &&
        (fault->err == -ECONNREFUSED || fault->err == -EHOSTUNREACH || fault->err == -ENETUNREACH ||
         fault->err == -ETIMEDOUT || fault->err == -ECONNRESET || fault->err == -EKEYREJECTED);
    const bool is_denied = fault->code == REFLECTION_RECORDER_UNAUTHENTICATED;
    char there[128] = "";
    if (fault->has_available) {
        (void)snprintf(there, sizeof(there), "; there are frames %lld to %lld",
                       (long long)fault->available.from_frame,
                       (long long)fault->available.to_frame);
    }
    return cli_fail(is_away     ? CLI_UNREACHABLE
                    : is_denied ? CLI_DENIED
                                : CLI_FAILED,
                    "%s%s%s", fault->message, there,
                    is_away ? "; is the platform running? `reflection up` starts it"
                    : is_denied
                        ? "; `reflection keys create` makes a key, REFLECTION_API_KEY gives it"
                        : "");
}

static int recorder_fails(const record *r)
{
    return cli_record_fail(reflection_recorder_last_fault(r->recorder));
}

/* ---- the end by hand ---- */

static int watch_signals(record *r)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
        return cli_fail(CLI_FAILED, "signals: %s", strerror(errno));
    }
    r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return r->signal_fd < 0 ? cli_fail(CLI_FAILED, "signals: %s", strerror(errno)) : CLI_OK;
}

/* Waits for the source or a signal: true when it is to end. After that the next signal kills. */
static bool is_stopped(record *r, int fd, int timeout_ms)
{
    struct signalfd_siginfo info;
    struct pollfd fds[] = {{.fd = r->signal_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    (void)poll(fds, RF_ARRAY_LEN(fds), timeout_ms);
    if (read(r->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return false;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    return true;
}

/* ---- a source that is published ---- */

static int publish(record *r, const uint8_t *pcm, size_t n)
{
    const size_t frame_bytes =
        reflection_recorder_sample_size(r->shape.sample_format) * r->shape.channels;
    const double peak = cli_pcm_peak(r->shape.sample_format, pcm, n * r->shape.channels);
    while (n > 0) {
        int64_t taken = reflection_recorder_publish(r->recorder, pcm, n, TURN_MS);
        if (taken < 0) {
            return recorder_fails(r);
        }
        pcm += (size_t)taken * frame_bytes;
        n -= (size_t)taken;
        r->frames += taken;
        int64_t durable = reflection_recorder_wait(r->recorder, 0, 0, NULL);
        cli_meter_add(&r->meter, peak, r->frames, RF_MAX(durable, (int64_t)0), r->shape.rate_hz);
        if (n > 0 && is_stopped(r, -1, 0)) {
            r->limit = r->frames;
            return CLI_OK;
        }
    }
    return CLI_OK;
}

static bool is_ready(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return fd < 0 || poll(&p, 1, 0) > 0;
}

static int publish_all(record *r)
{
    int code = CLI_OK;
    while (code == CLI_OK && r->frames < r->limit) {
        const void *pcm = NULL;
        size_t n = 0;
        const int fd = cli_pcm_fd(r->pcm);
        if (is_stopped(r, fd, fd < 0 ? 0 : ALIVE_MS)) {
            return CLI_OK;
        }
        if (!is_ready(fd)) {
            code = reflection_recorder_wait(r->recorder, 0, 0, NULL) < 0 ? recorder_fails(r) : code;
            continue;
        }
        int more = cli_pcm_read(r->pcm, &pcm, &n, &r->error);
        if (more <= 0) {
            return more == 0 ? CLI_OK : cli_fail(CLI_FAILED, "%s", rf_buf_str(&r->error));
        }
        code = publish(r, pcm, (size_t)RF_MIN((int64_t)n, r->limit - r->frames));
    }
    return code;
}

/* ---- a device of the server ---- */

static int hear_device(record *r)
{
    const reflection_recorder_listen listen = {
        .from_start = true, .chunk_frames = RF_MAX(r->shape.rate_hz / STREAM_CHUNKS_S, 16u)};
    reflection_recorder_stream *stream = NULL;
    reflection_recorder_chunk chunk;
    int n = reflection_recorder_stream_open(r->recorder, &listen, &stream);
    if (n < 0) {
        return recorder_fails(r);
    }
    while (n >= 0 && r->frames < r->limit && !is_stopped(r, -1, 0)) {
        n = reflection_recorder_stream_read(stream, TURN_MS, &chunk);
        if (n > 0) {
            r->frames = chunk.first_frame + chunk.n_frames;
            cli_meter_add(&r->meter,
                          cli_pcm_peak(r->shape.sample_format, chunk.data,
                                       (size_t)chunk.n_frames * r->shape.channels),
                          r->frames, -1, r->shape.rate_hz);
        }
    }
    int code =
        n < 0 && n != -EPIPE ? cli_record_fail(reflection_recorder_stream_fault(stream)) : CLI_OK;
    reflection_recorder_stream_close(stream);
    return code;
}

/* ---- what was stored ---- */

static int write_file(void *user, const void *data, size_t len)
{
    return fwrite(data, 1, len, user) == len ? 0 : -1;
}

int cli_record_save(reflection_recorder *recorder, reflection_recorder_format format,
                    const char *path)
{
    const reflection_recorder_cut cut = {.output = {.format = format}};
    RF_CLEANUP(rf_cleanup_free) char *temp = rf_asprintf("%s.part", path);
    FILE *file = fopen(temp, "wbe");
    if (file == NULL) {
        return cli_fail(CLI_FAILED, "%s: %s", temp, strerror(errno));
    }
    int err = reflection_recorder_segment_write(recorder, &cut, write_file, file, NULL);
    int written = fclose(file) == 0 && err != -ECANCELED ? 0 : errno;
    int code = written != 0 ? cli_fail(CLI_FAILED, "%s: %s", temp, strerror(written))
               : err < 0    ? cli_record_fail(reflection_recorder_last_fault(recorder))
                            : CLI_OK;
    if (code == CLI_OK && rename(temp, path) < 0) {
        code = cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
    }
    if (code != CLI_OK) {
        unlink(temp);
    }
    return code;
}

static void print_segment(const reflection_recorder_segment *s, const cli_record_options *o)
{
    char time[32];
    if (o->as_json) {
        json_t *document = json_loads(s->json, 0, NULL);
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(document);
        return;
    }
    printf("key       %s\nsession   %s\nduration  %s (%lld frames)\n", s->key, s->session,
           cli_meter_time(s->duration_ms, time), (long long)s->frames);
    if (s->has_loudness) {
        printf("loudness  %.1f LUFS, range %.1f LU, true peak %.1f dBTP\n", s->integrated_lufs,
               s->range_lu, s->true_peak_dbtp);
    }
    if (strcmp(s->end_reason, "stop") != 0) {
        printf("ended by  %s\n", s->end_reason);
    }
    if (o->out != NULL) {
        printf("file      %s\n", o->out);
    }
}

/* ---- the whole ---- */

static int open_source(record *r)
{
    const cli_record_options *o = r->options;
    int err = 0;
    r->shape = o->shape;
    if (o->from == CLI_RECORD_FILE) {
        err = cli_pcm_open_file(o->source, &r->pcm, &r->shape, &r->error);
    } else if (o->from == CLI_RECORD_STDIN) {
        err = cli_pcm_open_stream(STDIN_FILENO, &r->pcm, &r->shape, &r->error);
    }
    return err < 0 ? cli_fail(CLI_FAILED, "%s", rf_buf_str(&r->error)) : CLI_OK;
}

static int open_recorder(record *r, const cli_server *server)
{
    const cli_record_options *o = r->options;
    reflection_recorder_fault fault;
    const reflection_recorder_options options = {
        .url = server->url,
        .key = server->key,
        .ca_file = server->ca_file,
        .source =
            o->from == CLI_RECORD_DEVICE ? REFLECTION_RECORDER_DEVICE : REFLECTION_RECORDER_NETWORK,
        .source_name = o->from == CLI_RECORD_DEVICE ? o->source : NULL,
        .sample_format = r->shape.sample_format,
        .channels = r->shape.channels,
        .rate_hz = r->shape.rate_hz,
        .store_format = o->store_format,
        .settings = o->settings};
    if (reflection_recorder_new(&options, &r->recorder, &fault) < 0) {
        return cli_fail(CLI_USAGE, "%s", fault.message);
    }
    return reflection_recorder_init(r->recorder) < 0 ||
                   reflection_recorder_start(r->recorder, o->prefixes, o->n_prefixes) < 0
               ? recorder_fails(r)
               : CLI_OK;
}

/* What was recorded is stored also when the source has failed. */
static int finish(record *r, int code)
{
    reflection_recorder_segment segment;
    cli_meter_end(&r->meter);
    if (reflection_recorder_stop(r->recorder, &segment) < 0) {
        return code != CLI_OK ? code : recorder_fails(r);
    }
    if (r->options->out != NULL && segment.frames > 0) {
        int saved = cli_record_save(r->recorder, r->options->store_format, r->options->out);
        code = code != CLI_OK ? code : saved;
    }
    print_segment(&segment, r->options);
    return code;
}

int cli_record_run(const cli_server *server, const cli_record_options *options)
{
    record r = {.options = options, .limit = INT64_MAX, .signal_fd = -1};
    rf_buf_init(&r.error, 1024);
    int code = watch_signals(&r);
    code = code == CLI_OK ? open_source(&r) : code;
    code = code == CLI_OK ? open_recorder(&r, server) : code;
    if (code == CLI_OK) {
        if (options->seconds > 0) {
            r.limit = llround(options->seconds * r.shape.rate_hz);
        }
        cli_meter_begin(&r.meter);
        code = options->from == CLI_RECORD_DEVICE ? hear_device(&r) : publish_all(&r);
        code = finish(&r, code);
    }
    reflection_recorder_free(r.recorder);
    cli_pcm_close(r.pcm);
    rf_close(&r.signal_fd);
    rf_buf_done(&r.error);
    return code;
}
