/* cli_up.c - `reflection up`: the whole platform on this machine. */
#include "cli_up.h"

#include "cli.h"
#include "cli_check.h"

#include "rf_file.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WORDS_MAX 128
#define STOP_LIMIT_MS 28000
#define CHECK_LIMIT_MS 45000 /* above what a service itself waits for anything */

const cli_up_service cli_up_services[CLI_UP_SERVICES] = {
    /* clang-format off */
    {"gateway", "5", 0, true},
    {"jam", "5", 2, false}, /* after the processor, whose steps it may be doing */
    {"recorder", "5", 2, false},
    {"processor", "15", 1, false},
    {"job", "5", 2, true},
    /* clang-format on */
};

typedef struct up {
    cli_up_args args;
    cli_up_place place;
    cli_listener listeners[2]; /* http, https */
    int lock_fd;
    int signal_fd;
    rf_loop *loop;
    rf_loop_fd *signals;
    rf_loop_fd *input;
    cli_supervisor *supervisor;
    char *words[CLI_UP_SERVICES][WORDS_MAX];
    int exit_code;
    bool announced;
} up;

static void fail_up(up *u, int code)
{
    u->exit_code = code;
    cli_supervisor_stop(u->supervisor, STOP_LIMIT_MS);
}

static void on_all_ready(void *user)
{
    up *u = user;
    if (cli_up_tell_ready(&u->args, &u->place, u->supervisor) != CLI_OK) {
        fail_up(u, CLI_FAILED);
    } else if (!u->announced) {
        u->announced = true;
        cli_up_print_table(&u->args, &u->place, u->supervisor);
    }
}

static void on_gave_up(const char *name, void *user)
{
    cli_fail(CLI_FAILED, "%s does not start; its last lines above say why", name);
    fail_up(user, CLI_FAILED);
}

static void on_ended(void *user)
{
    rf_loop_stop(((up *)user)->loop);
}

static void on_signal(uint32_t events, void *user)
{
    (void)events;
    up *u = user;
    struct signalfd_siginfo info;
    while (read(u->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        cli_supervisor_stop(u->supervisor, STOP_LIMIT_MS);
    }
}

/* ---- start ---- */

static int lock_data(up *u)
{
    int err = rf_mkdirs(u->args.data, 0700);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/up.lock", u->args.data);
    u->lock_fd = err < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (u->lock_fd < 0) {
        return cli_fail(CLI_FAILED, "%s: %s", u->args.data, strerror(err < 0 ? -err : errno));
    }
    if (flock(u->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        return cli_fail(CLI_FAILED,
                        "a platform already runs in %s; end it, or choose another "
                        "directory with --data",
                        u->args.data);
    }
    return CLI_OK;
}

static int open_listeners(up *u)
{
    rf_buf error;
    rf_buf_init(&error, CLI_UP_ERROR_MAX);
    int err = cli_listen(u->args.http, &u->listeners[0], &error);
    if (err == 0) {
        err = cli_listen(u->args.https, &u->listeners[1], &error);
    }
    if (err < 0) {
        cli_fail(CLI_FAILED, "%s", rf_buf_str(&error));
    }
    rf_buf_done(&error);
    if (err == 0) {
        u->place.http_url = cli_listener_url(&u->listeners[0], "http");
        u->place.https_url = cli_listener_url(&u->listeners[1], "https");
    }
    return err < 0 ? CLI_FAILED : CLI_OK;
}

/* The words of a service: its program, what all have, then the user's, which win. */
static void build_words(up *u, size_t i)
{
    char **words = u->words[i];
    size_t n = 0;
    RF_CLEANUP(rf_cleanup_free)
    char *program = rf_asprintf("reflection-%s", cli_up_services[i].name);
    words[n++] = cli_program_path(program);
    words[n++] = rf_asprintf("--data.dir=%s", u->args.data);
    words[n++] = rf_asprintf("--drain.seconds=%s", cli_up_services[i].drain_seconds);
    if (cli_up_services[i].has_public_base) {
        words[n++] = rf_asprintf("--public.base=%s", u->place.https_url);
    }
    size_t n_args;
    char *const *args = cli_settings_args(u->args.settings, cli_up_services[i].name, &n_args);
    for (size_t k = 0; k < n_args && n < WORDS_MAX - 1; k++) {
        words[n++] = rf_strdup(args[k]);
    }
}

static void build_all(up *u)
{
    for (size_t i = 0; i < CLI_UP_SERVICES; i++) {
        if (!u->args.left_out[i]) {
            build_words(u, i);
        }
    }
}

/* What the services would find out one by one, each after some restarts. */
static int check_outside(up *u)
{
    char *const *argvs[CLI_UP_SERVICES];
    size_t n = 0;
    for (size_t i = 0; i < CLI_UP_SERVICES; i++) {
        if (!u->args.left_out[i] && cli_check_needed(cli_up_services[i].name, u->words[i])) {
            argvs[n++] = u->words[i];
        }
    }
    return cli_check_all(argvs, n, CHECK_LIMIT_MS);
}

static int start_all(up *u)
{
    const int fds[] = {u->listeners[0].fd, u->listeners[1].fd};
    for (size_t i = 0; i < CLI_UP_SERVICES; i++) {
        if (u->args.left_out[i]) {
            continue;
        }
        bool gateway = strcmp(cli_up_services[i].name, "gateway") == 0;
        const cli_child_spec spec = {.name = cli_up_services[i].name,
                                     .argv = u->words[i],
                                     .listen_fds = fds,
                                     .n_listen_fds = gateway ? RF_ARRAY_LEN(fds) : 0,
                                     .listen_names = "http:https",
                                     .stop_order = cli_up_services[i].stop_order};
        int err = cli_supervisor_start(u->supervisor, &spec);
        if (err < 0) {
            return cli_fail(CLI_FAILED, "%s cannot be started: %s", cli_up_services[i].name,
                            strerror(-err));
        }
    }
    return CLI_OK;
}

static int watch_signals(up *u)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    u->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (u->signal_fd >= 0) {
        u->signals = rf_loop_add(u->loop, u->signal_fd, EPOLLIN, on_signal, u);
    }
    return u->signals != NULL ? CLI_OK : cli_fail(CLI_FAILED, "signals: %s", strerror(errno));
}

static void on_input(uint32_t events, void *user)
{
    (void)events;
    up *u = user;
    char ignored[256];
    if (read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) {
        rf_loop_remove(RF_STEAL(u->input));
        cli_supervisor_stop(u->supervisor, STOP_LIMIT_MS);
    }
}

static int watch_input(up *u)
{
    if (!u->args.tied) {
        return CLI_OK;
    }
    u->input = rf_loop_add(u->loop, STDIN_FILENO, EPOLLIN, on_input, u);
    return u->input != NULL ? CLI_OK : cli_fail(CLI_USAGE, "--tied needs a pipe as standard input");
}

static int run(up *u)
{
    static const cli_supervisor_events events = {on_all_ready, on_gave_up, on_ended};
    int code = lock_data(u);
    code = code == CLI_OK ? open_listeners(u) : code;
    if (code != CLI_OK) {
        return code;
    }
    build_all(u);
    code = check_outside(u);
    if (code != CLI_OK) {
        return code;
    }
    u->place.ca_file = rf_asprintf("%s/tls/ca.pem", u->args.data);
    u->loop = rf_loop_new();
    u->supervisor = cli_supervisor_new(u->loop, &events, u);
    code = watch_signals(u);
    code = code == CLI_OK ? watch_input(u) : code;
    if (code == CLI_OK && start_all(u) != CLI_OK) {
        fail_up(u, CLI_FAILED);
    }
    if (code == CLI_OK) {
        rf_loop_run(u->loop);
        code = u->exit_code;
    }
    cli_up_not_ready(&u->args);
    return code;
}

static void up_done(up *u)
{
    cli_supervisor_free(u->supervisor);
    rf_loop_remove(u->signals);
    rf_loop_remove(u->input);
    rf_loop_free(u->loop);
    cli_up_args_done(&u->args);
    cli_up_place_done(&u->place);
    for (size_t i = 0; i < CLI_UP_SERVICES; i++) {
        for (size_t k = 0; u->words[i][k] != NULL; k++) {
            free(u->words[i][k]);
        }
    }
    rf_close(&u->listeners[0].fd);
    rf_close(&u->listeners[1].fd);
    rf_close(&u->signal_fd);
    rf_close(&u->lock_fd);
}

int cli_up_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        cli_up_help();
        return CLI_OK;
    }
    up u = {.lock_fd = -1, .signal_fd = -1, .listeners = {{.fd = -1}, {.fd = -1}}};
    int code = cli_up_args_read(&u.args, argc, argv);
    code = code == CLI_OK ? run(&u) : code;
    up_done(&u);
    return code;
}
