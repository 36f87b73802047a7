/* cli_up.c - `reflection up`: the whole platform on this machine. */
#include "cli.h"

#include "cli_listen.h"
#include "cli_rpc.h"
#include "cli_settings.h"
#include "cli_supervisor.h"

#include "rf_file.h"
#include "rf_log.h"
#include "rf_time.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ARGS_MAX 128
#define STOP_LIMIT_MS 28000
#define KEY_MAX_BYTES 256
#define ERROR_MAX_BYTES 4096

static const char help[] =
    "Usage: reflection up [--data DIR] [--http HOST:PORT] [--https HOST:PORT]\n"
    "                     [--set [SERVICE.]NAME=VALUE]... [--ready-file FILE]\n\n"
    "Starts one process a service, restarts what dies, prints where everything listens, and ends\n"
    "all of it on SIGINT or SIGTERM within 30 s. Port 0 picks a free port.\n\n"
    "  --data DIR         everything that is kept (default $REFLECTION_DATA, else\n"
    "                     ~/.local/share/reflection)\n"
    "  --http HOST:PORT   plain HTTP (default 127.0.0.1:8080)\n"
    "  --https HOST:PORT  TLS (default 127.0.0.1:8443)\n"
    "  --set ...          any setting of a service; without SERVICE, of every service that has "
    "it;\n"
    "                     `reflection-job --help` and its like list them\n"
    "  --ready-file FILE  written when every service is ready: http_url, https_url, ca_file,\n"
    "                     api_key, internal, pids\n";

/* How each service is started; the order is that of the table printed. */
static const struct {
    const char *name;
    const char *drain_seconds; /* together below STOP_LIMIT_MS */
    int stop_order;
    bool has_public_base; /* its answers hold URLs of the platform */
} services[] = {
    {"gateway", "5", 0, true},
    {"jam", "5", 2, false}, /* after the processor, whose steps it may be doing */
    {"processor", "15", 1, false},
    {"job", "5", 2, true},
};
#define N_SERVICES RF_ARRAY_LEN(services)

typedef struct up {
    char *data;
    const char *http;
    const char *https;
    const char *ready_file;
    cli_settings *settings;
    cli_listener listeners[2]; /* http, https */
    char *http_url;
    char *https_url;
    char *ca_file;
    char *api_key;
    int lock_fd;
    int signal_fd;
    rf_loop *loop;
    rf_loop_fd *signals;
    cli_supervisor *supervisor;
    char *words[N_SERVICES][ARGS_MAX];
    int exit_code;
    bool announced;
} up;

/* ---- what is told when all is ready ---- */

static int load_key(up *u)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secrets/first.key", u->data);
    rf_buf text;
    rf_buf_init(&text, KEY_MAX_BYTES);
    int err = rf_file_read(path, &text);
    if (err == 0) {
        u->api_key = rf_strndup(rf_buf_str(&text), strcspn(rf_buf_str(&text), "\n"));
    }
    rf_buf_done(&text);
    return err;
}

static int make_key(up *u)
{
    rf_status st = RF_STATUS_OK;
    cli_rpc *rpc = NULL;
    int err = cli_rpc_open(u->data, &rpc);
    if (err == 0) {
        err = cli_rpc_create_key(rpc, "default", 0, 0, &u->api_key, &st);
        cli_rpc_close(rpc);
    }
    if (err < 0) {
        return cli_fail(err, "the first API key cannot be made: %s", st.message);
    }
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/secrets/first.key", u->data);
    RF_CLEANUP(rf_cleanup_free) char *line = rf_asprintf("%s\n", u->api_key);
    err = rf_file_write_atomic(path, line, strlen(line), 0600);
    return err < 0 ? cli_fail(err, "%s: %s", path, strerror(-err)) : 0;
}

static json_t *ready_json(const up *u)
{
    json_t *internal = json_object();
    json_t *pids = json_object();
    for (size_t i = 0; i < cli_supervisor_count(u->supervisor); i++) {
        cli_child_info info = cli_supervisor_info(u->supervisor, i);
        json_object_set_new(internal, info.name, json_string(info.internal));
        json_object_set_new(pids, info.name, json_integer(info.pid));
    }
    json_object_set_new(pids, "up", json_integer(getpid()));
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "http_url", u->http_url, "https_url",
                     u->https_url, "ca_file", u->ca_file, "api_key", u->api_key, "internal",
                     internal, "pids", pids);
}

static int write_ready(const up *u, const char *path)
{
    json_t *json = ready_json(u);
    RF_CLEANUP(rf_cleanup_free) char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    int err = text == NULL ? -ENOMEM : rf_file_write_atomic(path, text, strlen(text), 0600);
    return err < 0 ? cli_fail(err, "%s: %s", path, strerror(-err)) : 0;
}

static void print_table(const up *u)
{
    printf("reflection is ready\n\n  %-10s %-8s %s\n", "service", "pid", "internal port");
    for (size_t i = 0; i < cli_supervisor_count(u->supervisor); i++) {
        cli_child_info info = cli_supervisor_info(u->supervisor, i);
        printf("  %-10s %-8d %s/healthz /readyz /metrics\n", info.name, (int)info.pid,
               info.internal);
    }
    printf("\n  HTTP     %s\n  HTTPS    %s\n  CA       %s\n  API key  %s\n  data     %s\n\n",
           u->http_url, u->https_url, u->ca_file, u->api_key, u->data);
    fflush(stdout);
}

static void fail_up(up *u, int code)
{
    u->exit_code = code;
    cli_supervisor_stop(u->supervisor, STOP_LIMIT_MS);
}

static void on_all_ready(void *user)
{
    up *u = user;
    RF_CLEANUP(rf_cleanup_free) char *own = rf_asprintf("%s/ready.json", u->data);
    int err = u->api_key != NULL || load_key(u) == 0 ? 0 : make_key(u);
    err = err == 0 ? write_ready(u, own) : err;
    if (err == 0 && u->ready_file != NULL) {
        err = write_ready(u, u->ready_file);
    }
    if (err < 0) {
        fail_up(u, CLI_FAILED);
    } else if (!u->announced) {
        u->announced = true;
        print_table(u);
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
    int err = rf_mkdirs(u->data, 0700);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("%s/up.lock", u->data);
    u->lock_fd = err < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (u->lock_fd < 0) {
        return cli_fail(CLI_FAILED, "%s: %s", u->data, strerror(err < 0 ? -err : errno));
    }
    if (flock(u->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        return cli_fail(CLI_FAILED,
                        "a platform already runs in %s; end it, or choose another "
                        "directory with --data",
                        u->data);
    }
    return CLI_OK;
}

static int open_listeners(up *u)
{
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX_BYTES);
    int err = cli_listen(u->http, &u->listeners[0], &error);
    if (err == 0) {
        err = cli_listen(u->https, &u->listeners[1], &error);
    }
    if (err < 0) {
        cli_fail(CLI_FAILED, "%s", rf_buf_str(&error));
    }
    rf_buf_done(&error);
    if (err == 0) {
        u->http_url = cli_listener_url(&u->listeners[0], "http");
        u->https_url = cli_listener_url(&u->listeners[1], "https");
    }
    return err < 0 ? CLI_FAILED : CLI_OK;
}

/* The words of a service: its program, what all have, then the user's, which win. */
static void build_words(up *u, size_t i)
{
    char **words = u->words[i];
    size_t n = 0;
    RF_CLEANUP(rf_cleanup_free) char *program = rf_asprintf("reflection-%s", services[i].name);
    words[n++] = cli_program_path(program);
    words[n++] = rf_asprintf("--data.dir=%s", u->data);
    words[n++] = rf_asprintf("--drain.seconds=%s", services[i].drain_seconds);
    if (services[i].has_public_base) {
        words[n++] = rf_asprintf("--public.base=%s", u->https_url);
    }
    size_t n_args;
    char *const *args = cli_settings_args(u->settings, services[i].name, &n_args);
    for (size_t k = 0; k < n_args && n < ARGS_MAX - 1; k++) {
        words[n++] = rf_strdup(args[k]);
    }
}

static int start_all(up *u)
{
    const int fds[] = {u->listeners[0].fd, u->listeners[1].fd};
    for (size_t i = 0; i < N_SERVICES; i++) {
        build_words(u, i);
        bool gateway = strcmp(services[i].name, "gateway") == 0;
        const cli_child_spec spec = {.name = services[i].name,
                                     .argv = u->words[i],
                                     .listen_fds = fds,
                                     .n_listen_fds = gateway ? RF_ARRAY_LEN(fds) : 0,
                                     .listen_names = "http:https",
                                     .stop_order = services[i].stop_order};
        int err = cli_supervisor_start(u->supervisor, &spec);
        if (err < 0) {
            return cli_fail(CLI_FAILED, "%s cannot be started: %s", services[i].name,
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

static int run(up *u)
{
    static const cli_supervisor_events events = {on_all_ready, on_gave_up, on_ended};
    int code = lock_data(u);
    code = code == CLI_OK ? open_listeners(u) : code;
    if (code != CLI_OK) {
        return code;
    }
    u->ca_file = rf_asprintf("%s/tls/ca.pem", u->data);
    u->loop = rf_loop_new();
    u->supervisor = cli_supervisor_new(u->loop, &events, u);
    code = watch_signals(u);
    if (code == CLI_OK && start_all(u) != CLI_OK) {
        fail_up(u, CLI_FAILED);
    }
    if (code == CLI_OK) {
        rf_loop_run(u->loop);
        code = u->exit_code;
    }
    RF_CLEANUP(rf_cleanup_free) char *ready = rf_asprintf("%s/ready.json", u->data);
    unlink(ready);
    return code;
}

static void up_done(up *u)
{
    cli_supervisor_free(u->supervisor);
    rf_loop_remove(u->signals);
    rf_loop_free(u->loop);
    cli_settings_free(u->settings);
    for (size_t i = 0; i < N_SERVICES; i++) {
        for (size_t k = 0; u->words[i][k] != NULL; k++) {
            free(u->words[i][k]);
        }
    }
    rf_close(&u->listeners[0].fd);
    rf_close(&u->listeners[1].fd);
    rf_close(&u->signal_fd);
    rf_close(&u->lock_fd);
    free(u->data);
    free(u->http_url);
    free(u->https_url);
    free(u->ca_file);
    free(u->api_key);
}

/* ---- arguments ---- */

static const struct option options[] = {
    {"data", required_argument, NULL, 'd'},
    {"http", required_argument, NULL, 'p'},
    {"https", required_argument, NULL, 't'},
    {"set", required_argument, NULL, 's'},
    {"ready-file", required_argument, NULL, 'r'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int add_setting(up *u, const char *text)
{
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX_BYTES);
    int err = cli_settings_add(u->settings, text, &error);
    if (err < 0) {
        cli_fail(CLI_USAGE, "%s", rf_buf_str(&error));
    }
    rf_buf_done(&error);
    return err < 0 ? CLI_USAGE : CLI_OK;
}

static int parse(up *u, int argc, char **argv)
{
    const char *data = NULL;
    int code = CLI_OK;
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            data = optarg;
            break;
        case 'p':
            u->http = optarg;
            break;
        case 't':
            u->https = optarg;
            break;
        case 's':
            code = add_setting(u, optarg);
            break;
        case 'r':
            u->ready_file = optarg;
            break;
        default:
            code = CLI_USAGE;
        }
    }
    if (code == CLI_OK && optind < argc) {
        code = cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
    }
    u->data = cli_data_dir(data);
    return code;
}

int cli_up_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return CLI_OK;
    }
    const char *names[N_SERVICES];
    for (size_t i = 0; i < N_SERVICES; i++) {
        names[i] = services[i].name;
    }
    up u = {.http = "127.0.0.1:8080",
            .https = "127.0.0.1:8443",
            .lock_fd = -1,
            .signal_fd = -1,
            .listeners = {{.fd = -1}, {.fd = -1}}};
    u.settings = cli_settings_new(names, N_SERVICES);
    int code = parse(&u, argc, argv);
    code = code == CLI_OK ? run(&u) : code;
    up_done(&u);
    return code;
}
