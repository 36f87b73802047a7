#include "rf_service.h"

#include "rf_file.h"
#include "rf_log.h"
#include "rf_probes.h"
#include "rf_service_check.h"
#include "rf_time.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CHECK_PERIOD_NS (20 * RF_NS_PER_MS)
#define READY_PERIOD_NS (100 * RF_NS_PER_MS)
#define ERROR_MAX_BYTES 4096
#define HELP_MAX_BYTES (256u << 10)

/*
 * starting --ready()--> serving --SIGTERM--> draining --idle() or deadline--> ended
 */
typedef enum phase { STARTING, SERVING, DRAINING, ENDED } phase;

struct rf_service {
    const rf_service_def *def;
    rf_service_common common;
    void *config;
    void *state;
    rf_loop *loop;
    rf_loop_fd *signals;
    rf_timer *check;
    rf_probes *probes;
    int signal_fd;
    phase phase;
    int64_t drain_until_ns;
};

#define COMMON_STR(field, name, unit, def, help)                                                   \
    RF_SETTING_STR(rf_service_common, field, name, unit, def, help)

const rf_setting rf_service_settings[] = {
    COMMON_STR(data_dir, "data.dir", "path", ".reflection", "directory of everything kept"),
    COMMON_STR(environment, "environment", "", "development",
               "development, test or production; production refuses what is only for tests"),
    COMMON_STR(log_level, "log.level", "", "info", "debug, info, warn or error"),
    COMMON_STR(log_format, "log.format", "", "logfmt", "logfmt or json"),
    COMMON_STR(internal_listen, "internal.listen", "host:port", "127.0.0.1:0",
               "where /healthz, /readyz and /metrics are served; port 0 picks a free one"),
    RF_SETTING_INT(rf_service_common, drain_seconds, "drain.seconds", "s", "25", 0, 3600,
                   "how long work in hand may go on after SIGTERM"),
};
const size_t rf_service_n_settings = RF_ARRAY_LEN(rf_service_settings);

rf_loop *rf_service_loop(rf_service *service)
{
    return service->loop;
}

const rf_service_common *rf_service_settings_of(const rf_service *service)
{
    return &service->common;
}

char *rf_service_path(const rf_service *service, const char *relative)
{
    char *path = rf_asprintf("%s/%s", service->common.data_dir, relative);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int err = rf_mkdirs(path, 0700);
    if (err < 0) {
        RF_LOG_ERROR("directory cannot be made", RF_STR("path", path),
                     RF_STR("error", strerror(-err)));
        free(path);
        return NULL;
    }
    *slash = '/';
    return path;
}

char *rf_service_socket(const rf_service *service, const char *name)
{
    RF_CLEANUP(rf_cleanup_free) char *relative = rf_asprintf("run/%s.sock", name);
    RF_CLEANUP(rf_cleanup_free) char *path = rf_service_path(service, relative);
    if (path == NULL) {
        return NULL;
    }
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        RF_LOG_ERROR("socket path is too long; choose a shorter data.dir", RF_STR("path", path),
                     RF_INT("limit_bytes", sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1));
        return NULL;
    }
    return rf_asprintf("ipc://%s", path);
}

char *rf_service_address(const rf_service *service, const char *configured, const char *name)
{
    return configured[0] != '\0' ? rf_strdup(configured) : rf_service_socket(service, name);
}

/* ---- configuration ---- */

static int print_help(const rf_service_def *def, const rf_config_set *set)
{
    rf_buf out;
    rf_buf_init(&out, HELP_MAX_BYTES);
    rf_buf_printf(&out,
                  "reflection-%s: %s\n\nSettings, as --name=value, as REFLECTION_%s_NAME in the "
                  "environment (capitals,\n_ for .) or as lines name = value in --config=FILE. "
                  "With --check what they name\noutside of the data directory is tried, a line is "
                  "printed for each setting that\ncannot be used, and nothing is started.\n\n",
                  def->name, def->summary, def->name);
    rf_config_help(set, &out);
    fputs(rf_buf_str(&out), stdout);
    rf_buf_done(&out);
    return 0;
}

/* One name a line, for a supervisor that checks what it passes on. */
static int print_names(const rf_config_set *set)
{
    for (size_t p = 0; p < set->n_parts; p++) {
        for (size_t i = 0; i < set->parts[p].n_settings; i++) {
            puts(set->parts[p].settings[i].name);
        }
    }
    return 0;
}

static int parse_log(const rf_service_common *c, rf_log_level *level, rf_log_format *format)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < RF_ARRAY_LEN(levels); i++) {
        if (strcmp(levels[i], c->log_level) == 0) {
            *level = (rf_log_level)i;
            *format = strcmp(c->log_format, "json") == 0 ? RF_JSON_LINES : RF_LOGFMT;
            return strcmp(c->log_format, "json") == 0 || strcmp(c->log_format, "logfmt") == 0
                       ? 0
                       : -EINVAL;
        }
    }
    return -EINVAL;
}

static int check_common(const rf_service *s)
{
    rf_log_level level = RF_INFO;
    rf_log_format format = RF_LOGFMT;
    const char *e = s->common.environment;
    if (parse_log(&s->common, &level, &format) < 0) {
        fprintf(stderr, "log.level is debug, info, warn or error; log.format is logfmt or json\n");
        return -EINVAL;
    }
    if (strcmp(e, "development") != 0 && strcmp(e, "test") != 0 && strcmp(e, "production") != 0) {
        fprintf(stderr, "environment: \"%s\" is not development, test or production\n", e);
        return -EINVAL;
    }
    rf_log_setup(s->def->name, level, format);
    return 0;
}

/* Takes --config=FILE out of the arguments; the rest are settings. */
static const char *take_config_file(int *argc, char **argv)
{
    const char *file = NULL;
    int n = 1;
    for (int i = 1; i < *argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0) {
            file = argv[i] + 9;
        } else {
            argv[n++] = argv[i];
        }
    }
    *argc = n;
    return file;
}

/* Takes a word out of the arguments; says whether it was there. */
static bool take_word(int *argc, char **argv, const char *word)
{
    int n = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], word) != 0) {
            argv[n++] = argv[i];
        }
    }
    bool found = n < *argc;
    *argc = n;
    return found;
}

static int load(rf_service *s, const rf_config_set *set, int argc, char **argv)
{
    rf_buf error;
    rf_buf_init(&error, ERROR_MAX_BYTES);
    const char *file = take_config_file(&argc, argv);
    int err = rf_config_load(set, file, argc, argv, &error);
    if (err < 0) {
        fprintf(stderr, "reflection-%s: %s (--help lists the settings)\n", s->def->name,
                rf_buf_str(&error));
    }
    rf_buf_done(&error);
    return err < 0 ? err : check_common(s);
}

/* ---- life cycle ---- */

static void begin_drain(rf_service *s)
{
    if (s->phase >= DRAINING) {
        return;
    }
    s->phase = DRAINING;
    rf_probes_set_ready(s->probes, false, "draining");
    RF_LOG_INFO("draining", RF_INT("seconds", s->common.drain_seconds));
    s->drain_until_ns = rf_time_ns() + s->common.drain_seconds * RF_NS_PER_S;
    if (s->def->drain != NULL) {
        s->def->drain(s->state);
    }
    rf_timer_set(s->check, rf_time_ns());
}

static void on_signal(uint32_t events, void *user)
{
    (void)events;
    rf_service *s = user;
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (s->phase == DRAINING) {
            s->drain_until_ns = 0; /* asked twice: at once */
        }
        begin_drain(s);
    }
}

static void stop_posted(void *user)
{
    begin_drain(user);
}

void rf_service_stop(rf_service *service)
{
    rf_loop_post(service->loop, stop_posted, service);
}

/* Tells a supervisor, once, where the internal port is. */
static void announce(const rf_service *s)
{
    const char *text = getenv("REFLECTION_READY_FD");
    int64_t fd;
    if (text == NULL || rf_parse_i64(text, &fd) < 0 || fd < 3) {
        return;
    }
    RF_CLEANUP(rf_cleanup_free)
    char *line = rf_asprintf("{\"service\":\"%s\",\"pid\":%d,\"internal\":\"%s\"}\n", s->def->name,
                             (int)getpid(), rf_probes_url(s->probes));
    if (rf_write_all((int)fd, line, strlen(line)) < 0) {
        RF_LOG_WARN("supervisor does not listen");
    }
    close((int)fd);
    unsetenv("REFLECTION_READY_FD");
}

static void check_ready(rf_service *s)
{
    char why[256] = "";
    bool ready = s->def->ready == NULL || s->def->ready(s->state, why, sizeof(why));
    rf_probes_set_ready(s->probes, ready, why);
    if (ready && s->phase == STARTING) {
        s->phase = SERVING;
        RF_LOG_INFO("ready", RF_STR("internal", rf_probes_url(s->probes)));
        announce(s);
    }
    rf_timer_set(s->check,
                 rf_time_ns() + (s->phase == STARTING ? CHECK_PERIOD_NS : READY_PERIOD_NS));
}

static void on_check(void *user)
{
    rf_service *s = user;
    if (s->phase < DRAINING) {
        check_ready(s);
        return;
    }
    bool idle = s->def->idle == NULL || s->def->idle(s->state);
    if (idle || rf_time_ns() >= s->drain_until_ns) {
        s->phase = ENDED;
        rf_loop_stop(s->loop);
        return;
    }
    rf_timer_set(s->check, rf_time_ns() + CHECK_PERIOD_NS);
}

static int watch_signals(rf_service *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    /* Before any thread starts, so that all of them inherit the mask. */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signal_fd < 0) {
        return -errno;
    }
    s->signals = rf_loop_add(s->loop, s->signal_fd, EPOLLIN, on_signal, s);
    return s->signals == NULL ? -errno : 0;
}

static int open_base(rf_service *s)
{
    s->loop = rf_loop_new();
    if (s->loop == NULL) {
        return -errno;
    }
    int err = rf_mkdirs(s->common.data_dir, 0700);
    if (err < 0) {
        RF_LOG_ERROR("data.dir cannot be made", RF_STR("path", s->common.data_dir),
                     RF_STR("error", strerror(-err)));
        return err;
    }
    err = watch_signals(s);
    if (err < 0) {
        return err;
    }
    err = rf_probes_start(s->common.internal_listen, &s->probes);
    if (err < 0) {
        RF_LOG_ERROR("internal.listen cannot be used", RF_STR("address", s->common.internal_listen),
                     RF_STR("error", strerror(-err)));
    }
    return err;
}

static int run(rf_service *s)
{
    umask(0077);
    int err = open_base(s);
    if (err == 0) {
        err = s->def->start(s, s->config, &s->state);
    }
    if (err < 0) {
        return err;
    }
    s->check = rf_timer_new(s->loop, on_check, s);
    rf_timer_set(s->check, rf_time_ns());
    err = rf_loop_run(s->loop);
    s->def->stop(s->state);
    RF_LOG_INFO("stopped");
    return err;
}

static void close_base(rf_service *s)
{
    rf_timer_free(s->check);
    rf_probes_stop(s->probes);
    rf_loop_remove(s->signals);
    rf_loop_free(s->loop);
    rf_close(&s->signal_fd);
}

int rf_service_main(const rf_service_def *def, int argc, char **argv)
{
    rf_service s = {.def = def, .signal_fd = -1, .config = rf_alloc(def->config_size)};
    const rf_config_part parts[] = {
        {rf_service_settings, rf_service_n_settings, &s.common},
        {def->settings, def->n_settings, s.config},
    };
    const rf_config_set set = {def->name, parts, RF_ARRAY_LEN(parts)};
    int err;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        err = print_help(def, &set);
    } else if (argc == 2 && strcmp(argv[1], "--settings") == 0) {
        err = print_names(&set);
    } else {
        bool checks = take_word(&argc, argv, "--check");
        err = load(&s, &set, argc, argv);
        err = err < 0 ? err : checks ? rf_service_check(def, s.config) : run(&s);
        close_base(&s);
    }
    rf_config_done(&set);
    free(s.config);
    return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
