/* cli_jam_play.c - `reflection jam`: the loop between server, loudspeaker, file and keys. */
#include "cli_jam.h"

#include "cli_http.h"
#include "cli_jam_track.h"
#include "cli_player.h"
#include "cli_terminal.h"
#include "cli_wav.h"
#include "rf_time.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define OPEN_TIMEOUT_MS 15000
#define RECONNECT_TIMEOUT_MS 3000
#define RECONNECT_EVERY_NS (500 * RF_NS_PER_MS)
#define RECONNECT_LIMIT_NS (30 * RF_NS_PER_S) /* the server keeps a session as long */
#define STOP_LIMIT_NS (3 * RF_NS_PER_S)
#define DRAW_EVERY_NS (100 * RF_NS_PER_MS)
#define PING_EVERY_NS (2 * RF_NS_PER_S)
#define LINE_EVERY_SAMPLES (10 * REFLECTION_JAM_RATE_HZ)
#define EVENTS_AT_ONCE 16
#define ERROR_MAX_BYTES 1024
#define BUFFER_MAX_MS 60000

typedef struct play {
    const cli_server *server;
    const cli_jam_options *options;
    reflection_jam *jam;
    reflection_jam_join *join;
    cli_wav *wav;
    cli_player *player;
    cli_jam_controls controls;
    cli_jam_track *track;
    rf_buf error;
    int signal_fd;
    bool has_keys;    /* standard input is a terminal */
    uint64_t limit;   /* samples; UINT64_MAX for none */
    size_t cushion;   /* samples before sound begins */
    uint64_t line_at; /* next plain line, samples */
    int64_t offset;   /* of the server's sample count from the joined stream's */
    int64_t draw_ns;
    int64_t ping_ns;
    int64_t stop_by_ns; /* 0 until stop was sent */
    int64_t lost_ns;    /* 0 while connected */
    int64_t retry_ns;
    bool has_more; /* events may wait that no descriptor tells of */
    bool is_ended; /* nothing more comes from the server */
    bool is_cut;   /* the user wants it to end now */
    int code;
} play;

/* ---- telling ---- */

static void say(const play *p, const char *fmt, ...) RF_PRINTF(2, 3);
static void say(const play *p, const char *fmt, ...)
{
    (void)p;
    va_list args;
    if (cli_terminal_columns() > 0) {
        fputs("\r\033[K", stdout);
    }
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

/* Ends everything with an exit code; the first one stands. */
static void fail(play *p, int code, const char *text)
{
    if (p->code == CLI_OK) {
        p->code = code;
        if (cli_terminal_columns() > 0) {
            fputs("\r\033[K", stdout);
            fflush(stdout);
        }
        cli_fail(code, "%s", text);
    }
    p->is_ended = true;
    p->is_cut = true;
}

static int exit_code_of(int err)
{
    switch (err) {
    case -EACCES:
        return CLI_DENIED;
    case -ECONNREFUSED:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ETIMEDOUT:
    case -EKEYREJECTED:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

static void fail_fault(play *p, const reflection_jam_fault *fault)
{
    int code = exit_code_of(fault->err);
    const char *next =
        code == CLI_DENIED            ? "; `reflection keys create` makes a key, "
                                        "REFLECTION_API_KEY or --api-key gives it"
        : fault->err == -EKEYREJECTED ? "; set REFLECTION_CA_FILE or --ca to the platform's CA"
        : code == CLI_UNREACHABLE     ? "; is the platform running? `reflection up` starts it"
        : fault->err == -EBUSY        ? "; try again later"
                                      : "";
    size_t len = strlen(fault->message);
    len -= next[0] != '\0' && len > 0 && fault->message[len - 1] == '.';
    RF_CLEANUP(rf_cleanup_free)
    char *text = rf_asprintf("%.*s%s", (int)len, fault->message, next);
    fail(p, code, text);
}

/* What is heard now: the file's end when nothing is played. */
static uint64_t position(const play *p)
{
    return p->player != NULL ? cli_player_heard(p->player) : p->track->n_samples;
}

static void draw(play *p)
{
    cli_jam_place place;
    char line[CLI_JAM_LINE_MAX];
    size_t columns = cli_terminal_columns();
    uint64_t at = position(p);
    uint64_t heard = at > 0 ? at - 1 : 0;
    bool is_due = columns > 0 ? rf_time_ns() >= p->draw_ns : at >= p->line_at;
    if (!is_due || !cli_jam_track_at(p->track, at, &place)) {
        return;
    }
    double level_db = cli_jam_track_level(p->track, heard - RF_MIN(heard, (uint64_t)1920));
    cli_jam_line(&place, &p->controls, level_db, columns > 0 ? columns - 1 : CLI_JAM_LINE_MAX - 1,
                 line);
    p->draw_ns = rf_time_ns() + DRAW_EVERY_NS;
    p->line_at = (at / LINE_EVERY_SAMPLES + 1) * LINE_EVERY_SAMPLES;
    printf(columns > 0 ? "\r\033[K%s" : "%s\n", line);
    fflush(stdout);
}

/* ---- the stream ---- */

static void send_stop(play *p)
{
    if (p->stop_by_ns == 0) {
        p->stop_by_ns = rf_time_ns() + STOP_LIMIT_NS;
        if (reflection_jam_stop(p->jam) < 0) {
            p->is_ended = true;
        }
    }
}

static void take_samples(play *p, const float *samples, size_t n)
{
    uint64_t left = p->limit - RF_MIN(p->track->n_samples, p->limit);
    n = (size_t)RF_MIN((uint64_t)n, left);
    cli_jam_track_add(p->track, samples, n);
    if (p->wav != NULL && cli_wav_write(p->wav, samples, n, &p->error) < 0) {
        fail(p, CLI_FAILED, rf_buf_str(&p->error));
    }
    if (p->player != NULL && cli_player_push(p->player, samples, n) < 0) {
        fail(p, CLI_FAILED, "the server sends faster than the loudspeaker plays");
    }
    if (p->track->n_samples == p->limit) {
        send_stop(p);
    }
}

static void on_chunk(play *p, const reflection_jam_chunk *chunk)
{
    const float *samples;
    size_t n;
    if (p->stop_by_ns == 0 && reflection_jam_join_push(p->join, chunk, &samples, &n) == 0) {
        p->offset = (int64_t)chunk->start_sample - (int64_t)p->track->n_samples;
        cli_jam_track_chunk(p->track, chunk);
        take_samples(p, samples, n);
        draw(p);
    }
}

static void on_stopped(play *p, const reflection_jam_stopped *stopped)
{
    const float *samples;
    size_t n;
    reflection_jam_join_flush(p->join, &samples, &n);
    take_samples(p, samples, n);
    p->is_ended = true;
    bool is_wanted = p->stop_by_ns > 0 || strcmp(stopped->reason, "client") == 0 ||
                     strcmp(stopped->reason, "ended") == 0;
    if (!is_wanted) {
        RF_CLEANUP(rf_cleanup_free)
        char *text = rf_asprintf("the server stopped the session: %s", stopped->reason);
        fail(p, CLI_FAILED, text);
    }
}

/* Of a status, what a user should know: fields without effect, a stop to come. */
static void on_status(play *p, const reflection_jam_event *e)
{
    static const char *const told[] = {"ignored", "unsupported", "skip", "draining"};
    json_t *status = json_loads(e->json, 0, NULL);
    int64_t at = e->status.applied_at_sample - p->offset;
    cli_jam_place place;
    if (at >= 0 && e->status.applied_at_sample >= 0 &&
        cli_jam_track_at(p->track, (uint64_t)at, &place)) {
        cli_jam_controls_applied(&p->controls, status, place.bar);
    }
    for (size_t i = 0; i < RF_ARRAY_LEN(told); i++) {
        const json_t *value = json_object_get(status, told[i]);
        RF_CLEANUP(rf_cleanup_free)
        char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (text != NULL) {
            say(p, "server: %s %s", told[i], text);
        }
    }
    json_decref(status);
}

static void on_event(play *p, const reflection_jam_event *e)
{
    switch (e->kind) {
    case REFLECTION_JAM_CHUNK:
        on_chunk(p, &e->chunk);
        break;
    case REFLECTION_JAM_STATUS:
        on_status(p, e);
        break;
    case REFLECTION_JAM_ERROR:
        say(p, "server: %s", e->error.message);
        break;
    case REFLECTION_JAM_STOPPED:
        on_stopped(p, &e->stopped);
        break;
    default:
        break;
    }
}

static void on_lost(play *p, int err)
{
    const reflection_jam_fault *fault = reflection_jam_last_fault(p->jam);
    if (p->stop_by_ns > 0) {
        p->is_ended = true;
    } else if (err == -ECONNRESET) {
        say(p, "connection lost, trying again");
        p->lost_ns = rf_time_ns();
        p->retry_ns = p->lost_ns;
    } else {
        fail_fault(p, fault);
    }
}

static void take_events(play *p)
{
    reflection_jam_event e;
    int n = 1;
    for (int i = 0; n > 0 && i < EVENTS_AT_ONCE && !p->is_ended; i++) {
        n = reflection_jam_next(p->jam, 0, &e);
        if (n > 0) {
            on_event(p, &e);
        }
    }
    p->has_more = n > 0;
    if (n < 0) {
        on_lost(p, n);
    }
}

static void reconnect(play *p)
{
    if (rf_time_ns() < p->retry_ns) {
        return;
    }
    int err = reflection_jam_reconnect(p->jam, RECONNECT_TIMEOUT_MS);
    if (err == 0) {
        p->lost_ns = 0;
        say(p, "connected again");
        return;
    }
    p->retry_ns = rf_time_ns() + RECONNECT_EVERY_NS;
    bool may_pass = err == -ECONNREFUSED || err == -ECONNRESET || err == -ETIMEDOUT ||
                    err == -EBUSY || err == -EHOSTUNREACH;
    if (!may_pass || rf_time_ns() - p->lost_ns > RECONNECT_LIMIT_NS) {
        say(p, "the session cannot go on");
        fail_fault(p, reflection_jam_last_fault(p->jam));
    }
}

/* ---- keys and signals ---- */

static void quit(play *p)
{
    send_stop(p);
    p->is_cut = true;
    if (p->lost_ns > 0) {
        p->is_ended = true;
    }
}

static void on_key(play *p, int key)
{
    char said[CLI_JAM_SAID];
    cli_jam_place place = {.bpm = 120};
    json_t *fields = NULL;
    (void)cli_jam_track_at(p->track, position(p), &place);
    int err = 0;
    switch (cli_jam_key(&p->controls, key, place.bpm, &fields, said)) {
    case CLI_JAM_UPDATE: {
        RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(fields, JSON_COMPACT);
        err = reflection_jam_update(p->jam, text, NULL);
        json_decref(fields);
        break;
    }
    case CLI_JAM_PAUSE:
        err = reflection_jam_pause(p->jam, NULL);
        break;
    case CLI_JAM_GO_ON:
        err = reflection_jam_resume(p->jam, NULL);
        break;
    case CLI_JAM_FRESH:
        err = reflection_jam_reset_context(p->jam, -1, NULL);
        break;
    case CLI_JAM_QUIT:
        quit(p);
        break;
    case CLI_JAM_HELP:
        say(p, "%.*s", (int)strlen(cli_jam_keys_help) - 1, cli_jam_keys_help);
        return;
    default:
        return;
    }
    say(p, "%s%s", said, err < 0 ? ": not sent, there is no connection" : "");
}

static void take_keys(play *p)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));
    if (n == 0) {
        p->has_keys = false; /* the terminal is gone */
    }
    bool is_sequence = n > 1 && keys[0] == 27; /* an arrow or function key */
    for (ssize_t i = 0; i < n && !is_sequence; i++) {
        on_key(p, (unsigned char)keys[i]);
    }
}

static void take_signals(play *p)
{
    struct signalfd_siginfo info;
    while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTSTP) {
            cli_terminal_restore();
            (void)raise(SIGSTOP);
            cli_terminal_raw();
        } else if (info.ssi_signo != SIGCONT) {
            quit(p);
        }
    }
}

static int watch_signals(play *p)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < RF_ARRAY_LEN(signals); i++) {
        sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* `reflection jam | head`: writing fails instead */
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return p->signal_fd < 0 ? cli_fail(CLI_FAILED, "signals: %s", strerror(errno)) : CLI_OK;
}

/* ---- the loop ---- */

static void ping(play *p)
{
    int64_t now = rf_time_ns();
    if (p->player != NULL && p->lost_ns == 0 && now >= p->ping_ns) {
        size_t ms = cli_player_waiting(p->player) / (REFLECTION_JAM_RATE_HZ / 1000);
        p->ping_ns = now + PING_EVERY_NS;
        (void)reflection_jam_ping(p->jam, (int64_t)RF_MIN(ms, (size_t)BUFFER_MAX_MS), NULL);
    }
}

static void pump(play *p)
{
    if (p->player == NULL) {
        return;
    }
    if (p->is_ended) {
        cli_player_end(p->player);
    }
    if (cli_player_pump(p->player, p->cushion) < 0) {
        fail(p, CLI_FAILED, "the sound device is gone");
    }
}

static int timeout_ms(const play *p)
{
    int64_t now = rf_time_ns();
    int64_t until = now + DRAW_EVERY_NS;
    if (p->has_more && !p->is_ended) {
        return 0;
    }
    if (p->lost_ns > 0) {
        until = RF_MIN(until, p->retry_ns);
    }
    return (int)RF_MAX((until - now) / RF_NS_PER_MS, (int64_t)0) + 1;
}

static void wait_for_more(play *p)
{
    struct pollfd fds[3 + CLI_PLAYER_FDS] = {
        {.fd = p->signal_fd, .events = POLLIN},
        {.fd = p->has_keys ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = p->is_ended ? -1 : reflection_jam_fd(p->jam),
         .events = reflection_jam_poll_events(p->jam)},
    };
    size_t n_player = p->player == NULL ? 0 : cli_player_poll(p->player, fds + 3);
    if (poll(fds, 3 + n_player, timeout_ms(p)) <= 0) {
        return;
    }
    if (n_player > 0) {
        cli_player_polled(p->player, fds + 3, n_player);
    }
    if (fds[0].revents != 0) {
        take_signals(p);
    }
    if (fds[1].revents != 0) {
        take_keys(p);
    }
}

static bool is_done(play *p)
{
    if (p->stop_by_ns > 0 && rf_time_ns() >= p->stop_by_ns) {
        p->is_ended = true; /* the server does not answer the stop */
    }
    return p->is_ended && (p->is_cut || p->player == NULL || cli_player_waiting(p->player) == 0);
}

static void run(play *p)
{
    while (!is_done(p)) {
        if (p->is_ended) {
            pump(p);
        } else if (p->lost_ns > 0) {
            reconnect(p);
        } else {
            take_events(p);
            ping(p);
        }
        pump(p);
        draw(p);
        if (!is_done(p)) {
            wait_for_more(p);
        }
    }
}

/* ---- begin and end ---- */

/* Names to go through with n and p: those of the engine, as far as the server tells them. */
static void load_styles(play *p)
{
    cli_http *h = cli_http_new(p->server);
    json_t *answer = NULL;
    size_t i;
    size_t k;
    json_t *engine;
    json_t *style;
    if (cli_http_json(h, "GET", "/jam/engines", NULL, &answer) == CLI_OK) {
        json_array_foreach(json_object_get(answer, "engines"), i, engine)
        {
            const char *name = json_string_value(json_object_get(engine, "name"));
            bool is_ours =
                name != NULL && strcmp(name, reflection_jam_info_of(p->jam)->engine) == 0;
            json_array_foreach(is_ours ? json_object_get(engine, "styles") : NULL, k, style)
            {
                if (json_is_string(style)) {
                    cli_jam_controls_style(&p->controls, json_string_value(style));
                }
            }
        }
    }
    json_decref(answer);
    cli_http_free(h);
}

static int open_outputs(play *p)
{
    const cli_jam_options *o = p->options;
    int err = o->is_played ? cli_player_open(o->device, &p->player, &p->error) : 0;
    if (err == 0 && o->out != NULL) {
        err = cli_wav_open(o->out, p->limit, &p->wav, &p->error);
    }
    return err < 0 ? cli_fail(CLI_FAILED, "%s", rf_buf_str(&p->error)) : CLI_OK;
}

static int open_session(play *p)
{
    RF_CLEANUP(rf_cleanup_free) char *params = json_dumps(p->options->params, JSON_COMPACT);
    const reflection_jam_options o = {.url = p->server->url,
                                      .key = p->server->key,
                                      .ca_file = p->server->ca_file,
                                      .params = params,
                                      .timeout_ms = OPEN_TIMEOUT_MS};
    reflection_jam_fault fault;
    if (reflection_jam_open(&o, &p->jam, &fault) < 0) {
        fail_fault(p, &fault);
        return p->code;
    }
    const reflection_jam_info *info = reflection_jam_info_of(p->jam);
    p->cushion = 2 * (size_t)info->chunk_frames * 1920;
    say(p, "engine %s  seed %u  session %s", info->engine, info->seed, info->session_id);
    return CLI_OK;
}

static void begin_keys(play *p)
{
    p->has_keys = p->options->is_realtime && isatty(STDIN_FILENO);
    if (p->has_keys) {
        load_styles(p);
        cli_terminal_raw();
        say(p, "? shows the keys");
    }
}

static void sum_up(play *p)
{
    double seconds = (double)p->track->n_samples / REFLECTION_JAM_RATE_HZ;
    if (p->options->out != NULL && p->wav != NULL) {
        say(p, "%s  %.3f s  seed %u", p->options->out, seconds,
            reflection_jam_info_of(p->jam)->seed);
    } else {
        say(p, "%.3f s", seconds);
    }
    if (p->player != NULL && cli_player_gaps(p->player) > 0) {
        say(p, "%u gaps in the sound", cli_player_gaps(p->player));
    }
}

static void play_done(play *p)
{
    cli_terminal_restore();
    if (p->jam != NULL) {
        sum_up(p);
    }
    cli_player_close(p->player);
    if (cli_wav_close(p->wav, &p->error) < 0 && p->code == CLI_OK) {
        p->code = cli_fail(CLI_FAILED, "%s", rf_buf_str(&p->error));
    }
    reflection_jam_close(p->jam);
    reflection_jam_join_free(p->join);
    cli_jam_controls_done(&p->controls);
    rf_close(&p->signal_fd);
    rf_buf_done(&p->error);
    free(p->track);
}

int cli_jam_play(const cli_server *server, const cli_jam_options *options)
{
    play p = {.server = server, .options = options, .signal_fd = -1, .limit = UINT64_MAX};
    rf_buf_init(&p.error, ERROR_MAX_BYTES);
    p.track = RF_NEW(cli_jam_track);
    p.join = reflection_jam_join_new();
    if (options->seconds > 0) {
        p.limit = (uint64_t)llround(options->seconds * REFLECTION_JAM_RATE_HZ);
    }
    cli_jam_controls_init(&p.controls, options->params);
    p.code = p.join == NULL ? cli_fail(CLI_FAILED, "no memory") : open_outputs(&p);
    if (p.code == CLI_OK && open_session(&p) == CLI_OK) {
        p.code = watch_signals(&p);
        begin_keys(&p);
    }
    if (p.code == CLI_OK) {
        run(&p);
    }
    play_done(&p);
    return p.code;
}
