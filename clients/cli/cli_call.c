#include "cli_call.h"

#include "cli.h"
#include "rf_base.h"
#include "rf_buf.h"
#include "rf_rpc_describe.h"
#include "rf_time.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_LISTING ((size_t)4 << 20)
#define MAX_LINE ((size_t)64 << 20) /* bytes of a request */
#define READ_SIZE 65536
#define DEFAULT_DEADLINE_MS 30000

enum { EXIT_DONE = 0, EXIT_CALL = 1, EXIT_USAGE = 2, EXIT_NO_SERVER = 3 };

static const char help[] =
    "Usage: reflection call [OPTIONS] TARGET [NAME [JSON]]\n"
    "\n"
    "TARGET is tcp://HOST:PORT, tls+tcp://HOST:PORT, ipc:///SOCKET, or the name of a service of "
    "the\n"
    "platform on this machine, such as job.\n"
    "\n"
    "  reflection call job                                     list the methods\n"
    "  reflection call job job.v1.JobService                   describe a service, method or type\n"
    "  reflection call job rpc.v1.Health/Check '{}'            call a method\n"
    "\n"
    "Requests and answers are proto3 JSON. Without JSON, or with -, requests are read from "
    "standard\n"
    "input, one a line; a method that takes a stream takes them all. With --describe a method is\n"
    "described and not called.\n"
    "\n"
    "  --data=DIR          data directory of the platform\n"
    "  --deadline=SECONDS  give up after this time [30]\n"
    "  --tenant=ID         application id sent with the call\n"
    "  --request-id=ID     request id sent with the call\n"
    "  --tls-ca=FILE --cert=FILE --key=FILE   PEM files for tls+tcp\n"
    "  --describe          describe NAME\n"
    "  --pretty            indent answers\n"
    "  --unset             show fields that are not set\n"
    "  --help              this text\n"
    "\n"
    "Exit codes: 0 done, 1 the call failed, 2 wrong usage, 3 the server cannot be reached.\n";

typedef struct settings {
    const char *data, *target, *name, *json;
    double deadline_s;
    bool describe;
    rf_rpc_tls tls;
    rf_rpc_options options;
    rf_rpc_json_options output;
} settings;

/* ---- options ---- */

enum { OPT_DATA = 1, OPT_DEADLINE, OPT_TENANT, OPT_ID, OPT_CA, OPT_CERT, OPT_KEY, OPT_HELP };
enum { OPT_DESCRIBE = 100, OPT_PRETTY, OPT_UNSET };

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPT_DATA},
    {"deadline", required_argument, NULL, OPT_DEADLINE},
    {"tenant", required_argument, NULL, OPT_TENANT},
    {"request-id", required_argument, NULL, OPT_ID},
    {"tls-ca", required_argument, NULL, OPT_CA},
    {"cert", required_argument, NULL, OPT_CERT},
    {"key", required_argument, NULL, OPT_KEY},
    {"describe", no_argument, NULL, OPT_DESCRIBE},
    {"pretty", no_argument, NULL, OPT_PRETTY},
    {"unset", no_argument, NULL, OPT_UNSET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* One option. False when its value is wrong. */
static bool take_option(settings *s, int option)
{
    switch (option) {
    case OPT_DATA:
        s->data = optarg;
        return true;
    case OPT_DEADLINE:
        return rf_parse_f64(optarg, &s->deadline_s) == 0 && s->deadline_s > 0 &&
               s->deadline_s < 1e6;
    case OPT_TENANT:
        s->options.tenant = optarg;
        return true;
    case OPT_ID:
        s->options.request_id = optarg;
        return true;
    case OPT_CA:
        s->tls.ca_file = optarg;
        return true;
    case OPT_CERT:
        s->tls.cert_file = optarg;
        return true;
    case OPT_KEY:
        s->tls.key_file = optarg;
        return true;
    case OPT_DESCRIBE:
        s->describe = true;
        return true;
    case OPT_PRETTY:
        s->output.indent = true;
        return true;
    case OPT_UNSET:
        s->output.emit_unset = true;
        return true;
    default:
        return false;
    }
}

/* Returns -1 to go on, or the exit code. */
static int parse(int argc, char **argv, settings *s)
{
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPT_HELP) {
            (void)fputs(help, stdout);
            return EXIT_DONE;
        }
        if (!take_option(s, option)) {
            return cli_fail(EXIT_USAGE, "bad option; see reflection call --help");
        }
    }
    if (argc - optind < 1 || argc - optind > 3) {
        return cli_fail(EXIT_USAGE, "call needs TARGET [NAME [JSON]]; see reflection call --help");
    }
    s->target = argv[optind];
    s->name = argc - optind > 1 ? argv[optind + 1] : NULL;
    s->json = argc - optind > 2 && strcmp(argv[optind + 2], "-") != 0 ? argv[optind + 2] : NULL;
    return -1;
}

/* ---- requests and answers ---- */

typedef struct io {
    const char *json; /* given on the command line, until it was used */
    rf_buf in;        /* read from standard input */
    size_t lent;      /* bytes at its front: the line that next_request gave out */
    bool ended;       /* nothing more is to be read */
    int stop_fd;      /* an eventfd: the call has ended */
} io;

static bool is_blank(const uint8_t *text, size_t len)
{
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0') {
        i++;
    }
    return i == len;
}

/* Waits for standard input, or for the end of the call. */
static int read_more(io *i)
{
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {i->stop_fd, POLLIN, 0}};
    while (poll(fds, RF_ARRAY_LEN(fds), -1) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    if (fds[1].revents != 0) {
        rf_buf_clear(&i->in);
        i->ended = true;
        return 0;
    }
    void *at = rf_buf_reserve(&i->in, READ_SIZE);
    ssize_t n = at != NULL ? read(STDIN_FILENO, at, READ_SIZE) : -1;
    if (n < 0) {
        return at == NULL ? -EMSGSIZE : -errno;
    }
    rf_buf_added(&i->in, (size_t)n);
    i->ended = n == 0;
    return 0;
}

/* Bytes of the first line, its end included; 0 at the end of the input, or negative errno. */
static ssize_t read_line(io *i)
{
    int err = 0;
    while (err == 0) {
        const char *end = i->in.len > 0 ? memchr(i->in.data, '\n', i->in.len) : NULL;
        if (end != NULL) {
            return end + 1 - (const char *)i->in.data;
        }
        if (i->ended) {
            return (ssize_t)i->in.len;
        }
        err = read_more(i);
    }
    return err;
}

static int next_request(void *user, const char **text, size_t *len)
{
    io *i = (io *)user;
    if (i->json != NULL) {
        *text = i->json;
        *len = strlen(i->json);
        i->json = NULL;
        i->ended = true;
        return 1;
    }
    ssize_t n;
    do {
        rf_buf_consume(&i->in, i->lent);
        n = read_line(i);
        i->lent = (size_t)RF_MAX(n, (ssize_t)0);
    } while (n > 0 && is_blank(i->in.data, (size_t)n));
    *text = (const char *)i->in.data;
    *len = i->lent;
    return n > 0 ? 1 : (int)n;
}

static void stop_reading(void *user)
{
    const io *i = (const io *)user;
    (void)eventfd_write(i->stop_fd, 1);
}

static int print_answer(void *user, const char *text, size_t len)
{
    (void)user;
    bool ok = fwrite(text, 1, len, stdout) == len && putchar('\n') != EOF && fflush(stdout) == 0;
    return ok ? 0 : -EIO;
}

/* ---- the command ---- */

static char *target_url(const settings *s)
{
    if (s->target == NULL || strstr(s->target, "://") != NULL) {
        return rf_strdup(s->target);
    }
    RF_CLEANUP(rf_cleanup_free) char *data = cli_data_dir(s->data);
    return rf_asprintf("ipc://%s/run/%s.sock", data, s->target);
}

static int print_listing(const settings *s, const rf_rpc_description *d)
{
    rf_buf out;
    rf_buf_init(&out, MAX_LISTING);
    int err = 0;
    if (s->name == NULL) {
        rf_rpc_description_list(d, &out);
    } else {
        err = rf_rpc_description_show(d, s->name, &out);
    }
    if (err == 0) {
        (void)fputs(rf_buf_str(&out), stdout);
    }
    rf_buf_done(&out);
    return err == 0 ? EXIT_DONE
                    : cli_fail(EXIT_USAGE, "%s has nothing called %s; see reflection call %s",
                               s->target, s->name, s->target);
}

static int make_call(const settings *s, rf_rpc_channel *channel, const rf_rpc_description *d)
{
    RF_CLEANUP(rf_cleanup_close) int stop_fd = eventfd(0, EFD_CLOEXEC);
    if (stop_fd < 0) {
        return cli_fail(EXIT_CALL, "cannot read requests: %s", strerror(errno));
    }
    io i = {.json = s->json, .stop_fd = stop_fd};
    rf_buf_init(&i.in, MAX_LINE);
    rf_rpc_json_io functions = {next_request, print_answer, stop_reading, &i};
    rf_status st;
    int err = rf_rpc_call_json(channel, d, s->name, &s->options, &s->output, &functions, &st);
    rf_buf_done(&i.in);
    return err == 0 ? EXIT_DONE : cli_fail(EXIT_CALL, "%s: %s", rf_code_name(st.code), st.message);
}

static int with_channel(const settings *s, const char *url, rf_rpc_channel *channel)
{
    rf_rpc_description *d = NULL;
    rf_status st;
    if (rf_rpc_describe(channel, &s->options, &d, &st) != 0) {
        return cli_fail(EXIT_NO_SERVER, "%s: %s: %s", url, rf_code_name(st.code), st.message);
    }
    bool calls = s->name != NULL && strchr(s->name, '/') != NULL && !s->describe;
    int code = calls ? make_call(s, channel, d) : print_listing(s, d);
    (void)rf_rpc_description_free(d);
    return code;
}

int cli_call_main(int argc, char **argv)
{
    settings s = {.deadline_s = (double)DEFAULT_DEADLINE_MS / 1000};
    int code = parse(argc, argv, &s);
    if (code >= 0) {
        return code;
    }
    RF_CLEANUP(rf_cleanup_free) char *url = target_url(&s);
    rf_rpc_channel_config config = {
        .target = url, .tls = s.tls.ca_file != NULL ? &s.tls : NULL, .wait_ready_ms = 2000};
    rf_rpc_channel *channel = NULL;
    int err = rf_rpc_channel_open(&config, &channel);
    if (err != 0) {
        return cli_fail(EXIT_USAGE, "cannot use %s: %s", url, strerror(-err));
    }
    s.options.deadline_ns = rf_time_ns() + (int64_t)(s.deadline_s * 1e9);
    code = with_channel(&s, url, channel);
    (void)rf_rpc_channel_close(channel);
    return code;
}
