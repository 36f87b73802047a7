#include "cli_dead.h"

#include "cli_http.h"
#include "cli_rpc.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "Usage: reflection job dead list [--workflow SLUG] [--from TIME] [--to TIME]\n"
    "       reflection job dead redrive ID...\n"
    "       reflection job dead redrive --all|--workflow SLUG|--from TIME [--to TIME]\n\n"
    "A job out of retries is FAILED and a dead letter. redrive makes a new job of the same name,\n"
    "workflow and params, prints its id and takes the old one off the list. With ids they are the\n"
    "key's own jobs; list, and redrive by workflow and time, are for the owner of the platform's\n"
    "machine and concern the jobs of all applications. TIME is YYYY-MM-DDTHH:MM:SSZ; --to itself\n"
    "is left out. `reflection job show ID` tells the attempts. Option: --data DIR.\n";

typedef struct dead_args {
    const char *data;
    cli_dead_range range;
    bool all;
    char **words;
    int n_words;
} dead_args;

static int read_time(const char *name, const char *text, int64_t *ret)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL || *end != '\0') {
        return cli_fail(CLI_USAGE, "--%s is a time as 2026-01-31T18:00:00Z, not \"%s\"", name,
                        text);
    }
    *ret = (int64_t)timegm(&tm) * 1000;
    return CLI_OK;
}

static const struct option options[] = {
    {"workflow", required_argument, NULL, 'w'}, {"from", required_argument, NULL, 'f'},
    {"to", required_argument, NULL, 't'},       {"all", no_argument, NULL, 'a'},
    {"data", required_argument, NULL, 'd'},     {NULL, 0, NULL, 0},
};

static int parse(dead_args *a, int argc, char **argv)
{
    int code = CLI_OK;
    optind = 1;
    for (int c; code == CLI_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'w':
            a->range.workflow = optarg;
            break;
        case 'f':
            code = read_time("from", optarg, &a->range.from_ms);
            break;
        case 't':
            code = read_time("to", optarg, &a->range.to_ms);
            break;
        case 'a':
            a->all = true;
            break;
        case 'd':
            a->data = optarg;
            break;
        default:
            code = CLI_USAGE;
        }
    }
    a->words = argv + optind;
    a->n_words = argc - optind;
    return code;
}

/* ---- for the owner of the machine ---- */

#define PAGE_SIZE 1000

static void print_letter(const json_t *d)
{
    printf("%s  %s  %-16s %-34s %-14s %s\n", json_string_value(json_object_get(d, "id")),
           json_string_value(json_object_get(d, "at")),
           json_string_value(json_object_get(d, "application")),
           json_string_value(json_object_get(d, "workflow")),
           json_string_value(json_object_get(d, "code")),
           json_string_value(json_object_get(d, "name")));
}

static int list(dead_args *a, cli_rpc *rpc)
{
    size_t n = PAGE_SIZE;
    for (uint32_t page = 0; n == PAGE_SIZE; page++) {
        rf_status st;
        json_t *letters = NULL;
        int code =
            cli_rpc_report(cli_rpc_list_dead(rpc, &a->range, page, PAGE_SIZE, &letters, &st), &st);
        if (code != CLI_OK) {
            return code;
        }
        n = json_array_size(letters);
        for (size_t i = 0; i < n; i++) {
            print_letter(json_array_get(letters, i));
        }
        json_decref(letters);
    }
    return CLI_OK;
}

static int redrive_range(dead_args *a, cli_rpc *rpc)
{
    rf_status st;
    uint64_t redriven = 0;
    uint64_t left = 0;
    int code = cli_rpc_report(cli_rpc_redrive_dead(rpc, &a->range, &redriven, &left, &st), &st);
    if (code == CLI_OK) {
        printf("%llu redriven\n", (unsigned long long)redriven);
    }
    return code == CLI_OK && left > 0
               ? cli_fail(CLI_FAILED, "%llu left: their applications have too many jobs queued",
                          (unsigned long long)left)
               : code;
}

static int with_rpc(dead_args *a, int (*fn)(dead_args *a, cli_rpc *rpc))
{
    cli_rpc *rpc = NULL;
    RF_CLEANUP(rf_cleanup_free) char *dir = cli_data_dir(a->data);
    if (cli_rpc_open(dir, &rpc) < 0) {
        return cli_fail(CLI_UNREACHABLE, "no platform in %s", dir);
    }
    int code = fn(a, rpc);
    cli_rpc_close(rpc);
    return code;
}

/* ---- by id, with a key ---- */

static int redrive_one(cli_http *h, const char *id)
{
    RF_CLEANUP(rf_cleanup_free) char *path = rf_asprintf("/job/%s/redrive", id);
    json_t *answer = NULL;
    int code = cli_http_json(h, "POST", path, NULL, &answer);
    if (code == CLI_OK) {
        puts(json_string_value(json_object_get(answer, "id")));
    }
    json_decref(answer);
    return code;
}

static int redrive_ids(const dead_args *a)
{
    cli_server server;
    int code = cli_server_find(a->data, &server);
    if (code != CLI_OK) {
        return code;
    }
    cli_http *h = cli_http_new(&server);
    for (int i = 0; i < a->n_words && code == CLI_OK; i++) {
        code = redrive_one(h, a->words[i]);
    }
    cli_http_free(h);
    cli_server_done(&server);
    return code;
}

int cli_dead_main(int argc, char **argv)
{
    dead_args a = {.data = NULL};
    int code = argc > 1 ? parse(&a, argc - 1, argv + 1) : CLI_USAGE;
    bool ranged = a.all || a.range.workflow != NULL || a.range.from_ms != 0 || a.range.to_ms != 0;
    if (code == CLI_OK && strcmp(argv[1], "list") == 0 && a.n_words == 0) {
        return with_rpc(&a, list);
    }
    if (code == CLI_OK && strcmp(argv[1], "redrive") == 0 && ranged != (a.n_words > 0)) {
        return ranged ? with_rpc(&a, redrive_range) : redrive_ids(&a);
    }
    fputs(help, stderr);
    return CLI_USAGE;
}
