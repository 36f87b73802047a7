#include "cli_up.h"

#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: reflection up [--data DIR] [--http HOST:PORT] [--https HOST:PORT]\n"
    "                     [--sql URL] [--bus URL] [--store URL]\n"
    "                     [--set [SERVICE.]NAME=VALUE]... [--ready-file FILE]\n"
    "                     [--only SERVICE,...] [--tied]\n\n"
    "Starts one process a service, restarts what dies, prints where everything listens, and ends\n"
    "all of it on SIGINT or SIGTERM within 30 s. Port 0 picks a free port. What --sql, --bus and\n"
    "--store name is tried before anything starts.\n\n"
    "  --data DIR         everything that is kept (default $REFLECTION_DATA, else\n"
    "                     ~/.local/share/reflection)\n"
    "  --http HOST:PORT   plain HTTP (default 127.0.0.1:8080)\n"
    "  --https HOST:PORT  TLS (default 127.0.0.1:8443)\n"
    "  --sql URL          where jobs are kept: sqlite:PATH or postgresql://USER@HOST/DATABASE; a\n"
    "                     password belongs into $PGPASSFILE (default: a file in --data)\n"
    "  --bus URL          where messages go: local:DIR or kafka://HOST:PORT,...?NAME=VALUE&...; a\n"
    "                     password belongs into a file that properties.file=PATH names (default:\n"
    "                     a folder in --data)\n"
    "  --store URL        keeps objects there, s3://bucket?endpoint=https://host, not in the data\n"
    "                     directory: sets store.url of every service\n"
    "  --set ...          any setting of a service; without SERVICE, of every service that has "
    "it;\n"
    "                     `reflection-job --help` and its like list them\n"
    "  --ready-file FILE  written when every service is ready: http_url, https_url, ca_file,\n"
    "                     api_key, internal, pids\n"
    "  --only SERVICE,... starts these alone\n"
    "  --tied             ends too when standard input, a pipe, is closed: with who started it\n";

static const struct option options[] = {
    {"data", required_argument, NULL, 'd'},  {"http", required_argument, NULL, 'p'},
    {"https", required_argument, NULL, 't'}, {"sql", required_argument, NULL, 'q'},
    {"bus", required_argument, NULL, 'b'},   {"store", required_argument, NULL, 'S'},
    {"set", required_argument, NULL, 's'},   {"ready-file", required_argument, NULL, 'r'},
    {"only", required_argument, NULL, 'o'},  {"tied", no_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
};

static size_t find_service(const char *name, size_t len)
{
    size_t i = 0;
    while (i < CLI_UP_SERVICES && (strlen(cli_up_services[i].name) != len ||
                                   strncmp(cli_up_services[i].name, name, len) != 0)) {
        i++;
    }
    return i;
}

static int read_only(cli_up_args *args, const char *names)
{
    memset(args->left_out, true, sizeof(args->left_out));
    for (const char *at = names;; at++) {
        size_t len = strcspn(at, ",");
        size_t i = find_service(at, len);
        if (i == CLI_UP_SERVICES) {
            return cli_fail(CLI_USAGE, "--only: there is no service \"%.*s\"", (int)len, at);
        }
        args->left_out[i] = false;
        at += len;
        if (*at == '\0') {
            return CLI_OK;
        }
    }
}

static int add_setting(cli_up_args *args, const char *text)
{
    rf_buf error;
    rf_buf_init(&error, CLI_UP_ERROR_MAX);
    int err = cli_settings_add(args->settings, text, &error);
    if (err < 0) {
        cli_fail(CLI_USAGE, "%s", rf_buf_str(&error));
    }
    rf_buf_done(&error);
    return err < 0 ? CLI_USAGE : CLI_OK;
}

static int add_named(cli_up_args *args, const char *name, const char *value)
{
    RF_CLEANUP(rf_cleanup_free) char *text = rf_asprintf("%s=%s", name, value);
    return add_setting(args, text);
}

static int take(cli_up_args *args, int option, const char *value)
{
    switch (option) {
    case 'p':
        args->http = value;
        return CLI_OK;
    case 't':
        args->https = value;
        return CLI_OK;
    case 'r':
        args->ready_file = value;
        return CLI_OK;
    case 'i':
        args->tied = true;
        return CLI_OK;
    case 'o':
        return read_only(args, value);
    case 's':
        return add_setting(args, value);
    case 'q':
        return add_named(args, "sql.url", value);
    case 'b':
        return add_named(args, "bus.url", value);
    case 'S':
        return add_named(args, "store.url", value);
    default:
        return CLI_USAGE;
    }
}

int cli_up_args_read(cli_up_args *args, int argc, char **argv)
{
    const char *names[CLI_UP_SERVICES];
    const char *data = NULL;
    int code = CLI_OK;
    for (size_t i = 0; i < CLI_UP_SERVICES; i++) {
        names[i] = cli_up_services[i].name;
    }
    *args = (cli_up_args){.http = "127.0.0.1:8080", .https = "127.0.0.1:8443"};
    args->settings = cli_settings_new(names, CLI_UP_SERVICES);
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'd') {
            data = optarg;
        } else {
            code = take(args, c, optarg);
        }
    }
    if (code == CLI_OK && optind < argc) {
        code = cli_fail(CLI_USAGE, "unexpected argument \"%s\"", argv[optind]);
    }
    args->data = cli_data_dir(data);
    return code;
}

void cli_up_args_done(cli_up_args *args)
{
    cli_settings_free(args->settings);
    free(args->data);
}

void cli_up_help(void)
{
    fputs(help, stdout);
}
